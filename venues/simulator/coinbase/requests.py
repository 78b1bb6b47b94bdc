"""Reading the bodies of the three requests that trade, to the letter of the published description.

Stricter than a server may be: an unknown field, a field that the order's type does not take, a JSON number or
null where a string belongs are refused, so that a caller who sends what is not described learns it here.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.coinbase.model import NewPrimeOrder
from venues.simulator.coinbase.settings import QUOTE_DURATION_MS_MAX
from venues.simulator.fields import Fields

_SIDES = ("BUY", "SELL")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CLIENT_ID_MAX = 128
_COMMON = ("portfolio_id", "product_id", "side", "settl_currency")
_SIZES = ("base_quantity", "quote_value")
_RFQ = (*_COMMON, *_SIZES, "client_quote_id", "limit_price", "quote_duration_ms")
_ACCEPT = (*_COMMON, "client_order_id", "quote_id")
_ORDER = (*_COMMON, *_SIZES, "client_order_id", "type", "time_in_force")
# Fields beside those of every order, by type; the first of each list that is required comes first.
_TAKES: dict[str, tuple[str, ...]] = {
    "MARKET": (),
    "LIMIT": ("limit_price", "expiry_time"),
    "TWAP": ("limit_price", "expiry_time", "start_time"),
    "VWAP": ("limit_price", "expiry_time", "start_time"),
    "STOP_LIMIT": ("limit_price", "stop_price", "expiry_time"),
}
_REQUIRES: dict[str, tuple[str, ...]] = {
    "MARKET": (),
    "LIMIT": ("limit_price",),
    "TWAP": ("limit_price", "expiry_time"),
    "VWAP": ("limit_price", "expiry_time"),
    "STOP_LIMIT": ("limit_price", "stop_price"),
}
_IOC, _FOK = "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"
_GTC, _GTD = "GOOD_UNTIL_CANCELLED", "GOOD_UNTIL_DATE_TIME"
# The first is what an order without one has.
_POLICIES: dict[str, tuple[str, ...]] = {
    "MARKET": (_IOC, _FOK),
    "LIMIT": (_GTC, _GTD, _IOC, _FOK),
    "TWAP": (_GTD,),
    "VWAP": (_GTD,),
    "STOP_LIMIT": (_GTC, _GTD),
}
# Described, and with nothing here to go by.
_UNPLAYED = (
    "stp_id",
    "display_quote_size",
    "display_base_size",
    "is_raise_exact",
    "is_buy_exact",
    "historical_pov",
    "post_only",
    "peg_offset_type",
    "offset",
    "wig_level",
)
_UNPLAYED_TYPES = ("BLOCK", "PEG", "RFQ")


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """A request for a quote; one of the two amounts is set.  A duration of zero is none."""

    product: str
    side: str
    client_quote_id: str
    limit_price: Decimal
    base_quantity: Decimal | None
    quote_value: Decimal | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class AcceptRequest:
    """A request to trade at a quote."""

    product: str
    side: str
    client_order_id: str
    quote_id: str


def parse_quote_request(body: bytes, portfolio_id: str) -> QuoteRequest:
    """Read a request for a quote."""
    fields = _fields(body, _RFQ, portfolio_id)
    fields.require(("product_id", "side", "client_quote_id", "limit_price"))
    client_quote_id = fields.text("client_quote_id") or ""
    if _UUID.fullmatch(client_quote_id) is None:
        raise PrimeError("client_quote_id must be a UUID.")
    base, value = _size(fields)
    return QuoteRequest(
        product=_product(fields),
        side=fields.choice("side", _SIDES) or "",
        client_quote_id=client_quote_id.lower(),
        limit_price=_above_zero(fields, "limit_price"),
        base_quantity=base,
        quote_value=value,
        duration_ms=_duration_ms(fields),
    )


def parse_accept(body: bytes, portfolio_id: str) -> AcceptRequest:
    """Read the acceptance of a quote."""
    fields = _fields(body, _ACCEPT, portfolio_id)
    fields.require(("product_id", "side", "client_order_id", "quote_id"))
    return AcceptRequest(
        product=_product(fields),
        side=fields.choice("side", _SIDES) or "",
        client_order_id=_client_order_id(fields),
        quote_id=fields.text("quote_id") or "",
    )


def parse_order(body: bytes, portfolio_id: str) -> NewPrimeOrder:
    """Read a request for an order."""
    fields = Fields.from_json(body)
    kind = fields.text("type")
    if kind in _UNPLAYED_TYPES:
        raise PrimeError(f"Orders of type {kind} cannot be created here.")
    if kind is None or kind not in _TAKES:
        raise PrimeError(f"type must be one of {', '.join(_TAKES)}.")
    for name in _UNPLAYED:
        if name in fields.raw:
            raise PrimeError(f"{name} is described and not simulated.")
    fields = _fields(body, (*_ORDER, *_TAKES[kind]), portfolio_id)
    fields.require(("product_id", "side", "client_order_id", *_REQUIRES[kind]))
    policy = fields.choice("time_in_force", _POLICIES[kind]) or _POLICIES[kind][0]
    expiry = fields.time("expiry_time")
    if policy == _GTD and expiry is None:
        raise PrimeError(f"expiry_time is required for {_GTD}.")
    if policy != _GTD and expiry is not None:
        raise PrimeError(f"expiry_time is taken for {_GTD} alone.")
    base, value = _size(fields)
    return NewPrimeOrder(
        product=_product(fields),
        side=fields.choice("side", _SIDES) or "",
        type=kind,
        client_order_id=_client_order_id(fields),
        base_quantity=base,
        quote_value=value,
        limit_price=_above_zero(fields, "limit_price") if "limit_price" in fields.raw else None,
        stop_price=_above_zero(fields, "stop_price") if "stop_price" in fields.raw else None,
        time_in_force=policy,
        start=fields.time("start_time"),
        expiry=expiry,
    )


def _fields(body: bytes, known: tuple[str, ...], portfolio_id: str) -> Fields:
    fields = Fields.from_json(body)
    fields.only(known)
    given = fields.text("portfolio_id")
    if given is not None and given != portfolio_id:
        raise PrimeError("portfolio_id must be the portfolio of the path.")
    return fields


def _product(fields: Fields) -> str:
    """Give the product; a settlement in another currency than the product's own is not simulated."""
    product = fields.text("product_id") or ""
    settled = fields.text("settl_currency")
    if settled is not None and settled != product.partition("-")[2]:
        raise PrimeError("settl_currency must be the product's quote currency.")
    return product


def _size(fields: Fields) -> tuple[Decimal | None, Decimal | None]:
    given = [name for name in _SIZES if name in fields.raw]
    if len(given) != 1:
        raise PrimeError("One of base_quantity or quote_value is required, and not both.")
    amount = _above_zero(fields, given[0])
    return (amount, None) if given[0] == "base_quantity" else (None, amount)


def _above_zero(fields: Fields, name: str) -> Decimal:
    amount = fields.amount(name)
    if not amount:
        raise PrimeError(f"{name} must be above zero.")
    return amount


def _client_order_id(fields: Fields) -> str:
    given = fields.text("client_order_id") or ""
    if len(given) > _CLIENT_ID_MAX:
        raise PrimeError(f"client_order_id must have at most {_CLIENT_ID_MAX} characters.")
    return given


def _duration_ms(fields: Fields) -> int:
    """Read the duration: an int64, which in this JSON is a string of digits or a number; zero is none."""
    given = fields.raw.get("quote_duration_ms", "0")
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str) or re.fullmatch(r"[0-9]{1,9}", given) is None:
        raise PrimeError("quote_duration_ms must be a whole number of milliseconds.")
    if int(given) > QUOTE_DURATION_MS_MAX:
        raise PrimeError(f"quote_duration_ms must be at most {QUOTE_DURATION_MS_MAX}.")
    return int(given)
