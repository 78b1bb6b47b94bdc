"""Who is measured: a process, the driver that sends it orders and the stub that it trades at."""

import asyncio
import gc
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from bench.driver import Driver
from bench.figures import Block
from bench.process import Measured, RouterConfig, start_router
from bench.stub import Stub

BOOK_MS: Final = 100.0
"""How often each account's book is published."""
_FEEDS_S: Final = 20.0
_WARM_ORDERS: Final = 300
_BLOCK_ORDERS_MIN: Final = 50


class Plan(msgspec.Struct, frozen=True):
    """A subject to be: a floor by its kind, or a router (`store` is its URL).

    `way`: `streamed`, `asked` or `mixed`, where every other account is asked.
    """

    name: str
    title: str
    way: str
    connections: int
    floor: str | None = None
    store: str | None = None
    interpreter: str = sys.executable

    def stub(self) -> Stub:
        """The counterparty for it."""
        every_other = frozenset(range(0, self.connections, 2))
        return Stub(self.connections, aged=every_other if self.way == "mixed" else self.way == "asked")


class Subject:
    """A running process, ready for orders."""

    def __init__(self, plan: Plan, process: Measured, stub: Stub, driver: Driver) -> None:
        self.plan = plan
        self.process = process
        self.stub = stub
        self.driver = driver
        self.orders: dict[int, int] = {}

    @classmethod
    async def start(cls, plan: Plan, folder: Path) -> "Subject":
        """Start the stub and the process, and wait until it takes orders."""
        stub = plan.stub()
        port = await stub.start(BOOK_MS)
        if plan.floor is not None:
            command = ["bench.floors", plan.floor, str(port), str(plan.connections), plan.way]
            process = Measured(plan.name, command, interpreter=plan.interpreter)
        else:
            config = RouterConfig(plan.store or "", (port,) * plan.connections)
            process = start_router(plan.name, config, folder, interpreter=plan.interpreter)
        try:
            driver = Driver(await asyncio.to_thread(process.wait), plan.name)
            if plan.floor is None:
                await feeds_up(stub, plan.connections)
        except BaseException:
            process.stop()
            await stub.stop()
            raise
        return cls(plan, process, stub, driver)

    async def calibrate(self, in_flight: int, block_s: float) -> None:
        """Warm up, and find how many orders make a block of about `block_s`."""
        await self.driver.closed_loop(_WARM_ORDERS, in_flight)
        began = time.perf_counter()
        await self.driver.closed_loop(_WARM_ORDERS, in_flight)
        rate = _WARM_ORDERS / (time.perf_counter() - began)
        self.orders[in_flight] = max(_BLOCK_ORDERS_MIN, 2 * in_flight, int(rate * block_s))

    async def block(self, in_flight: int) -> Block:
        """Measure one block."""
        orders = self.orders[in_flight]
        requests, cpu_ns = self.stub.requests, self.process.cpu_ns()
        wall_ns, driver_ns = time.perf_counter_ns(), time.process_time_ns()
        sent = await self.driver.closed_loop(orders, in_flight)
        wall_ns, driver_ns = time.perf_counter_ns() - wall_ns, time.process_time_ns() - driver_ns
        return Block(
            orders=orders,
            cpu_ns=self.process.cpu_ns() - cpu_ns,
            latencies_ns=sent.latencies_ns,
            requests=self.stub.requests - requests,
            wrong=sent.wrong,
            driver_busy=driver_ns / wall_ns,
        )

    async def stop(self) -> None:
        """Stop all of it."""
        self.driver.close()
        await asyncio.to_thread(self.process.stop)
        await self.stub.stop()


async def feeds_up(stub: Stub, feeds: int) -> None:
    """Wait until the router follows every account. Raises `TimeoutError`."""
    async with asyncio.timeout(_FEEDS_S):
        while stub.feeds < feeds:  # noqa: ASYNC110 - the stub answers, and tells nobody
            await asyncio.sleep(0.05)
    # The first order subscribes the books; what the feed has sent by then is there.
    await asyncio.sleep(0.3)


async def interleaved(
    subjects: list[Subject], loads: tuple[int, ...], rounds: int, block_s: float
) -> dict[str, dict[int, list[Block]]]:
    """Blocks by subject and load: in each round every subject has its turn, so all have the same machine."""
    for subject in subjects:
        for in_flight in loads:
            await subject.calibrate(in_flight, block_s)
    found: dict[str, dict[int, list[Block]]] = {each.plan.name: {k: [] for k in loads} for each in subjects}
    gc.collect()
    gc.disable()  # A collection of the driver's would be somebody's latency.
    try:
        for _ in range(rounds):
            for in_flight in loads:
                for subject in subjects:
                    found[subject.plan.name][in_flight].append(await subject.block(in_flight))
            gc.collect()
    finally:
        gc.enable()
    return found
