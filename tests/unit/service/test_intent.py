"""The order is sent after its intent is durable, and not at all where it cannot be made so."""

import asyncio

import pytest

from router.core.errors import Code, OrderError, UnavailableError
from router.core.model import OnCreditFailure, OrderStatus, OrderType
from router.core.order import Phase
from router.ports import Refused
from tests.fakes.world import pts, spot, world
from tests.unit.build import D, request
from tests.virtual_loop import in_virtual_time, pass_time

BEFORE_THE_DEADLINE_S = 4


@in_virtual_time
async def test_nothing_is_sent_while_the_acceptance_is_being_written() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        accepted = w.journal.hold("accept")
        caller = asyncio.create_task(w.desk.submit(request()))
        assert await w.journal.started.get() == "accept"
        await pass_time(1)
        assert w["spot"].submitted == []

        accepted.set()
        assert (await caller).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_an_acceptance_that_outlasts_its_price_is_kept_and_not_sent() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        accepted = w.journal.hold("accept")
        caller = asyncio.create_task(w.desk.submit(request()))
        assert await w.journal.started.get() == "accept"
        await pass_time(BEFORE_THE_DEADLINE_S)
        w["spot"].streams("99.00", "100.00")
        accepted.set()
        order = (await caller).order
        assert order.error is not None
        assert order.error.code is Code.PRICE_MOVED
        assert (w["spot"].submitted, w.reserved("spot"), w["spot"].unsent) == ([], 0, 0)


@in_virtual_time
async def test_nothing_is_sent_while_the_intent_is_being_written() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        intended = w.journal.hold("append")
        caller = asyncio.create_task(w.desk.submit(request()))
        while await w.journal.started.get() != "append":
            pass
        await pass_time(1)
        assert w["spot"].submitted == []
        assert w.reserved("spot") == D("50.25")

        intended.set()
        assert (await caller).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_an_intent_that_took_too_long_to_write_is_not_sent_at_the_price_of_then() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        intended = w.journal.hold("append")
        caller = asyncio.create_task(w.desk.submit(request()))
        while await w.journal.started.get() != "append":
            pass
        await pass_time(2.1)
        intended.set()
        order = (await caller).order
        assert order.error is not None
        assert (order.status, order.error.code) == (OrderStatus.REJECTED, Code.PRICE_MOVED)
        assert order.error.retryable
        assert w["spot"].submitted == []
        assert (w.reserved("spot"), w["spot"].unsent) == (0, 0)


@in_virtual_time
async def test_a_limit_order_is_sent_however_long_its_intent_took_to_write() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        intended = w.journal.hold("append")
        wanted = request(type=OrderType.LIMIT, limit_price=D("100.00"))
        caller = asyncio.create_task(w.desk.submit(wanted))
        while await w.journal.started.get() != "append":
            pass
        await pass_time(BEFORE_THE_DEADLINE_S)
        intended.set()
        assert (await caller).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_when_the_order_goes_out_the_journal_says_where() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        found: list[Phase] = []
        w["spot"].before_submit = lambda order: found.append(
            w.journal.kept(order.venue_client_order_id[:36]).phase
        )
        await w.desk.submit(request())
        assert found == [Phase.ROUTED]


@in_virtual_time
async def test_one_write_stands_between_the_last_quote_and_the_send() -> None:
    """The competition's record is kept beside the intent, never before it."""
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w.journal.hold("keep_competition")
        answer = await w.desk.submit(request())
        assert answer.order.status is OrderStatus.FILLED
        assert [what for what, _ in w.journal.durable][:2] == ["accept", "append"]


@in_virtual_time
async def test_an_order_that_cannot_be_kept_is_not_accepted() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w.journal.failing = {"accept"}
        with pytest.raises(UnavailableError) as refused:
            await w.desk.submit(request())

        assert refused.value.code is Code.STORE_UNAVAILABLE
        assert refused.value.retryable
        assert w["spot"].submitted == []
        assert (w.reserved("spot"), w["spot"].unsent) == (0, 0)
        assert w.desk.in_flight == 0
        assert w.journal.kept_orders == []

        w.journal.failing = set()
        again = await w.desk.submit(request())
        assert not again.replayed
        assert again.order.status is OrderStatus.FILLED


@in_virtual_time
async def test_an_intent_that_cannot_be_kept_sends_nothing_and_gives_all_back() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        budget = w["spot"].budget
        w.journal.fail_at = {2, 3}
        answer = await w.desk.submit(request())

        assert answer.order.status is OrderStatus.REJECTED
        assert answer.order.error is not None
        assert answer.order.error.code is Code.STORE_UNAVAILABLE
        assert answer.order.error.retryable
        assert w["spot"].submitted == []
        assert (w.reserved("spot"), w["spot"].unsent, w["spot"].budget) == (0, 0, budget)

        await pass_time(3)
        assert w.journal.kept_events(answer.order.id) == ["NotRouted"]


@in_virtual_time
async def test_an_intent_that_had_no_room_ends_no_order_but_one_that_is_kept() -> None:
    """It is refused before its acceptance is known to be: what ends a repeat could be kept by no journal."""
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        first = await w.desk.submit(request())
        await pass_time(1)
        w.journal.started = asyncio.Queue()
        w.journal.full = {"append"}
        accepting = w.journal.hold("accept")
        repeat = asyncio.create_task(w.desk.submit(request()))
        await pass_time(0.1)
        w.journal.full = set()
        accepting.set()

        answer = await repeat
        assert (answer.order.id, answer.replayed) == (first.order.id, True)
        assert (w.reserved("spot"), w["spot"].unsent) == (0, 0)
        await pass_time(30)
        begun = [w.journal.started.get_nowait() for _ in range(w.journal.started.qsize())]
        assert "append" not in begun, f"expected no event of what was not accepted, was {begun}"
        assert await w.desk.stop(1)


@in_virtual_time
async def test_an_intent_that_had_no_room_ends_the_order_once_that_is_kept() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w.journal.full = {"append"}
        accepting = w.journal.hold("accept")
        caller = asyncio.create_task(w.desk.submit(request()))
        await pass_time(0.1)
        w.journal.full = set()
        assert w.reserved("spot") == 0, "expected the balance to be free for others while the journal writes"
        accepting.set()

        order = (await caller).order
        assert order.error is not None
        assert order.error.code is Code.STORE_UNAVAILABLE
        assert (w["spot"].submitted, w["spot"].unsent) == ([], 0)
        assert w.journal.kept_events(order.id) == ["NotRouted"]


@in_virtual_time
async def test_a_store_that_is_gone_after_the_acceptance_ends_the_order_at_once() -> None:
    """An order must not wait for a disk to be mended and then go out at the price of long ago."""
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        caller = asyncio.create_task(w.desk.submit(request()))
        assert await w.journal.started.get() == "accept"
        w.journal.failing = {"append", "keep_competition"}
        answer = await caller

        assert answer.order.error is not None
        assert answer.order.error.code is Code.STORE_UNAVAILABLE
        await pass_time(60)
        w.journal.failing = set()
        await pass_time(60)
        assert w["spot"].submitted == []
        assert w.journal.kept(answer.order.id).phase is Phase.FINAL


@in_virtual_time
async def test_a_next_best_that_cannot_be_kept_ends_with_the_credit_refusal() -> None:
    """A refusal for credit is never turned into a plain one."""
    async with world(pts(), spot()) as w:
        w["pts"].streams("99.00", "100.00")
        w["spot"].streams("99.00", "100.20")
        w["pts"].answers.append(Refused(OrderError(Code.CREDIT_LONG_LIMIT, "no more")))
        w["pts"].before_submit = lambda _order: w.journal.failing.add("append")
        answer = await w.desk.submit(request(on_credit_failure=OnCreditFailure.NEXT_BEST))

        assert answer.order.error is not None
        assert answer.order.error.code is Code.CREDIT_LONG_LIMIT
        assert answer.order.status is OrderStatus.REJECTED
        assert w["spot"].submitted == []
        assert (w.reserved("spot"), w["spot"].unsent) == (0, 0)
        w.journal.failing = set()
        await pass_time(3)
        assert w.journal.kept(answer.order.id) == answer.order
