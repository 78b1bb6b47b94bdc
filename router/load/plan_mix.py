"""`[[mix]]` as people write it."""

import re
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from router.core.errors import AmountError, shown
from router.core.model import Side
from router.core.money import (
    add,
    divide_down,
    is_multiple,
    mul,
    parse_positive,
    round_down,
    sub,
)
from router.load.mix import Entry, Kind, Limit, Sizes
from router.settings_error import SettingsError

_PRODUCT: Final = re.compile(r"[A-Z0-9.:]{1,24}\*?-[A-Z0-9.:]{1,24}\*?")
_OWN: Final = frozenset(
    {"client_order_id", "product", "side", "quantity", "quantity_currency", "type", "limit_price"}
)
"""Fields of a body that have keys of their own in the plan, or that the run makes."""

Bps = Annotated[int, msgspec.Meta(ge=-9999, le=9999)]


class RawSizes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Quantities between two, in steps."""

    min: str
    max: str
    step: str


class RawOffset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Offsets between two."""

    min: Bps
    max: Bps


class RawLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a limit order's price is found."""

    offset_bps: Bps | RawOffset
    price_step: str = "0.01"
    reference_price: str | None = None


class RawEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of request."""

    kind: Kind
    product: str
    quantity: str | RawSizes
    weight: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    sides: Annotated[tuple[Side, ...], msgspec.Meta(min_length=1, max_length=2)] = tuple(Side)
    quantity_currency: str | None = None
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    limit: RawLimit | None = None
    accept_after_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None
    fields: dict[str, object] = {}


def entry_of(raw: RawEntry, key: str, source: str) -> Entry:
    """A kind of request, checked; `key` is where it stands in the plan. Raises `SettingsError`."""
    if _PRODUCT.fullmatch(raw.product) is None:
        raise SettingsError(source, f"{key}.product", "a product such as BTC-USD", shown(raw.product))
    base, _, quote = raw.product.partition("-")
    currency = base if raw.quantity_currency is None else raw.quantity_currency
    if currency not in (base, quote):
        raise SettingsError(source, f"{key}.quantity_currency", f"{base} or {quote}", shown(currency))
    if raw.kind is not Kind.ORDER:
        for name in ("type", "limit"):
            if getattr(raw, name) is not None:
                raise SettingsError(source, f"{key}.{name}", f"none, as {raw.kind} takes none", "one")
    if raw.kind is not Kind.ACCEPT and raw.accept_after_ms is not None:
        raise SettingsError(source, f"{key}.accept_after_ms", f"none, as {raw.kind} accepts nothing", "one")
    for name, value in raw.fields.items():
        _check_field(name, value, f"{key}.fields", source)
    return Entry(
        name=raw.name or f"{raw.kind} {raw.product}",
        weight=raw.weight,
        kind=raw.kind,
        product=raw.product,
        sides=tuple(side.value for side in raw.sides),
        sizes=_sizes(raw.quantity, f"{key}.quantity", source),
        quantity_currency=currency,
        type=(raw.type or ("market" if raw.limit is None else "limit")) if raw.kind is Kind.ORDER else None,
        limit=None if raw.limit is None else _limit(raw.limit, f"{key}.limit", source),
        accept_after_ms=raw.accept_after_ms or 0,
        fields=raw.fields,
    )


def _check_field(name: str, value: object, key: str, source: str) -> None:
    if name in _OWN:
        raise SettingsError(source, f"{key}.{name}", "it beside `fields`, or made by the run", "in `fields`")
    items = value if isinstance(value, list) else [value]
    # A float is no amount: what is one goes as a text, as everywhere on the router's interface.
    if not all(isinstance(item, (str, int)) for item in items):
        expected = "a text, a whole number, true, false, or a list of them"
        raise SettingsError(source, f"{key}.{name}", expected, type(value).__name__)


def _sizes(raw: str | RawSizes, key: str, source: str) -> Sizes:
    if isinstance(raw, str):
        return Sizes(_positive(raw, key, source), Decimal(1), 0)
    low, high = _positive(raw.min, f"{key}.min", source), _positive(raw.max, f"{key}.max", source)
    step = _positive(raw.step, f"{key}.step", source)
    if high < low:
        raise SettingsError(source, f"{key}.max", f"at least min, {raw.min}", raw.max)
    if not is_multiple(sub(high, low), step):
        reached = add(low, round_down(sub(high, low), step))
        expected = f"min and a whole number of steps, such as {reached:f}"
        raise SettingsError(source, f"{key}.max", expected, raw.max)
    steps = int(divide_down(sub(high, low), step, 0))
    # `low` in the decimals of a step: all quantities of a range are written alike.
    return Sizes(add(low, mul(step, Decimal(0))), step, steps)


def _limit(raw: RawLimit, key: str, source: str) -> Limit:
    low, high = (
        (raw.offset_bps.min, raw.offset_bps.max)
        if isinstance(raw.offset_bps, RawOffset)
        else (raw.offset_bps, raw.offset_bps)
    )
    if high < low:
        raise SettingsError(source, f"{key}.offset_bps.max", f"at least min, {low}", str(high))
    reference = raw.reference_price
    return Limit(
        low,
        high,
        _positive(raw.price_step, f"{key}.price_step", source),
        None if reference is None else _positive(reference, f"{key}.reference_price", source),
    )


def _positive(text: str, key: str, source: str) -> Decimal:
    try:
        return parse_positive(text)
    except AmountError as error:
        raise SettingsError(source, key, error.expected, shown(error.was)) from error
