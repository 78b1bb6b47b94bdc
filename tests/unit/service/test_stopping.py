"""A stop takes nothing new, finishes what is under way, and leaves in the journal what it could not."""

import asyncio

import pytest

from router.core.errors import Code, UnavailableError
from router.core.model import OrderStatus, OrderType, TimeInForce, VenueState
from router.core.order import Phase
from router.ports import Taken, Unanswered
from tests.fakes.world import MS, pts, spot, world
from tests.unit.build import D, request
from tests.virtual_loop import in_virtual_time, pass_time


@in_virtual_time
async def test_nothing_new_is_taken_while_what_is_under_way_is_finished() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        answer = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        stopping = asyncio.create_task(w.desk.stop(10))
        await pass_time(1)
        with pytest.raises(UnavailableError) as refused:
            await w.desk.submit(request(client_order_id="new"))
        assert refused.value.code is Code.SHUTTING_DOWN
        assert (await w.desk.readiness())["accepting"] == "stopping"

        answer.set_result(Taken(w["spot"].filled(sent)))
        assert await stopping
        order = (await caller).order
        assert order.status is OrderStatus.FILLED
        assert w.journal.kept(order.id) == order
        assert w.desk.in_flight == 0


@in_virtual_time
async def test_an_order_whose_answer_does_not_come_in_time_is_told_and_handed_over_in_doubt() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(asyncio.get_running_loop().create_future())
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        before = w.clock.now()
        assert await w.desk.stop(2)
        assert w.clock.now() - before < 2_000_000_000
        told = (await caller).order
        assert told.in_doubt
        assert w.clock.now() - before < 2_000_000_000
        assert w.journal.kept(sent.venue_client_order_id[:36]) == told
        assert w.desk.in_flight == 1


@in_virtual_time
async def test_an_order_in_doubt_is_handed_over_to_the_next_start() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(Unanswered("reset"))
        order = (await w.desk.submit(request())).order
        assert await w.desk.stop(1)
        assert w.desk.in_flight == 1
        assert w.journal.kept(order.id) == order


@in_virtual_time
async def test_evidence_that_is_behind_is_written_before_the_end() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].before_submit = lambda _order: w.journal.failing.add("append")
        order = (await w.desk.submit(request())).order
        stopping = asyncio.create_task(w.desk.stop(10))
        await pass_time(2)
        w.journal.failing = set()
        assert await stopping
        assert w.journal.kept(order.id) == order


@in_virtual_time
async def test_a_store_that_stays_away_does_not_keep_it_from_stopping() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].before_submit = lambda _order: w.journal.failing.add("append")
        order = (await w.desk.submit(request())).order
        assert not await w.desk.stop(2)
        assert w.journal.kept(order.id).phase is Phase.ROUTED


@in_virtual_time
async def test_late_evidence_that_cannot_be_matched_does_not_keep_it_from_stopping() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        order = (await w.desk.submit(request())).order
        await pass_time(10)
        w.journal.failing = {"read"}
        w.desk.listener.order_reported(
            "spot", w["spot"].known[order.attempts[0].outbound.venue_client_order_id]
        )
        assert not await w.desk.stop(2)


@in_virtual_time
async def test_whoever_waits_for_an_acceptance_that_a_stop_cuts_off_is_told() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w.journal.hold("accept")
        callers = [asyncio.create_task(w.desk.submit(request())) for _ in range(2)]
        await pass_time(0.1)
        assert not await w.desk.stop(1)
        for caller in callers:
            with pytest.raises(UnavailableError) as refused:
                await caller
            assert refused.value.code is Code.SHUTTING_DOWN


@in_virtual_time
async def test_questions_that_are_still_open_are_dropped() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].quotes.append(asyncio.get_running_loop().create_future())
        await w.desk.submit(request())
        assert await w.desk.stop(1)


@in_virtual_time
async def test_it_may_be_asked_for_twice() -> None:
    async with world(spot()) as w:
        assert await w.desk.stop(1)
        assert await w.desk.stop(1)


@in_virtual_time
async def test_whoever_waits_for_an_order_that_was_not_sent_yet_is_told_when_the_time_is_up() -> None:
    async with world(pts(), quote_deadline_ns=60_000 * MS, answer_deadline_ns=60_000 * MS) as w:
        w["pts"].quotes.append(asyncio.get_running_loop().create_future())
        caller = asyncio.create_task(w.desk.submit(request()))
        await w["pts"].questions.get()
        before = w.clock.now()
        assert await w.desk.stop(2)
        told = (await caller).order
        assert w.clock.now() - before < 2_000_000_000
        assert (told.status, told.in_doubt) == (OrderStatus.PENDING_NEW, False)
        assert w.journal.kept(told.id) == told


@in_virtual_time
async def test_what_comes_after_evidence_that_a_stop_gave_up_is_not_written_without_it() -> None:
    """The journal's events make the order, up to where they end; the next start asks for the rest."""
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        taken = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(taken)
        resting = request(type=OrderType.LIMIT, limit_price=D("98.00"), time_in_force=TimeInForce.GTC)
        caller = asyncio.create_task(w.desk.submit(resting))
        sent = await w["spot"].submissions.get()
        taken.set_result(Taken(w["spot"].report(sent, VenueState.WORKING)))
        order = (await caller).order
        await pass_time(1)
        behind = w.journal.hold("append")
        await w.desk.cancel(order.id)
        assert not await w.desk.stop(1)

        behind.set()
        w.desk.listener.order_reported("spot", w["spot"].report(sent, VenueState.CANCELED))
        await pass_time(1)
        assert w.journal.kept_events(order.id) == ["Routed", "Reported"]
        assert w.journal.kept(order.id) == order


@in_virtual_time
async def test_whoever_waits_for_an_order_that_a_counterparty_works_on_is_told_what_is_known() -> None:
    async with world(spot(), answer_deadline_ns=60_000 * MS) as w:
        w["spot"].streams("99.00", "100.00")
        taken = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(taken)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        taken.set_result(Taken(w["spot"].report(sent, VenueState.WORKING)))
        await pass_time(0.1)
        before = w.clock.now()
        assert await w.desk.stop(2)
        # Nobody here will hear of it any more: whoever waits is not to wait for the server to hang up.
        told = (await asyncio.wait_for(caller, 1)).order
        assert told.phase is Phase.WORKING
        assert w.clock.now() - before < 2_000_000_000
        assert w.journal.kept(told.id) == told


@in_virtual_time
async def test_whoever_waits_for_an_order_in_doubt_is_told_of_the_doubt() -> None:
    async with world(spot(), answer_deadline_ns=60_000 * MS) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(Unanswered("reset"))
        caller = asyncio.create_task(w.desk.submit(request()))
        await w["spot"].submissions.get()
        await pass_time(0.1)
        assert await w.desk.stop(2)
        told = (await asyncio.wait_for(caller, 1)).order
        assert told.in_doubt
