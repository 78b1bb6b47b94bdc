"""What the counterparties' own books say of all that was done."""

from collections import Counter

from router.cli import figures
from router.cli.answers import Order
from router.cli.demo.accounts import Coinbase
from router.cli.demo.parties import Booked, Sent
from router.cli.demo.scene import Scene, label
from router.cli.demo.stage import MARGIN
from router.cli.paper import NONE, named, table

CREDIT_WORDS = ("balance", "limit", "position", "margin", "risk", "collateral")
"""What a path would have in it that asks for an account's money or credit."""


def prove(scene: Scene) -> None:
    """Hold the router's orders against the counterparties' request logs and ledgers."""
    scene.open(
        8,
        "What the counterparties' side saw",
        "Each simulated counterparty logs every request and keeps a ledger of its own. Each order must have "
        "been sent once, and be there once if it was taken; a quote that lost must have left nothing; nobody "
        f"may have asked for the credit or the positions of {label(MARGIN)}.",
    )
    calls = {account.id: scene.venue.requests(account) for account in scene.accounts}
    booked = [order for account in scene.accounts for order in scene.venue.ledger(account)]
    orders = scene.desk.orders()
    drawn = table(
        "order", "connection", "status", "sent", "in ledger", "filled here", "filled there", numbers=NUMBERS
    )
    sound = 0
    for order in orders:
        sent = _sent(order, [call for rows in calls.values() for call in rows])
        there = [row for row in booked if (row.client_order_id or "").startswith(order.id)]
        sound += _is_sound(order, sent, there)
        drawn.add_row(
            order.client_order_id,
            NONE if order.connection is None else named(order.connection),
            order.status,
            str(sent),
            str(len(there)),
            order.filled_quantity,
            ", ".join(row.filled_quantity for row in there) or NONE,
        )
    scene.console.print(drawn)
    scene.console.print()
    scene.say(f"All requests of {label(MARGIN)}: " + _tally(calls[MARGIN.id]))
    asked = [call for call in calls[MARGIN.id] if _asks_for_credit(call)]
    scene.expect("orders sent once and accounted for:", len(orders), sound)
    scene.expect("orders there that the router does not know:", 0, _strangers(orders, booked))
    _prove_quotes(scene, booked)
    scene.expect(f"requests for balance, limits or positions of {label(MARGIN)}:", 0, len(asked))
    scene.expect("answers 429 (too many requests):", 0, scene.venue.rate_limited())
    scene.close()


_WORD_LENGTH_MAX = 20
NUMBERS = ("sent", "in ledger", "filled here", "filled there")


def _prove_quotes(scene: Scene, booked: list[Booked]) -> None:
    """As many firm quotes were taken as there are orders by a quote; all others came to nothing."""
    desks = [account for account in scene.accounts if isinstance(account, Coinbase)]
    given = [quote for account in desks for quote in scene.venue.quotes(account)]
    taken = sum(quote.order_id is not None for quote in given)
    scene.say(f"Firm quotes given: {len(given)}, taken: {taken}; the others ended by themselves.")
    scene.expect(
        "quotes taken without an order, or twice:", 0, taken - sum(row.type == "RFQ" for row in booked)
    )


def _sent(order: Order, calls: list[Sent]) -> int:
    return sum(call.method == "POST" and (call.client_order_id or "").startswith(order.id) for call in calls)


def _is_sound(order: Order, sent: int, there: list[Booked]) -> bool:
    """Sent once; taken once with the same fill, or refused and not there at all."""
    if order.status == "rejected":
        return sent == 1 and not there
    return (
        sent == 1
        and len(there) == 1
        and figures.number(there[0].filled_quantity) == figures.number(order.filled_quantity)
    )


def _strangers(orders: list[Order], booked: list[Booked]) -> int:
    ids = tuple(order.id for order in orders)
    return sum(not (row.client_order_id or "").startswith(ids) for row in booked)


def _asks_for_credit(call: Sent) -> bool:
    path = call.path.partition("/accounts/")[2].lower()
    return any(word in path for word in CREDIT_WORDS)


def _tally(calls: list[Sent]) -> str:
    counted = Counter(f"{call.method} {_resource(call)}" for call in calls)
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counted.items())) or "none"


def _resource(call: Sent) -> str:
    """A path without the account and without ids, which are longer than any word."""
    parts = call.path.partition("/accounts/")[2].split("/")[1:]
    return "/".join(part for part in parts if len(part) <= _WORD_LENGTH_MAX)
