"""One router on a core against two on two cores that share one PostgreSQL.

Driver, stub and PostgreSQL are on the last core in every case, beside the second router where there is one:
that is the machine that there is, and what the second router can get is what they leave.
"""

import asyncio
import os
import time
from contextlib import AsyncExitStack

from bench.cores import DRIVER, MEASURED, SHARED, pin
from bench.rate import Rate, Stage, highest, stage_of
from bench.run import told
from bench.stores import Stores
from bench.subject import Plan, Subject
from bench.tables import rate_table, table

_CONNECTIONS_MAX = 256
_STAGE_S = 1.5


async def routers() -> str:
    """The highest rate held by each arrangement, and the processor time of an order at that rate."""
    pin(os.getpid(), {DRIVER})
    if SHARED:
        return "left out: there is one core, so a second router has nothing to run on"
    rates, rows = [], []
    with Stores() as stores:
        if "postgresql" in stores.missing:
            return f"left out: {stores.missing['postgresql']}"
        for title, store, count in (
            ("one router, SQLite", "sqlite", 1),
            ("one router, PostgreSQL", "postgresql", 1),
            ("two routers, PostgreSQL", "postgresql", 2),
        ):
            rate, cpu_us = await _arrangement(title, stores, store, count)
            rates.append(rate)
            rows.append((title, f"{cpu_us:.0f}"))
    costs = table(("32 in flight at each router", "CPU µs an order, routers alone"), rows)
    return f"{rate_table(rates)}\n\n{costs}"


async def _arrangement(title: str, stores: Stores, store: str, count: int) -> tuple[Rate, float]:
    url = stores.url(store, title.replace(" ", "_").replace(",", "")) or ""
    async with AsyncExitStack() as stack:
        subjects = []
        for number in range(count):
            plan = Plan(f"router-{count}-{store}-{number}", title, "streamed", 4, store=url)
            subject = await Subject.start(plan, stores.folder)
            stack.push_async_callback(subject.stop)
            pin(subject.process.pid, {(MEASURED, DRIVER)[number]})
            subjects.append(subject)
        cpu_us = await _cpu_us(subjects)

        async def probe(rate: float) -> Stage:
            wall, busy = time.perf_counter(), time.process_time()
            blocks = await asyncio.gather(
                *(each.driver.open_loop(rate / count, _STAGE_S, _CONNECTIONS_MAX) for each in subjects)
            )
            share = (time.process_time() - busy) / (time.perf_counter() - wall)
            wrong: dict[str, int] = {}
            for block in blocks:
                for what, times in block.wrong.items():
                    wrong[what] = wrong.get(what, 0) + times
            stage = stage_of(rate, [ns for block in blocks for ns in block.latencies_ns], wrong, share)
            told(f"  {title}: {rate:.0f}/s, p99 {stage.p99_ms:.1f} ms {stage.wrong or ''}")
            return stage

        await probe(400)
        return await highest(title, 0.7e6 / cpu_us * count, probe), cpu_us


async def _cpu_us(subjects: list[Subject]) -> float:
    orders = 2000
    for each in subjects:
        await each.driver.closed_loop(300, 32)
    cpu_ns = sum(each.process.cpu_ns() for each in subjects)
    await asyncio.gather(*(each.driver.closed_loop(orders, 32) for each in subjects))
    cpu_ns = sum(each.process.cpu_ns() for each in subjects) - cpu_ns
    return cpu_ns / orders / len(subjects) / 1000
