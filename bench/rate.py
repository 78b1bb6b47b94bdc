"""The highest rate that is held: a search over short stages of an open loop."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from bench.figures import percentile

P99_MS_MAX: Final = 50.0
"""A rate is held where 99 of 100 orders are answered within this time of when they were due."""
_GROWTH: Final = 1.5
_NEARLY: Final = 3.0
_APART: Final = 1.04
"""The search ends when the rate that held and the one that did not are no farther apart than this."""
_STAGES_MAX: Final = 20


class Stage(msgspec.Struct, frozen=True):
    """What a stage brought. Latencies are milliseconds from when an order was due."""

    rate_per_second: float
    p50_ms: float
    p99_ms: float
    wrong: dict[str, int]
    driver_busy: float

    @property
    def held(self) -> bool:
        """Whether every order was filled, and in time."""
        return not self.wrong and self.p99_ms < P99_MS_MAX

    @property
    def nearly(self) -> bool:
        """Whether a noisy neighbour may have been what it was lost to."""
        return self.p99_ms < _NEARLY * P99_MS_MAX


class Rate(msgspec.Struct, frozen=True):
    """The highest stage that held, and how many were tried; `first_lost` is the lowest that did not."""

    name: str
    held: Stage | None
    first_lost: Stage | None
    stages: int


def stage_of(rate: float, latencies_ns: list[int], wrong: dict[str, int], driver_busy: float) -> Stage:
    """A stage from its orders' times."""
    ordered = sorted(latencies_ns)
    p50, p99 = ((percentile(ordered, share) / 1e6 if ordered else float("inf")) for share in (0.5, 0.99))
    return Stage(rate, p50, p99, wrong, driver_busy)


async def highest(name: str, guess: float, probe: Callable[[float], Awaitable[Stage]]) -> Rate:
    """Find the highest rate that holds: up or down from a guess in steps, then between the two in halves.

    A stage that is lost to a noisy neighbour would end the search too low: one that is nearly held is tried
    twice.
    """
    held: Stage | None = None
    lost: Stage | None = None
    stages, rate = 0, guess
    while stages < _STAGES_MAX and not _found(held, lost):
        stage = await probe(rate)
        stages += 1
        if not stage.held and stage.nearly:
            again = await probe(rate)
            stages += 1
            stage = again if again.held else stage
        if stage.held:
            held = stage
        else:
            lost = stage
        if held is not None and lost is not None:
            rate = (held.rate_per_second + lost.rate_per_second) / 2
        else:
            rate = rate * _GROWTH if held is not None else rate / _GROWTH
    return Rate(name, held, lost, stages)


def _found(held: Stage | None, lost: Stage | None) -> bool:
    return held is not None and lost is not None and lost.rate_per_second <= _APART * held.rate_per_second
