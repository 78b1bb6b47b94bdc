"""What the router has work with now: not what waits for a counterparty; and nothing stays in it."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from router.core.errors import Code, OrderError
from router.core.model import Book
from router.ports import NeverSent, Refused, SubmitResult, Taken, Unanswered
from router.service.desk import Desk
from tests.fakes.world import World, pts, spot, world
from tests.unit.build import request
from tests.virtual_loop import in_virtual_time, pass_time


async def at_work(w: World) -> int:
    await pass_time(0.001)
    return w.desk.at_work


@in_virtual_time
async def test_an_order_is_while_it_is_written_and_not_once_it_was_sent() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        answer: asyncio.Future[SubmitResult] = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)
        written = w.journal.hold("accept")
        submitting = asyncio.create_task(w.desk.submit(request()))
        assert await at_work(w) == 1
        written.set()
        sent = await w["spot"].submissions.get()
        assert await at_work(w) == 0
        answer.set_result(Taken(w["spot"].filled(sent)))
        await submitting
        assert await at_work(w) == 0


@pytest.mark.parametrize(
    "result",
    [Refused(OrderError(Code.CREDIT_FROZEN, "no")), NeverSent("no socket"), Unanswered("no answer")],
)
@in_virtual_time
async def test_no_end_of_a_send_leaves_anything(result: SubmitResult) -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(result)
        await w.desk.submit(request())
        assert await at_work(w) == 0


@pytest.mark.parametrize(
    ("begin", "write"),
    [
        (lambda desk: desk.submit(request()), "append"),
        (lambda desk: desk.request_quote(request(client_order_id="")), "keep_rfq"),
    ],
    ids=["order", "rfq"],
)
@in_virtual_time
async def test_nothing_is_while_a_price_is_asked_for(
    begin: Callable[[Desk], Coroutine[object, object, object]], write: str
) -> None:
    async with world(pts()) as w:
        asked: asyncio.Future[Book] = asyncio.get_running_loop().create_future()
        w["pts"].quotes.append(asked)
        answering = asyncio.create_task(begin(w.desk))
        await w["pts"].questions.get()
        assert await at_work(w) == 0
        written = w.journal.hold(write)
        asked.set_result(w["pts"].one_level("99.00", "100.00"))
        assert await at_work(w) == 1
        written.set()
        await answering
        assert await at_work(w) == 0
