"""Sent and unanswered: looked up until it is found, or proved absent by time; never sent again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from router.core.errors import Code
from router.core.model import OnCreditFailure, OrderStatus, OutboundOrder, VenueState
from router.core.order import Order, Phase
from router.ports import Unanswered, VenueUnreachableError
from tests.fakes.venue import FakeVenue
from tests.fakes.world import SETTLING_WINDOW_MS, World, pts, spot, world
from tests.unit.build import D, fill, request
from tests.virtual_loop import in_virtual_time, pass_time

WINDOW_S = SETTLING_WINDOW_MS / 1000


@asynccontextmanager
async def in_doubt() -> AsyncIterator[tuple[World, FakeVenue, Order, OutboundOrder]]:
    """An order that was sent five seconds ago, unanswered, and not found so far."""
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].streams("99.00", "100.20")
        w["spot"].answers.append(Unanswered("expected an answer, was reset"))
        order = (await w.desk.submit(request(on_credit_failure=OnCreditFailure.NEXT_BEST))).order
        assert order.in_doubt
        yield w, w["spot"], order, w["spot"].submitted[0]
        assert len(w["spot"].submitted) == 1
        assert w["pts"].submitted == []


@in_virtual_time
async def test_it_is_looked_up_by_its_client_id_at_once_and_again() -> None:
    async with in_doubt() as (_, venue, order, sent):
        asked = venue.look_ups.qsize()
        assert asked >= 3
        assert sent.venue_client_order_id == f"{order.id}-1-spot"
        assert {venue.look_ups.get_nowait().venue_client_order_id for _ in range(asked)} == {
            sent.venue_client_order_id
        }


@in_virtual_time
async def test_found_filled_it_is_final_and_its_caller_who_still_waits_is_told() -> None:
    async with in_doubt() as (w, venue, order, sent):
        repeat = asyncio.create_task(w.desk.submit(order.request))
        venue.known[sent.venue_client_order_id] = venue.filled(sent)
        found = await repeat

        assert found.replayed
        assert (found.order.status, found.order.in_doubt) == (OrderStatus.FILLED, False)
        assert w.reserved("spot") == 0
        assert w.ledger.free("spot", "USD") == 1_000_000 - 50
        await pass_time(1)
        assert w.journal.kept_events(order.id) == ["Routed", "WentInDoubt", "Reported"]


@in_virtual_time
async def test_found_working_it_is_followed_to_its_end() -> None:
    async with in_doubt() as (w, venue, order, sent):
        venue.known[sent.venue_client_order_id] = venue.report(sent, VenueState.WORKING, fill("t-1", "0.2"))
        await pass_time(6)
        assert (await w.desk.order(order.id)).order.phase is Phase.WORKING
        # 0.5 at 100.50 were claimed, and 0.3 are left of them.
        assert w.reserved("spot") == D("30.15")

        venue.known[sent.venue_client_order_id] = venue.report(sent, VenueState.CANCELED, fill("t-1", "0.2"))
        await pass_time(6)
        ended = (await w.desk.order(order.id)).order
        assert (ended.status, ended.filled_base) == (OrderStatus.CANCELED, D("0.2"))
        assert w.reserved("spot") == 0


@in_virtual_time
async def test_not_found_within_the_settling_window_it_stays_in_doubt() -> None:
    async with in_doubt() as (w, _, order, _):
        await pass_time(WINDOW_S - 5.1)
        assert (await w.desk.order(order.id)).order.in_doubt
        assert w.reserved("spot") == D("50.25")


@in_virtual_time
async def test_not_found_after_the_settling_window_it_was_never_taken() -> None:
    async with in_doubt() as (w, _, order, _):
        await pass_time(WINDOW_S + 1)
        ended = (await w.desk.order(order.id)).order
        assert (ended.status, ended.in_doubt) == (OrderStatus.REJECTED, False)
        assert ended.error is not None
        assert (ended.error.code, ended.error.retryable) == (Code.NOT_TAKEN, True)
        assert w.reserved("spot") == 0
        assert w.ledger.free("spot", "USD") == 1_000_000


@in_virtual_time
async def test_a_look_up_that_was_asked_before_the_window_ended_proves_nothing() -> None:
    async with in_doubt() as (w, venue, order, _):
        while not venue.look_ups.empty():
            venue.look_ups.get_nowait()
        late = asyncio.get_running_loop().create_future()
        venue.findings.append(late)
        await venue.look_ups.get()
        await pass_time(10 * WINDOW_S)
        late.set_result(None)
        await pass_time(0.01)
        assert (await w.desk.order(order.id)).order.in_doubt

        await pass_time(6)
        assert (await w.desk.order(order.id)).order.status is OrderStatus.REJECTED


@in_virtual_time
async def test_look_ups_that_fail_never_count_as_absence() -> None:
    async with in_doubt() as (w, venue, order, sent):
        venue.findings.extend(VenueUnreachableError("expected an answer, was a time-out") for _ in range(200))
        await pass_time(600)
        assert (await w.desk.order(order.id)).order.in_doubt
        assert w.reserved("spot") == D("50.25")

        venue.findings.clear()
        venue.known[sent.venue_client_order_id] = venue.filled(sent)
        await pass_time(6)
        assert (await w.desk.order(order.id)).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_an_adapter_that_raises_what_it_should_not_does_not_end_the_look_ups() -> None:
    async with in_doubt() as (w, venue, order, sent):
        venue.findings.append(ZeroDivisionError("a bug"))
        venue.known[sent.venue_client_order_id] = venue.filled(sent)
        await pass_time(12)
        assert (await w.desk.order(order.id)).order.status is OrderStatus.FILLED
        assert [line["what"] for line in w.seen.lines("task_failed")] == ["following"]


@in_virtual_time
async def test_the_gauge_goes_up_and_down() -> None:
    async with in_doubt() as (w, _, _, _):
        assert w.seen.value("orders_in_doubt", connection="spot") == 1
        await pass_time(WINDOW_S + 1)
        assert w.seen.value("orders_in_doubt", connection="spot") == 0


@pytest.mark.parametrize("found_after_s", [1, 20])
def test_the_feed_ends_the_doubt(found_after_s: float) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with in_doubt() as (w, venue, order, sent):
            await pass_time(found_after_s)
            w.desk.listener.order_reported("spot", venue.filled(sent))
            assert (await w.desk.order(order.id)).order.status is OrderStatus.FILLED
            assert w.reserved("spot") == 0

    scenario()
