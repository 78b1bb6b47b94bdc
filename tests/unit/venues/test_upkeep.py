"""When the balances of an account are read: on a timer, and soon after something spoiled them, gathered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from router.ports import Lane, VenueUnreachableError
from tests.contract.venue_kit import Recorder
from tests.unit.build import connection
from tests.unit.venues.support import SECOND, LoopClock, draws
from tests.virtual_loop import in_virtual_time
from venues.transport.backoff import Backoff
from venues.transport.standing import Standing
from venues.transport.timing import Timing
from venues.transport.upkeep import GATHER_MS, Upkeep

REFRESH_MS = 5000
READ_S = 0.02


class Account:
    """Keeps when each reading began; `down`: none of them comes about."""

    def __init__(self, clock: LoopClock) -> None:
        self.clock = clock
        self.begun: list[int] = []
        self.down = False

    async def read_products(self) -> None:
        pass

    async def state_balances(self, lane: Lane) -> None:
        self.begun.append(self.clock.now())
        await asyncio.sleep(READ_S)
        if self.down:
            raise VenueUnreachableError("gone")


@asynccontextmanager
async def kept(*, pts: bool = False) -> AsyncIterator[tuple[Upkeep, Account]]:
    """An account that is kept up, its start over and its readings forgotten."""
    clock = LoopClock()
    account = Account(clock)
    standing = Standing(clock, lambda: None, streams=False)
    upkeep = Upkeep(
        connection("spot", pts=pts),
        REFRESH_MS,
        account,
        standing,
        clock,
        Timing(),
        lambda: Backoff(5, 20, draws()),
    )
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(_keep(upkeep))
        await asyncio.sleep(0.1)
        account.begun.clear()
        yield upkeep, account
        keeping.cancel()
    await upkeep.close()


async def _keep(upkeep: Upkeep) -> None:
    async with asyncio.TaskGroup() as group:
        upkeep.start(group, Recorder())


@in_virtual_time
async def test_a_lasting_load_of_fills_costs_a_few_readings_a_second() -> None:
    async with kept() as (upkeep, account):
        for _ in range(10_000):
            upkeep.balances_spoiled()
            await asyncio.sleep(0.001)
        assert 30 <= len(account.begun) <= 10 * 1000 // GATHER_MS


@in_virtual_time
async def test_the_last_fill_is_followed_by_a_reading_that_begins_after_it() -> None:
    async with kept() as (upkeep, account):
        for _ in range(100):
            upkeep.balances_spoiled()
        last = account.clock.now()
        await asyncio.sleep(2 * GATHER_MS / 1000)
        assert len(account.begun) == 1
        assert last < account.begun[0] <= last + GATHER_MS * 1_000_000 + 1_000_000


@in_virtual_time
async def test_a_fill_within_a_reading_is_followed_by_another() -> None:
    async with kept() as (upkeep, account):
        upkeep.balances_spoiled()
        await asyncio.sleep(GATHER_MS / 1000 + READ_S / 2)
        assert len(account.begun) == 1
        upkeep.balances_spoiled()
        await asyncio.sleep(2 * GATHER_MS / 1000)
        assert len(account.begun) == 2


@in_virtual_time
async def test_without_a_fill_the_timer_reads() -> None:
    async with kept() as (_, account):
        await asyncio.sleep(3.5 * REFRESH_MS / 1000)
        assert len(account.begun) == 3


@pytest.mark.parametrize("spoils", [0, 1])
@in_virtual_time
async def test_a_reading_that_fails_is_tried_again_by_the_timer_at_the_latest(spoils: int) -> None:
    async with kept() as (upkeep, account):
        account.down = True
        for _ in range(spoils):
            upkeep.balances_spoiled()
        await asyncio.sleep(1.5 * REFRESH_MS / 1000)
        failed = len(account.begun)
        assert failed == 1 + spoils
        account.down = False
        await asyncio.sleep(REFRESH_MS / 1000)
        assert len(account.begun) == failed + 1
        assert account.clock.now() - account.begun[-1] < REFRESH_MS * SECOND // 1000


@in_virtual_time
async def test_on_credit_nothing_is_read() -> None:
    async with kept(pts=True) as (upkeep, account):
        upkeep.balances_spoiled()
        await asyncio.sleep(2 * REFRESH_MS / 1000)
        assert account.begun == []
