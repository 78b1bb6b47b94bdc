"""Start-up after a crash with orders in flight: how long until it listens, and until all are found.

An order in flight is one that was sent and not answered: in doubt. One is made on each connection (the stub
answers it with a 503 and keeps quiet about it), the router is killed, and the rows are written again under
other ids until there are as many as wanted. Then the router starts over a stub that finds them.
"""

import asyncio
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Final

import msgspec

from bench.driver import FILLED, MARKET, Driver
from bench.growth.curve import Curve, Series
from bench.growth.rows import Template, fill
from bench.process import RouterConfig, start_router
from bench.stores import Stores
from bench.stub import Stub
from bench.subject import BOOK_MS, feeds_up

IN_FLIGHT: Final = (1_000, 3_000, 10_000)
_CONNECTIONS: Final = 4
_RESOLVED_S: Final = 300.0


class Recovery(msgspec.Struct, frozen=True):
    """Seconds from the start of the process: until it listens, until no order is in doubt; what that took."""

    listening_s: float
    resolved_s: float
    cpu_s: float
    requests: int
    resident_mb: float


async def recovery(stores: Stores) -> list[Curve]:
    """Start-up against orders in flight at the crash."""
    base = stores.folder / "crash.db"
    templates = await _crash(stores, base)
    found: list[tuple[int, Recovery]] = []
    for count in IN_FLIGHT:
        path = stores.folder / f"crash_{count}.db"
        shutil.copy(base, path)
        for number, template in enumerate(templates):
            each = count // len(templates)
            await asyncio.to_thread(fill, path, template, number * each, each)
        found.append((count, await _recover(stores, path)))
    x_title = "orders in flight at the crash"
    requests = found[-1][1].requests / found[-1][0]
    return [
        Curve(
            "recovery",
            "From the start of the process, 4 connections, SQLite FULL",
            x_title,
            "seconds",
            "s for each order",
            [
                Series("until it listens", [(n, each.listening_s) for n, each in found]),
                Series("until all are found", [(n, each.resolved_s) for n, each in found]),
                Series("CPU by then", [(n, each.cpu_s) for n, each in found]),
            ],
            note=f"{requests:.1f} requests an order",
        ),
    ]


async def _crash(stores: Stores, path: Path) -> list[Template]:
    """A journal with an order in doubt on each connection, and the rows of each."""
    stub = Stub(_CONNECTIONS)
    port = await stub.start(BOOK_MS)
    config = RouterConfig(f"sqlite:///{path}", (port,) * _CONNECTIONS, answer_deadline_ms=200)
    router = start_router("crash", config, stores.folder)
    driver = Driver(await asyncio.to_thread(router.wait), "crash")
    await feeds_up(stub, _CONNECTIONS)
    await driver.closed_loop(50, 1)
    stub.loses, driver.final = True, FILLED
    names = []
    for index in range(_CONNECTIONS):
        driver.terms = f'{MARKET},"connections":["c{index}"]'
        names.append(f"crash-in-doubt-{index}")
        driver.name = lambda _number: names[-1]
        await driver.closed_loop(1, 1)
    driver.close()
    router.kill()
    await stub.stop()
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()
    return [Template(path, name) for name in names]


async def _recover(stores: Stores, path: Path) -> Recovery:
    stub = Stub(_CONNECTIONS, finds=True)
    port = await stub.start(BOOK_MS)
    config = RouterConfig(f"sqlite:///{path}", (port,) * _CONNECTIONS)
    began = time.monotonic()
    router = start_router(path.stem, config, stores.folder)
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        await asyncio.to_thread(router.wait, _RESOLVED_S)
        listening_s = time.monotonic() - began
        async with asyncio.timeout(_RESOLVED_S):
            while _open(base):  # noqa: ASYNC110 - another process writes it, and tells nobody
                await asyncio.sleep(0.1)
        return Recovery(
            listening_s=listening_s,
            resolved_s=time.monotonic() - began,
            cpu_s=router.cpu_ns() / 1e9,
            requests=stub.requests,
            resident_mb=router.resident_kb() / 1024,
        )
    finally:
        base.close()
        await asyncio.to_thread(router.stop)
        await stub.stop()


def _open(base: sqlite3.Connection) -> int:
    """Orders that have not ended, as the journal has them."""
    count: int = base.execute("SELECT count(*) FROM orders WHERE stage < 2").fetchone()[0]
    return count
