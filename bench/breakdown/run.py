"""Samples a router under load, 32 orders in flight, and divides its processor time among the stages."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Final

from bench.breakdown.stages import by_function, by_stage
from bench.driver import Driver
from bench.process import RouterConfig, start_router
from bench.results import Breakdown
from bench.stores import Stores
from bench.stub import Stub
from bench.subject import BOOK_MS, feeds_up

CONNECTIONS: Final = 4
IN_FLIGHT: Final = 32
_LOAD_S: Final = 6.0
_ROUND: Final = 500
_WRITE_S: Final = 20.0
FUNCTIONS: Final = 12


async def breakdown(way: str, stores: Stores, load_s: float = _LOAD_S) -> Breakdown:
    """Where the microseconds of an order go, prices `streamed` or `asked`; SQLite FULL, logs and metrics."""
    stub = Stub(CONNECTIONS, aged=way == "asked")
    port = await stub.start(BOOK_MS)
    name = f"breakdown_{way}"
    config = RouterConfig(stores.url("sqlite", name) or "", (port,) * CONNECTIONS)
    process = start_router(name, config, stores.folder, module="bench.breakdown.sampled")
    samples = Path(stores.folder) / f"{name}.toml.samples"
    driver = None
    try:
        driver = Driver(await asyncio.to_thread(process.wait), name)
        await feeds_up(stub, CONNECTIONS)
        await driver.closed_loop(2 * _ROUND, IN_FLIGHT)
        os.kill(process.pid, signal.SIGUSR1)
        before = process.threads_ns()
        loop, orders = asyncio.get_running_loop(), 0
        until = loop.time() + load_s
        while loop.time() < until:
            await driver.closed_loop(_ROUND, IN_FLIGHT)
            orders += _ROUND
        after = process.threads_ns()
        os.kill(process.pid, signal.SIGUSR2)
        async with asyncio.timeout(_WRITE_S):
            while not samples.exists():  # noqa: ASYNC110 - another process writes it, and tells nobody
                await asyncio.sleep(0.05)
        stacks = [(stack, count) for stack, count in json.loads(samples.read_text())]
        spent = {thread: after[thread] - before.get(thread, 0) for thread in after}
        main_us = spent.pop(str(process.pid)) / orders / 1000
        others_us = sum(spent.values()) / orders / 1000
        stages, seen = by_stage(stacks, main_us, others_us)
        functions = by_function(stacks, main_us, main_us + others_us, FUNCTIONS)
        whole = f"{main_us + others_us:.0f} µs an order"
        title = f"router, {way}, {CONNECTIONS} connections, {IN_FLIGHT} in flight: {whole}"
        return Breakdown(title, seen, stages, functions)
    finally:
        if driver is not None:
            driver.close()
        await asyncio.to_thread(process.stop)
        await stub.stop()
