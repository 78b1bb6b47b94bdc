"""Reading the body of POST orders, to the letter of the published schemas.

Source: bitgo-prime OpenAPI, NewMarketOrderRequest, NewLimitOrderRequest, NewTWAPOrderRequest,
NewSteadyPaceOrderRequest, NewStopOrderRequest.  Stricter than a server may be: a field that the order's type
does not take, a JSON number where a string belongs and a null are refused, so that a caller who sends what
the description does not allow learns it here.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .errors import RefusedError, invalid_argument, required
from .fields import Fields
from .money import ZERO, parse_amount

_COMMON = ("product", "quantity", "quantityCurrency", "side", "type", "clientOrderId", "fundingType")
_TAKES: dict[str, tuple[str, ...]] = {
    "market": (*_COMMON, "timeInForce"),
    "limit": (*_COMMON, "limitPrice", "duration", "timeInForce"),
    "twap": (*_COMMON, "limitPrice", "duration", "interval", "scheduledDate", "parameters"),
    "steady_pace": (*_COMMON, "limitPrice", "scheduledDate", "parameters"),
    "stop": (*_COMMON, "triggerPrice", "limitPrice", "timeInForce"),
}
_REQUIRES: dict[str, tuple[str, ...]] = {
    "market": (),
    "limit": ("limitPrice",),
    "twap": ("duration",),
    "steady_pace": ("parameters",),
    "stop": ("triggerPrice",),
}
_POLICIES: dict[str, tuple[str, ...]] = {
    "market": ("IOC", "FOK"),
    "limit": ("GTC", "IOC", "FOK", "GTD"),
    "stop": ("GTC",),
}
_CLIENT_ID_MAX = 256


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request for an order whose fields are well formed; whether it can trade is not decided yet."""

    product: str
    type: str
    side: str
    quantity: Decimal
    currency: str
    funding: str = "funded"
    client_order_id: str | None = None
    time_in_force: str | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    duration: int | None = None
    interval: int | None = None
    scheduled: datetime | None = None
    parameters: dict[str, object] | None = None
    # The pace of an order that is executed in slices.
    slice_minutes: Decimal | None = None
    sub_order_size: Decimal | None = None
    variance: Decimal = ZERO


def parse_order(body: bytes) -> NewOrder:
    """Read a request; `RefusedError` is what the counterparty would answer."""
    fields = Fields.from_json(body)
    kind = fields.choice("type", tuple(_TAKES))
    if kind is None:
        raise required("type")
    fields.only(_TAKES[kind])
    fields.require((*_COMMON[:5], *_REQUIRES[kind]))
    client_order_id = fields.text("clientOrderId")
    if client_order_id is not None and not 1 <= len(client_order_id) <= _CLIENT_ID_MAX:
        raise RefusedError("backend:trade:invalidClientOrderID")
    side = fields.choice("side", ("buy", "sell")) or ""
    limit_price = fields.price("limitPrice")
    trigger_price = fields.price("triggerPrice")
    duration = fields.positive_integer("duration")
    pace = _pace(kind, fields, duration)
    _check_trigger(side, trigger_price, limit_price)
    return NewOrder(
        product=fields.text("product") or "",
        type=kind,
        side=side,
        quantity=fields.amount("quantity") or ZERO,
        currency=fields.text("quantityCurrency") or "",
        funding=fields.choice("fundingType", ("funded", "margin")) or "funded",
        client_order_id=client_order_id,
        time_in_force=_time_in_force(kind, fields, duration),
        limit_price=limit_price,
        trigger_price=trigger_price,
        duration=duration,
        interval=fields.positive_integer("interval"),
        scheduled=fields.time("scheduledDate"),
        parameters=pace.parameters,
        slice_minutes=pace.slice_minutes,
        sub_order_size=pace.sub_order_size,
        variance=pace.variance,
    )


def _time_in_force(kind: str, fields: Fields, duration: int | None) -> str | None:
    """Apply the rules between timeInForce and duration (NewLimitOrderRequest)."""
    allowed = _POLICIES.get(kind)
    if allowed is None:
        return None
    given = fields.choice("timeInForce", allowed)
    if kind != "limit":
        return given or allowed[0]
    if duration is not None:
        if given == "GTC":
            raise invalid_argument("timeInForce", "GTC cannot be combined with duration.")
        # "When `duration` is provided, the order automatically uses GTD regardless of this field."
        return "GTD"
    if given == "GTD":
        raise required("duration")
    return given or "GTC"


def _check_trigger(side: str, trigger: Decimal | None, limit: Decimal | None) -> None:
    """Buy needs triggerPrice <= limitPrice, sell triggerPrice >= limitPrice (TriggerPrice)."""
    if trigger is None or limit is None:
        return
    if trigger > limit if side == "buy" else trigger < limit:
        raise RefusedError("backend:trade:invalidStopTriggerPrice", key="triggerPrice")


@dataclass(frozen=True, slots=True)
class _Pace:
    parameters: dict[str, object] | None = None
    slice_minutes: Decimal | None = None
    sub_order_size: Decimal | None = None
    variance: Decimal = ZERO


def _pace(kind: str, fields: Fields, duration: int | None) -> _Pace:
    inner = fields.inner("parameters")
    if kind == "twap":
        return _twap_pace(inner, fields.positive_integer("interval"), duration)
    if kind == "steady_pace" and inner is not None:
        return _steady_pace(inner, fields.amount("quantity"))
    return _Pace()


def _twap_pace(inner: Fields | None, interval: int | None, duration: int | None) -> _Pace:
    """Read TWAPOrderParameters; a plain TWAP goes out once a minute."""
    sliced = False
    if inner is not None:
        inner.only(("isTimeSliced", "boundsControl"))
        sliced = inner.flag("isTimeSliced") or False
        inner.choice("boundsControl", ("narrow", "standard", "wide"))
    if sliced and interval is None:
        # "Only required if `isTimeSliced` is `true`."
        raise required("interval")
    if sliced and interval is not None and duration is not None and interval > duration:
        raise invalid_argument("interval", "interval must not be longer than duration.")
    minutes = Decimal(interval) if sliced and interval is not None else Decimal(1)
    return _Pace(inner.raw if inner is not None else None, slice_minutes=minutes)


_UNIT_MINUTES = {"second": Decimal(1) / 60, "minute": Decimal(1), "hour": Decimal(60)}


def _steady_pace(inner: Fields, quantity: Decimal | None) -> _Pace:
    """Read SteadyPaceOrderParameters; the sub-order must be smaller than the order (400 example)."""
    inner.only(("interval", "intervalUnit", "subOrderSize", "variance"))
    inner.require(("interval", "intervalUnit", "subOrderSize"))
    size = inner.amount("subOrderSize") or ZERO
    if size <= 0 or (quantity is not None and size >= quantity):
        raise invalid_argument(
            "subOrderSize", "Sub-order size must be smaller than the total order quantity."
        )
    unit = inner.choice("intervalUnit", tuple(_UNIT_MINUTES)) or "minute"
    minutes = Decimal(inner.positive_integer("interval") or 1) * _UNIT_MINUTES[unit]
    return _Pace(inner.raw, minutes, size, _variance(inner))


def _variance(inner: Fields) -> Decimal:
    """Read the variance: a string by the schema, a number in the published example, so both are taken."""
    given = inner.raw.get("variance")
    if isinstance(given, float) or (isinstance(given, int) and not isinstance(given, bool)):
        given = str(given)
        try:
            found = parse_amount(given)
        except ValueError as error:
            raise invalid_argument("variance", "variance must be a decimal between 0 and 1.") from error
    else:
        found = inner.amount("variance") or ZERO
    if found > 1:
        raise invalid_argument("variance", "variance must be a decimal between 0 and 1.")
    return found
