"""Execution quality: what competitions and executions came to, by connection and in all.

Computed from the orders of a window and the competitions that were held for them, one order after another:
what is kept is sums. Competitions of RFQs that nobody accepted were held for no order and do not count.
"""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from router.core.execution import all_in_slippage_bps, execution_of
from router.core.model import Connection, OrderStatus, Outcome, Reason
from router.core.money import ZERO, add, divide_down, divide_up, trim
from router.core.order import Order
from router.core.record import CompetitionRecord, carried_out

_AVERAGE_DECIMALS: Final = 2


class Average:
    """A mean kept as a sum; costs are rounded up and gains down."""

    __slots__ = ("count", "total", "up")

    def __init__(self, *, up: bool) -> None:
        self.up = up
        self.count = 0
        self.total = ZERO

    def add(self, value: Decimal) -> None:
        """Count a value."""
        self.count += 1
        self.total = add(self.total, value)

    def merge(self, other: "Average") -> None:
        """Count everything that another has counted."""
        self.count += other.count
        self.total = add(self.total, other.total)

    @property
    def value(self) -> Decimal | None:
        """The mean, two decimals; None of nothing."""
        if not self.count:
            return None
        divide = divide_up if self.up else divide_down
        return trim(divide(self.total, Decimal(self.count), _AVERAGE_DECIMALS))


class Tally:
    """What one connection, or all of them, came to."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.excluded: Counter[Reason] = Counter()
        self.failed: Counter[Reason] = Counter()
        self.orders = 0
        self.filled = 0
        self.traded = 0
        self.refused = 0
        self.credit_failures = 0
        self.slippage_bps = Average(up=True)
        self.improvement_bps = Average(up=False)
        self.all_in_bps = Average(up=True)
        self.latency_ns = Average(up=True)
        self.latency_ns_max: int | None = None

    @property
    def joined(self) -> int:
        """Competitions in which it quoted a price that counted."""
        return self.outcomes[Outcome.WON] + self.outcomes[Outcome.LOST]

    def merge(self, other: "Tally") -> None:
        """Count what another has counted."""
        for mine, theirs in (
            (self.excluded, other.excluded),
            (self.failed, other.failed),
        ):
            mine.update(theirs)
        self.outcomes.update(other.outcomes)
        self.orders += other.orders
        self.filled += other.filled
        self.traded += other.traded
        self.refused += other.refused
        self.credit_failures += other.credit_failures
        self.slippage_bps.merge(other.slippage_bps)
        self.improvement_bps.merge(other.improvement_bps)
        self.all_in_bps.merge(other.all_in_bps)
        self.latency_ns.merge(other.latency_ns)
        if other.latency_ns_max is not None:
            self.latency_ns_max = max(self.latency_ns_max or 0, other.latency_ns_max)


class Quality(msgspec.Struct, frozen=True):
    """The report: a line a connection, and all of them together. `competitions`: how many were held."""

    since: int
    until: int
    as_of: int
    orders: int
    competitions: int
    lines: tuple[tuple[Connection, Tally], ...]
    total: Tally


class QualityCount:
    """Counts orders with their competitions, one at a time."""

    def __init__(self, only: str | None = None) -> None:
        """`only`: the id of the one connection that is asked about."""
        self._only = only
        self._lines: dict[str, tuple[Connection, Tally]] = {}
        self.orders = 0
        self.competitions = 0

    def count(self, order: Order, competition: CompetitionRecord | None) -> None:
        """Count an order as it stands now."""
        self.orders += 1
        if competition is not None:
            self.competitions += 1
            self._count_entries(carried_out(competition, order))
        for number, attempt in enumerate(order.attempts, 1):
            tally = self._of(attempt.connection)
            if tally is None:
                continue
            tally.orders += 1
            last = number == len(order.attempts)
            error = attempt.error if attempt.error is not None or not last else order.error
            if error is not None:
                tally.refused += 1
                tally.credit_failures += error.code.is_credit
            if last:
                tally.filled += order.status is OrderStatus.FILLED
                _count_execution(tally, order)

    def lines(self) -> Iterable[tuple[Connection, Tally]]:
        """Every connection that took part, by id."""
        return [self._lines[name] for name in sorted(self._lines)]

    def total(self) -> Tally:
        """All of them together."""
        total = Tally()
        for _, tally in self._lines.values():
            total.merge(tally)
        return total

    def _of(self, connection: Connection) -> Tally | None:
        if self._only not in (None, connection.id):
            return None
        return self._lines.setdefault(connection.id, (connection, Tally()))[1]

    def _count_entries(self, competition: CompetitionRecord) -> None:
        for entry in competition.entries:
            tally = self._of(entry.connection)
            if tally is None:
                continue
            tally.outcomes[entry.outcome] += 1
            if entry.reason is not None and entry.outcome is Outcome.EXCLUDED:
                tally.excluded[entry.reason] += 1
            elif entry.reason is not None and entry.outcome is Outcome.FAILED:
                tally.failed[entry.reason] += 1
            if entry.asked_at is not None and entry.answered_at is not None:
                latency_ns = entry.answered_at - entry.asked_at
                tally.latency_ns.add(Decimal(latency_ns))
                tally.latency_ns_max = max(tally.latency_ns_max or 0, latency_ns)


def _count_execution(tally: Tally, order: Order) -> None:
    """What the order's last counterparty executed, against what it had quoted and what the next best had."""
    done = execution_of(order)
    if done is None:
        return
    tally.traded += 1
    tally.slippage_bps.add(done.slippage_bps)
    all_in_bps = all_in_slippage_bps(order, done)
    if all_in_bps is not None:
        tally.all_in_bps.add(all_in_bps)
    if done.improvement_bps is not None:
        tally.improvement_bps.add(done.improvement_bps)
