"""Orders that rest have no task of their own, and are looked up one after another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from router.core.model import OrderStatus, OrderType, OutboundOrder, TimeInForce, VenueState
from router.ports import Taken, VenueUnreachableError
from router.service.resting import PAUSE_S, PAUSE_STREAMING_S
from tests.fakes.venue import FakeVenue
from tests.fakes.world import World, spot, world
from tests.unit.build import D, fill, request
from tests.virtual_loop import in_virtual_time, pass_time


async def _rest(w: World, number: int) -> OutboundOrder:
    """Send a limit order that the counterparty takes and does not fill."""
    taken = asyncio.get_running_loop().create_future()
    w["spot"].answers.append(taken)
    wanted = request(
        client_order_id=f"resting-{number}",
        type=OrderType.LIMIT,
        limit_price=D("98.00"),
        time_in_force=TimeInForce.GTC,
    )
    caller = asyncio.create_task(w.desk.submit(wanted))
    sent = await w["spot"].submissions.get()
    report = w["spot"].known[sent.venue_client_order_id] = w["spot"].report(sent, VenueState.WORKING)
    taken.set_result(Taken(report))
    assert (await caller).order.status is OrderStatus.NEW
    return sent


@asynccontextmanager
async def at_rest(orders: int) -> AsyncIterator[tuple[World, FakeVenue, list[OutboundOrder]]]:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        sent = [await _rest(w, number) for number in range(orders)]
        await pass_time(0.1)
        yield w, w["spot"], sent


def _asked(venue: FakeVenue) -> list[str]:
    return [venue.look_ups.get_nowait().venue_client_order_id for _ in range(venue.look_ups.qsize())]


@in_virtual_time
async def test_forty_orders_at_rest_have_no_more_tasks_than_one() -> None:
    async with at_rest(1):
        one = len(asyncio.all_tasks())
    async with at_rest(40):
        forty = len(asyncio.all_tasks())
    assert forty == one


@in_virtual_time
async def test_each_is_looked_up_in_its_turn_and_not_before() -> None:
    async with at_rest(3) as (_, venue, sent):
        await pass_time(PAUSE_STREAMING_S - 1)
        assert _asked(venue) == []
        await pass_time(2)
        assert _asked(venue) == [each.venue_client_order_id for each in sent]
        await pass_time(PAUSE_STREAMING_S + PAUSE_S)
        assert sorted(_asked(venue)) == sorted(each.venue_client_order_id for each in sent)


@in_virtual_time
async def test_one_look_up_waits_for_the_one_before() -> None:
    async with at_rest(3) as (_, venue, sent):
        slow = asyncio.get_running_loop().create_future()
        venue.findings.append(slow)
        await pass_time(PAUSE_STREAMING_S + PAUSE_S)
        assert _asked(venue) == [sent[0].venue_client_order_id]
        slow.set_result(venue.known[sent[0].venue_client_order_id])
        await pass_time(1)
        assert _asked(venue) == [each.venue_client_order_id for each in sent[1:]]


@in_virtual_time
async def test_where_no_feed_tells_of_them_they_are_asked_for_sooner() -> None:
    async with at_rest(2) as (_, venue, sent):
        venue.feed_up = False
        await pass_time(2 * PAUSE_S - 1)
        assert sorted(_asked(venue)) == sorted(each.venue_client_order_id for each in sent)


@in_virtual_time
async def test_an_end_that_only_a_look_up_shows_is_found() -> None:
    async with at_rest(2) as (w, venue, sent):
        ended = sent[1].venue_client_order_id
        venue.known[ended] = venue.filled(sent[1], "98.00")
        await pass_time(PAUSE_STREAMING_S + PAUSE_S)
        assert (await w.desk.order(ended[:36])).order.status is OrderStatus.FILLED
        assert w.desk.in_flight == 1


@in_virtual_time
async def test_a_partial_fill_lets_it_rest_on_and_the_last_one_ends_it() -> None:
    async with at_rest(1) as (w, venue, sent):
        order_id = sent[0].venue_client_order_id[:36]
        partly = venue.report(sent[0], VenueState.WORKING, fill("t-1", "0.1", "98.00"))
        w.desk.listener.order_reported("spot", partly)
        await pass_time(PAUSE_STREAMING_S - 1)
        assert _asked(venue) == []
        w.desk.listener.order_reported("spot", venue.filled(sent[0], "98.00"))
        await pass_time(1)
        assert (await w.desk.order(order_id)).order.status is OrderStatus.FILLED
        assert w.desk.in_flight == 0
        await pass_time(2 * PAUSE_STREAMING_S)
        assert _asked(venue) == []


@in_virtual_time
async def test_a_counterparty_that_does_not_answer_costs_the_others_their_turn_only() -> None:
    async with at_rest(2) as (_, venue, sent):
        venue.findings.append(VenueUnreachableError("away"))
        await pass_time(PAUSE_STREAMING_S + PAUSE_S)
        assert _asked(venue) == [each.venue_client_order_id for each in sent]


@in_virtual_time
async def test_a_bug_in_a_look_up_ends_no_round() -> None:
    async with at_rest(2) as (w, venue, sent):
        venue.findings.append(RuntimeError("a bug"))
        await pass_time(PAUSE_STREAMING_S + 2 * PAUSE_S)
        assert _asked(venue) == [each.venue_client_order_id for each in sent]
        assert [line["what"] for line in w.seen.lines("task_failed")] == ["resting"]
