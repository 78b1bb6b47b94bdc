"""Downloads: in constant memory, cut off where they break, ended where nobody listens."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable, Collection, Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient

from router.core.account import TradePage, TradeWindow, VenueTrade
from router.core.order import Order
from router.http.context import Failure
from router.ports import StoreError
from router.reports.service import Reports
from router.reports.trades import TRADES_A_READ, TradeQuery
from tests.unit.reports import fakes

PATH = "/v1/reports/trades?format=csv"


class Told(fakes.ManyTrades):
    """Calls `at` before each page."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.pages = 0
        self.at: Callable[[int], Any] = lambda page: None

    async def trades(self, window: TradeWindow, offset: int, limit: int) -> TradePage:
        self.pages += 1
        told = self.at(self.pages)
        if told is not None:
            await told
        return await super().trades(window, offset, limit)


@pytest.fixture
def many() -> Told:
    return Told(TRADES_A_READ * 8)


@pytest.fixture
def journal() -> fakes.FakeJournal:
    return fakes.FakeJournal()


@pytest.fixture
def reports(many: Told, journal: fakes.FakeJournal) -> Reports:
    return fakes.reports(fakes.spot(many), journal=journal)


async def test_a_whole_download_ends_well(client: TestClient, many: Told) -> None:
    answer = await client.get(PATH)
    lines = (await answer.text()).splitlines()
    assert len(lines) == many.count + 1
    assert answer.headers["Transfer-Encoding"] == "chunked"


async def test_rows_come_while_others_are_read(client: TestClient, many: Told) -> None:
    seen = asyncio.Event()
    many.at = lambda page: seen.wait() if page == 3 else None
    async with client.get(PATH) as answer:
        first = await answer.content.readline()
        assert first.startswith(b"connection_id,")
        async with asyncio.timeout(20):  # where the last row is held back, it would never come
            rows = [await answer.content.readline() for _ in range(2 * TRADES_A_READ)]
        assert b"trade-000000499" in rows[-1]
        seen.set()
        assert len((await answer.read()).splitlines()) == many.count - len(rows)


async def test_a_download_that_breaks_does_not_look_whole(
    client: TestClient, many: Told, journal: fakes.FakeJournal, failures: list[Failure]
) -> None:
    def broken(page: int) -> None:
        if page == 5:
            journal.error = StoreError("the disk is gone")

    many.at = broken
    answer = await client.get(PATH)
    assert answer.status == 200
    with pytest.raises(aiohttp.ClientPayloadError):
        await answer.read()
    assert [(f.route, str(f.error)) for f in failures] == [("/v1/reports/trades", "the disk is gone")]


async def test_a_reconciliation_that_breaks_does_not_look_whole(
    client: TestClient, many: Told, journal: fakes.FakeJournal, failures: list[Failure]
) -> None:
    def broken(page: int) -> None:
        if page == 5:
            journal.error = StoreError("the disk is gone")

    many.at = broken
    answer = await client.get("/v1/reports/reconciliation?connection=bitgo-spot")
    with pytest.raises(aiohttp.ClientPayloadError):
        await answer.read()
    assert len(failures) == 1


async def test_a_connection_that_fails_half_way_is_told_and_the_report_ends_well(
    client: TestClient, many: Told
) -> None:
    def down(page: int) -> None:
        if page >= 5:
            many.error = fakes.DOWN

    many.at = down
    lines = (await (await client.get(PATH)).text()).splitlines()
    assert len(lines) == 1 + 4 * TRADES_A_READ + 1
    assert lines[-1].endswith(f'"venue_unavailable: {fakes.DOWN.detail}"')


async def test_nobody_reads_on_for_a_caller_who_is_gone(
    client: TestClient, many: Told, failures: list[Failure]
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        reached.set()
        await go_on.wait()

    many.at = lambda page: wait() if page == 3 else None
    # Nothing is found, so nothing is written that could fail.
    answer = await client.get(f"{PATH}&product=ETH-USD")
    await reached.wait()
    answer.close()
    await client.session.close()
    for _ in range(10):
        await asyncio.sleep(0)  # the server's transport hears of the hang-up
    go_on.set()
    await client.server.close()
    assert many.pages < 8
    assert failures == []


class Counting(fakes.FakeJournal):
    """Counts the trades that are alive whenever a page of them has come."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        gc.collect()
        # What the test runner keeps of other tests.
        self.before = self._alive()

    @staticmethod
    def _alive() -> int:
        return sum(isinstance(thing, VenueTrade) for thing in gc.get_objects())

    async def orders_at_venue(
        self, connection_id: str, venue_order_ids: Collection[str]
    ) -> Mapping[str, Order]:
        self.most = max(self.most, self._alive() - self.before)
        return await super().orders_at_venue(connection_id, venue_order_ids)


@pytest.mark.parametrize("pages", [4, 20])
async def test_no_more_than_two_pages_of_trades_are_alive(pages: int) -> None:
    journal, many = Counting(), fakes.ManyTrades(TRADES_A_READ * pages)
    scroll = await fakes.reports(fakes.spot(many), journal=journal).trades(None, TradeQuery(), None, None)
    rows = 0
    while not scroll.done:
        if scroll.take() is None:
            await scroll.read()
        else:
            rows += 1
    assert rows == many.count
    assert TRADES_A_READ <= journal.most <= 2 * TRADES_A_READ


async def peak_bytes(client: TestClient, path: str) -> int:
    """The most memory that a download takes, above what was there."""
    gc.collect()
    tracemalloc.start()
    try:
        async with client.get(path) as answer:
            async for _ in answer.content.iter_any():
                pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_four_times_the_rows_take_about_the_same_memory(client: TestClient, many: Told) -> None:
    await peak_bytes(client, PATH)  # what is loaded and cached once
    peaks = []
    for pages in (8, 32):
        many.count = TRADES_A_READ * pages
        peaks.append(await peak_bytes(client, PATH))
    # The six thousand rows more are a megabyte of CSV, and four as objects. Buffers of sockets vary by less.
    assert peaks[1] < peaks[0] + 700_000
