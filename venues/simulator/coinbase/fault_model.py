"""What can go wrong at Coinbase Prime beside its calls, as data: quotes, orders, credit."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from venues.simulator.fault_model import Count, FaultSet, Fraction, Latency, Millis, RestFault
from venues.simulator.money import AMOUNT_PATTERN, BPS

# A price can be off in both directions, but never down to nothing.
Off = Annotated[str, Meta(pattern=rf"\A-?{AMOUNT_PATTERN}\Z")]
Operation = Literal[
    "any",
    "rfq",
    "accept_quote",
    "order",
    "order_lookup",
    "cancel",
    "open_orders",
    "orders",
    "fills",
    "balances",
    "products",
    "credit",
]
Failure = Literal["CANCELLED", "EXPIRED", "FAILED"]


class PrimeLatency(Latency, forbid_unknown_fields=True, frozen=True):
    """A round trip that takes time, of this wire's operations."""

    # Frozen, so that nobody writes another wire's name into it, and compared as text alone.
    operation: Operation = "any"  # type: ignore[assignment]


class PrimeRestFault(RestFault, forbid_unknown_fields=True, frozen=True):
    """A call that does not go as it should, of this wire's operations."""

    # As above.
    operation: Operation = "any"  # type: ignore[assignment]


class QuoteFault(Struct, forbid_unknown_fields=True, frozen=True):
    """A quote that is not as good as it looks: over when it is answered, or priced off the market."""

    expire_at_once: bool = False
    off_bps: Off | None = None
    count: Count | None = None


class PrimeOrderFault(Struct, forbid_unknown_fields=True, frozen=True):
    """An order that is taken and then takes a turn.

    `taken_late_ms`: answered with its id, and in no list and under no id until so much later.
    `fill_delay_ms`: `OPEN` for so long before anything fills.  `fills_late_ms`: the order shows what was
    filled at once, its fills come so much later.  `cancel_delay_ms`: between a cancel and its end.
    """

    taken_late_ms: Millis | None = None
    fill_delay_ms: Millis | None = None
    fills_late_ms: Millis | None = None
    cancel_delay_ms: Millis | None = None
    partial_fill: Fraction | None = None
    late_failure: Failure | None = None
    count: Count | None = None


class AcceptCreditFault(Struct, forbid_unknown_fields=True, frozen=True):
    """A credit line that is gone when a quote is accepted or an order sent, and stays gone."""

    on_order: Literal["freeze", "disable", "exhaust"]
    count: Count | None = None


class PrimeFaultSet(Struct, forbid_unknown_fields=True, frozen=True):
    """All faults of a portfolio; an empty one is a healthy counterparty."""

    latency: PrimeLatency | list[PrimeLatency] | None = None
    rest: list[PrimeRestFault] = []
    quotes: QuoteFault | None = None
    orders: PrimeOrderFault | None = None
    credit: AcceptCreditFault | None = None

    def calls(self) -> FaultSet:
        """Give the part that hits calls, as the fault set of any account."""
        given = self.latency
        latencies: list[Latency] = (
            [*given] if isinstance(given, list) else [given] if given is not None else []
        )
        return FaultSet(latency=latencies, rest=[*self.rest])

    def problems(self) -> list[str]:
        """Say what the faults lack that their kinds need, and what they cannot mean."""
        found = self.calls().problems()
        off = self.quotes.off_bps if self.quotes is not None else None
        if off is not None and Decimal(off) <= -BPS:
            found.append(f"quotes: expected off_bps above -10000, was {off!r}")
        return found
