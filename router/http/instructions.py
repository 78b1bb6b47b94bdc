"""Which fields an order's type takes, and what they must be: price, time in force, and its instruction.

Every field of every type is read whatever the type is, in the order of the description, so that all that is
wrong is told at once; one that the type does not take must be null. Source of the rules: the published
OpenAPI description of POST orders and its examples of a 400.
"""

from decimal import Decimal
from typing import Final, NamedTuple

from router.core.instruction import Bounds, Instruction, IntervalUnit, SteadyPace, Stop, Twap
from router.core.model import OrderType, Side, TimeInForce
from router.core.money import ONE, decimals_of
from router.http import bodies
from router.http.decode import Fields

_TAKES: Final[dict[OrderType, frozenset[str]]] = {
    OrderType.MARKET: frozenset({"time_in_force", "slippage_bps_max"}),
    OrderType.LIMIT: frozenset({"limit_price", "time_in_force", "duration_minutes"}),
    OrderType.TWAP: frozenset(
        {"limit_price", "duration_minutes", "interval_minutes", "time_sliced", "bounds", "scheduled_at"}
    ),
    OrderType.STEADY_PACE: frozenset(
        {"limit_price", "sub_order_size", "interval", "interval_unit", "variance", "scheduled_at"}
    ),
    OrderType.STOP: frozenset({"limit_price", "time_in_force", "trigger_price"}),
}
_TIMES_IN_FORCE: Final = {
    OrderType.MARKET: (TimeInForce.IOC, TimeInForce.FOK),
    OrderType.LIMIT: tuple(TimeInForce),
    OrderType.STOP: (TimeInForce.GTC,),
}
_VARIANCE_EXPECTED: Final = 'a decimal string from "0" to "1" with at most two decimals'


class Instructions(NamedTuple):
    """What was read. Where something was refused it is None, and the error stands in the fields."""

    limit_price: Decimal | None
    time_in_force: TimeInForce | None
    duration_minutes: int | None
    """A limit order's; a TWAP's stands in its instruction."""
    instruction: Instruction | None
    slippage_bps_max: Decimal | None


def read_instructions(
    fields: Fields,
    kind: OrderType | None,
    side: Side | None,
    quantity: Decimal | None,
    slippage_bps_setting: int,
) -> Instructions:
    """Read all that depends on the order's type; `kind` None: the type could not be read."""
    reader = _Reader(fields, kind)
    limit_price = reader.amount("limit_price", required=kind is OrderType.LIMIT)
    time_in_force = reader.time_in_force()
    duration = reader.duration(time_in_force)
    twap = reader.twap(duration)
    pace = reader.steady_pace(quantity)
    trigger = reader.trigger(side, limit_price)
    scheduled_at = fields.time("scheduled_at") if reader.takes("scheduled_at") else None
    slippage = reader.slippage(slippage_bps_setting)
    instruction: Instruction | None = None
    if kind is OrderType.TWAP and duration is not None:
        instruction = Twap(duration, twap.interval_minutes, twap.time_sliced, twap.bounds, scheduled_at)
    elif kind is OrderType.STEADY_PACE and pace.size is not None and pace.interval is not None:
        unit = pace.unit or IntervalUnit.MINUTE
        instruction = SteadyPace(pace.size, pace.interval, unit, pace.variance, scheduled_at)
    elif kind is OrderType.STOP and trigger is not None:
        instruction = Stop(trigger)
    return Instructions(
        limit_price,
        time_in_force,
        duration if kind is OrderType.LIMIT else None,
        instruction,
        slippage,
    )


class _Twap(NamedTuple):
    interval_minutes: int | None
    time_sliced: bool | None
    bounds: Bounds | None


class _Pace(NamedTuple):
    size: Decimal | None
    interval: int | None
    unit: IntervalUnit | None
    variance: Decimal | None


class _Reader:
    """Reads the fields of one order's type."""

    def __init__(self, fields: Fields, kind: OrderType | None) -> None:
        self._fields = fields
        self._kind = kind

    def takes(self, name: str) -> bool:
        """Whether to read a field; one that the type does not take is refused here, unless it is null."""
        if self._kind is None or name in _TAKES[self._kind]:
            return True
        value = self._fields.get(name)
        if value is not None:
            self._fields.refuse(name, f"null in a {self._kind} order", value)
        return False

    def amount(self, name: str, *, required: bool = False) -> Decimal | None:
        """A decimal string greater than zero."""
        return self._fields.amount(name, positive=True, required=required) if self.takes(name) else None

    def time_in_force(self) -> TimeInForce | None:
        """One that the type takes."""
        if not self.takes("time_in_force"):
            return None
        accepted = tuple(TimeInForce) if self._kind is None else _TIMES_IN_FORCE[self._kind]
        return self._fields.choice("time_in_force", accepted, required=False)

    def duration(self, time_in_force: TimeInForce | None) -> int | None:
        """Whole minutes. GTD has a duration, and a duration means GTD; a TWAP must have one."""
        fields, name = self._fields, "duration_minutes"
        if not self.takes(name):
            return None
        minutes = fields.get(name)
        if minutes is None:
            if self._kind is OrderType.TWAP:
                fields.missing(name, "over how many minutes a twap order is spread")
            elif time_in_force is TimeInForce.GTD:
                fields.missing(name, "how many minutes a GTD order works")
            return None
        if time_in_force not in (None, TimeInForce.GTD):
            fields.refuse(name, f"null with time_in_force {time_in_force}", minutes)
            return None
        return fields.whole(name, 1, bodies.DURATION_MINUTES_MAX)

    def twap(self, duration: int | None) -> _Twap:
        """Interval, slicing and bounds: a time-sliced TWAP has an interval, and no bounds."""
        fields = self._fields
        interval = None
        if self.takes("interval_minutes"):
            interval = fields.whole("interval_minutes", 1, bodies.DURATION_MINUTES_MAX)
            if interval is not None and duration is not None and interval > duration:
                fields.refuse("interval_minutes", f"at most duration_minutes, {duration}", interval)
        sliced = fields.flag("time_sliced") if self.takes("time_sliced") else None
        if sliced and fields.get("interval_minutes") is None and self._kind is OrderType.TWAP:
            fields.missing("interval_minutes", "the minutes between two slices, where time_sliced is true")
        bounds = fields.choice("bounds", tuple(Bounds), required=False) if self.takes("bounds") else None
        if bounds is not None and sliced:
            fields.refuse("bounds", "null where time_sliced is true", bounds.value)
        return _Twap(interval, sliced, bounds)

    def steady_pace(self, quantity: Decimal | None) -> _Pace:
        """Size and interval of the sub-orders, and how much they vary."""
        fields, paced = self._fields, self._kind is OrderType.STEADY_PACE
        size = self.amount("sub_order_size", required=paced)
        if paced and size is not None and quantity is not None and size >= quantity:
            fields.refuse("sub_order_size", "less than the quantity", fields.get("sub_order_size"))
        interval = None
        if self.takes("interval"):
            interval = fields.whole("interval", 1, bodies.DURATION_MINUTES_MAX)
            if paced and fields.get("interval") is None:
                fields.missing("interval", "how many interval_units lie between two sub-orders")
        unit = None
        if self.takes("interval_unit"):
            unit = fields.choice("interval_unit", tuple(IntervalUnit), required=False)
        variance = None
        if self.takes("variance"):
            variance = fields.amount("variance", positive=False, required=False)
            if variance is not None and (variance > ONE or decimals_of(variance) > 2):
                fields.refuse("variance", _VARIANCE_EXPECTED, fields.get("variance"))
        return _Pace(size, interval, unit, variance)

    def trigger(self, side: Side | None, limit_price: Decimal | None) -> Decimal | None:
        """A stop's trigger: at or below the limit of a buy, at or above that of a sale."""
        trigger = self.amount("trigger_price", required=self._kind is OrderType.STOP)
        if self._kind is not OrderType.STOP or trigger is None or limit_price is None or side is None:
            return trigger
        if trigger > limit_price if side is Side.BUY else trigger < limit_price:
            where = "at most" if side is Side.BUY else "at least"
            expected = f"{where} limit_price, {limit_price:f}, in a {side}"
            self._fields.refuse("trigger_price", expected, self._fields.get("trigger_price"))
        return trigger

    def slippage(self, setting: int) -> Decimal | None:
        """How far beyond the quote a market order may trade."""
        if not self.takes("slippage_bps_max"):
            return None
        slippage = self._fields.amount("slippage_bps_max", positive=False, required=False)
        if slippage is not None and slippage > setting:
            value = self._fields.get("slippage_bps_max")
            self._fields.refuse("slippage_bps_max", f"at most {setting}, the router's setting", value)
            return None
        return slippage
