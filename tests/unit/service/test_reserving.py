"""No balance is spent twice, and none is read where there is credit."""

import asyncio
from collections import Counter

from router.core.model import (
    Claim,
    OrderStatus,
    OrderType,
    Outcome,
    Reason,
    Route,
    Side,
    TimeInForce,
    VenueState,
)
from router.core.pricing import price_quote
from router.ports import ConnectionState, SubmitResult, Taken
from router.service.competing import Competing
from router.service.executing import Executing
from router.service.orders import Orders
from tests.fakes.world import pts, spot, world
from tests.unit import build
from tests.unit.build import D, request
from tests.virtual_loop import in_virtual_time, pass_time


@in_virtual_time
async def test_a_thousand_orders_against_a_balance_for_a_hundred_fill_a_hundred_there() -> None:
    async with world(spot(BTC="50", USD="0"), pts()) as w:
        w["spot"].streams("100.00", "100.10", size="100000")
        w["pts"].streams("99.90", "100.10", size="100000")
        lowest = [D(50)]
        for venue in w.venues.values():
            venue.before_submit = lambda _order: lowest.append(w.ledger.free("spot", "BTC") or D(0))
        answers = await asyncio.gather(
            *(w.desk.submit(request(client_order_id=f"o-{n}", side=Side.SELL)) for n in range(1000))
        )

        assert {answer.order.status for answer in answers} == {OrderStatus.FILLED}
        assert len(w["spot"].submitted) == 100
        assert len(w["pts"].submitted) == 900
        assert min(lowest) == 0
        entries = [
            entry
            for answer in answers
            if answer.competition is not None and answer.competition.winner == "pts"
            for entry in answer.competition.entries
            if entry.connection.id == "spot"
        ]
        assert Counter((entry.outcome, entry.reason) for entry in entries) == {
            (Outcome.EXCLUDED, Reason.INSUFFICIENT_BALANCE): 900
        }
        assert w["pts"].balance_reads == 0
        assert w.reserved("spot", "BTC") == 0


@in_virtual_time
async def test_a_reservation_is_held_while_the_order_rests_and_released_at_its_end() -> None:
    async with world(spot(USD="100", BTC="0")) as w:
        w["spot"].streams("99.00", "100.00")
        answer = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)
        limit = request(quantity=D(1), type=OrderType.LIMIT, limit_price=D("90.00"))
        caller = asyncio.create_task(w.desk.submit(limit))
        sent = await w["spot"].submissions.get()
        second = await w.desk.submit(request(client_order_id="second"))
        assert second.order.error is not None
        assert second.competition is not None
        assert [entry.reason for entry in second.competition.entries] == [Reason.INSUFFICIENT_BALANCE]

        answer.set_result(Taken(w["spot"].report(sent, VenueState.CANCELED)))
        assert (await caller).order.status is OrderStatus.CANCELED
        third = await w.desk.submit(request(client_order_id="third"))
        assert third.order.status is OrderStatus.FILLED


@in_virtual_time
async def test_what_the_counterparty_holds_already_is_not_subtracted_twice() -> None:
    async with world(spot(USD="100", BTC="0")) as w:
        w["spot"].streams("99.00", "100.00")
        answer = asyncio.get_running_loop().create_future()
        w["spot"].answers.append(answer)
        limit = request(type=OrderType.LIMIT, limit_price=D("90.00"))
        caller = asyncio.create_task(w.desk.submit(limit))
        sent = await w["spot"].submissions.get()
        answer.set_result(Taken(w["spot"].report(sent, VenueState.WORKING)))
        await caller
        assert w.ledger.free("spot", "USD") == 55

        w["spot"].balances = {"USD": D(55)}
        await w["spot"].read_balances()
        assert w.ledger.free("spot", "USD") == 55


@in_virtual_time
async def test_what_a_fill_moved_is_not_lost_while_its_sum_is_unknown() -> None:
    async with world(spot(USD="100", BTC="0")) as w:
        venue = w["spot"]
        venue.streams("99.00", "100.00")
        sized = request(quantity=D(60), quantity_currency="USD")
        answering: asyncio.Future[SubmitResult] = asyncio.get_running_loop().create_future()
        venue.answers.append(answering)
        submit = asyncio.create_task(w.desk.submit(sized))
        sent = await venue.submissions.get()
        listener = w.desk.listener
        parts = [build.fill(f"t-{number}", "0.2", "100.00") for number in range(3)]

        listener.order_reported(
            "spot", venue.report(sent, VenueState.WORKING, parts[1], filled_base=D("0.4"), filled_quote=None)
        )
        assert (w.ledger.free("spot", "USD") or D(0)) <= D(40)
        listener.order_reported(
            "spot", venue.report(sent, VenueState.WORKING, parts[0], filled_base=D("0.2"), filled_quote=D(20))
        )
        listener.order_reported("spot", venue.report(sent, VenueState.DONE, *parts))

        answering.set_result(Taken(venue.report(sent, VenueState.DONE, *parts)))
        assert (await submit).order.status is OrderStatus.FILLED
        assert w.ledger.free("spot", "USD") == D(40)


@in_virtual_time
async def test_a_claim_that_is_not_covered_takes_no_request_either() -> None:
    async with world(spot(USD="100", BTC="0")) as w:
        venues, ledger, clock, observer = w.members, w.ledger, w.clock, w.seen.observer
        orders = Orders(w.journal, ledger, observer, clock)
        competing = Competing(venues, ledger, observer, clock)
        executing = Executing(venues, orders, ledger, competing, observer, clock)
        priced = price_quote(build.quote("spot"), D(0), Side.BUY, build.product())
        route = Route("spot", priced, D(100), TimeInForce.IOC, Claim("USD", D(101)))
        budget = w["spot"].budget

        assert executing.reserve("o-1", route) is Reason.INSUFFICIENT_BALANCE
        assert (w["spot"].budget, w["spot"].unsent, w.ledger.reservations()) == (budget, 0, {})


@in_virtual_time
async def test_a_spot_balance_that_was_never_read_keeps_it_out() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].streams("99.00", "100.20")
        w.ledger.forget("spot")
        answer = await w.desk.submit(request())
        assert answer.competition is not None
        reasons = {entry.connection.id: entry.reason for entry in answer.competition.entries}
        assert reasons == {"pts": None, "spot": Reason.BALANCE_UNKNOWN}


@in_virtual_time
async def test_a_spot_balance_that_is_too_old_keeps_it_out() -> None:
    async with world(spot(), pts()) as w:
        await pass_time(61)
        w["spot"].streams("99.00", "100.00")
        w["pts"].streams("99.00", "100.20")
        answer = await w.desk.submit(request())
        assert answer.competition is not None
        assert answer.competition.winner == "pts"


@in_virtual_time
async def test_what_was_true_when_the_prices_were_asked_is_asked_again_at_the_decision() -> None:
    """A connection that went down while the others were asked is passed over for the next best."""
    async with world(spot(), spot("other"), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["other"].rest_book = w["other"].one_level("99.00", "100.10")
        answer_later = asyncio.get_running_loop().create_future()
        w["other"].quotes.append(answer_later)
        caller = asyncio.create_task(w.desk.submit(request()))
        await w["other"].questions.get()
        w["spot"].state = ConnectionState.DOWN
        answer_later.set_result(w["other"].rest_book)
        answer = await caller

        assert answer.competition is not None
        entries = {entry.connection.id: (entry.outcome, entry.reason) for entry in answer.competition.entries}
        assert entries["other"] == (Outcome.WON, None)
        assert entries["spot"] == (Outcome.EXCLUDED, Reason.BREAKER_OPEN)
