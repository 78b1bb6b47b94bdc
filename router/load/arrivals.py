"""When each request is due: an open loop asks no answer for leave.

The stages give a rate as a function of time; its integral says how many requests are due until then. A
constant load is due where the integral passes a whole number, a Poisson process where it passes the sum of as
many exponential draws: so both follow a ramp exactly, and neither loses a fraction between two stages.
"""

import enum
import math
import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

SECOND_NS: Final = 1_000_000_000


def drawing(seed: int, purpose: str) -> random.Random:
    """A stream of draws for each purpose: how requests are spread changes nothing of what they say."""
    return random.Random(f"{seed} {purpose}")  # noqa: S311 - a load is drawn from it, and no secret


class Arrivals(enum.StrEnum):
    """How requests are spread over time."""

    CONSTANT = "constant"
    """At equal distances of the rate's integral."""
    POISSON = "poisson"
    """Independent of each other, as many callers are."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a run: from `rate` to `ramp_to` requests a second along a straight line.

    `measured`: whether its answers count in the totals of the report; a warm-up's do not.
    """

    name: str
    rate: float
    ramp_to: float
    duration_s: float
    measured: bool = True

    @property
    def requests(self) -> float:
        """How many requests are due in it, on average."""
        return (self.rate + self.ramp_to) / 2 * self.duration_s

    def when(self, requests: float) -> float:
        """After how many seconds so many requests are due."""
        if requests <= 0:
            return 0.0
        slope = (self.ramp_to - self.rate) / self.duration_s
        # Of the two forms of a quadratic's root, the one that subtracts nothing of alike size.
        root = self.rate + math.sqrt(max(0.0, self.rate * self.rate + 2 * slope * requests))
        return min(self.duration_s, 2 * requests / root) if root > 0 else self.duration_s


class Arrival(NamedTuple):
    """A request's intended time, in ns since the run began, and the index of its stage."""

    at_ns: int
    stage: int


def due_times(stages: Sequence[Stage], arrivals: Arrivals, draw: random.Random) -> Iterator[Arrival]:
    """The intended times of a run in ascending order; of a constant load the first is due at once."""
    began_s = 0.0
    passed = 0.0
    target = 0.0 if arrivals is Arrivals.CONSTANT else draw.expovariate(1.0)
    for index, stage in enumerate(stages):
        while target < passed + stage.requests:
            at_s = began_s + stage.when(target - passed)
            yield Arrival(round(at_s * SECOND_NS), index)
            target += 1.0 if arrivals is Arrivals.CONSTANT else draw.expovariate(1.0)
        passed += stage.requests
        began_s += stage.duration_s
