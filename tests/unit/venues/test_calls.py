"""What every request keeps to: what the budget hears of it, and what the score and the listener are told."""

import asyncio
from collections.abc import Awaitable

import pytest

from router.core.errors import VenueError
from router.ports import BudgetSpentError, Lane, VenueUnreachableError
from tests.unit.venues.support import SECOND, LoopClock, virtually
from venues.transport.budget import RequestBudget
from venues.transport.calls import Calls, answer_of
from venues.transport.health import Score
from venues.transport.session import Answered, Exchange, Lost, NotSent

OK = Answered(200, {}, b"")
NO = Answered(400, {}, b"")
UNAUTHENTICATED = Answered(401, {}, b"")
NOT_SENT = NotSent("no connection: time-out")
LOST = Lost("reset", "the answer broke off")
HALF_A_SECOND = SECOND // 2


class Told:
    """Calls with a budget of five, and what they said."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, str, int, str | None]] = []
        self.budget = RequestBudget(5, LoopClock())
        self.score = Score()
        self.calls = Calls(
            self.budget,
            LoopClock(),
            self.score,
            lambda answer: VenueError(request_id=f"request-{answer.status}"),
            lambda *row: self.recorded.append(row),
        )

    async def carried(self, got: Exchange, result: str, *, scored: bool = True) -> None:
        assert self.budget.try_take(Lane.CANCEL)
        exchange, record = await self.calls.carried("order", after(got), scored=scored)
        assert exchange is got
        assert self.recorded == []
        record(result)


def after(got: Exchange) -> Awaitable[Exchange]:
    async def sent() -> Exchange:
        await asyncio.sleep(0.5)
        return got

    return sent()


@pytest.mark.parametrize(
    ("got", "left"),
    [(NOT_SENT, 5), (LOST, 4), (OK, 4), (NO, 4), (Answered(429, {"Retry-After": "2"}, b""), 0)],
)
def test_only_what_was_never_sent_is_given_back_at_once(got: Exchange, left: int) -> None:
    async def main() -> int:
        told = Told()
        await told.carried(got, "ok")
        return told.budget.left()

    assert virtually(main) == left


def test_a_call_that_is_cancelled_counts_as_sent() -> None:
    async def main() -> None:
        told = Told()
        assert told.budget.try_take(Lane.CANCEL)
        task = asyncio.ensure_future(told.calls.carried("order", after(OK)))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told.budget.left() == 4
        await asyncio.sleep(1.1)
        assert told.budget.left() == 5
        assert told.recorded == []

    virtually(main)


@pytest.mark.parametrize(
    ("got", "result", "succeeds"),
    [
        (OK, "ok", True),
        (NO, "refused", True),
        (NO, "rate_limited", True),
        (UNAUTHENTICATED, "refused", False),
        (OK, "off_wire", False),
        (NO, "server_error", False),
        (LOST, "reset", False),
        (NOT_SENT, "never_sent", False),
    ],
)
@pytest.mark.parametrize("scored", [True, False])
def test_what_counts_for_health(got: Exchange, result: str, succeeds: bool, scored: bool) -> None:
    async def main() -> Told:
        told = Told()
        await told.carried(got, result, scored=scored)
        return told

    score = virtually(main).score
    if not scored:
        assert (score.latency_ns, score.error_rate) == (None, 0)
    else:
        assert (score.latency_ns is not None, score.error_rate) == (succeeds, 0 if succeeds else 1)


@pytest.mark.parametrize(
    ("got", "result", "request_id"),
    [
        (OK, "ok", None),
        (NO, "refused", "request-400"),
        (OK, "off_wire", "request-200"),
        (LOST, "reset", None),
        (NOT_SENT, "never_sent", None),
    ],
)
def test_what_the_listener_is_told(got: Exchange, result: str, request_id: str | None) -> None:
    async def main() -> Told:
        told = Told()
        await told.carried(got, result)
        return told

    operation, said, latency_ns, found = virtually(main).recorded[0]
    assert (operation, said, found) == ("order", result, request_id)
    assert abs(latency_ns - HALF_A_SECOND) < 1000


def test_a_turn_comes_with_the_time_that_is_left() -> None:
    async def main() -> None:
        told = Told()
        now = LoopClock().now()
        assert await told.calls.turn(Lane.REST, now + HALF_A_SECOND) == 500
        assert told.budget.left() == 4

    virtually(main)


def test_a_turn_without_time_left_takes_nothing() -> None:
    async def main() -> None:
        told = Told()
        with pytest.raises(BudgetSpentError, match="expected time left for a request, was none"):
            await told.calls.turn(Lane.REST, LoopClock().now() + 999_999)
        assert told.budget.left() == 5

    virtually(main)


@pytest.mark.parametrize(("got", "word"), [(NOT_SENT, "never_sent"), (LOST, "reset")])
def test_a_question_without_an_answer_is_told_and_raised(got: Exchange, word: str) -> None:
    words: list[str] = []
    with pytest.raises(VenueUnreachableError) as caught:
        answer_of(got, words.append)
    assert words == [word]
    assert isinstance(got, NotSent | Lost)
    assert caught.value.detail == got.detail


def test_a_question_with_an_answer_is_judged_by_who_asked() -> None:
    words: list[str] = []
    assert answer_of(NO, words.append) is NO
    assert words == []
