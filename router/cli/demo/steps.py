"""What is played, in this order. Each step announces, acts, and holds what came against the announcement."""

from router.cli.demo.parties import wait_until
from router.cli.demo.quoted import firm_quote_too_short, firm_quote_wins, quote_accepted
from router.cli.demo.scene import Scene, label, reason_of, winner_of
from router.cli.demo.stage import (
    COINBASE,
    COINBASE_CREDIT,
    EVERYONE,
    KRAKEN,
    LONG_LIMIT_USD,
    MARGIN,
    TREASURY,
)
from router.cli.order import order_facts
from router.cli.reading import connections_table

LEFT_OUT = "excluded, insufficient_balance"
LOOK_UP_MS = 1500
"""How slowly the lost order is found: longer than the caller is kept waiting."""


def connect(scene: Scene) -> None:
    """Wait for the connections and show them."""
    scene.open(
        0,
        "Five connections, three counterparties",
        "BitGo streams books, Coinbase Prime is asked and holds its price, Kraken is reached through ccxt. "
        f"{TREASURY.name} has 100,000 USD, {COINBASE.name} 50,000, {KRAKEN.name} 40,000, and a bitcoin each. "
        f"{label(MARGIN)} and {label(COINBASE_CREDIT)} are Post Trade Settlement accounts: they trade on "
        "credit.",
    )
    if KRAKEN not in scene.accounts:
        scene.say(
            f"ccxt is not installed here (an extra: `make ccxt`): {KRAKEN.name} stays away, the other "
            f"{len(scene.accounts)} of {len(EVERYONE)} play."
        )

    def ready() -> bool:
        rows = scene.desk.connections()
        return len(rows) == len(scene.accounts) and all(row.state == "ready" for row in rows)

    def quoting() -> bool:
        return all(entry.price is not None for entry in scene.desk.quote("buy", "0.001").entries)

    wait_until("every connection ready", ready)
    wait_until("a price of everybody", quoting)
    rows = scene.desk.connections()
    scene.console.print(connections_table(scene.console, rows))
    scene.expect("connections ready:", len(scene.accounts), sum(row.state == "ready" for row in rows))
    credit = ", ".join(sorted(label(row) for row in rows if row.pts))
    scene.expect("on credit:", f"{label(MARGIN)}, {label(COINBASE_CREDIT)}", credit)
    scene.close()


def spot_wins(scene: Scene) -> None:
    """An order that everybody competes for, Spot and PTS, firm and indicative."""
    scene.open(
        1,
        "Spot wins",
        f"Buy 0.5 BTC. Everybody competes. {label(MARGIN)} shows the lowest price, but charges 8 bps where "
        f"{TREASURY.name} charges 5: fees included, {TREASURY.name} is the best, ahead of the firm price "
        f"that {COINBASE.name} holds.",
    )
    _, order = scene.place("demo-1", "buy", "0.5")
    scene.expect("winner", label(TREASURY), winner_of(order))
    entries = [] if order.competition is None else order.competition.entries
    scene.expect("beaten:", len(scene.accounts) - 1, sum(entry.outcome == "lost" for entry in entries))
    held = scene.held(order)
    firm = set() if held is None else {entry.connection.id for entry in held.entries if entry.firm}
    scene.expect("firm prices:", 2, len(firm & {COINBASE.id, COINBASE_CREDIT.id}))
    scene.expect("order", "filled", order.status)
    scene.close()


def pts_wins_on_credit(scene: Scene) -> None:
    """An order that no Spot account can pay for."""
    scene.open(
        2,
        "PTS wins where Spot lacks the balance",
        "Buy 2 BTC, about 120,000 USD. No Spot account holds that much, so all of them are left out before "
        f"anybody is sent anything; {label(MARGIN)} and {label(COINBASE_CREDIT)} take part without any look "
        "at their balance or limits.",
    )
    _, order = scene.place("demo-2", "buy", "2")
    scene.expect("winner", label(MARGIN), winner_of(order))
    for account in scene.accounts:
        if not account.pts:
            scene.expect(account.name, LEFT_OUT, reason_of(order, account))
    scene.expect(label(COINBASE_CREDIT), "lost", reason_of(order, COINBASE_CREDIT))
    scene.expect("order", "filled", order.status)
    scene.close()


def credit_refused(scene: Scene) -> None:
    """The PTS account has no credit left for the size: a typed error, kept with the order."""
    scene.open(
        5,
        "PTS without credit",
        f"Buy 2.5 BTC more. That would take {label(MARGIN)} beyond its long limit of "
        f"{int(LONG_LIMIT_USD):,} USD. The router does not ask beforehand: BitGo refuses, and the caller "
        "gets a typed error with BitGo's own words and request id.",
    )
    placed, order = scene.place("demo-5", "buy", "2.5")
    problem = placed.problem
    scene.expect("answer", 422, placed.status)
    scene.expect("code", "credit_long_limit", None if problem is None else problem.code)
    venue = None if problem is None else problem.venue_error
    scene.expect("BitGo's error", "backend:trade:marginLongNOP", None if venue is None else venue.name)
    again = scene.desk.order(order.id)
    same = "the same error" if again.error == problem else "another one"
    scene.expect("read again, the order has", "the same error", same)
    scene.close()


def timeout_found_again(scene: Scene) -> None:
    """The answer to an order is lost: it is looked up, not sent again."""
    scene.open(
        6,
        "A timeout, found again",
        f"Buy 0.3 BTC. {TREASURY.name} wins; BitGo executes the order, and its answer is lost on the way. "
        "The caller is told that the outcome is not known. The router sends nothing again: it looks the "
        "order up.",
    )
    lost = {"kind": "lost_after", "operation": "order", "count": 1}
    slow = {"kind": "late_after", "operation": "order_lookup", "count": 1, "ms": LOOK_UP_MS}
    scene.venue.spoil(TREASURY, {"rest": [lost, slow], "orders": {"drop_messages": True, "count": 1}})
    placed, order = scene.place("demo-6", "buy", "0.3")
    scene.expect(
        "answer", "202 in doubt", f"{placed.status} {'in doubt' if order.in_doubt else order.status}"
    )
    wait_until("the order's outcome", lambda: scene.desk.find("demo-6").is_ended)
    found = scene.desk.find("demo-6")
    scene.console.print()
    scene.say("GET /v1/orders?client_order_id=demo-6, a moment later:")
    scene.console.print(order_facts(scene.console, found))
    scene.expect("then found", "filled", found.status)
    repeated = scene.desk.place("demo-6", "buy", "0.3")
    same = repeated.replayed and repeated.order is not None and repeated.order.id == order.id
    answer = "the same order" if same else "another one"
    scene.expect("the same request again answers", "the same order", answer)
    sent = [call for call in scene.venue.requests(TREASURY) if call.method == "POST"]
    scene.expect("times sent:", 1, sum((call.client_order_id or "").startswith(order.id) for call in sent))
    scene.venue.spoil(TREASURY, {})
    scene.close()


PLAYED = (
    connect,
    spot_wins,
    pts_wins_on_credit,
    firm_quote_wins,
    firm_quote_too_short,
    credit_refused,
    timeout_found_again,
    quote_accepted,
)
