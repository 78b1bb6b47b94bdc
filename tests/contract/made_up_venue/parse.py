"""Tern's wire ↔ the vocabulary of the core. Pure; what cannot be true is an `OffWireError`."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from router.core.errors import AmountError
from router.core.model import Book, Fill, Level, OrderReport, OutboundOrder, Product, Side, VenueState
from router.core.money import (
    ZERO,
    add,
    divide_down,
    format_amount,
    mul,
    parse_amount,
    parse_positive,
    round_down,
)
from router.ports import OffWireError
from tests.contract.made_up_venue import wire
from venues.transport.times import parse_time

SIDES: Final = {Side.BUY: "B", Side.SELL: "S"}
STATES: Final = {"live": VenueState.WORKING, "done": VenueState.DONE, "gone": VenueState.CANCELED}


def amount(text: str, field: str, parse: Callable[[str], Decimal] = parse_positive) -> Decimal:
    """An amount of the wire; the core's parser is the only way in."""
    try:
        return parse(text)
    except AmountError as error:
        raise OffWireError(f"{field}: {error}") from error


def moment(text: str, field: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise OffWireError(f"{field}: {error}") from error


def symbol_of(product: str) -> str:
    return product.replace("-", "/")


def product_of(row: wire.Instrument) -> Product:
    """A product; Tern states no sizes in the quote currency, so that the base's alone bound an order."""
    base, slash, quote = row.symbol.partition("/")
    if not (base and slash and quote):
        raise OffWireError("symbol: expected two currencies, was another text")
    tick, largest = amount(row.tick, "tick"), amount(row.max, "max")
    return Product(
        name=f"{base}-{quote}",
        base=base,
        quote=quote,
        base_increment=amount(row.lot, "lot"),
        base_size_min=amount(row.min, "min"),
        base_size_max=largest,
        quote_increment=tick,
        quote_size_min=tick,
        quote_size_max=mul(largest, Decimal(1_000_000)),
        price_increment=tick,
        enabled=row.open,
        margin_supported=False,
    )


def book_of(answer: wire.Depth, product: str) -> Book:
    """A book that could be traded on: of the product asked for, sorted, and not crossed."""
    if answer.symbol != symbol_of(product):
        raise OffWireError("symbol: expected the book asked for, was another's")
    bids, asks = (
        tuple(Level(amount(price, "price"), amount(size, "size")) for price, size in side)
        for side in (answer.bids, answer.asks)
    )
    if sorted(bids, key=lambda level: -level.price) != list(bids):
        raise OffWireError("bids: expected the highest price first, was another order")
    if sorted(asks, key=lambda level: level.price) != list(asks):
        raise OffWireError("asks: expected the lowest price first, was another order")
    if bids and asks and bids[0].price >= asks[0].price:
        raise OffWireError("expected bids below asks, was a crossed book")
    return Book(bids, asks, moment(answer.time, "time"))


def size_of(order: OutboundOrder, limit: Decimal, product: Product) -> Decimal:
    """The size in base, the only one that Tern has: an amount of quote is what it comes to at the limit."""
    if order.quantity_currency == product.base:
        return order.quantity
    return round_down(divide_down(order.quantity, limit), product.base_increment)


def encode_order(order: OutboundOrder, limit: Decimal, size: Decimal) -> bytes:
    """The body of `POST /orders`, of what Tern has words for: see `Orders.submit`."""
    return msgspec.json.encode(
        {
            "ref": order.venue_client_order_id,
            "symbol": symbol_of(order.product),
            "side": SIDES[order.side],
            "qty": format_amount(size),
            "price": format_amount(limit),
            "policy": order.time_in_force.value,
        }
    )


def fills_of(found: wire.Order) -> tuple[Fill, ...]:
    fills = []
    for deal in found.deals:
        price, base = amount(deal.price, "price"), amount(deal.qty, "qty")
        fills.append(Fill(deal.id, price, base, mul(price, base), moment(deal.time, "time")))
    return tuple(fills)


def report_of(found: wire.Order, now: int) -> OrderReport:
    """An order as it stands; `at` is our own time of arrival, which the ledger compares with its own."""
    if found.state not in STATES:
        raise OffWireError("state: expected live, done or gone, was another word")
    fills = fills_of(found)
    base, quote = ZERO, ZERO
    for fill in fills:
        base, quote = add(base, fill.quantity_base), add(quote, fill.quantity_quote)
    return OrderReport(
        venue_client_order_id=found.ref,
        venue_order_id=found.id,
        state=STATES[found.state],
        filled_base=base,
        filled_quote=quote,
        average_price=divide_down(quote, base) if base else None,
        fills=fills,
        error=None,
        at=now,
    )


def own(found: wire.Order, order: OutboundOrder) -> wire.Order:
    """The order that was asked for; another's is never taken for ours."""
    theirs = (found.ref, found.symbol, found.side)
    if theirs != (order.venue_client_order_id, symbol_of(order.product), SIDES[order.side]):
        raise OffWireError("order: expected the one asked for, was another's")
    return found


def balances_of(answer: wire.Funds) -> dict[str, Decimal]:
    return {asset: amount(text, "free", parse_amount) for asset, text in answer.free.items()}
