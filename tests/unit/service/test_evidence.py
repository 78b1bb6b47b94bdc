"""What counterparties tell of their own accord: taken in any order, any number of times, never lost."""

import asyncio

import pytest

from router.core.errors import Code, OrderError
from router.core.model import (
    OnCreditFailure,
    OrderReport,
    OrderStatus,
    OrderType,
    OutboundOrder,
    Side,
    VenueState,
)
from router.core.order import Order, Phase
from router.ports import ForeignOrder, NeverSent, Refused, Taken, Unanswered, VenueUnreachableError
from tests.fakes.world import World, pts, spot, world
from tests.unit.build import D, fill, report, request
from tests.virtual_loop import in_virtual_time, pass_time


def count(w: World, event: str) -> int:
    return len(w.seen.lines(event))


def canceled(w: World, sent: OutboundOrder, trade: str) -> OrderReport:
    """A cancelled order with one execution of 0.1 BTC, as a feed tells it."""
    return w["spot"].report(sent, VenueState.CANCELED, fill(trade, "0.1"))


async def cancelled_order(w: World) -> tuple[Order, OutboundOrder]:
    """An order that ended without a fill ten seconds ago, so that only the journal has it."""
    w["spot"].streams("99.00", "100.00")
    answer = asyncio.get_running_loop().create_future()
    w["spot"].answers.append(answer)
    caller = asyncio.create_task(w.desk.submit(request()))
    sent = await w["spot"].submissions.get()
    answer.set_result(Taken(w["spot"].report(sent, VenueState.CANCELED)))
    order = (await caller).order
    await pass_time(10)
    return order, sent


@in_virtual_time
async def test_the_feed_may_be_faster_than_the_answer() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        answer = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        said = w["spot"].filled(sent)
        w.desk.listener.order_reported("spot", said)
        first = (await caller).order
        assert first.status is OrderStatus.FILLED

        answer.set_result(Taken(said))
        await pass_time(1)
        assert (await w.desk.order(first.id)).order == first


@in_virtual_time
async def test_an_answer_that_cannot_be_read_takes_nothing_back_that_the_feed_showed() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].before_submit = lambda order: w.desk.listener.order_reported(
            "spot", w["spot"].filled(order)
        )
        w["spot"].answers.append(Unanswered("expected JSON, was HTML"))
        order = (await w.desk.submit(request())).order
        assert (order.status, order.in_doubt) == (OrderStatus.FILLED, False)
        assert w["spot"].look_ups.empty()


@pytest.mark.parametrize(
    "denial",
    [Refused(OrderError(Code.VENUE_REJECTED, "no")), NeverSent("reset")],
    ids=["refused", "never sent"],
)
def test_a_refusal_of_what_the_feed_showed_is_not_believed(denial: Refused | NeverSent) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with world(spot()) as w:
            w["spot"].streams("99.00", "100.00")
            w["spot"].before_submit = lambda order: w.desk.listener.order_reported(
                "spot", w["spot"].report(order, VenueState.WORKING, fill("t-1", "0.1"))
            )
            w["spot"].answers.append(denial)
            order = (await w.desk.submit(request())).order
            assert (order.phase, order.filled_base) == (Phase.WORKING, D("0.1"))
            # 0.5 at 100.50 were claimed, and 0.4 are left of them.
            assert w.reserved("spot") == D("40.20")
            assert not w["spot"].look_ups.empty()
            assert count(w, "task_failed") == 0

    scenario()


@in_virtual_time
async def test_a_message_that_comes_again_counts_once_and_is_written_once() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        answer = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        part = w["spot"].report(sent, VenueState.WORKING, fill("t-1", "0.2"))
        for _ in range(5):
            w.desk.listener.order_reported("spot", part)
        answer.set_result(
            Taken(w["spot"].report(sent, VenueState.DONE, fill("t-1", "0.2"), fill("t-2", "0.3")))
        )
        order = (await caller).order

        assert (order.filled_base, [each.id for each in order.fills]) == (D("0.5"), ["t-1", "t-2"])
        await pass_time(1)
        assert w.journal.kept_events(order.id) == ["Routed", "Reported", "Reported"]


@in_virtual_time
async def test_a_late_fill_of_an_order_that_memory_let_go_reaches_the_journal() -> None:
    async with world(spot()) as w:
        order, sent = await cancelled_order(w)

        for name in ("t-1", "t-2", "t-1"):
            w.desk.listener.order_reported("spot", canceled(w, sent, name))
        await pass_time(1)
        late = (await w.desk.order(order.id)).order
        assert (late.status, late.filled_base) == (OrderStatus.CANCELED, D("0.2"))
        assert [each.id for each in late.fills] == ["t-1", "t-2"]
        assert w.journal.kept(order.id) == late
        assert w.desk.in_flight == 0


@in_virtual_time
async def test_late_fills_that_come_while_the_journal_is_slow_are_all_kept() -> None:
    async with world(spot()) as w:
        order, sent = await cancelled_order(w)

        reading = w.journal.hold("read")
        written = w.journal.hold("append")
        for name in ("t-1", "t-2", "t-3"):
            w.desk.listener.order_reported("spot", canceled(w, sent, name))
            await pass_time(0.1)
        reading.set()
        await pass_time(0.1)
        w.desk.listener.order_reported("spot", canceled(w, sent, "t-4"))
        written.set()
        await pass_time(1)
        assert [each.id for each in w.journal.kept(order.id).fills] == ["t-1", "t-2", "t-3", "t-4"]


@in_virtual_time
async def test_what_is_not_ours_is_told_and_left_alone() -> None:
    async with world(spot()) as w:
        w.desk.listener.order_reported("spot", report(venue_client_order_id="another-desk-s-order"))
        await pass_time(0.1)
        assert w.seen.lines("evidence_ignored") == [
            {
                "event": "evidence_ignored",
                "level": "warning",
                "connection": "spot",
                "venue_client_order_id": "another-desk-s-order",
                "why": "not ours",
            }
        ]


@in_virtual_time
async def test_an_order_that_the_router_did_not_send_is_told() -> None:
    async with world(pts()) as w:
        liquidation = ForeignOrder(
            "v-9", None, "BTC-USD", Side.SELL, VenueState.DONE, D("0.5"), w.clock.now()
        )
        w.desk.listener.foreign_order("pts", liquidation)
        (line,) = w.seen.lines("foreign_order")
        assert (line["connection"], line["venue_order_id"], line["filled_quantity"]) == ("pts", "v-9", "0.5")


@in_virtual_time
async def test_a_late_fill_waits_for_a_store_that_cannot_be_read() -> None:
    async with world(spot()) as w:
        order, sent = await cancelled_order(w)
        w.journal.failing = {"read"}
        w.desk.listener.order_reported("spot", canceled(w, sent, "t-1"))
        await pass_time(5)
        assert {line["operation"] for line in w.seen.lines("store_failed")} == {"order"}
        assert w.journal.kept(order.id).fills == ()

        w.journal.failing = set()
        await pass_time(3)
        assert [each.id for each in w.journal.kept(order.id).fills] == ["t-1"]


@in_virtual_time
async def test_an_order_reported_by_another_connection_is_not_touched() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        answer = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        w.desk.listener.order_reported("pts", w["spot"].filled(sent))
        assert count(w, "evidence_ignored") == 1
        answer.set_result(Taken(w["spot"].report(sent, VenueState.CANCELED)))
        assert (await caller).order.filled_base == 0


@in_virtual_time
async def test_after_a_reconnect_what_was_missed_is_read_before_it_trades() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        answer = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)
        limit = request(type=OrderType.LIMIT, limit_price=D("98.00"))
        caller = asyncio.create_task(w.desk.submit(limit))
        sent = await w["spot"].submissions.get()
        answer.set_result(Taken(w["spot"].report(sent, VenueState.WORKING)))
        order = (await caller).order
        w["spot"].known[sent.venue_client_order_id] = w["spot"].filled(sent, "98.00")
        w["spot"].balances = {"USD": D(7), "BTC": D(1)}
        await pass_time(1)

        await w.desk.listener.reconcile("spot")
        assert (await w.desk.order(order.id)).order.status is OrderStatus.FILLED
        assert w.ledger.free("spot", "USD") == 7


@in_virtual_time
async def test_after_a_reconnect_an_order_that_rests_for_long_is_looked_up_by_itself() -> None:
    async with world(spot()) as w:
        orders = []
        for number in range(2):
            await w["spot"].read_balances()
            w["spot"].streams("99.00", "100.00")
            answer = asyncio.get_running_loop().create_future()
            w["spot"].answers.append(answer)
            limit = request(client_order_id=f"o-{number}", type=OrderType.LIMIT, limit_price=D("98.00"))
            caller = asyncio.create_task(w.desk.submit(limit))
            sent = await w["spot"].submissions.get()
            answer.set_result(Taken(w["spot"].report(sent, VenueState.WORKING)))
            orders.append((await caller).order)
            w["spot"].known[sent.venue_client_order_id] = w["spot"].report(sent, VenueState.WORKING)
            await pass_time(3600 * (1 - number))
        for sent in w["spot"].submitted:
            w["spot"].known[sent.venue_client_order_id] = w["spot"].filled(sent, "98.00")
        w["spot"].listed.clear()
        await w.desk.listener.reconcile("spot")
        for order in orders:
            assert (await w.desk.order(order.id)).order.status is OrderStatus.FILLED
        (since,) = w["spot"].listed
        assert w.clock.now() - since < 3600 * 1_000_000_000


@in_virtual_time
async def test_a_reconnect_whose_reads_fail_is_told_to_the_adapter() -> None:
    async with world(spot()) as w:
        w["spot"].balance_errors.append(VenueUnreachableError("gone"))
        with pytest.raises(VenueUnreachableError):
            await w.desk.listener.reconcile("spot")


@in_virtual_time
async def test_what_else_adapters_tell_is_logged_and_counted() -> None:
    async with world(spot()) as w:
        w.desk.listener.health_changed("spot", w["spot"].health())
        w.desk.listener.request_answered("spot", "submit", "ok", 1_000_000, None)
        w.desk.listener.bad_data("spot", "BTC-USD", "crossed")
        assert [count(w, "health_changed"), count(w, "bad_data")] == [1, 1]
        assert w.seen.value("venue_requests_total", connection="spot", operation="submit", result="ok") == 1


@in_virtual_time
async def test_a_refused_order_that_the_feed_shows_stops_the_next_best() -> None:
    """It was refused for credit, and the feed says that it is live: nothing is sent beside it."""
    async with world(pts(), spot()) as w:
        w["pts"].streams("99.00", "100.00")
        w["spot"].streams("99.00", "100.20")
        w["pts"].answers.append(Refused(OrderError(Code.CREDIT_LONG_LIMIT, "no more")))
        caller = asyncio.create_task(w.desk.submit(request(on_credit_failure=OnCreditFailure.NEXT_BEST)))
        sent = await w["pts"].submissions.get()
        written = w.journal.hold("append")
        await pass_time(0.1)
        w.desk.listener.order_reported("pts", w["pts"].filled(sent))
        written.set()
        order = (await caller).order

        assert (order.status, order.filled_base) == (OrderStatus.FILLED, D("0.5"))
        await pass_time(0.1)
        assert w["spot"].submitted == []
        assert (w.reserved("spot"), w["spot"].unsent) == (0, 0)
        assert count(w, "task_failed") == 0


@in_virtual_time
async def test_evidence_of_an_earlier_attempt_is_recorded_there_and_not_taken_for_the_next() -> None:
    async with world(pts(), spot()) as w:
        w["pts"].streams("99.00", "100.00")
        w["spot"].streams("99.00", "100.20")
        w["pts"].answers.append(Refused(OrderError(Code.CREDIT_LONG_LIMIT, "no more")))
        caller = asyncio.create_task(w.desk.submit(request(on_credit_failure=OnCreditFailure.NEXT_BEST)))
        sent = await w["pts"].submissions.get()
        while w.journal.durable[-1][1].split()[-1] != "Refused":
            await pass_time(0)
        written = w.journal.hold("append")
        await pass_time(0.1)
        w.desk.listener.order_reported("pts", w["pts"].filled(sent))
        written.set()
        order = (await caller).order

        assert order.attempts[-1].connection_id == "spot"
        assert [each.id for each in order.fills] == ["spot-trade-1"]
        # Its counterparty had refused it: that it traded all the same needs a person.
        first = order.attempts[0]
        assert ([each.id for each in first.executed_fills], first.executed_base) == (
            ["pts-trade-1"],
            D("0.5"),
        )
        contradicted = w.seen.lines("contradicted")
        assert [(each["level"], each["connection"]) for each in contradicted] == [("error", "pts")]
        assert w.seen.value("contradictions_total", connection="pts") == 1
