"""What a caller reads is as it is now: neither what it was before, nor what will never be."""

import asyncio

import pytest

from router.core.errors import Code, RouterError
from router.core.model import OrderStatus
from router.core.order import Phase
from router.ports import RecordPage
from tests.fakes.journal import MemoryJournal
from tests.fakes.world import spot, world
from tests.unit.build import request
from tests.virtual_loop import in_virtual_time, pass_time


class SlowAnswers(MemoryJournal):
    """Reads what stands there, and answers a while later."""

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        found = await super().orders(limit, cursor)
        await pass_time(1)
        return found


@in_virtual_time
async def test_a_repeat_that_is_being_accepted_is_not_read_as_an_order() -> None:
    """Its id would be told, and no order would ever have it."""
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        first = (await w.desk.submit(request())).order
        await pass_time(5)
        assert w.desk.in_flight == 0

        accepted = w.journal.hold("accept")
        repeat = asyncio.create_task(w.desk.submit(request()))
        await pass_time(0.1)
        reader = asyncio.create_task(w.desk.order_by_client_id(first.request.client_order_id))
        await pass_time(0.1)
        accepted.set()
        assert [(await task).order.id for task in (repeat, reader)] == [first.id, first.id]


@in_virtual_time
async def test_an_order_that_ended_while_the_list_was_read_is_listed_as_it_ended() -> None:
    """Memory let it go meanwhile: what the journal said is of the past."""
    async with world(spot(), journal=SlowAnswers()) as w:
        w["spot"].streams("99.00", "100.00")
        caller = asyncio.create_task(w.desk.submit(request()))
        await w["spot"].submissions.get()
        reader = asyncio.create_task(w.desk.orders(10, None))
        await caller
        await pass_time(0.5)
        assert w.desk.in_flight == 0
        told = (await reader).data[0]
        assert (told.status, told.phase) == (OrderStatus.FILLED, Phase.FINAL)


@in_virtual_time
async def test_a_refusal_that_a_stop_cut_off_before_it_was_durable_is_not_told() -> None:
    """The next start finds how the order ended; what is told now could be another end."""
    async with world(spot(USD="1")) as w:
        w["spot"].streams("99.00", "100.00")
        w.journal.hold("append")
        caller = asyncio.create_task(w.desk.submit(request()))
        await pass_time(1)
        assert not await w.desk.stop(1)
        with pytest.raises(RouterError) as refused:
            await caller
        assert refused.value.code is Code.SHUTTING_DOWN
        assert refused.value.retryable
        assert w.journal.kept_orders[0].phase is Phase.ACCEPTED
