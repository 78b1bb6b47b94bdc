"""Growth with the journal: from no order to ten million, in one SQLite file with `synchronous=FULL`."""

import asyncio
import http.client
import random
import shutil
import time
from collections.abc import Callable
from typing import Final

from bench.growth.curve import Curve, Series
from bench.growth.gauge import gauge
from bench.growth.rig import rig
from bench.growth.rows import CLIENT_ID, Row, Template, fill
from bench.stores import Stores
from bench.stub import Stub

SIZES: Final = (0, 10_000, 100_000, 1_000_000, 10_000_000)
_SEED: Final = 20261122
_READS: Final = 200
_ROOM: Final = 0.5
"""Share of the disk's room that a journal may take. Past it, documents are cut short."""
_PAGES: Final = 1.5
"""Bytes of the file to bytes of the rows: indexes, and pages that are not full."""


async def journal(stores: Stores, up_to: int) -> list[Curve]:
    """An order's cost, reads and start-up against orders in the journal."""
    series: dict[str, list[tuple[float, float]]] = {
        name: [] for name in ("cpu", "p50", "found", "listed", "start", "bytes")
    }
    path = stores.folder / "journal.db"
    url = f"sqlite:///{path}"
    notes: list[str] = []
    async with rig(stores, "journal_template", Stub(4), store=url) as made:
        await made.driver.closed_loop(100, 4)
    template, rows, whole = Template(path, "journal_template-50"), 0, 0
    for size in (size for size in SIZES if size <= up_to):
        shorten = None
        if size > rows:
            need, room = _PAGES * template.size * (size - rows), shutil.disk_usage(stores.folder).free
            if need > _ROOM * room:
                shorten = _short
                notes.append(
                    f"{size:g}: events and competitions with their keys alone, "
                    f"since {need / 1e9:.0f} GB were needed and {room / 1e9:.0f} GB free"
                )
            await asyncio.to_thread(fill, path, template, rows, size - rows, shorten=shorten)
            rows, whole = size, whole if shorten else size
        draws = random.Random(_SEED + size)  # noqa: S311 - places in an index, no secret
        async with rig(stores, f"journal_{size}", Stub(4), store=url) as made:
            made.driver.name = _anywhere(draws, max(1, size))
            found = await gauge(made.router, made.driver)
            series["cpu"].append((size, found.cpu_us))
            series["p50"].append((size, found.p50_us))
            series["start"].append((size, made.router.started_s * 1000))
            known = [CLIENT_ID % draws.randrange(whole) for _ in range(_READS)] if whole else []
            get = Reads(made.router.port)
            by_id = [f"/v1/orders?client_order_id={name}" for name in known]
            if by_id:
                series["found"].append((size, await asyncio.to_thread(get.median_us, by_id)))
            series["listed"].append((size, await asyncio.to_thread(get.median_us, ["/v1/orders"] * _READS)))
        series["bytes"].append((size, path.stat().st_size / 1e9))
    note = "; ".join(notes)
    x_title = "orders in the journal (axis logarithmic)"
    return [
        Curve(
            "journal",
            "An order against the journal, SQLite FULL, 4 connections",
            x_title,
            "µs",
            "µs for ten times as many",
            [Series("CPU, 32 in flight", series["cpu"]), Series("median, one at a time", series["p50"])],
            decades=True,
            note=note,
        ),
        Curve(
            "journal-reads",
            "Reads over HTTP against the journal",
            x_title,
            "median µs",
            "µs for ten times as many",
            [Series("one, by client id", series["found"]), Series("the first page", series["listed"])],
            decades=True,
        ),
        Curve(
            "journal-start",
            "Start to listening, against the journal",
            x_title,
            "ms",
            "ms for ten times as many",
            [Series("router", series["start"])],
            decades=True,
        ),
        Curve(
            "journal-bytes",
            "The journal's file",
            "orders in the journal",
            "GB",
            "GB an order",
            [Series("file", series["bytes"])],
            note=note,
        ),
    ]


class Reads:
    """GETs over one kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    def median_us(self, paths: list[str]) -> float:
        """The median of reading each path, in microseconds. Raises `RuntimeError` for an answer but 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        times = []
        for path in paths:
            began = time.perf_counter_ns()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            times.append(time.perf_counter_ns() - began)
            if answer.status != 200:
                raise RuntimeError(f"{path}: expected 200, was {answer.status}")
        connection.close()
        return sorted(times)[len(times) // 2] / 1000


def _anywhere(draws: random.Random, size: int) -> Callable[[int], str]:
    """Client ids that fall anywhere among those of the journal: no page of the index is warm for them."""
    return lambda number: f"{CLIENT_ID % draws.randrange(size)}-{number}"


def _short(table: str, row: Row) -> Row:
    """A row that keeps its keys; documents but an order's own become short."""
    if table == "orders":
        return row
    return tuple(b"{}" if isinstance(value, bytes) and value.startswith(b"{") else value for value in row)
