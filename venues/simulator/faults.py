"""The faults of an account while they last: counting them down, drawing them, and saying what they do.

The rest of the simulator asks this module at three seams only: REST calls (`delivery.py`), the life of an
order (`desk.py`, by way of `order_plan`), and the feed (`feed_faults.py`).
"""

import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random

from .errors import RefusedError
from .fault_model import CreditFault, FaultSet, FeedFault, Latency, OrderFault, RestFault
from .orders import OrderPlan


class Faults:
    """The fault set of one account, with what is left of each count."""

    def __init__(self, faults: FaultSet, draws: Random) -> None:
        self._draws = draws
        self.applied: Counter[str] = Counter()
        self.replace(faults)

    def replace(self, faults: FaultSet) -> None:
        """Put another fault set in the place of the present one."""
        self.set = faults
        self._latencies = [_Counted(one.count) for one in faults.latencies()]
        self._rest = [_Counted(one.count) for one in faults.rest]
        self._orders = _Counted(faults.orders.count if faults.orders is not None else None)

    def latency_s(self, operation: str) -> float:
        """Draw how long a call's round trip takes, in seconds; zero without a fault."""
        for fault, counted in zip(self.set.latencies(), self._latencies, strict=True):
            if _hits(fault.operation, operation) and counted.use():
                self.applied["latency"] += 1
                return _draw_ms(fault, self._draws) / 1000
        return 0.0

    def rest(self, operation: str) -> RestFault | None:
        """Give the first fault that hits a call; it is counted down."""
        return self._pick(self.set.rest, operation)

    def _pick(self, faults: Sequence[RestFault], operation: str) -> RestFault | None:
        for fault, counted in zip(faults, self._rest, strict=True):
            if not _hits(fault.operation, operation) or counted.spent:
                continue
            if fault.probability < 1 and self._draws.random() >= fault.probability:
                continue
            counted.use()
            self.applied[f"rest:{fault.kind}"] += 1
            return fault
        return None

    def order_plan(self) -> OrderPlan:
        """Give what the next order has coming; it is counted down."""
        fault = self.set.orders
        if fault is None or not self._orders.use():
            return OrderPlan()
        self.applied["orders"] += 1
        return _plan_of(fault)

    def refuse_credit(self) -> None:
        """Refuse a margin order while credit is said to be exhausted."""
        credit: CreditFault | None = self.set.credit
        if credit is not None and credit.exhausted:
            self.applied["credit"] += 1
            raise RefusedError(credit.error_name)

    def feed(self, channel: str) -> list[FeedFault]:
        """Give the faults of a feed's channel."""
        return [one for one in self.set.feeds() if one.channel in {None, channel}]


class _Counted:
    """How often something may still apply; None is without end."""

    def __init__(self, left: int | None) -> None:
        self._left = left

    @property
    def spent(self) -> bool:
        return self._left is not None and self._left <= 0

    def use(self) -> bool:
        if self.spent:
            return False
        if self._left is not None:
            self._left -= 1
        return True


_MOVES = frozenset(
    {"collateral_transfer", "position_transfer", "cover", "close", "withdrawal", "withdrawal_cancel"}
)
# Names that stand for several operations.
_GROUPS = {"margin": _MOVES | {"margin_read"}, "margin_move": _MOVES}


def _hits(wanted: str, operation: str) -> bool:
    return wanted in {"any", operation} or operation in _GROUPS.get(wanted, ())


def _plan_of(fault: OrderFault) -> OrderPlan:
    after_fill = fault.late_failure_after_fill
    return OrderPlan(
        partial_fill=Decimal(fault.partial_fill) if fault.partial_fill is not None else None,
        late_failure=fault.late_failure,
        failure_after_fill=Decimal(after_fill) if after_fill is not None else None,
        delay_ms=fault.delay_ms or 0.0,
        duplicate_messages=fault.duplicate_messages,
        reorder_messages=fault.reorder_messages,
        drop_messages=fault.drop_messages,
    )


def _draw_ms(fault: Latency, draws: Random) -> float:
    """Draw from the distribution; the model has checked that its fields are there."""
    if fault.distribution == "fixed":
        drawn = fault.ms or 0.0
    elif fault.distribution == "uniform":
        drawn = draws.uniform(fault.min_ms or 0.0, fault.max_ms or 0.0)
    elif fault.distribution == "lognormal":
        drawn = (fault.median_ms or 0.0) * math.exp(draws.gauss(0.0, fault.sigma or 0.0))
    else:
        drawn = (fault.scale_ms or 0.0) * draws.paretovariate(fault.alpha or 1.0)
    return min(drawn, fault.cap_ms if fault.cap_ms is not None else 3_600_000.0)
