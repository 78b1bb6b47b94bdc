"""What each answer of a counterparty makes of an order."""

import asyncio

import pytest

from router.core.errors import Code, OrderError, VenueError
from router.core.model import OrderStatus, OrderType, TimeInForce, VenueState
from router.core.order import Phase
from router.ports import NeverSent, Refused, Taken, Unanswered, VenueUnreachableError
from tests.fakes.world import pts, spot, world
from tests.unit.build import D, fill, request
from tests.virtual_loop import in_virtual_time, pass_time

NO = OrderError(Code.VENUE_REJECTED, "not today", venue_error=VenueError(message="not today"))


@in_virtual_time
async def test_taken_and_filled() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        answer = await w.desk.submit(request())

        order = answer.order
        assert (order.phase, order.status, order.filled_base) == (Phase.FINAL, OrderStatus.FILLED, D("0.5"))
        assert order.error is None
        assert answer.competition is not None
        assert answer.competition.winner == "spot"
        assert w.reserved("spot") == 0
        await pass_time(1)
        assert w.journal.kept(order.id) == order
        assert w.journal.kept_events(order.id) == ["Routed", "Reported"]


@in_virtual_time
async def test_taken_and_resting_answers_at_once() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        taken = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(taken)
        limit = request(type=OrderType.LIMIT, limit_price=D("98.00"), time_in_force=TimeInForce.GTC)
        caller = asyncio.create_task(w.desk.submit(limit))
        sent = await w["spot"].submissions.get()
        taken.set_result(Taken(w["spot"].report(sent, VenueState.WORKING)))

        order = (await caller).order
        assert (order.phase, order.status) == (Phase.WORKING, OrderStatus.NEW)
        assert w.reserved("spot") == D("49.00")


@in_virtual_time
async def test_a_trade_moves_the_ledger_and_asks_for_no_balance_itself() -> None:
    async with world(spot(USD="100", BTC="0", fee_bps="10")) as w:
        w["spot"].streams("99.00", "100.00")
        await w.desk.submit(request())
        await pass_time(0.01)

        assert (w["spot"].balances_spoilt, w["spot"].balance_reads) == (1, 0)
        assert w.ledger.free("spot", "USD") == D("100") - D("50") - D("0.05")
        assert w.ledger.free("spot", "BTC") == D("0.5")
        w["spot"].balances = {"USD": D("49.95"), "BTC": D("0.5")}
        await w["spot"].read_balances()
        assert w.ledger.free("spot", "USD") == D("49.95")
        assert w.ledger.free("spot", "BTC") == D("0.5")


@in_virtual_time
async def test_a_trade_within_a_reading_has_its_proceeds_with_the_next_one_and_once() -> None:
    async with world(spot(USD="100", BTC="0")) as w:
        w["spot"].streams("99.00", "100.00")
        read = asyncio.get_running_loop().create_future()
        w["spot"].balance_errors.append(read)
        reading = asyncio.create_task(w["spot"].read_balances())
        await pass_time(0.01)
        # The statement that is asked for by now may have the trade or not: this one has not.
        await w.desk.submit(request())
        await pass_time(0.01)
        assert w["spot"].balances_spoilt == 1
        read.set_result(None)
        await reading

        assert (w.ledger.free("spot", "USD"), w.ledger.free("spot", "BTC")) == (D(50), D(0))
        w["spot"].balances = {"USD": D(50), "BTC": D("0.5")}
        await w["spot"].read_balances()
        assert (w.ledger.free("spot", "USD"), w.ledger.free("spot", "BTC")) == (D(50), D("0.5"))


@in_virtual_time
async def test_an_order_on_credit_or_without_a_fill_spoils_no_balance() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "101.00")
        w["pts"].streams("99.00", "100.00")
        await w.desk.submit(request())
        w["spot"].answers.append(Refused(NO))
        await w.desk.submit(request(client_order_id="refused", connections=("spot",)))
        await pass_time(0.01)
        assert (w["spot"].balances_spoilt, w["pts"].balances_spoilt) == (0, 0)


@in_virtual_time
async def test_a_trade_whose_sum_in_quote_was_not_said_costs_its_limit_until_the_balance_is_read() -> None:
    """What is free must not be more than there is, whatever is still to be told of a trade."""
    async with world(spot(USD="100", BTC="0", fee_bps="10")) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].balance_errors.append(asyncio.get_running_loop().create_future())
        taken = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(taken)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        half = fill("t-1", "0.25")
        said = w["spot"].report(sent, VenueState.DONE, half, filled_base=D("0.5"), filled_quote=None)
        taken.set_result(Taken(said))
        await caller
        assert w.ledger.free("spot", "USD") == D(100) - D("50.25") - D("0.05025")


@in_virtual_time
async def test_refused_is_final_and_gives_the_reservation_back() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(Refused(NO))
        order = (await w.desk.submit(request())).order

        assert (order.phase, order.status, order.error) == (Phase.FINAL, OrderStatus.REJECTED, NO)
        assert w.reserved("spot") == 0
        assert w.ledger.free("spot", "USD") == 1_000_000
        assert w["spot"].look_ups.empty()
        await pass_time(1)
        assert w.journal.kept(order.id) == order


@in_virtual_time
async def test_never_sent_is_no_order() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(NeverSent("expected a connection, was refused"))
        order = (await w.desk.submit(request())).order

        assert order.status is OrderStatus.REJECTED
        assert order.error == OrderError(
            Code.VENUE_UNAVAILABLE, "expected a connection, was refused", retryable=True, connection_id="spot"
        )
        assert w.reserved("spot") == 0
        assert w["spot"].look_ups.empty()
        assert len(w["spot"].submitted) == 1


@in_virtual_time
async def test_unanswered_is_in_doubt_and_answered_so_at_the_deadline() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(Unanswered("expected an answer, was reset"))
        before = w.clock.now()
        order = (await w.desk.submit(request())).order

        assert 5_000_000_000 <= w.clock.now() - before < 5_000_100_000
        assert (order.phase, order.status, order.in_doubt) == (Phase.IN_DOUBT, OrderStatus.PENDING_NEW, True)
        assert w.reserved("spot") == D("50.25")


@in_virtual_time
async def test_an_answer_that_does_not_come_is_not_waited_for_past_the_deadline() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(asyncio.get_running_loop().create_future())
        order = (await w.desk.submit(request())).order

        assert (order.phase, order.status) == (Phase.ROUTED, OrderStatus.PENDING_NEW)
        assert w.reserved("spot") == D("50.25")


@pytest.mark.parametrize("state", [VenueState.CANCELED, VenueState.DONE])
def test_an_ioc_that_filled_in_part_is_cancelled_with_its_fills(state: VenueState) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with world(spot()) as w:
            w["spot"].streams("99.00", "100.00")
            taken = asyncio.get_running_loop().create_future()
            w["spot"].answers.append(taken)
            caller = asyncio.create_task(w.desk.submit(request()))
            sent = await w["spot"].submissions.get()
            taken.set_result(Taken(w["spot"].report(sent, state, fill("t-1", "0.2"))))

            order = (await caller).order
            assert (order.status, order.filled_base) == (OrderStatus.CANCELED, D("0.2"))
            assert w.ledger.free("spot", "USD") == 1_000_000 - 20

    scenario()


@in_virtual_time
async def test_an_error_in_an_adapter_leaves_the_order_in_doubt_and_not_lost() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].answers.append(ZeroDivisionError("a bug"))
        order = (await w.desk.submit(request())).order

        assert order.in_doubt
        assert w.reserved("spot") == D("50.25")
        assert [line["what"] for line in w.seen.lines("task_failed")] == ["execution"]


@in_virtual_time
async def test_a_final_order_waits_for_its_single_fills_and_asks_for_those_that_do_not_come() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        taken = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(taken)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        w["spot"].known[sent.venue_client_order_id] = w["spot"].filled(sent)
        taken.set_result(
            Taken(
                w["spot"].report(
                    sent, VenueState.DONE, filled_base=D("0.5"), filled_quote=None, average_price=D("100.00")
                )
            )
        )
        first = (await caller).order
        assert (first.status, first.filled_quote, first.fills) == (OrderStatus.FILLED, D(50), ())

        await w["spot"].look_ups.get()
        await pass_time(0.01)
        last = (await w.desk.order(first.id)).order
        assert [each.id for each in last.fills] == ["spot-trade-1"]
        assert last.filled_base == D("0.5")


@in_virtual_time
async def test_look_ups_that_fail_are_no_reason_to_go_without_single_fills() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        taken = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(taken)
        w["spot"].findings.extend([VenueUnreachableError("expected an answer, was 503")] * 5)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        w["spot"].known[sent.venue_client_order_id] = w["spot"].filled(sent)
        taken.set_result(
            Taken(w["spot"].report(sent, VenueState.DONE, filled_base=D("0.5"), filled_quote=D(50)))
        )
        order = (await caller).order
        await pass_time(60)
        assert [each.id for each in w.journal.kept(order.id).fills] == ["spot-trade-1"]
        assert w["spot"].look_ups.qsize() == 6


@in_virtual_time
async def test_single_fills_that_are_never_listed_are_not_asked_for_without_end() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        taken = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(taken)
        caller = asyncio.create_task(w.desk.submit(request()))
        sent = await w["spot"].submissions.get()
        bare = w["spot"].report(sent, VenueState.DONE, filled_base=D("0.5"), filled_quote=D(50))
        w["spot"].known[sent.venue_client_order_id] = bare
        taken.set_result(Taken(bare))
        await caller
        await pass_time(150)
        assert w["spot"].look_ups.qsize() < 15
        asked = w["spot"].look_ups.qsize()
        await pass_time(150)
        assert w["spot"].look_ups.qsize() == asked
