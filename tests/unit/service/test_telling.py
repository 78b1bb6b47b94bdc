"""What is told as final stays so through a crash: a refusal is told once the journal has it."""

import asyncio

from router.core.errors import Code, OrderError
from router.core.model import OrderStatus, VenueState
from router.core.order import Phase
from router.ports import Refused
from tests.fakes.world import pts, spot, world
from tests.unit.build import fill, request
from tests.virtual_loop import in_virtual_time, pass_time

NO_CREDIT = Refused(OrderError(Code.CREDIT_FROZEN, "frozen", connection_id="pts"))


@in_virtual_time
async def test_a_refusal_is_told_when_it_is_durable() -> None:
    async with world(pts()) as w:
        w["pts"].streams("99.00", "100.00")
        gates: list[asyncio.Event] = []
        w["pts"].before_submit = lambda _order: gates.append(w.journal.hold("append"))
        w["pts"].answers.append(NO_CREDIT)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["pts"].submissions.get()
        order_id = sent.venue_client_order_id[:36]
        reader = asyncio.create_task(w.desk.order(order_id))
        repeat = asyncio.create_task(w.desk.submit(request()))
        await pass_time(1)
        lister = asyncio.create_task(w.desk.orders(10, None))
        await pass_time(1)
        assert w.journal.kept(order_id).phase is Phase.ROUTED
        assert not any(task.done() for task in (caller, repeat, lister))

        gates[0].set()
        told = [(await task).order for task in (caller, repeat)]
        assert [each.status for each in told] == [OrderStatus.REJECTED] * 2
        assert (await lister).data == (w.journal.kept(order_id),)
        assert told[0] == w.journal.kept(order_id)
        await reader


@in_virtual_time
async def test_what_was_executed_is_told_at_once() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].before_submit = lambda _order: w.journal.hold("append") and None
        order = (await w.desk.submit(request())).order
        assert order.status is OrderStatus.FILLED
        assert w.journal.kept(order.id).phase is Phase.ROUTED


@in_virtual_time
async def test_while_the_store_fails_a_refusal_is_told_all_the_same() -> None:
    async with world(pts()) as w:
        w["pts"].streams("99.00", "100.00")
        w["pts"].before_submit = lambda _order: w.journal.failing.add("append")
        w["pts"].answers.append(NO_CREDIT)
        order = (await w.desk.submit(request())).order
        assert order.error == NO_CREDIT.error
        w.journal.failing = set()


@in_virtual_time
async def test_an_order_that_nobody_could_be_given_is_told_when_that_is_durable() -> None:
    async with world(spot(USD="1")) as w:
        w["spot"].streams("99.00", "100.00")
        gate = w.journal.hold("append")
        caller = asyncio.create_task(w.desk.submit(request()))
        await pass_time(1)
        assert not caller.done()
        gate.set()
        order = (await caller).order
        assert w.journal.kept(order.id) == order
        assert order.status is OrderStatus.REJECTED


@in_virtual_time
async def test_an_order_that_traded_and_ended_short_is_told_at_once() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)  # type: ignore[arg-type]  # the result is what a venue answers
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        w.journal.hold("append")
        w.desk.listener.order_reported(
            "spot", w["spot"].report(sent, VenueState.CANCELED, fill("t-1", "0.1"))
        )
        assert (await caller).order.status is OrderStatus.CANCELED
