"""Growth with limit orders that rest at their counterparties."""

from typing import Final

from bench.driver import FILLED, MARKET, Driver
from bench.growth.curve import Curve, Series
from bench.growth.gauge import gauge
from bench.growth.rig import rig
from bench.stores import Stores
from bench.stub import Stub

OPEN_ORDERS: Final = (0, 1_000, 10_000, 30_000, 100_000)
_IN_FLIGHT: Final = 32
_RESTING: Final = '"side":"buy","type":"limit","quantity":"0.5","limit_price":"90.00","time_in_force":"GTC"'


async def open_orders(stores: Stores) -> list[Curve]:
    """A market order's cost, and memory, against limit orders that rest."""
    cpu: list[tuple[float, float]] = []
    p50: list[tuple[float, float]] = []
    tail: list[tuple[float, float]] = []
    idle: list[tuple[float, float]] = []
    memory: list[tuple[float, float]] = []
    async with rig(stores, "open_orders", Stub(4, keeps=True)) as made:
        driver, resting = made.driver, 0
        for count in OPEN_ORDERS:
            if count > resting:
                driver.terms, driver.final = _RESTING, b'"new"'
                resting += await _rest(driver, count - resting)
                driver.terms, driver.final = MARKET, FILLED
            found = await gauge(made.router, driver)
            cpu.append((count, found.cpu_us))
            p50.append((count, found.p50_us))
            tail.append((count, found.p999_ms))
            idle.append((count, found.idle_percent))
            memory.append((count, found.resident_kb / 1024))
    each_kb = (memory[-1][1] - memory[1][1]) * 1024 / (memory[-1][0] - memory[1][0])
    x_title = "orders that rest"
    return [
        Curve(
            "open-orders",
            "A market order against orders that rest, 4 connections",
            x_title,
            "µs",
            "µs for each order that rests",
            [Series("CPU, 32 in flight", cpu), Series("median, one at a time", p50)],
        ),
        Curve(
            "open-orders-tail",
            "The slowest of 1000 market orders against orders that rest, 32 in flight",
            x_title,
            "p99.9 ms",
            "ms for each order that rests",
            [Series("router", tail)],
        ),
        Curve(
            "open-orders-memory",
            "Memory against orders that rest",
            x_title,
            "resident MB",
            "MB for each order that rests",
            [Series("router", memory)],
            note=f"{each_kb:.1f} kB an order that rests",
        ),
        Curve(
            "open-orders-idle",
            "What orders that rest cost while nothing else happens",
            x_title,
            "% of a core",
            "% for each order that rests",
            [Series("router", idle)],
        ),
    ]


async def _rest(driver: Driver, count: int) -> int:
    """Place orders until `count` rest; how many do. Raises `RuntimeError` for an answer but 200 or 503."""
    resting = 0
    while resting < count:
        placed = await driver.closed_loop(max(_IN_FLIGHT, count - resting), _IN_FLIGHT)
        if set(placed.wrong) - {"503"}:
            raise RuntimeError(f"expected orders that rest, was also {placed.wrong}")
        resting += len(placed.latencies_ns) - sum(placed.wrong.values())
    return resting
