"""Requests as nearly all of them come: read in one go, or left to who names every field that is wrong.

A body is decoded straight into a struct and checked as cheaply as can be. What is taken is exactly what
`requests` would have read; whatever is not plain (an unknown field, a type with instructions, a field twice,
anything wrong) gives None, and `requests` reads it again, slowly, for its answer. A property test holds the
two together.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from router.core.model import OnCreditFailure, OrderRequest, OrderType, Side, TimeInForce
from router.core.money import parse_amount, parse_positive
from router.http import wire

_ID: Final = re.compile(wire.ID_PATTERN)
_PRODUCT: Final = re.compile(wire.PRODUCT_PATTERN)
_UNSET: Final = msgspec.UNSET
_AT_ONCE: Final = (None, TimeInForce.IOC, TimeInForce.FOK)
_LIMIT: Final = (*_AT_ONCE, TimeInForce.GTC)
_ORDER_MARKS: Final = 24
_RFQ_MARKS: Final = 16
"""Quotation marks in a body that has only what it must have: two for each name and for each value."""
_MARKET: Final = OrderType.MARKET
_ORDER_LIMIT: Final = OrderType.LIMIT


class _Order(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    client_order_id: str
    product: str
    side: Side
    type: OrderType
    quantity: str
    quantity_currency: str
    limit_price: str | msgspec.UnsetType | None = _UNSET
    time_in_force: TimeInForce | msgspec.UnsetType | None = _UNSET
    slippage_bps_max: str | msgspec.UnsetType | None = _UNSET
    connections: msgspec.UnsetType | None = _UNSET
    on_credit_failure: OnCreditFailure | msgspec.UnsetType | None = _UNSET


class _Rfq(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    product: str
    side: Side
    quantity: str
    quantity_currency: str


_decode_order: Final = msgspec.json.Decoder(_Order).decode
_decode_rfq: Final = msgspec.json.Decoder(_Rfq).decode


def quick_order(raw: bytes, slippage_bps_max: int) -> OrderRequest | None:
    """A market or limit order from a body; None: `requests.order_request` has to say what it is."""
    try:
        body = _decode_order(raw)
        limit, time_in_force, slippage, credit = None, None, None, None
        # As many quotation marks as its strings must have: no string more, so no name stands twice.
        marks = raw.count(b'"') - _ORDER_MARKS
        if marks:
            marks -= sum(map(_marks, (body.limit_price, body.time_in_force, body.slippage_bps_max)))
            marks -= _marks(body.on_credit_failure) + _marks(body.connections)
            limit = None if body.limit_price is _UNSET else body.limit_price
            time_in_force = None if body.time_in_force is _UNSET else body.time_in_force
            slippage = None if body.slippage_bps_max is _UNSET else body.slippage_bps_max
            credit = None if body.on_credit_failure is _UNSET else body.on_credit_failure
        if marks or _ID.fullmatch(body.client_order_id) is None:
            return None
        if body.quantity_currency not in _currencies(body.product):
            return None
        quantity = parse_positive(body.quantity)
        limit_price: Decimal | None = None
        slippage_bps: Decimal | None = None
        kind = body.type
        if kind is _MARKET:
            if limit is not None or time_in_force not in _AT_ONCE:
                return None
            if slippage is not None:
                slippage_bps = parse_amount(slippage)
                if slippage_bps > slippage_bps_max:
                    return None
        elif kind is _ORDER_LIMIT:
            if slippage is not None or limit is None or time_in_force not in _LIMIT:
                return None
            limit_price = parse_positive(limit)
        else:
            return None
    except (ValueError, RecursionError):
        # No JSON, not these fields, no amount: all are `ValueError`s.
        return None
    return OrderRequest(
        body.client_order_id,
        body.product,
        body.side,
        kind,
        quantity,
        body.quantity_currency,
        limit_price,
        time_in_force,
        None,
        slippage_bps,
        None,
        credit,
    )


def _marks(value: object) -> int:
    """Quotation marks of a field that may be left out: those of its name, and of its value if it is text."""
    return 0 if value is _UNSET else 2 if value is None else 4


def quick_quote(raw: bytes) -> OrderRequest | None:
    """What an RFQ of all connections asks for; None: `requests.quote_request` has to say what it is."""
    try:
        body = _decode_rfq(raw)
        if raw.count(b'"') != _RFQ_MARKS or body.quantity_currency not in _currencies(body.product):
            return None
        quantity = parse_positive(body.quantity)
    except (ValueError, RecursionError):
        return None
    return OrderRequest("", body.product, body.side, _MARKET, quantity, body.quantity_currency)


@lru_cache(maxsize=1024)
def _currencies(product: str) -> tuple[str, ...]:
    """Base and quote currency; none where it is no product. Callers choose the text: a bound is needed."""
    if _PRODUCT.fullmatch(product) is None:
        return ()
    base, _, quote = product.partition("-")
    return () if base == quote else (base, quote)
