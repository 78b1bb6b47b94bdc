"""Reads over a raw socket: what never came, what broke off, what the budget and the score are told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from router.ports import BudgetSpentError, Lane, OffWireError, VenueUnreachableError
from router.secrets import Secret
from tests.unit.venues.custody_platform import TOKEN
from tests.unit.venues.support import SECOND, Requests, WallClock, http, raw_server
from venues.bitgo_custody.errors import said
from venues.bitgo_custody.wire import Wallets
from venues.transport.budget import RequestBudget
from venues.transport.health import Score
from venues.transport.reader import Reader
from venues.transport.timing import Timing

NO_WALLETS = http(200, {"wallets": []})


class Reading:
    """A reader, and what it recorded."""

    def __init__(self, port: int, requests: int, window_ns: int = SECOND) -> None:
        self.clock = WallClock()
        self.score = Score()
        self.budget = RequestBudget(requests, self.clock, window_ns)
        self.recorded: list[tuple[str, str, str | None]] = []
        self.reader = Reader(
            Secret(TOKEN),
            self.budget,
            self.clock,
            Timing(read_ms=300, connect_ms=100),
            self.score,
            said,
            lambda operation, result, _latency, request_id: self.recorded.append(
                (operation, result, request_id)
            ),
        )
        self._url = URL(f"http://127.0.0.1:{port}/api/v2/wallets")

    async def read(self, wait_ms: int = 2000, bytes_max: int = 1000) -> Wallets:
        return await self.reader.read(
            "wallets", self._url, kind=Wallets, lane=Lane.CANCEL, wait_ms=wait_ms, bytes_max=bytes_max
        )


@asynccontextmanager
async def reading(
    *steps: bytes | str, requests: int = 10, window_ns: int = SECOND
) -> AsyncIterator[tuple[Reading, Requests]]:
    server = Requests(*steps)
    async with raw_server(server.serve) as port:
        found = Reading(port, requests, window_ns)
        found.reader.open()
        try:
            yield found, server
        finally:
            await found.reader.close()


async def test_a_success_is_read_and_recorded() -> None:
    async with reading(NO_WALLETS) as (found, server):
        assert (await found.read()).wallets == []
    assert found.recorded == [("wallets", "ok", None)]
    assert f"Authorization: Bearer {TOKEN}\r\n" in server.heads[0]
    assert "User-Agent: caas-router/" in server.heads[0]
    assert found.score.latency_ns is not None


@pytest.mark.parametrize(
    ("step", "result"),
    [("close", "reset"), ("reset", "reset"), ("hang", "timeout"), (b"junk\r\n\r\n", "off_wire")],
)
async def test_what_never_came_is_unreachable_and_sent_once(step: bytes | str, result: str) -> None:
    async with reading(step) as (found, server):
        with pytest.raises(VenueUnreachableError) as caught:
            await found.read()
        assert found.budget.left() == 9
    assert TOKEN not in caught.value.detail
    assert found.recorded == [("wallets", result, None)]
    assert found.score.error_rate == 1
    assert len(server.heads) == 1


@pytest.mark.parametrize("step", ["close", "hang", b"junk\r\n\r\n", NO_WALLETS])
async def test_a_request_that_may_have_arrived_is_counted_for_one_window(step: bytes | str) -> None:
    async with reading(step, NO_WALLETS, requests=1, window_ns=SECOND // 1000) as (found, server):
        with contextlib.suppress(VenueUnreachableError):
            await found.read()
        assert found.budget.left() == 0
        assert (await found.read()).wallets == []
    assert len(server.heads) == 2


async def test_an_answer_that_is_too_long_is_not_kept() -> None:
    async with reading(http(200, {"wallets": [], "x": "y" * 1000})) as (found, _):
        with pytest.raises(VenueUnreachableError, match="expected at most 1000 bytes"):
            await found.read()
        assert (await found.read(bytes_max=2000)).wallets == []


@pytest.mark.parametrize(
    ("answer", "result", "failed"),
    [
        (http(403, {"error": "no", "name": "Forbidden", "requestId": "r"}), "refused", False),
        (http(404, {"error": "no wallet"}), "refused", False),
        (http(401, {"error": "unauthorized"}), "refused", True),
        (http(403, b"<html>"), "off_wire", True),
        (http(500, {"error": "oops"}), "server_error", True),
        (http(302, Location="/elsewhere"), "off_wire", True),
        (http(201, {"wallets": []}), "off_wire", True),
    ],
)
async def test_what_counts_as_a_failure(answer: bytes, result: str, *, failed: bool) -> None:
    async with reading(answer) as (found, server):
        with pytest.raises(VenueUnreachableError):
            await found.read()
    assert [entry[1] for entry in found.recorded] == [result]
    assert found.score.error_rate == (1 if failed else 0)
    assert len(server.heads) == 1


async def test_a_429_is_waited_out_by_its_retry_after_and_not_beyond_the_wait() -> None:
    slow = http(429, {"error": "slow down"}, Retry_After="30")
    async with reading(slow, NO_WALLETS) as (found, server):
        with pytest.raises(BudgetSpentError):
            await found.read(wait_ms=50)
        assert found.budget.left() == 0
    assert len(server.heads) == 1


async def test_without_budget_in_time_nothing_is_sent() -> None:
    async with reading(NO_WALLETS, requests=1) as (found, server):
        assert found.budget.try_take(Lane.CANCEL)
        with pytest.raises(BudgetSpentError):
            await found.read(wait_ms=1)
    assert server.heads == []
    assert found.recorded == []


async def test_one_that_was_closed_while_it_waited_sends_nothing_and_gives_back() -> None:
    async with reading(NO_WALLETS, requests=1) as (found, server):
        assert found.budget.try_take(Lane.CANCEL)
        waiting = asyncio.create_task(found.read())
        await asyncio.sleep(0)
        await found.reader.close()
        found.budget.unused()
        with pytest.raises(VenueUnreachableError, match="not running"):
            await waiting
        assert found.budget.left() == 1
    assert server.heads == []


async def test_one_that_is_cancelled_midway_keeps_the_budget_right() -> None:
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await reader.read()

    async with raw_server(serve) as port:
        found = Reading(port, 2, SECOND // 1000)
        found.reader.open()
        try:
            asked = asyncio.create_task(found.read())
            await arrived.wait()
            asked.cancel()
            await asyncio.wait({asked})
            assert asked.cancelled()
            # It may have arrived: its slot rests like one that was answered, and is free again then.
            assert found.budget.left() == 1
            await found.budget.take(Lane.CANCEL, found.clock.now() + SECOND)
            await found.budget.take(Lane.CANCEL, found.clock.now() + SECOND)
        finally:
            await found.reader.close()


async def test_a_success_of_another_shape_is_off_the_wire() -> None:
    async with reading(http(200, {"wallets": {}})) as (found, _):
        with pytest.raises(OffWireError, match="expected Wallets"):
            await found.read()
    assert [entry[1] for entry in found.recorded] == ["off_wire"]
