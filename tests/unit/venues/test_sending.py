"""Orders on their way out: whoever gives up, a send goes on to its end, and is told of once."""

import asyncio

import pytest

from router.core.model import OrderReport, OutboundOrder, VenueState
from router.core.money import ZERO
from router.ports import Lane, NeverSent, SubmitResult, Taken, Unanswered
from tests.unit.venues.support import LoopClock
from tests.unit.venues.test_bitgo_encode import outbound
from tests.virtual_loop import in_virtual_time, pass_time
from venues.transport.budget import RequestBudget
from venues.transport.ending import settle
from venues.transport.sending import Sending

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


class Line:
    """A counterparty that answers when it is let."""

    def __init__(self, answer: SubmitResult | Exception = TAKEN) -> None:
        self.budget = RequestBudget(5, LoopClock())
        self.told: list[OrderReport] = []
        self.sent = 0
        self.may_answer = asyncio.Event()
        self.answer = answer
        self.sending = Sending(self.budget, self._send, self.told.append)

    async def _send(self, _order: OutboundOrder) -> SubmitResult:
        self.sent += 1
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def submits(self) -> "asyncio.Task[SubmitResult]":
        return asyncio.ensure_future(self.sending.submit(ORDER))


@in_virtual_time
async def test_what_it_brings_is_the_callers() -> None:
    line = Line()
    line.may_answer.set()
    assert await line.sending.submit(ORDER) is TAKEN
    assert (line.told, line.sent, len(line.sending.in_flight)) == ([], 1, 0)


@in_virtual_time
async def test_who_gives_up_does_not_end_it_and_the_listener_is_told() -> None:
    line = Line()
    submitting = line.submits()
    await pass_time(0.1)
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    assert len(line.sending.in_flight) == 1
    line.may_answer.set()
    await pass_time(0.1)
    assert (line.told, line.sent, len(line.sending.in_flight)) == ([TAKEN.report], 1, 0)


@in_virtual_time
async def test_who_gives_up_as_the_answer_comes_has_it_told_once() -> None:
    line = Line()
    submitting = line.submits()
    await pass_time(0.1)
    (task,) = line.sending.in_flight
    # Called after the send's own: the caller has its answer, and has not taken it yet.
    task.add_done_callback(lambda _: submitting.cancel())
    line.may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    assert line.told == [TAKEN.report]


@in_virtual_time
async def test_what_was_not_taken_is_not_told() -> None:
    line = Line(Unanswered("no answer"))
    submitting = line.submits()
    await pass_time(0.1)
    submitting.cancel()
    line.may_answer.set()
    await pass_time(0.1)
    assert line.told == []


@in_virtual_time
async def test_one_that_is_stopped_is_in_doubt() -> None:
    line = Line()
    submitting = line.submits()
    await pass_time(0.1)
    await settle(line.sending.in_flight, grace_ms=10)
    assert await submitting == STOPPED
    assert len(line.sending.in_flight) == 0


@in_virtual_time
async def test_a_bug_is_the_callers_to_see() -> None:
    line = Line(ZeroDivisionError())
    line.may_answer.set()
    with pytest.raises(ZeroDivisionError):
        await line.sending.submit(ORDER)


@in_virtual_time
async def test_without_budget_nothing_is_sent() -> None:
    line = Line()
    while line.budget.try_take(Lane.CANCEL):
        pass
    assert isinstance(await line.sending.submit(ORDER), NeverSent)
    assert line.sent == 0


@in_virtual_time
async def test_what_was_taken_before_is_used_and_given_back_once() -> None:
    line = Line()
    assert line.sending.take_budget()
    left = line.budget.left()
    submitting = line.submits()
    await pass_time(0.1)
    assert line.budget.left() == left
    line.sending.return_budget()
    assert line.budget.left() == left
    line.may_answer.set()
    await submitting
    assert line.sending.take_budget()
    line.sending.return_budget()
    assert line.budget.left() == left
