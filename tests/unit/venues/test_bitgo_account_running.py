"""The books of an adapter: there from the beginning, open while it runs, and ended with it."""

import asyncio

import msgspec
import pytest

from router.core.account import TradeWindow
from router.core.movement import Move, Moved, MoveKind, MoveNeverSent, MoveUnanswered
from router.ports import VenueUnreachableError
from router.settings import CompetitionSettings
from tests.contract.venue_kit import TIMING
from tests.unit.build import D
from tests.unit.venues.support import WallClock, draws
from tests.unit.venues.test_bitgo_adapter import running
from tests.unit.venues.test_registry import settings
from venues.bitgo.adapter import BitgoPrime
from venues.registry import Registry

CLOSE_ALL = Move(MoveKind.CLOSE)


async def test_a_connection_that_does_not_run_reads_nothing_and_moves_nothing() -> None:
    registry = Registry(CompetitionSettings(), WallClock(), draws(), TIMING)
    venue = registry.build(settings("pts", pts=True, base_url="http://127.0.0.1:1"))
    assert isinstance(venue, BitgoPrime)
    with pytest.raises(VenueUnreachableError, match="not running"):
        await venue.account.trades(TradeWindow(), 0, 10)
    assert venue.account.margin is not None
    assert isinstance(await venue.account.margin.send(CLOSE_ALL), MoveNeverSent)
    assert venue.health().budget_left == 10


async def test_a_running_connection_has_its_books() -> None:
    async with running(pts=False) as (venue, _, _):
        (balance,) = await venue.account.balances()
        assert (balance.asset, balance.available, balance.withdrawable) == ("BTC", D("90.0"), D("90.0"))
        assert venue.account.margin is None


class Held:
    """An answer that is held back until it is released."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.release = asyncio.Event()

    async def __call__(self) -> None:
        self.arrived.set()
        await self.release.wait()


async def test_a_move_that_is_under_way_when_the_connection_stops_has_a_moment_to_be_answered() -> None:
    held = Held()
    timing = msgspec.structs.replace(TIMING, order_ms=8000, stop_ms=8000)
    async with running(timing=timing) as (venue, _, there):
        there.before_answer = held
        assert venue.account.margin is not None
        moving = asyncio.create_task(venue.account.margin.send(CLOSE_ALL))
        await held.arrived.wait()
        # The stop begins when this block ends, and has closed the feed before the answer goes out.
        asyncio.get_running_loop().call_later(0.2, held.release.set)
    assert isinstance(await moving, Moved)


async def test_a_move_that_is_not_answered_in_that_moment_is_in_doubt() -> None:
    held = Held()
    async with running() as (venue, _, there):
        there.before_answer = held
        assert venue.account.margin is not None
        moving = asyncio.create_task(venue.account.margin.send(CLOSE_ALL))
        await held.arrived.wait()
    assert isinstance(await moving, MoveUnanswered)
    held.release.set()
