"""Medians, ranges and percentiles of rounds, and ratios between two subjects of one round. Pure."""

import math
import statistics
from collections.abc import Sequence

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """A median with the least and the greatest of its rounds."""

    median: float
    least: float
    greatest: float


class Block(msgspec.Struct, frozen=True):
    """One block of orders of one subject: what it cost and how long each order took, in nanoseconds."""

    orders: int
    cpu_ns: int
    latencies_ns: list[int]
    requests: int
    wrong: dict[str, int]
    driver_busy: float
    """Share of the block's time that the driver's process was busy: near 1, the driver is what limits."""


class Load(msgspec.Struct, frozen=True):
    """A subject at one number of orders in flight, over all rounds; times in microseconds.

    `p999_us` is of the orders of all rounds together, since one round has too few; `wrong`: answers that were
    no fill, by how they began.
    """

    in_flight: int
    rounds: int
    orders: int
    cpu_us: Spread
    p50_us: Spread
    p99_us: Spread
    p999_us: float
    requests_per_order: float
    driver_busy: float
    wrong: dict[str, int]


def spread(values: Sequence[float]) -> Spread:
    """Median and range. Raises `ValueError` where there is no value."""
    if not values:
        raise ValueError("expected at least one value, was none")
    return Spread(statistics.median(values), min(values), max(values))


def percentile(ordered: Sequence[int], share: float) -> int:
    """The least value that at least `share` of the values do not exceed; of values in rising order."""
    if not ordered:
        raise ValueError("expected at least one value, was none")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def load_of(in_flight: int, blocks: Sequence[Block]) -> Load:
    """What the blocks of all rounds say together."""
    orders = sum(block.orders for block in blocks)
    sorted_blocks = [sorted(block.latencies_ns) for block in blocks]
    every = sorted(latency for block in sorted_blocks for latency in block)
    wrong: dict[str, int] = {}
    for block in blocks:
        for what, count in block.wrong.items():
            wrong[what] = wrong.get(what, 0) + count
    return Load(
        in_flight=in_flight,
        rounds=len(blocks),
        orders=orders,
        cpu_us=spread([block.cpu_ns / block.orders / 1000 for block in blocks]),
        p50_us=spread([percentile(ordered, 0.5) / 1000 for ordered in sorted_blocks]),
        p99_us=spread([percentile(ordered, 0.99) / 1000 for ordered in sorted_blocks]),
        p999_us=percentile(every, 0.999) / 1000,
        requests_per_order=sum(block.requests for block in blocks) / orders,
        driver_busy=statistics.median(block.driver_busy for block in blocks),
        wrong=wrong,
    )


def ratio(over: Sequence[float], under: Sequence[float]) -> Spread:
    """What one costs in terms of the other, round by round: both of a round had the same machine."""
    return spread([one / other for one, other in zip(over, under, strict=True)])


def cpu_us(blocks: Sequence[Block]) -> list[float]:
    """Processor time an order of each round."""
    return [block.cpu_ns / block.orders / 1000 for block in blocks]


def p50_us(blocks: Sequence[Block]) -> list[float]:
    """Median latency of each round."""
    return [percentile(sorted(block.latencies_ns), 0.5) / 1000 for block in blocks]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line through the points by least squares; 0 for fewer than two places."""
    mean_x = statistics.fmean(x for x, _ in points)
    mean_y = statistics.fmean(y for _, y in points)
    square = sum((x - mean_x) ** 2 for x, _ in points)
    return 0.0 if square == 0 else sum((x - mean_x) * (y - mean_y) for x, y in points) / square
