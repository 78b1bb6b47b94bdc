"""What a working order is told beyond price and size: one struct a type, so that no other field can be there.

A market or a limit order has no instruction. Durations are whole minutes, times nanoseconds since the epoch,
sizes in the order's own quantity currency.

Source: the published OpenAPI description, `NewTWAPOrderRequest`, `NewSteadyPaceOrderRequest`,
`NewStopOrderRequest`.
"""

import enum
from decimal import Decimal

import msgspec


class Bounds(enum.StrEnum):
    """How strictly a TWAP keeps to its schedule: within 3, 5 or 7.5 % (or minutes) of it."""

    NARROW = "narrow"
    STANDARD = "standard"
    WIDE = "wide"


class IntervalUnit(enum.StrEnum):
    """The unit of a steady pace's interval."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"


class Twap(msgspec.Struct, frozen=True, tag="twap"):
    """Spread evenly over `duration_minutes`; where `time_sliced`, one sub-order every `interval_minutes`."""

    duration_minutes: int
    interval_minutes: int | None = None
    time_sliced: bool | None = None
    bounds: Bounds | None = None
    scheduled_at: int | None = None


class SteadyPace(msgspec.Struct, frozen=True, tag="steady_pace"):
    """Sub-orders of about one size, one an interval, until all is traded.

    `variance`: how much a sub-order's size is drawn around `sub_order_size`, 0 to 1.
    """

    sub_order_size: Decimal
    interval: int
    interval_unit: IntervalUnit = IntervalUnit.MINUTE
    variance: Decimal | None = None
    scheduled_at: int | None = None


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Waits until the market reaches `trigger_price`, in quote per base; then a market or a limit order."""

    trigger_price: Decimal


Instruction = Twap | SteadyPace | Stop
