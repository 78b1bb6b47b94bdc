"""The wire's products, balances, orders, fills and credit → the vocabulary of the core. Pure.

What cannot be read raises `OffWireError`: it is quarantined, never guessed at.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from router.core.account import AmountDue, AssetBalance, CreditLine
from router.core.errors import AmountError, Code, OrderError
from router.core.model import Connection, Fill, OrderReport, Product, Side, VenueState
from router.core.money import ZERO, mul, parse_amount, parse_positive, parse_signed, sub
from router.ports import OffWireError
from venues.coinbase import wire
from venues.coinbase.encode import SIDES
from venues.transport.reader import decode
from venues.transport.times import parse_time
from venues.transport.wording import plain

ID_LENGTH_MAX: Final = 128
NAME_LENGTH_MAX: Final = 64
_MESSAGE_LENGTH_MAX: Final = 256
_TRADE: Final = "TRADE"
_SIDES: Final = {word: side for side, word in SIDES.items()}

STATES: Final = {
    "PENDING": VenueState.PENDING,
    "OPEN": VenueState.WORKING,
    "FILLED": VenueState.DONE,
    "CANCELLED": VenueState.CANCELED,
    "EXPIRED": VenueState.EXPIRED,
    "FAILED": VenueState.FAILED,
}


def product_of(row: msgspec.Raw) -> Product | None:
    """A product with the sizes within which it can be quoted on request. Raises `OffWireError`.

    None for what is no pair of currencies: a future's id has two hyphens. Every price of this counterparty is
    a quote on request, so a product that is not quoted, or that the portfolio may not trade, is not enabled.
    The quote's notional bounds are bounds in the quote currency.
    """
    found = decode(row, wire.Product)
    base, hyphen, quote = found.id.partition("-")
    if "-" in quote:
        return None
    plain_name = found.id.isascii() and found.id.isprintable() and len(found.id) <= NAME_LENGTH_MAX
    if not (base and hyphen and quote) or not plain_name:
        raise OffWireError("id: expected two currencies with a hyphen, was another text")
    rfq = found.rfq_product_details or wire.RfqDetails()
    listed = [found.permissions] if isinstance(found.permissions, str) else found.permissions
    # The documents show PRODUCT_PERMISSION_READ and PRODUCT_PERMISSION_TRADE; where nothing is said, an order
    # that is not permitted is refused and nothing worse.
    permitted = not listed or any(each.upper().rpartition("_")[2] == _TRADE for each in listed)
    quote_increment = _positive(found.quote_increment, "quote_increment")
    product = Product(
        name=found.id,
        base=base,
        quote=quote,
        base_increment=_positive(found.base_increment, "base_increment"),
        base_size_min=_largest(found.base_min_size, "base_min_size", rfq.min_base_size),
        base_size_max=_smallest(found.base_max_size, "base_max_size", rfq.max_base_size),
        quote_increment=quote_increment,
        quote_size_min=_largest(
            found.quote_min_size, "quote_min_size", rfq.min_quote_size, rfq.min_notional_size
        ),
        quote_size_max=_smallest(
            found.quote_max_size, "quote_max_size", rfq.max_quote_size, rfq.max_notional_size
        ),
        price_increment=_positive(found.price_increment, "price_increment")
        if found.price_increment
        else quote_increment,
        enabled=rfq.tradable and permitted,
        margin_supported=True,
    )
    if product.base_size_min > product.base_size_max or product.quote_size_min > product.quote_size_max:
        raise OffWireError("sizes: expected a least that is no greater than the most")
    return product


def tradable_of(row: msgspec.Raw) -> tuple[str, Decimal]:
    """The asset and what of it can be traded: the amount less what is held. Raises `OffWireError`."""
    balance = asset_balance_of(row)
    return balance.asset, balance.total if balance.available is None else balance.available


def asset_balance_of(row: msgspec.Raw) -> AssetBalance:
    """An asset of the portfolio. Raises `OffWireError`."""
    found = decode(row, wire.Balance)
    if not found.symbol or len(found.symbol) > NAME_LENGTH_MAX:
        raise OffWireError("symbol: expected a currency, was another text")
    total = _signed(found.amount, "amount")
    held = ZERO if not found.holds else _signed(found.holds, "holds")
    return AssetBalance(
        # Products name currencies in capitals, and balances have been shown in small letters.
        asset=found.symbol.upper(),
        total=total,
        available=sub(total, held),
        held=held,
        withdrawable=_signed(found.withdrawable_amount, "withdrawable_amount")
        if found.withdrawable_amount
        else None,
    )


def report_of(order: wire.Order, connection: Connection, now: int) -> OrderReport:
    """What an order says; `now` is the report's time, so that it is on the router's own clock.

    Its single executions are read apart. Raises `OffWireError`.
    """
    state = STATES.get(order.status)
    if state is None:
        raise OffWireError("status: expected one of the documents, was another")
    if not order.client_order_id or not order.id or len(order.id) > ID_LENGTH_MAX:
        raise OffWireError("expected an order with its ids, was one without")
    filled = _amount(order.filled_quantity, "filled_quantity") or ZERO
    error = None
    if state is VenueState.FAILED:
        error = OrderError(
            Code.VENUE_REJECTED,
            "the counterparty ended the order: it gives no reason",
            connection_id=connection.id,
        )
    return OrderReport(
        venue_client_order_id=order.client_order_id,
        venue_order_id=order.id,
        state=state,
        filled_base=filled,
        filled_quote=_amount(order.filled_value, "filled_value"),
        average_price=_positive(order.average_filled_price, "average_filled_price") if filled > 0 else None,
        fills=(),
        error=error,
        at=now,
    )


def created_at(text: str | None) -> int:
    """When an order was made, nanoseconds since the epoch. Raises `OffWireError`."""
    return _time(text, "created_at")


def fill_of(found: wire.Fill, venue_order_id: str) -> Fill:
    """An execution of an order, with its commission. Raises `OffWireError`."""
    if found.order_id != venue_order_id:
        raise OffWireError("order_id: expected fills of the order asked for, was one of another")
    if not found.id or len(found.id) > ID_LENGTH_MAX:
        raise OffWireError("id: expected a fill with an id, was one without")
    price = _positive(found.price, "price")
    quantity = _positive(found.filled_quantity, "filled_quantity")
    value = _amount(found.filled_value, "filled_value")
    return Fill(
        id=found.id,
        price=price,
        quantity_base=quantity,
        quantity_quote=mul(price, quantity) if value is None else value,
        at=_time(found.time, "time"),
        fee=_signed(found.commission, "commission") if found.commission else None,
    )


def credit_line_of(found: wire.Credit) -> CreditLine:
    """The post-trade credit line. Raises `OffWireError`."""
    due = found.amounts_due or []
    return CreditLine(
        currency=found.currency.upper(),
        limit=_signed(found.limit, "limit"),
        utilized=_signed(found.utilized, "utilized"),
        available=_signed(found.available, "available"),
        enabled=found.enabled,
        frozen=found.frozen,
        frozen_reason=plain(found.frozen_reason, _MESSAGE_LENGTH_MAX),
        amounts_due=tuple(
            AmountDue(
                currency=row.currency.upper(),
                amount=_signed(row.amount, "amounts_due.amount"),
                due_at=_time(row.due_date, "amounts_due.due_date") if row.due_date else None,
            )
            for row in due
        ),
    )


def side_of(word: str) -> Side:
    """The side; raises `OffWireError`."""
    side = _SIDES.get(word)
    if side is None:
        raise OffWireError("side: expected BUY or SELL, was another text")
    return side


def amount_or_none(text: str | None, field: str) -> Decimal | None:
    """An amount that may be left out or empty. Raises `OffWireError`."""
    return _amount(text, field)


def positive(text: str | None, field: str) -> Decimal:
    """An amount greater than zero. Raises `OffWireError`."""
    return _positive(text, field)


def _largest(text: str, field: str, *others: str | None) -> Decimal:
    bounds = [_required(text, field), *(found for o in others if (found := _bound(o)) is not None)]
    return max(bounds)


def _smallest(text: str, field: str, *others: str | None) -> Decimal:
    bounds = [_positive(text, field), *(found for o in others if (found := _bound(o)))]
    return min(bounds)


def _bound(text: str | None) -> Decimal | None:
    return _amount(text, "rfq_product_details")


def _amount(text: str | None, field: str) -> Decimal | None:
    return _required(text, field) if text else None


def _required(text: str | None, field: str) -> Decimal:
    return _read(parse_amount, text, field)


def _positive(text: str | None, field: str) -> Decimal:
    return _read(parse_positive, text, field)


def _signed(text: str | None, field: str) -> Decimal:
    return _read(parse_signed, text, field)


def _read(parse: Callable[[object], Decimal], text: str | None, field: str) -> Decimal:
    try:
        return parse(text)
    except AmountError as error:
        raise OffWireError(f"{field}: expected {error.expected}") from error


def _time(text: str | None, field: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise OffWireError(f"{field}: {error}") from error
