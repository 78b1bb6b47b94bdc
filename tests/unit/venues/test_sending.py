"""Orders on their way out: whoever gives up, a send goes on to its end, and is told of once."""

import asyncio
from collections.abc import Callable

import pytest

from router.core.model import OrderReport, OutboundOrder, VenueState
from router.core.money import ZERO
from router.ports import Lane, NeverSent, SubmitResult, Taken, Unanswered
from tests.unit.venues.support import LoopClock
from tests.unit.venues.test_bitgo_encode import outbound
from tests.virtual_loop import in_virtual_time, pass_time
from venues.transport.budget import RequestBudget
from venues.transport.ending import settle
from venues.transport.sending import InTasks, Sending

ORDER = outbound()
TAKEN = Taken(
    OrderReport(
        venue_client_order_id="o-1",
        venue_order_id="v-1",
        state=VenueState.PENDING,
        filled_base=ZERO,
        filled_quote=None,
        average_price=None,
        fills=(),
        error=None,
        at=0,
    )
)
STOPPED = Unanswered("the connection was stopped before the answer came")
SENT_AT = 17


class Wire:
    """A counterparty whose answers are given by hand, and what was made of them."""

    def __init__(self) -> None:
        self.tells: list[Callable[[SubmitResult | Exception], None]] = []
        self.judged: list[tuple[OutboundOrder, int]] = []

    def send(self, _order: OutboundOrder, told: Callable[[SubmitResult | Exception], None]) -> int:
        self.tells.append(told)
        return SENT_AT

    def judge(self, order: OutboundOrder, sent_at: int, came: SubmitResult | Exception) -> SubmitResult:
        self.judged.append((order, sent_at))
        if isinstance(came, Exception):
            raise came
        return came


class Line:
    """A connection's sends, and what its listener is told."""

    def __init__(self) -> None:
        self.budget = RequestBudget(5, LoopClock())
        self.told: list[OrderReport] = []
        self.wire = Wire()
        self.sending = Sending(self.budget, self.wire, self.told.append)

    async def sends(self) -> "asyncio.Task[SubmitResult]":
        submitting = asyncio.ensure_future(self.sending.submit(ORDER))
        await pass_time(0.1)
        return submitting

    def answers(self, came: SubmitResult | Exception = TAKEN) -> None:
        self.wire.tells.pop()(came)

    def ended_with(self, told: list[OrderReport], *, judged: bool = True) -> bool:
        """Nothing is in flight, and what came was judged once, or never."""
        return (self.told, self.wire.judged, self.sending.in_flight) == (
            told,
            [(ORDER, SENT_AT)] * judged,
            0,
        )


@in_virtual_time
async def test_what_it_brings_is_the_callers() -> None:
    line = Line()
    submitting = await line.sends()
    assert line.sending.in_flight == 1
    line.answers()
    assert await submitting is TAKEN
    assert line.ended_with([])


@in_virtual_time
async def test_what_comes_at_once_is_the_callers_too() -> None:
    line = Line()
    line.wire.tells = []

    class AtOnce(Wire):
        def send(self, order: OutboundOrder, told: Callable[[SubmitResult | Exception], None]) -> int:
            told(TAKEN)
            return super().send(order, told)

    line.wire = AtOnce()
    line.sending = Sending(line.budget, line.wire, line.told.append)
    assert await line.sending.submit(ORDER) is TAKEN
    assert line.ended_with([])


@in_virtual_time
async def test_who_gives_up_does_not_end_it_and_the_listener_is_told() -> None:
    line = Line()
    submitting = await line.sends()
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    assert line.sending.in_flight == 1
    line.answers()
    await pass_time(0.1)
    assert line.ended_with([TAKEN.report])


@in_virtual_time
async def test_who_gives_up_as_the_answer_comes_has_it_told_once() -> None:
    line = Line()
    submitting = await line.sends()
    # The caller has its answer, and has not taken it yet.
    line.answers()
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    await pass_time(0.1)
    assert line.ended_with([TAKEN.report])


@in_virtual_time
async def test_an_answer_that_comes_before_who_gave_up_has_noticed_is_told_once() -> None:
    line = Line()
    submitting = await line.sends()
    submitting.cancel()
    line.answers()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    await pass_time(0.1)
    assert line.ended_with([TAKEN.report])


@in_virtual_time
async def test_what_was_not_taken_is_not_told() -> None:
    line = Line()
    submitting = await line.sends()
    submitting.cancel()
    line.answers(Unanswered("no answer"))
    await pass_time(0.1)
    assert line.ended_with([])


@pytest.mark.parametrize("gone", [False, True])
@in_virtual_time
async def test_one_that_is_stopped_is_in_doubt_and_what_comes_later_is_not_judged(gone: bool) -> None:
    line = Line()
    submitting = await line.sends()
    if gone:
        submitting.cancel()
        await pass_time(0.1)
    left = line.budget.left()
    line.sending.stop()
    line.answers()
    if not gone:
        assert await submitting == STOPPED
    await pass_time(2)
    assert line.ended_with([], judged=False)
    # It may have arrived: its request counts as one that was answered.
    assert line.budget.left() == left + 1


@in_virtual_time
async def test_one_whose_answer_is_there_when_it_is_stopped_has_it() -> None:
    line = Line()
    submitting = await line.sends()
    left = line.budget.left()
    line.answers()
    line.sending.stop()
    assert await submitting is TAKEN
    assert line.ended_with([])
    await pass_time(2)
    # Who judges it gives its request back.
    assert line.budget.left() == left


@pytest.mark.parametrize("gone", [False, True])
@in_virtual_time
async def test_the_end_of_all_can_be_waited_for(gone: bool) -> None:
    line = Line()
    await line.sending.ended()
    submitting = await line.sends()
    ended = asyncio.ensure_future(line.sending.ended())
    if gone:
        submitting.cancel()
    await pass_time(0.1)
    assert not ended.done()
    line.answers()
    await pass_time(0.1)
    assert ended.done()
    await settle([ended], 0)


@in_virtual_time
async def test_a_bug_is_the_callers_to_see() -> None:
    line = Line()
    submitting = await line.sends()
    line.answers(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await submitting
    assert line.ended_with([])


@in_virtual_time
async def test_without_budget_nothing_is_sent() -> None:
    line = Line()
    while line.budget.try_take(Lane.CANCEL):
        pass
    assert isinstance(await line.sending.submit(ORDER), NeverSent)
    assert line.wire.tells == []


@in_virtual_time
async def test_what_was_taken_before_is_used_and_given_back_once() -> None:
    line = Line()
    assert line.sending.take_budget()
    left = line.budget.left()
    submitting = await line.sends()
    assert line.budget.left() == left
    line.sending.return_budget()
    assert line.budget.left() == left
    line.answers()
    await submitting
    assert line.sending.take_budget()
    line.sending.return_budget()
    assert line.budget.left() == left


class Steps:
    """Sends that take several steps, each in a task."""

    def __init__(self, answer: SubmitResult | Exception = TAKEN) -> None:
        self.told: list[OrderReport] = []
        self.sent = 0
        self.may_answer = asyncio.Event()
        self.answer = answer
        self.tasks = InTasks(self._send)
        self.sending = Sending(RequestBudget(5, LoopClock()), self.tasks, self.told.append)

    async def _send(self, _order: OutboundOrder) -> SubmitResult:
        self.sent += 1
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@in_virtual_time
async def test_what_a_task_brings_is_the_callers() -> None:
    steps = Steps()
    steps.may_answer.set()
    assert await steps.sending.submit(ORDER) is TAKEN
    assert (steps.told, steps.sent, steps.tasks.running, steps.sending.in_flight) == ([], 1, set(), 0)


@in_virtual_time
async def test_who_gives_up_does_not_end_a_task() -> None:
    steps = Steps()
    submitting = asyncio.ensure_future(steps.sending.submit(ORDER))
    await pass_time(0.1)
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    assert len(steps.tasks.running) == 1
    steps.may_answer.set()
    await pass_time(0.1)
    assert (steps.told, steps.sent, steps.tasks.running) == ([TAKEN.report], 1, set())


@in_virtual_time
async def test_a_task_that_is_stopped_is_in_doubt() -> None:
    steps = Steps()
    submitting = asyncio.ensure_future(steps.sending.submit(ORDER))
    await pass_time(0.1)
    await settle(steps.tasks.running, grace_ms=10)
    assert await submitting == STOPPED
    assert (steps.tasks.running, steps.sending.in_flight) == (set(), 0)


@in_virtual_time
async def test_a_bug_in_a_task_is_the_callers_to_see() -> None:
    steps = Steps(ZeroDivisionError())
    steps.may_answer.set()
    with pytest.raises(ZeroDivisionError):
        await steps.sending.submit(ORDER)
