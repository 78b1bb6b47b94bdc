"""A stub, a router over it and a driver, for as long as a measurement needs them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.driver import Driver
from bench.process import Measured, RouterConfig, start_router
from bench.stores import Stores
from bench.stub import Stub
from bench.subject import BOOK_MS, feeds_up


class Rig:
    """What stands while it is measured."""

    def __init__(self, stub: Stub, router: Measured, driver: Driver) -> None:
        self.stub = stub
        self.router = router
        self.driver = driver


@asynccontextmanager
async def rig(
    stores: Stores,
    name: str,
    stub: Stub,
    *,
    store: str | None = None,
    book_ms: float = BOOK_MS,
    start_s: float = 60.0,
) -> AsyncIterator[Rig]:
    """Start them and stop them; `store` is the URL of one that exists already."""
    port = await stub.start(book_ms)
    process = None
    try:
        url = store or stores.url("sqlite", name) or ""
        process = start_router(name, RouterConfig(url, (port,) * stub.accounts), stores.folder)
        driver = Driver(await asyncio.to_thread(process.wait, start_s), name)
        await feeds_up(stub, stub.accounts)
        yield Rig(stub, process, driver)
        driver.close()
    finally:
        if process is not None:
            await asyncio.to_thread(process.stop)
        await stub.stop()
