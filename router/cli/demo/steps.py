"""What is played, in this order. Each step announces, acts, and holds what came against the announcement."""

from router.cli.demo.parties import wait_until
from router.cli.demo.scene import Scene, label, reason_of, winner_of
from router.cli.demo.stage import ACCOUNTS, LONG_LIMIT_USD, MARGIN, PETTY_CASH, TREASURY
from router.cli.order import order_facts
from router.cli.reading import connections_table
from router.cli.trading import show_rfq

LEFT_OUT = "excluded, insufficient_balance"
LOOK_UP_MS = 1500
"""How slowly the lost order is found: longer than the caller is kept waiting."""
_TURNED_BIDS = (("60050.00", "1"), ("60048.00", "4"))
_TURNED_ASKS = (("60056.00", "1"), ("60058.00", "4"))
"""The PTS account's book once its market has turned, in step 3."""


def connect(scene: Scene) -> None:
    """Wait for the connections and show them."""
    scene.open(
        0,
        "Three accounts at a simulated BitGo Prime",
        "Two Spot accounts trade on their own balances: BitGo Treasury has 100,000 USD and 1 BTC, "
        "BitGo Petty Cash 250 USD. BitGo Margin PTS is a Post Trade Settlement account: it trades "
        f"on credit, up to {int(LONG_LIMIT_USD):,} USD of bitcoin.",
    )

    def streaming() -> bool:
        states = {row.id: row.state for row in scene.desk.connections()}
        quotes = scene.desk.quote("buy", "0.001").entries
        return set(states.values()) == {"ready"} and all(entry.source == "book" for entry in quotes)

    wait_until("every connection ready, with streamed books", streaming)
    rows = scene.desk.connections()
    scene.console.print(connections_table(scene.console, rows))
    scene.expect("connections ready:", len(ACCOUNTS), sum(row.state == "ready" for row in rows))
    scene.expect("on credit:", label(MARGIN), ", ".join(label(row) for row in rows if row.pts))
    scene.close()


def spot_wins(scene: Scene) -> None:
    """An order that the Treasury can afford, with its all-in price the best."""
    scene.open(
        1,
        "Spot wins",
        f"Buy 0.5 BTC. {label(MARGIN)} shows the lower price, but charges 8 bps where {TREASURY.name} "
        f"charges 5: fees included, {TREASURY.name} is the best. {PETTY_CASH.name} cannot afford it.",
    )
    _, order = scene.place("demo-1", "buy", "0.5")
    scene.expect("winner", label(TREASURY), winner_of(order))
    scene.expect(PETTY_CASH.name, LEFT_OUT, reason_of(order, PETTY_CASH))
    scene.expect("order", "filled", order.status)
    scene.close()


def pts_wins_on_credit(scene: Scene) -> None:
    """An order that no Spot account can pay for."""
    scene.open(
        2,
        "PTS wins where Spot lacks the balance",
        "Buy 2 BTC, about 120,000 USD. Neither Spot account holds that much, so both are left out before "
        f"anybody is sent anything; {label(MARGIN)} takes part without any look at its balance or limits.",
    )
    _, order = scene.place("demo-2", "buy", "2")
    scene.expect("winner", label(MARGIN), winner_of(order))
    scene.expect(TREASURY.name, LEFT_OUT, reason_of(order, TREASURY))
    scene.expect(PETTY_CASH.name, LEFT_OUT, reason_of(order, PETTY_CASH))
    scene.expect("order", "filled", order.status)
    scene.close()


def pts_wins_on_price(scene: Scene) -> None:
    """Spot and PTS compete, and the PTS account's price is the better one."""
    scene.open(
        3,
        "PTS beats Spot on price",
        f"The market of {label(MARGIN)} turns: it now bids 60,050. Sell 0.5 BTC: {TREASURY.name} has the "
        f"bitcoin and competes, {label(MARGIN)} pays more even after its higher fee.",
    )
    scene.pin(MARGIN, _TURNED_BIDS, _TURNED_ASKS)
    _, order = scene.place("demo-3", "sell", "0.5")
    scene.pin(MARGIN, MARGIN.bids, MARGIN.asks)
    scene.expect("winner", label(MARGIN), winner_of(order))
    scene.expect(TREASURY.name, "lost", reason_of(order, TREASURY))
    scene.expect("order", "filled", order.status)
    scene.close()


def credit_refused(scene: Scene) -> None:
    """The PTS account has no credit left for the size: a typed error, kept with the order."""
    scene.open(
        4,
        "PTS without credit",
        f"Buy 2.5 BTC more. That would take {label(MARGIN)} beyond its long limit. The router does not ask "
        "beforehand: BitGo refuses, and the caller gets a typed error with BitGo's own words and request id.",
    )
    placed, order = scene.place("demo-4", "buy", "2.5")
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
        5,
        "A timeout, found again",
        f"Buy 0.3 BTC. {TREASURY.name} wins; BitGo executes the order, and its answer is lost on the way. "
        "The caller is told that the outcome is not known. The router sends nothing again: it looks the "
        "order up.",
    )
    lost = {"kind": "lost_after", "operation": "order", "count": 1}
    slow = {"kind": "late_after", "operation": "order_lookup", "count": 1, "ms": LOOK_UP_MS}
    scene.venue.spoil(TREASURY, {"rest": [lost, slow], "orders": {"drop_messages": True, "count": 1}})
    placed, order = scene.place("demo-5", "buy", "0.3")
    scene.expect(
        "answer", "202 in doubt", f"{placed.status} {'in doubt' if order.in_doubt else order.status}"
    )
    wait_until("the order's outcome", lambda: scene.desk.find("demo-5").is_ended)
    found = scene.desk.find("demo-5")
    scene.console.print()
    scene.say("GET /v1/orders?client_order_id=demo-5, a moment later:")
    scene.console.print(order_facts(scene.console, found))
    scene.expect("then found", "filled", found.status)
    repeated = scene.desk.place("demo-5", "buy", "0.3")
    same = repeated.replayed and repeated.order is not None and repeated.order.id == order.id
    answer = "the same order" if same else "another one"
    scene.expect("the same request again answers", "the same order", answer)
    sent = [call for call in scene.venue.requests(TREASURY) if call.method == "POST"]
    scene.expect("times sent:", 1, sum((call.client_order_id or "").startswith(order.id) for call in sent))
    scene.venue.spoil(TREASURY, {})
    scene.close()


def quote_accepted(scene: Scene) -> None:
    """A request for quotes, and an execution on the best of them."""
    scene.open(
        6,
        "An RFQ, accepted",
        f"Ask for the price of 0.004 BTC. {PETTY_CASH.name} can afford that, and is the best. What is "
        "accepted goes out fill-or-kill at the quoted price: that price or better, or nothing.",
    )
    rfq = scene.desk.quote("buy", "0.004")
    scene.say("POST /v1/rfqs answered 201:")
    show_rfq(scene.console, rfq)
    best = None if rfq.best is None else rfq.best
    placed = scene.desk.accept(rfq.id, "demo-6")
    scene.console.print()
    scene.say(f"POST /v1/rfqs/{rfq.id}/accept answered {placed.status}:")
    if placed.order is not None:
        scene.console.print(order_facts(scene.console, placed.order))
    scene.expect("best quote", label(PETTY_CASH), label(None if best is None else best.connection))
    scene.expect("order", "filled", None if placed.order is None else placed.order.status)
    scene.expect(
        "at the quoted price",
        None if best is None else best.price,
        None if placed.order is None else placed.order.average_price,
    )
    scene.close()


PLAYED = (
    connect,
    spot_wins,
    pts_wins_on_credit,
    pts_wins_on_price,
    credit_refused,
    timeout_found_again,
    quote_accepted,
)
