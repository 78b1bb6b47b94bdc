"""Builders of the vocabulary: valid things, every field overridable, so that a test names what matters."""

from decimal import Decimal
from typing import Any

from router.core.attempt import Attempt
from router.core.model import (
    Book,
    Claim,
    Connection,
    Fill,
    Level,
    OrderReport,
    OrderRequest,
    OrderType,
    OutboundOrder,
    Product,
    Quote,
    Side,
    Source,
    TimeInForce,
    VenueState,
)
from router.core.order import Order
from router.core.pricing import quote_from_levels

D = Decimal
T0 = 1_750_000_000_000_000_000
"""A moment: nanoseconds since the epoch."""


def product(**changed: Any) -> Product:
    """BTC-USD with increments of 1e-8 BTC and a cent."""
    fields: dict[str, Any] = {
        "name": "BTC-USD",
        "base": "BTC",
        "quote": "USD",
        "base_increment": D("0.00000001"),
        "base_size_min": D("0.0001"),
        "base_size_max": D(1000),
        "quote_increment": D("0.01"),
        "quote_size_min": D(10),
        "quote_size_max": D(100_000_000),
        "price_increment": D("0.01"),
        "enabled": True,
        "margin_supported": True,
    }
    return Product(**fields | changed)


def connection(name: str = "bitgo-spot", *, pts: bool = False, fee_bps: str = "0") -> Connection:
    """An account at a counterparty."""
    return Connection(name, f"Account {name}", pts, "bitgo_prime", D(fee_bps))


def request(**changed: Any) -> OrderRequest:
    """A market buy of 0.5 BTC."""
    fields: dict[str, Any] = {
        "client_order_id": "desk-7-000123",
        "product": "BTC-USD",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": D("0.5"),
        "quantity_currency": "BTC",
    }
    return OrderRequest(**fields | changed)


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    """Levels from (price, size) texts, best first."""
    return tuple(Level(D(price), D(size)) for price, size in pairs)


def book(bids: tuple[Level, ...], asks: tuple[Level, ...], at: int = T0) -> Book:
    """A book."""
    return Book(bids, asks, at)


def quote(connection_id: str = "bitgo-spot", price: str = "100.00", **changed: Any) -> Quote:
    """A complete indicative quote for 0.5 BTC at one price, from a streamed book."""
    quantity = D(changed.pop("quantity_base", "0.5"))
    fields: dict[str, Any] = {
        "connection_id": connection_id,
        "source": Source.BOOK,
        "firm": False,
        "price": D(price),
        "price_worst": D(price),
        "quantity_base": quantity,
        "quantity_quote": D(price) * quantity,
        "complete": True,
    }
    return Quote(**fields | changed)


def book_quote(
    asked: OrderRequest, side_levels: tuple[Level, ...], connection_id: str = "bitgo-spot", **changed: Any
) -> Quote:
    """The quote that a book's side makes for a request; the side must not be empty."""
    made = quote_from_levels(
        connection_id,
        Source.BOOK,
        side_levels,
        product(),
        asked.side,
        asked.quantity,
        in_base=asked.in_base,
        **changed,
    )
    assert made is not None
    return made


def outbound(**changed: Any) -> OutboundOrder:
    """The order that goes out: a limit IOC of 0.5 BTC."""
    fields: dict[str, Any] = {
        "connection_id": "bitgo-spot",
        "venue_client_order_id": "order-1-1-bitgo-spot",
        "product": "BTC-USD",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": D("0.5"),
        "quantity_currency": "BTC",
        "limit_price": D("100.50"),
        "time_in_force": TimeInForce.IOC,
    }
    return OutboundOrder(**fields | changed)


def attempt(**changed: Any) -> Attempt:
    """The first counterparty tried."""
    fields: dict[str, Any] = {
        "number": 1,
        "connection": connection(),
        "outbound": outbound(),
        "product": product(),
        "quoted_price": D("100.00"),
        "quoted_all_in_price": D("100.10"),
        "cover_price": D("100.40"),
        "claim": Claim("USD", D("50.25")),
        "routed_at": T0,
    }
    return Attempt(**fields | changed)


def order(**changed: Any) -> Order:
    """An order that was accepted and not sent."""
    fields: dict[str, Any] = {
        "id": "order-1",
        "request": request(),
        "candidates": ("bitgo-spot", "bitgo-pts"),
        "created_at": T0,
        "updated_at": T0,
    }
    return Order(**fields | changed)


def fill(
    name: str = "trade-1",
    quantity: str = "0.5",
    price: str = "100.00",
    at: int = T0,
    fee: Decimal | None = None,
) -> Fill:
    """One execution."""
    return Fill(name, D(price), D(quantity), D(price) * D(quantity), at, fee)


def report(state: VenueState = VenueState.WORKING, *fills: Fill, **changed: Any) -> OrderReport:
    """What a counterparty says; cumulative quantities are those of the fills unless they are given."""
    base = sum((entry.quantity_base for entry in fills), D(0))
    fields: dict[str, Any] = {
        "venue_client_order_id": "order-1-1-bitgo-spot",
        "venue_order_id": "venue-1",
        "state": state,
        "filled_base": base,
        "filled_quote": sum((entry.quantity_quote for entry in fills), D(0)),
        "average_price": None,
        "fills": fills,
        "error": None,
        "at": T0,
    }
    return OrderReport(**fields | changed)
