"""Cancels: asked for while an order works, and told by the order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from router.core.errors import Code, ConflictError, NotFoundError, OrderError, RouterError
from router.core.model import OrderStatus, OrderType, OutboundOrder, VenueState
from router.core.order import Order, Phase
from router.ports import CancelRefused, CancelUnanswered, Taken, Unanswered
from tests.fakes.journal import MemoryJournal
from tests.fakes.world import World, spot, world
from tests.unit.build import D, fill, request
from tests.virtual_loop import in_virtual_time, pass_time

DONE = CancelRefused(OrderError(Code.ORDER_NOT_CANCELABLE, "it is done"))
UNSENT = CancelRefused(OrderError(Code.VENUE_UNAVAILABLE, "never sent", retryable=True))


@asynccontextmanager
async def resting() -> AsyncIterator[tuple[World, Order, OutboundOrder]]:
    """A limit order that rests at the counterparty."""
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        taken = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(taken)
        caller = asyncio.create_task(w.desk.submit(request(type=OrderType.LIMIT, limit_price=D("98.00"))))
        sent = await w["spot"].submissions.get()
        report = w["spot"].known[sent.venue_client_order_id] = w["spot"].report(sent, VenueState.WORKING)
        taken.set_result(Taken(report))
        order = (await caller).order
        assert order.status is OrderStatus.NEW
        yield w, order, sent


@in_virtual_time
async def test_a_working_order_is_asked_to_be_cancelled_and_says_when_it_is() -> None:
    async with resting() as (w, order, sent):
        pending = await w.desk.cancel(order.id)
        assert pending.order.status is OrderStatus.PENDING_CANCEL
        assert w["spot"].cancels.get_nowait() == order.venue_order_id
        assert w.reserved("spot") == D(49)

        w.desk.listener.order_reported(
            "spot", w["spot"].report(sent, VenueState.CANCELED, fill("t-1", "0.1"))
        )
        ended = (await w.desk.order(order.id)).order
        assert (ended.status, ended.filled_base) == (OrderStatus.CANCELED, D("0.1"))
        assert w.reserved("spot") == 0


@in_virtual_time
async def test_a_fill_that_overtakes_the_cancel_counts() -> None:
    async with resting() as (w, order, sent):
        await w.desk.cancel(order.id)
        w.desk.listener.order_reported("spot", w["spot"].filled(sent, "98.00"))
        assert (await w.desk.order(order.id)).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_an_order_that_is_done_says_how_it_ended() -> None:
    async with resting() as (w, order, sent):
        w["spot"].known[sent.venue_client_order_id] = w["spot"].filled(sent, "98.00")
        w["spot"].cancel_answers.append(DONE)
        with pytest.raises(ConflictError, match="it is filled") as refused:
            await w.desk.cancel(order.id)
        assert refused.value.code is Code.ORDER_NOT_CANCELABLE
        ended = (await w.desk.order(order.id)).order
        assert (ended.status, ended.filled_base) == (OrderStatus.FILLED, D("0.5"))


@in_virtual_time
async def test_a_refusal_for_another_reason_leaves_the_order_as_it_was() -> None:
    async with resting() as (w, order, _):
        w["spot"].cancel_answers.append(CancelRefused(OrderError(Code.VENUE_REJECTED, "try later")))
        with pytest.raises(RouterError, match="try later") as refused:
            await w.desk.cancel(order.id)
        assert refused.value.code is Code.VENUE_UNAVAILABLE
        assert (await w.desk.order(order.id)).order.status is OrderStatus.NEW


@in_virtual_time
async def test_an_unanswered_cancel_is_looked_up() -> None:
    async with resting() as (w, order, sent):
        w["spot"].cancel_answers.append(CancelUnanswered("a time-out"))
        assert (await w.desk.cancel(order.id)).order.status is OrderStatus.PENDING_CANCEL
        w["spot"].known[sent.venue_client_order_id] = w["spot"].report(sent, VenueState.CANCELED)
        await w["spot"].look_ups.get()
        await pass_time(0.1)
        assert (await w.desk.order(order.id)).order.status is OrderStatus.CANCELED


@in_virtual_time
async def test_a_final_order_cannot_be_cancelled() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        order = (await w.desk.submit(request())).order
        for wait_s in (0, 10):
            await pass_time(wait_s)
            with pytest.raises(ConflictError) as refused:
                await w.desk.cancel(order.id)
            assert refused.value.code is Code.ORDER_NOT_CANCELABLE
        assert w["spot"].cancels.empty()


@in_virtual_time
async def test_an_order_in_doubt_cannot_be_cancelled_yet() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(Unanswered("reset"))
        order = (await w.desk.submit(request())).order
        with pytest.raises(ConflictError, match="not confirmed"):
            await w.desk.cancel(order.id)
        assert w["spot"].cancels.empty()


@in_virtual_time
async def test_an_unknown_order_cannot_be_cancelled() -> None:
    async with world(spot()) as w:
        with pytest.raises(NotFoundError):
            await w.desk.cancel("none")


@in_virtual_time
async def test_an_order_whose_connection_is_not_configured_any_more_cannot_be_cancelled() -> None:
    journal = MemoryJournal()
    async with world(spot(), journal=journal) as w:
        w["spot"].streams("99.00", "100.00")
        taken = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(taken)
        caller = asyncio.create_task(w.desk.submit(request(type=OrderType.LIMIT, limit_price=D("98.00"))))
        sent = await w["spot"].submissions.get()
        taken.set_result(Taken(w["spot"].report(sent, VenueState.WORKING)))
        order = (await caller).order
    async with world(spot("another"), journal=journal) as w:
        assert (await w.desk.order(order.id)).order.phase is Phase.WORKING
        with pytest.raises(ConflictError, match="not configured"):
            await w.desk.cancel(order.id)


@in_virtual_time
async def test_a_cancel_that_never_arrived_is_asked_for_again() -> None:
    async with resting() as (w, order, sent):
        w["spot"].cancel_answers.extend((CancelUnanswered("a time-out"), CancelUnanswered("reset"), UNSENT))
        await w.desk.cancel(order.id)
        for _ in range(4):
            assert await w["spot"].cancels.get() == order.venue_order_id
        await pass_time(60)
        assert w["spot"].cancels.empty(), "expected no cancel after one that was taken"
        w.desk.listener.order_reported("spot", w["spot"].report(sent, VenueState.CANCELED))
        assert (await w.desk.order(order.id)).order.status is OrderStatus.CANCELED


@in_virtual_time
async def test_a_cancel_that_arrived_is_not_asked_for_again() -> None:
    async with resting() as (w, order, sent):
        w["spot"].cancel_answers.append(CancelUnanswered("a time-out"))
        w["spot"].known[sent.venue_client_order_id] = w["spot"].report(sent, VenueState.CANCELED)
        await w.desk.cancel(order.id)
        await pass_time(60)
        assert w["spot"].cancels.qsize() == 1


@in_virtual_time
async def test_a_cancel_that_is_refused_when_asked_for_again_leaves_the_order_as_it_was() -> None:
    async with resting() as (w, order, _):
        w["spot"].cancel_answers.extend(
            (CancelUnanswered("a time-out"), CancelRefused(OrderError(Code.VENUE_REJECTED, "no")))
        )
        await w.desk.cancel(order.id)
        await pass_time(60)
        assert (await w.desk.order(order.id)).order.status is OrderStatus.NEW
        assert w["spot"].cancels.qsize() == 2


@in_virtual_time
async def test_a_cancel_that_a_restart_cut_off_is_asked_for_again() -> None:
    async with resting() as (w, order, sent):
        w["spot"].cancel_answers.append(asyncio.get_running_loop().create_future())
        caller = asyncio.create_task(w.desk.cancel(order.id))
        await w["spot"].cancels.get()
        await pass_time(1)
        second = spot()
        second.known[sent.venue_client_order_id] = w["spot"].report(sent, VenueState.WORKING)
        async with world(second, journal=w.journal, seed=2) as after:
            assert (await after.desk.order(order.id)).order.status is OrderStatus.PENDING_CANCEL
            assert await second.cancels.get() == order.venue_order_id
        caller.cancel()
