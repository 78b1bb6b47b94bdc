"""The wire's orders, trades, products and balances → the vocabulary of the core. Pure.

What cannot be read raises `OffWireError`: it is quarantined, never guessed at.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

from router.core.errors import AmountError
from router.core.model import Connection, Fill, OrderReport, OutboundOrder, Product, VenueState
from router.core.money import ZERO, mul, parse_amount, parse_signed
from router.ports import OffWireError
from venues.bitgo import wire
from venues.bitgo.encode import funding_of
from venues.bitgo.errors import REASONS, failure
from venues.transport.reader import decode
from venues.transport.times import parse_time

PRECISION_MAX: Final = 18
_AMOUNTS_KEPT: Final = 1024
_parsed = lru_cache(_AMOUNTS_KEPT)(parse_amount)
"""What an order's answer said is said again by each message about it, in the same words."""
_ORDER_FIELDS: Final = ("filledQuantity", "filledQuoteQuantity", "averagePrice")
_MESSAGE_FIELDS: Final = ("cumulativeQuantity", "cumulativeQuoteQuantity", "averagePrice")
_NAME_LENGTH_MAX: Final = 64

STATES: Final = {
    # Taken, and waiting for its date as asked: nothing is pending that a caller should wait for.
    "scheduled": VenueState.WORKING,
    "pending_open": VenueState.PENDING,
    # The older text's name of an order that was created.
    "opened": VenueState.PENDING,
    "open": VenueState.WORKING,
    "pending_cancel": VenueState.PENDING_CANCEL,
    "completed": VenueState.DONE,
    "canceled": VenueState.CANCELED,
    "error": VenueState.FAILED,
}
_EXECUTIONS: Final = {
    "A": VenueState.PENDING,
    "0": VenueState.WORKING,
    "F": VenueState.WORKING,
    "6": VenueState.PENDING_CANCEL,
    "I": VenueState.DONE,
    "4": VenueState.CANCELED,
    "8": VenueState.FAILED,
}
_CUT_SHORT: Final = frozenset({VenueState.CANCELED, VenueState.FAILED})
"""How an order ends that may have had a reason to."""
_FILL: Final = "F"
_TWAP: Final = "twap"

T = TypeVar("T")


def report_of_order(order: wire.Order, connection: Connection, now: int) -> OrderReport:
    """What an `Order` says; `now` is the report's time, so that it is on the router's own clock.

    The trade ids are not in an `Order`: its fills are read apart. Raises `OffWireError`.
    """
    state = STATES.get(order.status)
    if state is None:
        raise OffWireError("expected a status of the description, was another")
    if not order.client_order_id or not order.id:
        raise OffWireError("expected an order with its ids, was one without")
    error = None
    if state in _CUT_SHORT:
        if state is VenueState.FAILED or _says_why(order):
            error = failure(order.reason, order.reason_description, connection.id, pts=connection.pts)
        elif _ran_out(order):
            state = VenueState.EXPIRED
    filled, filled_quote, average_price = executed(
        _ORDER_FIELDS, order.filled_quantity, order.filled_quote_quantity, order.average_price
    )
    return OrderReport(
        venue_client_order_id=order.client_order_id,
        venue_order_id=order.id,
        state=state,
        filled_base=filled,
        filled_quote=filled_quote,
        average_price=average_price,
        fills=(),
        error=error,
        at=now,
    )


def answer_to(order: OutboundOrder, found: wire.Order, connection: Connection, now: int) -> OrderReport:
    """What an `Order` says that was answered to a question about ours; raises `OffWireError`.

    `now`: see `report_of_order`.
    """
    if found.client_order_id != order.venue_client_order_id:
        raise OffWireError("expected the order asked for, was another's client order id")
    if found.product != order.product or found.side != order.side:
        raise OffWireError("expected the order asked for, was another's product or side")
    return report_of_order(found, connection, now)


def _says_why(order: wire.Order) -> bool:
    return bool(order.reason) or "backend:" in (order.reason_description or "")


def _ran_out(order: wire.Order) -> bool:
    """Whether a cancelled order's time was over: BitGo has no status for an expired order.

    It had a duration, no user cancelled it, and nothing is said to have gone wrong. Its dates do not decide:
    a TWAP's remainder ends with its last slice, before the duration is over, and a schedule begins it late.
    """
    # A duration makes a limit order GTD, whatever it says (`NewLimitOrderRequest`); a TWAP says nothing.
    if order.duration is None or (order.type != _TWAP and order.time_in_force not in (None, "GTD")):
        return False
    return not (order.canceled_by_user_id or order.cancelled_by_user_id)


def report_of_message(message: wire.OrderMessage, connection: Connection, now: int) -> OrderReport | None:
    """What a message of the `orders` channel says; None where it is about the account's other funding type.

    A message that ends an order without saying why is reported as it stands: who may need the reason
    (`lacks_reason`) asks for the order. Raises `OffWireError`.
    """
    if message.funding_type and message.funding_type != funding_of(connection):
        return None
    state = state_of_message(message)
    if not message.client_order_id:
        return None
    error = None
    if state in _CUT_SHORT and (state is VenueState.FAILED or message.reason):
        error = failure(message.reason, message.reason_description, connection.id, pts=connection.pts)
    filled, filled_quote, average_price = executed(
        _MESSAGE_FIELDS,
        message.cumulative_quantity,
        message.cumulative_quote_quantity,
        message.average_price,
    )
    return OrderReport(
        venue_client_order_id=message.client_order_id,
        venue_order_id=message.order_id,
        state=state,
        filled_base=filled,
        filled_quote=filled_quote,
        average_price=average_price,
        fills=_fill_of(message, now),
        error=error,
        at=now,
    )


def state_of_message(message: wire.OrderMessage) -> VenueState:
    """How the order stands by its status, else by its execution type; raises `OffWireError`."""
    state = STATES.get(message.status or "") or _EXECUTIONS.get(message.exec_type or "")
    if state is None:
        raise OffWireError("expected a status of the description, was another")
    return state


def filled_of_message(message: wire.OrderMessage) -> Decimal:
    """What was executed so far, in base; raises `OffWireError`."""
    return _amount(message.cumulative_quantity, _MESSAGE_FIELDS[0]) or ZERO


def executed(
    fields: tuple[str, str, str], filled: str | None, filled_quote: str | None, average_price: str | None
) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """What was executed so far, in base and in quote, and the average price where something was.

    `fields`: the three's names on the wire. Raises `OffWireError`.
    """
    try:
        return _executed(filled, filled_quote, average_price)
    except AmountError:
        for text, field in zip((filled, filled_quote, average_price), fields, strict=True):
            _amount(text, field)
        raise


@lru_cache(_AMOUNTS_KEPT)
def _executed(
    filled: str | None, filled_quote: str | None, average_price: str | None
) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """See `executed`, and `_parsed` for why it is kept."""
    base = parse_amount(filled) if filled else ZERO
    quote = parse_amount(filled_quote) if filled_quote else None
    return base, quote, parse_amount(average_price) if average_price and base > 0 else None


def lacks_reason(message: wire.OrderMessage, report: OrderReport) -> bool:
    """Whether the order ended, not by being filled, in a message that does not decide why.

    Want of credit, a time that ran out and a remainder that was not traded all look alike then.
    """
    return report.state in _CUT_SHORT and message.reason not in REASONS


def _fill_of(message: wire.OrderMessage, now: int) -> tuple[Fill, ...]:
    if not message.trade_id or (message.exec_type or _FILL) != _FILL:
        return ()
    price = _positive(message.fill_price, "fillPrice")
    quantity = _positive(message.fill_quantity, "fillQuantity")
    try:
        at = parse_time(message.last_fill_date or message.time)
    except ValueError:
        at = now
    return (Fill(message.trade_id, price, quantity, mul(price, quantity), at),)


def fill_of(trade: wire.Trade, venue_order_id: str) -> Fill:
    """An execution of an order; raises `OffWireError`."""
    if trade.order_id != venue_order_id:
        raise OffWireError("expected trades of the order asked for, was one of another")
    if not trade.id:
        raise OffWireError("expected a trade with an id, was one without")
    try:
        at = parse_time(trade.time)
    except ValueError as error:
        raise OffWireError(f"time: {error}") from error
    return Fill(
        id=trade.id,
        price=_positive(trade.price, "price"),
        quantity_base=_positive(trade.quantity, "quantity"),
        quantity_quote=_required(trade.quote_quantity, "quoteQuantity"),
        at=at,
    )


def product_of(row: msgspec.Raw) -> Product:
    """A `Product`; its tick is ten to the minus `quoteDisplayPrecision`. Raises `OffWireError`."""
    found = decode(row, wire.Product)
    precision = found.quote_display_precision
    if not 0 <= precision <= PRECISION_MAX:
        raise OffWireError(f"quoteDisplayPrecision: expected 0 to {PRECISION_MAX}, was another number")
    if found.name != f"{found.base_currency}-{found.quote_currency}" or found.base_currency.count("-"):
        raise OffWireError("name: expected the two currencies with a hyphen, was another text")
    if len(found.name) > _NAME_LENGTH_MAX or not found.name.isascii() or not found.name.isprintable():
        raise OffWireError("name: expected a short printable text, was another")
    product = Product(
        name=found.name,
        base=found.base_currency,
        quote=found.quote_currency,
        base_increment=_positive(found.base_increment, "baseIncrement"),
        base_size_min=_required(found.base_min_size, "baseMinSize"),
        base_size_max=_positive(found.base_max_size, "baseMaxSize"),
        quote_increment=_positive(found.quote_increment, "quoteIncrement"),
        quote_size_min=_required(found.quote_min_size, "quoteMinSize"),
        quote_size_max=_positive(found.quote_max_size, "quoteMaxSize"),
        price_increment=Decimal((0, (1,), -precision)),
        enabled=not found.is_trade_disabled,
        margin_supported=found.is_margin_trade_supported,
    )
    if product.base_size_min > product.base_size_max or product.quote_size_min > product.quote_size_max:
        raise OffWireError("sizes: expected a least that is no greater than the most")
    return product


def readable(rows: list[msgspec.Raw]) -> Iterator[Product | OffWireError]:
    """Each product, or what is wrong with it."""
    for row in rows:
        try:
            yield product_of(row)
        except OffWireError as error:
            yield error


def balance_of(row: msgspec.Raw) -> tuple[str, Decimal]:
    """The asset and its tradable balance, which may be negative; raises `OffWireError`."""
    found = decode(row, wire.Balance)
    try:
        return found.currency, parse_signed(found.tradable_balance)
    except AmountError as error:
        raise OffWireError(f"tradableBalance: expected {error.expected}") from error


def _amount(text: str | None, field: str) -> Decimal | None:
    """An amount that may be left out: null and, on the feed, an empty text."""
    return _required(text, field) if text else None


def _required(text: str | None, field: str) -> Decimal:
    try:
        return _parsed(text)
    except AmountError as error:
        raise OffWireError(f"{field}: expected {error.expected}") from error


def _positive(text: str | None, field: str) -> Decimal:
    value = _required(text, field)
    if not value:
        raise OffWireError(f"{field}: expected a decimal string greater than zero")
    return value
