"""Orders without an answer: in doubt, sent once, found by our own id; and those that never left."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import pytest

from router.core.errors import Code
from router.core.model import Side, VenueState
from router.ports import CancelRefused, ConnectionState, NeverSent, OffWireError, Unanswered
from router.ports import VenueUnreachableError as Unreachable
from tests.contract.venue_kit import Recorder
from tests.contract.venues.stage import Call, Kit, Options, Stage, staged

D = Decimal


@pytest.mark.parametrize(
    ("kind", "fields", "live"),
    [
        ("lost_before", {}, False),
        ("lost_after", {}, True),
        ("hang_after", {}, True),
        ("reset", {}, False),
        ("status", {"status": 500}, False),
        ("status", {"status": 500, "processed": True}, True),
        ("status", {"status": 502, "body": "empty"}, False),
        ("status", {"status": 503, "body": "html", "processed": True}, True),
        ("status", {"status": 400, "body": "empty"}, False),
        ("status", {"status": 302, "body": "empty"}, False),
        ("html", {}, False),
        ("html", {"processed": True, "status": 400}, True),
        ("truncated", {}, True),
        ("garbage", {}, True),
    ],
)
async def test_whatever_is_no_answer_leaves_the_order_in_doubt_and_is_sent_once(
    stage: Stage, kind: str, fields: dict[str, Any], live: bool
) -> None:
    order = await stage.winning()
    await stage.fault(kind, Call.ORDER, **fields)
    result = await stage.submit(order)
    assert isinstance(result, Unanswered), result
    await stage.heal()
    found = await stage.venue.look_up(order, None)
    assert (found is not None) is live
    assert found is None or (found.state, found.filled_base, len(found.fills)) == (VenueState.DONE, D(1), 1)
    assert await stage.arrived(Call.ORDER) == 1


async def test_a_look_up_that_is_not_answered_knows_nothing(stage: Stage) -> None:
    # A page of HTML that says 404 is a proxy's, and no word of the counterparty's that it has no such order.
    for kind, fields in (("html", {}), ("html", {"status": 404}), ("garbage", {}), ("reset", {})):
        await stage.fault(kind, Call.LOOK_UP, **fields)
        with pytest.raises(Unreachable):
            await stage.venue.look_up(stage.order(), None)


async def test_an_order_of_another_is_not_taken_for_ours(stage: Stage) -> None:
    await stage.ended(await stage.taken(stage.order()))
    assert await stage.venue.look_up(stage.order("o-2"), None) is None
    with pytest.raises(OffWireError):
        await stage.venue.look_up(stage.order(side=Side.SELL), None)


async def test_a_caller_that_gives_up_does_not_end_the_order(stage: Stage) -> None:
    order = await stage.winning()
    await stage.fault("late_after", Call.ORDER, ms=60)
    assert stage.venue.take_order_budget()
    sending = asyncio.create_task(stage.venue.submit(order))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await stage.listener.until(
        lambda: any(report.venue_client_order_id == "o-1" for report in stage.listener.reports)
    )
    assert await stage.arrived(Call.ORDER) == 1


async def test_one_that_was_stopped_sends_nothing(stage: Stage) -> None:
    order = await stage.winning()
    stage.running.cancel()
    await asyncio.wait({stage.running})
    assert stage.venue.health().state is ConnectionState.STOPPED
    before = await stage.all_arrived()
    assert isinstance(await stage.submit(order), NeverSent)
    with pytest.raises(Unreachable):
        await stage.venue.look_up(order, None)
    cancel = await stage.venue.cancel(order, "an-order")
    assert isinstance(cancel, CancelRefused)
    assert (cancel.error.code, cancel.error.retryable) == (Code.VENUE_UNAVAILABLE, True)
    assert await stage.all_arrived() == before


async def test_an_order_to_one_that_is_gone_never_left_us(kit: Kit) -> None:
    listener = Recorder()
    async with AsyncExitStack() as counterparty:
        venue, _ = await counterparty.enter_async_context(kit.start(Options()))
        running = asyncio.create_task(venue.run(listener))
        await listener.until(lambda: venue.health().state is ConnectionState.READY)
        order = Stage.order_of(venue)
        assert venue.take_order_budget()
    result = await venue.submit(order)
    running.cancel()
    await asyncio.wait({running})
    await asyncio.sleep(0)
    assert isinstance(result, NeverSent), result


async def test_what_is_in_flight_when_it_is_stopped_is_in_doubt(kit: Kit) -> None:
    async with staged(kit) as stage:
        order = await stage.winning()
        await stage.fault("hang_after", Call.ORDER)
        assert stage.venue.take_order_budget()
        sending = asyncio.create_task(stage.venue.submit(order))
        async with asyncio.timeout(5):
            # The counterparty has no event to wait for.
            while await stage.arrived(Call.ORDER) == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        stage.running.cancel()
        assert await sending == Unanswered("the connection was stopped before the answer came")
        # It was cut off here: that says nothing of the counterparty.
        assert not [request for request in stage.listener.requests if request[:2] == ("order", "reset")]
