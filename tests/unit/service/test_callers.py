"""A caller that goes away takes nothing along; one that stays is told what is known."""

import asyncio
from contextlib import suppress

import pytest

from router.core.errors import NotFoundError, UnavailableError
from router.core.model import OrderStatus
from router.ports import ConnectionState, Taken
from tests.fakes.world import pts, spot, world
from tests.unit.build import request
from tests.virtual_loop import in_virtual_time, pass_time


@pytest.mark.parametrize("operation", ["accept", "append"])
def test_a_caller_that_leaves_while_the_journal_writes_leaves_the_order_behind(operation: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with world(spot()) as w:
            w["spot"].streams("99.00", "100.00")
            gate = w.journal.hold(operation)
            caller = asyncio.create_task(w.desk.submit(request()))
            while await w.journal.started.get() != operation:
                pass
            caller.cancel()
            with suppress(asyncio.CancelledError):
                await caller
            gate.set()
            await pass_time(3)
            order = (await w.desk.order_by_client_id("desk-7-000123")).order
            assert order.status is OrderStatus.FILLED
            assert w.journal.kept(order.id) == order
            assert w.reserved("spot") == 0

    scenario()


@in_virtual_time
async def test_a_caller_that_leaves_while_prices_are_asked_leaves_the_order_behind() -> None:
    async with world(pts()) as w:
        quote = asyncio.get_running_loop().create_future()
        w["pts"].quotes.append(quote)
        caller = asyncio.create_task(w.desk.submit(request()))
        await w["pts"].questions.get()
        caller.cancel()
        quote.set_result(w["pts"].one_level("99.00", "100.00"))
        await w["pts"].submissions.get()
        await pass_time(0.1)
        assert (await w.desk.submit(request())).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_a_caller_that_leaves_while_the_order_is_out_leaves_it_to_its_follower() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        answer = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        caller.cancel()
        await pass_time(1)
        answer.set_result(Taken(w["spot"].filled(sent)))
        await pass_time(1)
        order = (await w.desk.order(sent.venue_client_order_id[:36])).order
        assert order.status is OrderStatus.FILLED


@in_virtual_time
async def test_a_caller_that_leaves_does_not_disturb_one_that_stays() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        gate = w.journal.hold("accept")
        leaves = asyncio.create_task(w.desk.submit(request()))
        stays = asyncio.create_task(w.desk.submit(request()))
        await pass_time(0.1)
        leaves.cancel()
        await pass_time(0.1)
        gate.set()
        assert (await stays).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_a_caller_that_left_an_order_that_could_not_be_kept_leaves_no_error_behind() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        gate = w.journal.hold("accept")
        w.journal.failing = {"accept"}
        caller = asyncio.create_task(w.desk.submit(request()))
        await pass_time(0.1)
        caller.cancel()
        gate.set()
        await pass_time(1)
        assert w.desk.in_flight == 0


@in_virtual_time
async def test_the_time_that_the_acceptance_took_counts_as_waiting() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(asyncio.get_running_loop().create_future())
        gate = w.journal.hold("accept")
        caller = asyncio.create_task(w.desk.submit(request()))
        await pass_time(1)
        w["spot"].streams("99.00", "100.00")
        gate.set()
        order = (await caller).order
        assert 5_000_000_000 <= w.clock.now() - order.created_at < 5_000_100_000


@in_virtual_time
async def test_orders_are_found_listed_and_missed() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        made = []
        for number in range(3):
            made.append((await w.desk.submit(request(client_order_id=f"o-{number}"))).order)
            await pass_time(0.5)
        first = await w.desk.orders(2, None)
        rest = await w.desk.orders(2, first.next_cursor)
        assert [order.id for order in (*first.data, *rest.data)] == [order.id for order in reversed(made)]
        assert rest.next_cursor is None
        with pytest.raises(NotFoundError):
            await w.desk.order("none")
        with pytest.raises(NotFoundError):
            await w.desk.order_by_client_id("none")
        with pytest.raises(ValueError, match="cursor"):
            await w.desk.orders(2, "not-ours")


@in_virtual_time
async def test_a_journal_that_cannot_be_read_is_unavailable() -> None:
    async with world(spot()) as w:
        w.journal.failing = {"read"}
        for read in (
            w.desk.order("x"),
            w.desk.order_by_client_id("x"),
            w.desk.orders(1, None),
            w.desk.rfq("x"),
        ):
            with pytest.raises(UnavailableError):
                await read
        assert (await w.desk.readiness())["store"] == "the disk is full"


@in_virtual_time
async def test_it_is_ready_while_one_connection_trades_and_the_store_takes_writes() -> None:
    async with world(spot(), pts(), disabled=frozenset({"pts"})) as w:
        assert await w.desk.readiness() == {"accepting": None, "store": None, "connections": None}
        w["spot"].state = ConnectionState.DOWN
        assert (await w.desk.readiness())["connections"] == "no connection can trade"
        assert [(view.connection.id, view.enabled) for view in w.desk.connections()] == [
            ("spot", True),
            ("pts", False),
        ]
