"""An order that stays in doubt: the alarm, the list, and what a person found out, which evidence may deny."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import pytest

from router.core.errors import (
    Code,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OrderError,
    UnavailableError,
)
from router.core.finding import Finding, Found, executed
from router.core.model import OrderStatus, OutboundOrder, VenueState
from router.core.order import Order, step
from router.observe.events import Kind
from router.ports import Refused, Unanswered, VenueUnreachableError
from tests.fakes.journal import MemoryJournal
from tests.fakes.venue import FakeVenue
from tests.fakes.world import SETTLING_WINDOW_MS, World, pts, spot, world
from tests.unit.build import D, fill, request
from tests.virtual_loop import in_virtual_time, pass_time

WINDOW_S = SETTLING_WINDOW_MS / 1000
ALERT_S = 60.0


def absent(order: Order, at: int) -> Finding:
    return Finding(Found.ABSENT, "J. Doe", f"not at {order.attempts[-1].connection_id}", at)


def half(order: Order, at: int) -> Finding:
    """0.2 of the 0.5 was executed."""
    return executed(
        order.request,
        operator="J. Doe",
        reason="their page",
        at=at,
        venue_order_id=f"venue-{order.id}",
        filled_base=D("0.2"),
        average_price=D("100.00"),
        status=None,
    )


@asynccontextmanager
async def for_good(
    journal: MemoryJournal | None = None, name: str = "spot"
) -> AsyncIterator[tuple[World, FakeVenue, Order, OutboundOrder]]:
    """An order in doubt whose look-ups all fail."""
    async with world(spot() if name == "spot" else pts(name), journal=journal) as w:
        venue = w[name]
        venue.streams("99.00", "100.00")
        venue.answers.append(Unanswered("expected an answer, was reset"))
        venue.findings.extend(VenueUnreachableError("HTTP 503") for _ in range(10_000))
        order = (await w.desk.submit(request())).order
        assert order.in_doubt
        yield w, venue, order, venue.submitted[0]


async def read(w: World, order: Order) -> Order:
    return (await w.desk.order(order.id)).order


@in_virtual_time
async def test_past_the_window_and_the_bound_it_raises_the_alarm_once() -> None:
    async with for_good() as (w, _, order, sent):
        assert order.attempts[-1].sent_at is not None
        await pass_time(WINDOW_S + ALERT_S - 6)
        doubt = w.desk.doubts.of(await read(w, order))
        assert doubt is not None
        assert (doubt.since, doubt.overdue_ns) == (order.attempts[-1].sent_at, 0)
        assert w.seen.value("orders_in_doubt_overdue", connection="spot") == 0

        await pass_time(30)
        (line,) = w.seen.lines("order_in_doubt_overdue")
        assert (line["level"], line["order_id"], line["last_look_up"]) == ("error", order.id, "HTTP 503")
        assert line["venue_client_order_id"] == sent.venue_client_order_id
        assert w.seen.value("orders_in_doubt_overdue", connection="spot") == 1
        doubt = w.desk.doubts.of(await read(w, order))
        assert doubt is not None
        assert doubt.overdue_ns > 20_000_000_000
        assert doubt.last_look_up is not None
        assert doubt.last_look_up.answer == "HTTP 503"


@in_virtual_time
async def test_found_after_all_it_is_overdue_no_more() -> None:
    async with for_good() as (w, venue, order, sent):
        await pass_time(WINDOW_S + ALERT_S + 10)
        assert w.seen.value("orders_in_doubt_overdue", connection="spot") == 1
        venue.known[sent.venue_client_order_id] = venue.filled(sent)
        venue.findings.clear()
        await pass_time(10)
        assert (await read(w, order)).status is OrderStatus.FILLED
        assert w.seen.value("orders_in_doubt_overdue", connection="spot") == 0
        assert w.seen.value("contradictions_total", connection="spot") == 0


@in_virtual_time
async def test_what_a_look_up_did_not_find_is_told() -> None:
    async with for_good() as (w, venue, order, _):
        venue.findings.clear()
        await pass_time(6)
        doubt = w.desk.doubts.of(await read(w, order))
        assert doubt is not None
        assert doubt.last_look_up is not None
        assert doubt.last_look_up.answer == "not found"


@in_virtual_time
async def test_the_list_is_of_the_orders_in_doubt_newest_first_page_by_page() -> None:
    async with for_good() as (w, venue, first, _):
        ids = [first.id]
        for number in range(2):
            venue.streams("99.00", "100.00")
            venue.answers.append(Unanswered("reset"))
            ids.append((await w.desk.submit(request(client_order_id=f"more-{number}"))).order.id)
        venue.streams("99.00", "100.00")
        assert (await w.desk.submit(request(client_order_id="fills"))).order.status is OrderStatus.FILLED

        page = w.desk.doubts.page(2, None)
        rest = w.desk.doubts.page(2, page.next_cursor)
        assert [order.id for order in (*page.data, *rest.data)] == ids[::-1]
        assert rest.next_cursor is None
        with pytest.raises(ValueError, match="cursor"):
            w.desk.doubts.page(2, "another")


@in_virtual_time
async def test_absent_ends_it_durably_and_releases_what_was_reserved() -> None:
    async with for_good() as (w, _, order, _):
        assert w.reserved("spot") > 0
        await w.desk.doubts.record(order.id, absent)

        kept = w.journal.kept(order.id)
        assert kept == await read(w, order)
        assert (kept.status, kept.error and kept.error.code) == (OrderStatus.REJECTED, Code.NOT_TAKEN)
        assert kept.finding is not None
        assert (kept.finding.operator, kept.finding.reason) == ("J. Doe", "not at spot")
        assert (w.reserved("spot"), w.ledger.free("spot", "USD")) == (0, 1_000_000)
        assert w.journal.kept_events(order.id)[-1] == "FindingRecorded"
        assert [line["operator"] for line in w.seen.lines("finding_recorded")] == ["J. Doe"]
        assert w.seen.value("orders_in_doubt", connection="spot") == 0


@in_virtual_time
async def test_executed_moves_the_balance_by_what_was_traded() -> None:
    async with for_good() as (w, venue, order, _):
        venue.balance_errors.extend(VenueUnreachableError("HTTP 503") for _ in range(100))
        await w.desk.doubts.record(order.id, half)

        ended = await read(w, order)
        assert (ended.status, ended.filled_base, ended.filled_quote) == (
            OrderStatus.CANCELED,
            D("0.2"),
            D("20.000"),
        )
        # No single execution is known yet, so the balance is reckoned at the limit of 100.50.
        assert (w.reserved("spot"), w.ledger.free("spot", "USD")) == (0, 1_000_000 - D("20.1"))


@in_virtual_time
async def test_a_replay_of_the_journal_gives_the_order_as_it_ended() -> None:
    async with for_good() as (w, venue, order, sent):
        await w.desk.doubts.record(order.id, absent)
        venue.listener.order_reported("spot", venue.filled(sent))  # type: ignore[union-attr]  # the world set it
        await pass_time(1)

        kept = w.journal.kept(order.id)
        replayed = Order(
            order.id, order.request, order.candidates, order.created_at, order.created_at, protected=False
        )
        for at, event in w.journal.history(order.id):
            replayed = step(replayed, event, at)
        assert replayed == kept
        assert kept.filled_base == D("0.5")


@pytest.mark.parametrize("by_feed", [True, False])
def test_executions_after_absent_are_kept_and_cried_out(by_feed: bool) -> None:
    @in_virtual_time
    async def story() -> None:
        async with for_good() as (w, venue, order, sent):
            # A look-up is under way while the finding is recorded; its answer comes after it.
            late = asyncio.get_running_loop().create_future()
            venue.findings.clear()
            while not venue.look_ups.empty():
                venue.look_ups.get_nowait()
            venue.findings.append(late)
            await venue.look_ups.get()
            await w.desk.doubts.record(order.id, absent)
            told = venue.filled(sent)
            if by_feed:
                late.set_exception(VenueUnreachableError("reset"))
                await pass_time(200)  # long gone from memory
                assert venue.listener is not None
                venue.listener.order_reported("spot", told)
            else:
                late.set_result(told)
            await pass_time(1)

            kept = w.journal.kept(order.id)
            assert (kept.status, kept.filled_base) == (OrderStatus.REJECTED, D("0.5"))
            assert kept.finding is not None
            assert kept.finding.contradicted_at is not None
            assert w.seen.value("contradictions_total", connection="spot") == 1
            (line,) = w.seen.lines("contradicted")
            assert (line["level"], line["order_id"], line["filled_quantity"]) == ("error", order.id, "0.5")

    story()


@in_virtual_time
async def test_what_agrees_with_the_finding_adds_its_detail_and_no_alarm() -> None:
    async with for_good() as (w, venue, order, sent):
        await w.desk.doubts.record(order.id, half)
        told = venue.report(sent, VenueState.CANCELED, fill("t-1", "0.2"))
        assert venue.listener is not None
        venue.listener.order_reported(
            "spot", msgspec.structs.replace(told, venue_order_id=f"venue-{order.id}")
        )
        await pass_time(1)

        kept = w.journal.kept(order.id)
        assert ([each.id for each in kept.fills], kept.filled_base) == (["t-1"], D("0.2"))
        assert w.seen.value("contradictions_total", connection="spot") == 0


@in_virtual_time
async def test_an_order_proved_absent_that_is_there_after_all_is_a_contradiction_too() -> None:
    async with for_good() as (w, venue, order, sent):
        venue.findings.clear()
        await pass_time(WINDOW_S + 6)
        assert (await read(w, order)).status is OrderStatus.REJECTED
        assert venue.listener is not None
        for _ in range(2):
            venue.listener.order_reported("spot", venue.report(sent, VenueState.DONE, fill("t-1", "0.5")))
            await pass_time(1)
        assert w.journal.kept(order.id).filled_base == D("0.5")
        assert w.seen.value("contradictions_total", connection="spot") == 1


@in_virtual_time
async def test_a_refusal_is_published_once_it_is_durable() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(Refused(OrderError(Code.VENUE_REJECTED, "no")))
        follower = w.seen.observer.events.follow(lambda event: event.kind is Kind.ORDER)

        gate = w.journal.hold("append")
        submitted = asyncio.create_task(w.desk.submit(request()))
        await pass_time(0.1)
        gate.set()
        gate = w.journal.hold("append")  # the intent goes through, and the refusal waits
        await pass_time(0.1)
        told = [e.subject.status for e in await follower.next() or [] if isinstance(e.subject, Order)]
        assert told == [OrderStatus.PENDING_NEW] * 2
        gate.set()
        assert (await submitted).order.status is OrderStatus.REJECTED
        await pass_time(0.1)
        told = [e.subject.status for e in await follower.next() or [] if isinstance(e.subject, Order)]
        assert told == [OrderStatus.REJECTED]


@in_virtual_time
async def test_only_an_order_in_doubt_can_be_ended_by_a_finding() -> None:
    async with for_good() as (w, venue, order, _):
        venue.streams("99.00", "100.00")
        filled = (await w.desk.submit(request(client_order_id="fills"))).order
        for each, said in ((filled, "was filled"), (filled, "was filled")):
            with pytest.raises(ConflictError, match=said) as refused:
                await w.desk.doubts.record(each.id, absent)
            assert refused.value.code is Code.ORDER_NOT_IN_DOUBT
            await pass_time(200)  # the second time it is gone from memory
        with pytest.raises(NotFoundError):
            await w.desk.doubts.record("nobody", absent)
        await w.desk.doubts.record(order.id, absent)
        with pytest.raises(ConflictError, match="was rejected"):
            await w.desk.doubts.record(order.id, half)


@in_virtual_time
async def test_a_finding_that_cannot_be_written_changes_nothing() -> None:
    journal = MemoryJournal()
    async with for_good(journal) as (w, _, order, _):
        journal.failing.add("append")
        with pytest.raises(UnavailableError):
            await w.desk.doubts.record(order.id, absent)
        assert (await read(w, order)).in_doubt
        assert w.seen.lines("finding_recorded") == []
        journal.failing.clear()
        await w.desk.doubts.record(order.id, absent)
        assert w.journal.kept(order.id).is_final


@in_virtual_time
async def test_a_finding_that_cannot_be_this_orders_changes_nothing() -> None:
    async with for_good() as (w, _, order, _):

        def wrong(known: Order, at: int) -> Finding:
            assert at > known.created_at
            raise InvalidRequestError

        with pytest.raises(InvalidRequestError):
            await w.desk.doubts.record(order.id, wrong)
        assert (await read(w, order)).in_doubt


@pytest.mark.parametrize("proved", [True, False])
@pytest.mark.parametrize("written", [True, False])
def test_what_comes_while_the_finding_is_written_is_taken_after_it(proved: bool, written: bool) -> None:
    @in_virtual_time
    async def story() -> None:
        journal = MemoryJournal()
        async with for_good(journal) as (w, venue, order, sent):
            await pass_time(WINDOW_S)
            gate = journal.hold("append")
            if not written:
                journal.failing.add("append")
            recording = asyncio.create_task(w.desk.doubts.record(order.id, absent))
            await pass_time(0.001)
            assert venue.listener is not None
            if not proved:
                venue.listener.order_reported("spot", venue.filled(sent))
            venue.findings.clear()  # from here on look-ups do not find it: it is proved absent
            await pass_time(12)
            journal.failing.clear() if written else None
            gate.set()
            if written:
                await recording
            else:
                with pytest.raises(UnavailableError):
                    await recording
                journal.failing.clear()
            await pass_time(5)

            kept = w.journal.kept(order.id)
            assert (kept.is_final, kept.finding is not None) == (True, written)
            assert kept.filled_base == (0 if proved else Decimal("0.5"))
            assert w.seen.lines("task_failed") == []

    story()


@in_virtual_time
async def test_after_a_restart_it_is_overdue_by_when_it_was_sent() -> None:
    journal = MemoryJournal()
    async with for_good(journal) as (_, _, order, _):
        await pass_time(WINDOW_S)
    async with world(spot(), journal=journal) as w:
        w["spot"].findings.extend(VenueUnreachableError("HTTP 503") for _ in range(10_000))
        await pass_time(ALERT_S + 6)
        assert [line["order_id"] for line in w.seen.lines("order_in_doubt_overdue")] == [order.id]
        await w.desk.doubts.record(order.id, absent)
        assert w.seen.value("orders_in_doubt_overdue", connection="spot") == 0


@in_virtual_time
async def test_one_whose_connection_is_configured_no_more_can_be_ended() -> None:
    journal = MemoryJournal()
    async with for_good(journal, "pts") as (_, _, order, _):
        pass
    async with world(spot(), journal=journal) as w:
        await pass_time(ALERT_S + 6)
        assert w.seen.value("orders_in_doubt_overdue", connection="pts") == 1
        await w.desk.doubts.record(order.id, absent)
        assert (await read(w, order)).status is OrderStatus.REJECTED
