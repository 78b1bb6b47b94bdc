"""How a connection without a feed stands: each event, and who is told."""

import asyncio

import pytest

from router.ports import ConnectionState, Health
from tests.unit.venues.support import SECOND
from venues.transport.health import FAILURES_IN_A_ROW_MAX
from venues.transport.reach import Reach


class Clock:
    def __init__(self) -> None:
        self.at = 5 * SECOND

    def now(self) -> int:
        return self.at


class Watched:
    """A reach and the states that it told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[ConnectionState] = []
        self.reach = Reach(self.clock, lambda: self.told.append(self.health().state))

    def health(self) -> Health:
        return self.reach.health(3)

    def fails(self, times: int = FAILURES_IN_A_ROW_MAX) -> None:
        for _ in range(times):
            self.reach.score.failed()
            self.reach.scored()


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_nothing_answered_yet_is_connecting(watched: Watched) -> None:
    watched.reach.note("answered 503, no known body")
    health = watched.health()
    assert (health.state, health.detail) == (ConnectionState.CONNECTING, "answered 503, no known body")
    assert (health.feed_up, health.feed_at, health.budget_left) == (False, None, 3)
    assert health.changed_at == 5 * SECOND
    assert watched.told == []


def test_answered_is_ready_and_told_once(watched: Watched) -> None:
    watched.clock.at += SECOND
    watched.reach.answered()
    watched.reach.answered()
    watched.reach.note("of no interest any more")
    assert watched.told == [ConnectionState.READY]
    assert (watched.health().detail, watched.health().changed_at) == (None, 6 * SECOND)


def test_failures_open_the_breaker_and_an_answer_to_a_probe_closes_it(watched: Watched) -> None:
    watched.reach.answered()
    watched.fails(FAILURES_IN_A_ROW_MAX - 1)
    assert not watched.reach.is_down
    watched.fails()
    assert watched.reach.is_down
    assert watched.health().detail == "it does not answer"
    watched.reach.note("answered 502, no known body")
    assert watched.health().detail == "answered 502, no known body"
    watched.reach.answered()
    assert not watched.reach.is_down
    assert watched.health().error_rate == 0
    assert watched.told == [ConnectionState.READY, ConnectionState.DOWN, ConnectionState.READY]


def test_stopped_is_for_good(watched: Watched) -> None:
    watched.reach.answered()
    watched.reach.stop()
    watched.reach.answered()
    watched.fails()
    assert watched.told == [ConnectionState.READY, ConnectionState.STOPPED]


async def test_who_waits_for_the_breaker_is_woken(watched: Watched) -> None:
    waiting = asyncio.create_task(watched.reach.opened())
    await asyncio.sleep(0)
    assert not waiting.done()
    watched.fails()
    await waiting
    assert waiting.done()
