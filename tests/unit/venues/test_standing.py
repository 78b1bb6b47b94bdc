"""One state out of what is up, known and read again."""

import asyncio

import pytest

from router.ports import ConnectionState
from tests.unit.venues.support import LoopClock, virtually
from venues.transport.standing import Standing

CONNECTING, READY, DEGRADED, DOWN, STOPPED = (
    ConnectionState.CONNECTING,
    ConnectionState.READY,
    ConnectionState.DEGRADED,
    ConnectionState.DOWN,
    ConnectionState.STOPPED,
)


class Seen:
    """A standing and the states that it told."""

    def __init__(self) -> None:
        self.states: list[ConnectionState] = []
        self.it = Standing(LoopClock(), lambda: self.states.append(self.it.health(3).state))

    async def synchronise(self) -> None:
        self.it.synchronous(await self.it.sync_wanted())

    async def ready(self) -> None:
        self.it.products_known()
        self.it.feed_changed(up=True, detail=None)
        await self.synchronise()
        assert self.states == [READY]
        self.states.clear()


def test_it_is_ready_when_products_are_known_the_feed_is_up_and_all_was_read() -> None:
    async def main() -> None:
        await Seen().ready()

    virtually(main)


def test_nothing_is_read_before_the_feed_was_tried() -> None:
    async def main() -> None:
        seen = Seen()
        seen.it.products_known()
        waiting = asyncio.create_task(seen.synchronise())
        await asyncio.sleep(60)
        assert not waiting.done()
        seen.it.feed_changed(up=False, detail="refused")
        await waiting
        assert seen.states == [DEGRADED]
        assert seen.it.health(3).detail == "feed: refused"

    virtually(main)


def test_a_feed_that_comes_back_is_read_after_before_it_is_ready() -> None:
    async def main() -> None:
        seen = Seen()
        await seen.ready()
        seen.it.feed_changed(up=False, detail="closed")
        seen.it.feed_changed(up=True, detail=None)
        await seen.synchronise()
        assert seen.states == [DEGRADED, CONNECTING, READY]
        assert seen.it.health(3).detail is None

    virtually(main)


def test_what_is_missed_while_reading_is_read_again() -> None:
    async def main() -> None:
        seen = Seen()
        await seen.ready()
        seen.it.feed_changed(up=True, detail=None)
        generation = await seen.it.sync_wanted()
        seen.it.feed_changed(up=True, detail=None)
        seen.it.synchronous(generation)
        assert seen.states == [CONNECTING]
        await seen.synchronise()
        assert seen.states == [CONNECTING, READY]

    virtually(main)


def test_an_open_breaker_is_down_until_a_probe_succeeds_and_all_was_read_again() -> None:
    async def main() -> None:
        seen = Seen()
        await seen.ready()
        for _ in range(5):
            seen.it.score.failed()
            seen.it.scored()
        await seen.it.opened()
        waiting = asyncio.create_task(seen.synchronise())
        await asyncio.sleep(60)
        assert not waiting.done()
        seen.it.close()
        await seen.it.closed()
        await waiting
        assert seen.states == [DOWN, CONNECTING, READY]

    virtually(main)


def test_while_the_breaker_is_open_a_feed_that_comes_back_changes_nothing() -> None:
    async def main() -> None:
        seen = Seen()
        await seen.ready()
        for _ in range(5):
            seen.it.score.failed()
        seen.it.scored()
        seen.it.feed_changed(up=False, detail="closed")
        seen.it.feed_changed(up=True, detail=None)
        waiting = asyncio.create_task(seen.synchronise())
        await asyncio.sleep(60)
        assert not waiting.done()
        assert seen.states == [DOWN]
        seen.it.close()
        await waiting

    virtually(main)


def test_a_change_has_its_time_and_no_change_is_told() -> None:
    async def main() -> None:
        seen = Seen()
        await seen.ready()
        at = seen.it.health(3).changed_at
        await asyncio.sleep(5)
        seen.it.products_known()
        assert seen.it.health(3).changed_at == at
        seen.it.feed_changed(up=False, detail="closed")
        assert seen.it.health(3).changed_at == pytest.approx(at + 5_000_000_000)
        assert seen.states == [DEGRADED]

    virtually(main)


def test_one_that_stopped_stays_so() -> None:
    async def main() -> None:
        seen = Seen()
        await seen.ready()
        seen.it.stop()
        seen.it.feed_changed(up=True, detail=None)
        assert seen.states == [STOPPED]
        assert not seen.it.health(3).trades

    virtually(main)
