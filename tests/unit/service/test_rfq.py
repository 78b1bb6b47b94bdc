"""An RFQ: a ranking that stands for a while, executed at its price or better, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from router.core.errors import (
    Code,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OrderError,
    RfqExpiredError,
    UnavailableError,
)
from router.core.model import (
    OnCreditFailure,
    OrderRequest,
    OrderStatus,
    Outcome,
    Reason,
    TimeInForce,
    VenueState,
)
from router.core.record import RfqRecord, Submission
from router.ports import Refused, Taken
from tests.fakes.journal import MemoryJournal
from tests.fakes.world import World, pts, spot, world
from tests.unit.build import D, book, levels, request
from tests.virtual_loop import in_virtual_time, pass_time

FIVE_S_NS = 5_000_000_000


def asked(**changed: object) -> OrderRequest:
    return request(client_order_id="", **changed)


@asynccontextmanager
async def quoted() -> AsyncIterator[tuple[World, RfqRecord]]:
    """An RFQ that `spot` answers best, at 100.00, before `pts` at 100.20."""
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].streams("99.00", "100.20")
        yield w, await w.desk.request_quote(asked())


@in_virtual_time
async def test_it_ranks_executes_nothing_and_can_be_read_again() -> None:
    async with quoted() as (w, rfq):
        assert [(e.connection.id, e.rank, e.outcome) for e in rfq.competition.entries] == [
            ("spot", 1, Outcome.WON),
            ("pts", 2, Outcome.LOST),
        ]
        assert rfq.best is not None
        assert rfq.best.price == D("100.00")
        assert rfq.valid_until == rfq.created_at + FIVE_S_NS
        assert (rfq.competition.winner, rfq.competition.rfq_id) == ("spot", rfq.id)
        assert await w.desk.rfq(rfq.id) == rfq
        assert await w.desk.competition(rfq.competition.id) == rfq.competition
        assert w["spot"].submitted == []
        assert (w.reserved("spot"), w["spot"].unsent) == (0, 0)


@in_virtual_time
async def test_it_and_its_competition_are_kept_in_one_go_and_before_it_is_answered() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        gates = [w.journal.hold(kind) for kind in ("keep_competition", "keep_rfq")]
        asking = asyncio.create_task(w.desk.request_quote(asked()))
        assert {await w.journal.started.get() for _ in gates} == {"keep_competition", "keep_rfq"}
        for gate in gates:
            await pass_time(1)
            assert not asking.done()
            gate.set()
        assert await w.desk.rfq((await asking).id) == asking.result()


@in_virtual_time
@pytest.mark.parametrize("lost", ["keep_competition", "keep_rfq"])
async def test_one_of_which_not_all_could_be_kept_is_not_quoted(lost: str) -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w.journal.failing = {lost}
        with pytest.raises(UnavailableError):
            await w.desk.request_quote(asked())


@in_virtual_time
async def test_what_was_accepted_is_not_remembered_for_longer_than_it_could_be_wanted() -> None:
    async with world(spot()) as w:
        for number in range(6):
            w["spot"].streams("99.00", "100.00")
            rfq = await w.desk.request_quote(asked())
            await w.desk.accept(rfq.id, f"a-{number}", None, None)
            await pass_time(2)
        assert len(w.desk._quoting._accepted) <= 3


@in_virtual_time
async def test_the_price_it_shows_is_the_deepest_that_the_size_needs() -> None:
    async with world(spot()) as w:
        asks = levels(("100.00", "0.3"), ("101.00", "5"))
        w["spot"].books["BTC-USD"] = book(levels(("99.00", "5")), asks, w.clock.now())
        rfq = await w.desk.request_quote(asked())
        assert rfq.best is not None
        assert rfq.best.price == D("101.00")


@in_virtual_time
async def test_it_needs_no_budget_for_orders() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].budget = 0
        assert (await w.desk.request_quote(asked())).best is not None


@in_virtual_time
async def test_without_quotes_it_has_no_best_and_cannot_be_accepted() -> None:
    async with world(spot()) as w:
        w["spot"].feed_up = False
        w["spot"].books["BTC-USD"] = book((), (), w.clock.now())
        rfq = await w.desk.request_quote(asked())
        assert rfq.best is None
        with pytest.raises(InvalidRequestError):
            await w.desk.accept(rfq.id, "a-1", None, None)


@in_virtual_time
async def test_accepted_it_goes_fill_or_kill_at_the_quoted_price_to_the_best() -> None:
    async with quoted() as (w, rfq):
        answer = await w.desk.accept(rfq.id, "a-1", None, None)
        sent = w["spot"].submitted[0]
        assert (sent.limit_price, sent.time_in_force) == (D("100.00"), TimeInForce.FOK)
        assert (answer.order.status, answer.order.protected) == (OrderStatus.FILLED, True)
        assert answer.order.request.client_order_id == "a-1"
        assert answer.order.competition_id == rfq.competition.id
        assert answer.order.attempts[0].cover_price == D("100.20")
        assert (await w.desk.rfq(rfq.id)).accepted_by == "a-1"


@in_virtual_time
@pytest.mark.parametrize("named", ["spot", "pts"])
async def test_accepted_its_competition_tells_the_order_and_who_got_it(named: str) -> None:
    async with quoted() as (w, rfq):
        answer = await w.desk.accept(rfq.id, "a-1", named, None)
        told = answer.competition
        assert told is not None
        assert (told.id, told.order_id, told.winner) == (rfq.competition.id, answer.order.id, named)
        assert [entry.connection.id for entry in told.entries if entry.outcome is Outcome.WON] == [named]
        for wait_s in (0, 60):
            await pass_time(wait_s)
            assert await w.desk.competition(told.id) == told
        assert (await w.desk.rfq(rfq.id)).competition == rfq.competition


@in_virtual_time
async def test_accepted_on_the_connection_named_it_goes_there() -> None:
    async with quoted() as (w, rfq):
        answer = await w.desk.accept(rfq.id, "a-1", "pts", None)
        assert [each.connection_id for each in answer.order.attempts] == ["pts"]
        assert w["pts"].submitted[0].limit_price == D("100.20")
        assert answer.order.attempts[0].cover_price == D("100.00")


@in_virtual_time
async def test_a_connection_without_a_price_cannot_be_named() -> None:
    async with quoted() as (w, rfq):
        with pytest.raises(InvalidRequestError) as refused:
            await w.desk.accept(rfq.id, "a-1", "nobody", None)
        assert refused.value.errors[0].field == "connection"
        assert (await w.desk.rfq(rfq.id)).accepted_by is None


@in_virtual_time
async def test_one_that_is_not_there() -> None:
    async with quoted() as (w, _):
        with pytest.raises(NotFoundError):
            await w.desk.rfq("none")
        with pytest.raises(NotFoundError):
            await w.desk.accept("none", "a-1", None, None)
        with pytest.raises(NotFoundError):
            await w.desk.competition("none")


@in_virtual_time
async def test_after_its_time_it_is_expired() -> None:
    async with quoted() as (w, rfq):
        await pass_time(5)
        w["spot"].streams("99.00", "100.00")
        with pytest.raises(RfqExpiredError) as refused:
            await w.desk.accept(rfq.id, "a-1", None, None)
        assert refused.value.code is Code.RFQ_EXPIRED
        assert w.journal.kept_orders == []


@in_virtual_time
async def test_accepted_with_the_same_id_again_it_answers_the_same_order() -> None:
    async with quoted() as (w, rfq):
        first = await w.desk.accept(rfq.id, "a-1", None, None)
        assert (await w.desk.accept(rfq.id, "a-1", None, None)).order.id == first.order.id
        await pass_time(60)
        again = await w.desk.accept(rfq.id, "a-1", None, None)
        assert again.replayed
        assert (again.order, again.competition) == (first.order, first.competition)
        assert len(w["spot"].submitted) == 1


@in_virtual_time
async def test_accepted_many_times_at_once_with_one_id_makes_one_order() -> None:
    async with quoted() as (w, rfq):
        answers = await asyncio.gather(*(w.desk.accept(rfq.id, "a-1", None, None) for _ in range(50)))
        assert len({answer.order.id for answer in answers}) == 1
        assert len(w["spot"].submitted) == 1
        assert {answer.order.status for answer in answers} == {OrderStatus.FILLED}


@in_virtual_time
async def test_it_is_good_for_one_order() -> None:
    async with quoted() as (w, rfq):
        await w.desk.accept(rfq.id, "a-1", None, None)
        with pytest.raises(RfqExpiredError, match="a-1"):
            await w.desk.accept(rfq.id, "a-2", None, None)


@in_virtual_time
async def test_it_is_good_for_one_order_however_slow_the_journal_is() -> None:
    async with quoted() as (w, rfq):
        reading = w.journal.hold("read")
        second = asyncio.create_task(w.desk.accept(rfq.id, "a-2", None, None))
        await pass_time(0.1)
        fresh = w.journal.hold("read")
        first = asyncio.create_task(w.desk.accept(rfq.id, "a-1", None, None))
        await pass_time(0.1)
        fresh.set()
        await first
        reading.set()
        with pytest.raises(RfqExpiredError):
            await second
        assert len(w["spot"].submitted) == 1


@in_virtual_time
async def test_the_same_id_with_another_choice_is_a_conflict() -> None:
    async with quoted() as (w, rfq):
        await w.desk.accept(rfq.id, "a-1", None, None)
        with pytest.raises(ConflictError, match=r"^connections: "):
            await w.desk.accept(rfq.id, "a-1", "pts", None)
        with pytest.raises(ConflictError, match=r"^rfq: "):
            await w.desk.submit(request(client_order_id="a-1"))


@pytest.mark.parametrize("wait_s", [0, 3])
def test_the_same_id_on_another_rfq_is_a_conflict(wait_s: float) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with quoted() as (w, rfq):
            other = await w.desk.request_quote(asked())
            await w.desk.accept(rfq.id, "a-1", None, None)
            await pass_time(wait_s)
            with pytest.raises(ConflictError, match=r"^rfq: "):
                await w.desk.accept(other.id, "a-1", None, None)
            assert (await w.desk.rfq(other.id)).accepted_by is None

    scenario()


@in_virtual_time
async def test_one_id_on_two_rfqs_at_once_is_one_order_and_a_conflict() -> None:
    async with quoted() as (w, rfq):
        other = await w.desk.request_quote(asked())
        answers = await asyncio.gather(
            *(w.desk.accept(each.id, "a-1", None, None) for each in (rfq, other)), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [Submission, ConflictError]
        assert len(w["spot"].submitted) == 1


@in_virtual_time
async def test_an_order_whose_acceptance_could_not_be_kept_may_be_asked_for_again() -> None:
    async with quoted() as (w, rfq):
        w.journal.failing = {"accept"}
        with pytest.raises(UnavailableError):
            await w.desk.accept(rfq.id, "a-1", None, None)
        w.journal.failing = set()
        answer = await w.desk.accept(rfq.id, "a-1", None, None)
        assert answer.order.status is OrderStatus.FILLED


@in_virtual_time
async def test_an_acceptance_that_could_not_be_kept_leaves_the_rfq_free() -> None:
    async with quoted() as (w, rfq):
        w.journal.failing = {"keep_rfq"}
        with pytest.raises(UnavailableError):
            await w.desk.accept(rfq.id, "a-1", None, None)
        w.journal.failing = set()
        assert (await w.desk.accept(rfq.id, "a-2", None, None)).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_a_price_that_moved_on_the_book_sends_nothing() -> None:
    async with quoted() as (w, rfq):
        w["spot"].streams("99.00", "100.01")
        budget = w["spot"].budget
        answer = await w.desk.accept(rfq.id, "a-1", None, None)
        assert answer.order.error is not None
        assert answer.order.error.code is Code.PRICE_MOVED
        assert answer.order.status is OrderStatus.REJECTED
        assert w["spot"].submitted == []
        assert (w.reserved("spot"), w["spot"].budget) == (0, budget)


@in_virtual_time
async def test_a_book_that_became_better_is_traded_on() -> None:
    async with quoted() as (w, rfq):
        w["spot"].streams("99.00", "99.50")
        answer = await w.desk.accept(rfq.id, "a-1", None, None)
        assert answer.order.status is OrderStatus.FILLED
        assert w["spot"].submitted[0].limit_price == D("100.00")


@in_virtual_time
async def test_a_price_that_moved_at_the_counterparty_kills_the_order() -> None:
    async with quoted() as (w, rfq):
        killed = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(killed)
        caller = asyncio.create_task(w.desk.accept(rfq.id, "a-1", None, None))
        sent = await w["spot"].submissions.get()
        killed.set_result(Taken(w["spot"].report(sent, VenueState.CANCELED)))
        order = (await caller).order
        assert order.error is not None
        assert (order.status, order.error.code) == (OrderStatus.REJECTED, Code.PRICE_MOVED)
        assert w.reserved("spot") == 0


@in_virtual_time
async def test_a_balance_that_is_gone_at_the_acceptance_is_no_moved_price() -> None:
    async with quoted() as (w, rfq):
        w.ledger.state("spot", {}, w.clock.now())
        order = (await w.desk.accept(rfq.id, "a-1", None, None)).order
        assert order.error is not None
        assert order.error.code is Code.NO_ELIGIBLE_COUNTERPARTY
        assert str(Reason.INSUFFICIENT_BALANCE) in order.error.detail


@in_virtual_time
async def test_next_best_goes_on_at_the_price_that_was_quoted() -> None:
    async with quoted() as (w, rfq):
        w["spot"].answers.append(Refused(OrderError(Code.CREDIT_FROZEN, "frozen")))
        order = (await w.desk.accept(rfq.id, "a-1", None, OnCreditFailure.NEXT_BEST)).order
        assert [each.connection_id for each in order.attempts] == ["spot", "pts"]
        assert w["pts"].submitted[0].limit_price == Decimal("100.20")
        assert w["pts"].submitted[0].time_in_force is TimeInForce.FOK


@in_virtual_time
async def test_next_best_does_not_go_on_after_the_end_of_the_rfq() -> None:
    async with quoted() as (w, rfq):
        slow = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(slow)
        caller = asyncio.create_task(w.desk.accept(rfq.id, "a-1", None, OnCreditFailure.NEXT_BEST))
        await w["spot"].submissions.get()
        await pass_time(5.1)
        slow.set_result(Refused(OrderError(Code.CREDIT_FROZEN, "frozen")))
        order = (await caller).order
        await pass_time(1)
        order = (await w.desk.order(order.id)).order
        assert (order.status, len(order.attempts)) == (OrderStatus.REJECTED, 1)
        assert w["pts"].submitted == []


@in_virtual_time
async def test_while_stopping_nothing_is_quoted_and_nothing_accepted() -> None:
    async with quoted() as (w, rfq):
        await w.desk.stop(1)
        for refused in (w.desk.request_quote(asked()), w.desk.accept(rfq.id, "a-1", None, None)):
            with pytest.raises(UnavailableError) as caught:
                await refused
            assert caught.value.code is Code.SHUTTING_DOWN


@in_virtual_time
async def test_an_acceptance_that_a_stop_overtakes_begins_nothing() -> None:
    async with quoted() as (w, rfq):
        kept = w.journal.hold("keep_rfq")
        caller = asyncio.create_task(w.desk.accept(rfq.id, "a-1", None, None))
        await pass_time(0.1)
        await w.desk.stop(1)
        kept.set()
        with pytest.raises(UnavailableError):
            await caller
        assert w["spot"].submitted == []
        assert w.journal.kept_orders == []


@in_virtual_time
async def test_it_survives_a_restart() -> None:
    journal = MemoryJournal()
    async with world(spot(), journal=journal) as w:
        w["spot"].streams("99.00", "100.00")
        rfq = await w.desk.request_quote(asked())
    async with world(spot(), journal=journal, seed=2) as w:
        w["spot"].streams("99.00", "100.00")
        assert await w.desk.rfq(rfq.id) == rfq
        assert (await w.desk.accept(rfq.id, "a-1", None, None)).order.status is OrderStatus.FILLED


@in_virtual_time
async def test_two_acceptances_at_once_with_one_id_begin_one_order() -> None:
    async with quoted() as (w, rfq):
        while not w.journal.started.empty():
            w.journal.started.get_nowait()
        told = await asyncio.gather(*(w.desk.accept(rfq.id, "a-1", None, None) for _ in range(2)))
        assert told[0].order.id == told[1].order.id
        assert [operation for operation, _ in w.journal.durable].count("accept") == 1
        begun = [w.journal.started.get_nowait() for _ in range(w.journal.started.qsize())]
        assert begun.count("accept") == 1
