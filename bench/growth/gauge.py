"""One measurement of a running router: an order's cost under load, without what the router does when idle."""

import asyncio
import statistics
import time
from typing import Final

import msgspec

from bench.driver import Driver
from bench.figures import percentile
from bench.process import Measured

IN_FLIGHT: Final = 32
_WARM: Final = 400
_ONE_AT_A_TIME: Final = 300


class Gauge(msgspec.Struct, frozen=True):
    """CPU of an order at 32 in flight, less what idling takes; the median latency one at a time; the rest."""

    cpu_us: float
    p50_us: float
    p999_ms: float
    """At 32 in flight: what stops the loop, such as a full collection of garbage, shows here."""
    idle_percent: float
    """Share of a core that the router takes while no order comes: books, balances, timers."""
    resident_kb: int


async def idle_share(process: Measured, seconds: float) -> float:
    """Share of a core that the process takes while nothing is asked of it."""
    cpu, wall = process.cpu_ns(), time.perf_counter_ns()
    await asyncio.sleep(seconds)
    return (process.cpu_ns() - cpu) / (time.perf_counter_ns() - wall)


async def gauge(
    process: Measured, driver: Driver, *, orders: int = 1000, rounds: int = 5, idle_s: float = 1.0
) -> Gauge:
    """Measure; raises `RuntimeError` where an order was not answered as it should be."""
    wrong: dict[str, int] = {}
    await driver.closed_loop(_WARM, IN_FLIGHT)
    idle = await idle_share(process, idle_s)
    costs, latencies_ns = [], []
    for _ in range(rounds):
        cpu, wall = process.cpu_ns(), time.perf_counter_ns()
        block = await driver.closed_loop(orders, IN_FLIGHT)
        wall = time.perf_counter_ns() - wall
        costs.append((process.cpu_ns() - cpu - idle * wall) / orders / 1000)
        latencies_ns += block.latencies_ns
        wrong |= block.wrong
    single = await driver.closed_loop(_ONE_AT_A_TIME, 1)
    wrong |= single.wrong
    if wrong:
        raise RuntimeError(f"{process.name}: expected fills alone, was also {wrong}")
    return Gauge(
        cpu_us=statistics.median(costs),
        p50_us=percentile(sorted(single.latencies_ns), 0.5) / 1000,
        p999_ms=percentile(sorted(latencies_ns), 0.999) / 1e6,
        idle_percent=100 * idle,
        resident_kb=process.resident_kb(),
    )
