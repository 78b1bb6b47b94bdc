"""The steps about firm quotes: one wins, one ends too soon, one is asked for first and accepted then."""

from rich.text import Text

from router.cli import figures
from router.cli.demo.parties import Held, Stood
from router.cli.demo.rivals import rivals_table
from router.cli.demo.scene import Scene, label, reason_of, winner_of
from router.cli.demo.stage import COINBASE, COINBASE_CREDIT, TREASURY
from router.cli.order import order_facts
from router.core.money import format_amount, trim

HELD_MS = 3000
"""How long Coinbase Prime holds a quote unless told otherwise."""
TOO_SHORT_MS = 20
"""Less than the router reckons that an order takes to be sent: such a quote cannot be reached."""
_STILL = {"price_offset_bps": "0", "quote_duration_ms": HELD_MS}


def firm_quote_wins(scene: Scene) -> None:
    """A PTS account's firm price beats a Spot account that could trade."""
    scene.open(
        3,
        "A firm quote wins: PTS beats Spot on price",
        f"The market of {label(COINBASE_CREDIT)} turns: it now pays 60,035.99 and holds that for "
        f"{HELD_MS // 1000} seconds. Sell 0.5 BTC: {TREASURY.name} has the bitcoin and competes, but the "
        "firm price is better even after its higher fee, and the quote is accepted by its id.",
    )
    scene.venue.turn(COINBASE_CREDIT, {"price_offset_bps": "8"})
    _, order = scene.place("demo-3", "sell", "0.5")
    scene.venue.turn(COINBASE_CREDIT, _STILL)
    won = _entry(scene.held(order))
    scene.expect("winner", label(COINBASE_CREDIT), winner_of(order))
    scene.expect("its price was", "firm", "firm" if won is not None and won.firm else "indicative")
    scene.expect(TREASURY.name, "lost", reason_of(order, TREASURY))
    scene.expect("order", "filled", order.status)
    scene.expect("traded at", _price(None if won is None else won.price), _price(order.average_price))
    taken = [row for row in scene.venue.ledger(COINBASE_CREDIT) if row.type == "RFQ"]
    scene.expect("quotes accepted:", 1, len(taken))
    scene.close()


def firm_quote_too_short(scene: Scene) -> None:
    """The best price of all is over before an order could be there: it loses."""
    scene.open(
        4,
        "A firm quote that ends too soon loses",
        f"{COINBASE.name} now asks far less than anybody, but holds that for {TOO_SHORT_MS} ms: less than an "
        "order may take to be there. Buy 0.1 BTC: such a quote cannot be reached, and is no offer.",
    )
    scene.venue.turn(COINBASE, {"price_offset_bps": "-8", "quote_duration_ms": TOO_SHORT_MS})
    _, order = scene.place("demo-4", "buy", "0.1")
    scene.venue.turn(COINBASE, _STILL)
    held = scene.held(order)
    best = None if held is None else held.entry(COINBASE)
    if best is not None:
        scene.console.print()
        scene.say(
            f"Its answer came at {_clock(best.answered_at)}; an order in time would have had to go out "
            f"before {_clock(best.valid_until)}."
        )
    scene.expect("winner", label(TREASURY), winner_of(order))
    scene.expect(COINBASE.name, "quote_expired", None if best is None else best.reason)
    scene.expect("order", "filled", order.status)
    scene.expect(f"orders at {COINBASE.name}:", 0, len(scene.venue.ledger(COINBASE)))
    scene.close()


def quote_accepted(scene: Scene) -> None:
    """A request for quotes, and an execution on the best of them, which is firm."""
    scene.open(
        7,
        "An RFQ, accepted",
        f"Ask everybody for the price of 0.1 BTC. {COINBASE.name} is the best and holds its price; the RFQ "
        "stands as long as that quote does, less what an order takes. It is accepted by the quote's id: at "
        "this price, or not at all.",
    )
    scene.venue.turn(COINBASE, {"price_offset_bps": "-8"})
    rfq = scene.desk.quote("buy", "0.1")
    held = scene.desk.competition(rfq.competition_id)
    placed = scene.desk.accept(rfq.id, "demo-7")
    scene.venue.turn(COINBASE, _STILL)
    scene.say("POST /v1/rfqs answered 201:")
    scene.console.print(Text(f"quote: buy {rfq.quantity} {rfq.quantity_currency}", style="bold"))
    scene.console.print(rivals_table(scene.console, held))
    scene.console.print(Text(f"\nvalid until {_clock(rfq.valid_until)}"))
    scene.console.print()
    scene.say(f"POST /v1/rfqs/{rfq.id}/accept answered {placed.status}:")
    if placed.order is not None:
        scene.console.print(order_facts(scene.console, placed.order))
    best = _entry(held)
    order = placed.order
    scene.expect("best quote", label(COINBASE), label(None if best is None else best.connection))
    ends = [entry.valid_until for entry in held.entries if entry.firm and entry.valid_until is not None]
    scene.expect("the RFQ's end", _clock(min(ends, default=None)), _clock(rfq.valid_until))
    scene.expect("order", "filled", None if order is None else order.status)
    came = None if order is None else order.average_price
    scene.expect("at", _price(None if best is None else best.price), _price(came))
    scene.close()


def _entry(held: Held | None) -> Stood | None:
    """Who leads a competition."""
    entries = [] if held is None else held.entries
    return next((entry for entry in entries if entry.outcome == "won"), None)


def _price(text: str | None) -> str:
    """A price as it is compared: with as many zeros as its amount needs and no more."""
    value = figures.number(text)
    return "no price" if value is None else format_amount(trim(value))


def _clock(time: str | None) -> str:
    return "never" if time is None else time[11:23]
