"""The last step: the report of execution quality, as `caas-router report execution-quality` prints it."""

from router.cli.demo.scene import Scene, label
from router.cli.demo.stage import COINBASE, COINBASE_CREDIT, KRAKEN, MARGIN, TREASURY
from router.cli.reports.tables import show_quality

WON = {TREASURY.id: 3, MARGIN.id: 2, COINBASE.id: 1, COINBASE_CREDIT.id: 1, KRAKEN.id: 0}
"""How often each connection has won in the steps; the order without credit was won too, and refused."""


def report(scene: Scene) -> None:
    """Who won how often, and why others were out."""
    scene.open(
        9,
        "Who won how often, and why others were out",
        "The report of execution quality, from the journal: every competition that was held for an order, "
        "every reason for which a connection was left out.",
    )
    scene.say("caas-router report execution-quality")
    quality = scene.desk.quality()
    show_quality(scene.console, quality)
    rows = {row.connection.id: row for row in quality.data if row.connection is not None}
    for account in scene.accounts:
        row = rows.get(account.id)
        scene.expect(f"{label(account)} won", WON[account.id], None if row is None else row.won)
    total = quality.total
    spot = sum(not account.pts for account in scene.accounts)
    # In step 2 every Spot account lacked the balance, in step 5 too.
    scene.expect(
        "left out for want of balance:", 2 * spot, total.excluded_by_reason.get("insufficient_balance", 0)
    )
    ended = {**total.excluded_by_reason, **total.failed_by_reason}.get("quote_expired", 0)
    scene.expect("quotes that ended too soon:", 1, ended)
    scene.expect("refused for want of credit:", 1, total.credit_failures)
    scene.close()
