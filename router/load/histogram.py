"""Latencies in buckets of a known relative error: HDR bucketing, in whole microseconds.

A value below 2,048 µs has a bucket of its own; above, each doubling of the value doubles the width of its
1,024 buckets. So a bucket is at most 1/1,024 as wide as its values are large: three significant digits from a
microsecond to a minute, whatever the shape. The buckets are those of HdrHistogram with three digits. Its
Python package is not used: it has no wheel for Linux on ARM, where the router's image is built without a
compiler.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

LATENCY_US_MAX: Final = 60_000_000
"""A minute. What took longer is counted as a minute, and told apart (`beyond`)."""

_BITS: Final = 11
_HALF: Final = 1 << (_BITS - 1)
RELATIVE_ERROR_MAX: Final = Fraction(1, _HALF)
"""A told percentile is at least the value that it stands for, and at most this part of it more."""


def highest_of(index: int) -> int:
    """The highest value of a bucket, in µs."""
    shift = max(0, (index >> (_BITS - 1)) - 1)
    return ((index - (shift << (_BITS - 1)) + 1) << shift) - 1


class Histogram:
    """Counts of latencies in µs."""

    __slots__ = ("beyond", "buckets", "count", "max_us", "sum_us")

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        """Counts by bucket (`highest_of`); those that are not there are zero."""
        self.count = 0
        self.sum_us = 0
        self.max_us = 0
        """The largest value as it was, but for what is `beyond`."""
        self.beyond = 0
        """Values past `LATENCY_US_MAX`, counted as that."""

    def record(self, value_us: int) -> None:
        """Count a latency; one below zero, of a clock that cannot be, as zero."""
        if value_us > LATENCY_US_MAX:
            self.beyond += 1
            value_us = LATENCY_US_MAX
        elif value_us < 0:
            value_us = 0
        shift = value_us.bit_length() - _BITS
        index = value_us if shift <= 0 else (shift << (_BITS - 1)) + (value_us >> shift)
        counts = self.buckets
        counts[index] = counts.get(index, 0) + 1
        self.count += 1
        self.sum_us += value_us
        self.max_us = max(self.max_us, value_us)

    def add(self, other: "Histogram") -> None:
        """Count all that another has counted."""
        counts = self.buckets
        for index, count in other.buckets.items():
            counts[index] = counts.get(index, 0) + count
        self.count += other.count
        self.sum_us += other.sum_us
        self.max_us = max(self.max_us, other.max_us)
        self.beyond += other.beyond

    @property
    def mean_us(self) -> int:
        """The mean, to the microsecond below; 0 where nothing was counted."""
        return self.sum_us // self.count if self.count else 0

    def percentiles(self, percents: Iterable[str]) -> list[int]:
        """The smallest latencies in µs that so many percent do not pass; 0 where nothing was counted.

        They are asked in ascending order, for one walk over the buckets.
        A percentage is a decimal text (`"99.9"`), since its rank is exact: of 1,000 values the 999th.
        """
        ranks = [max(1, math.ceil(Fraction(percent) / 100 * self.count)) for percent in percents]
        if not self.count:
            return [0] * len(ranks)
        found: list[int] = []
        passed = 0
        buckets = iter(sorted(self.buckets))
        index = 0
        for rank in ranks:
            while passed < rank:
                index = next(buckets)
                passed += self.buckets[index]
            found.append(min(highest_of(index), self.max_us))
        return found
