"""Firm quotes: asked where the rules allow it, accepted by their id, never late."""

import asyncio
from decimal import Decimal

from router.core.errors import Code
from router.core.groups import RoutingGroup, RoutingGroups
from router.core.model import OrderStatus, OrderType, Outcome, Reason, Source, TimeInForce
from router.core.record import CompetitionRecord
from router.ports import BudgetSpentError, OffWireError, VenueUnreachableError
from router.ports.quotes import QuoteAsk, QuoteRefusedError
from router.service.venues import QuotingRules
from tests.fakes.firm import FirmFake
from tests.fakes.journal import MemoryJournal
from tests.fakes.world import pts, spot, world
from tests.unit import build
from tests.unit.build import D, request
from tests.virtual_loop import in_virtual_time, pass_time

MS = 1_000_000


def firm(
    price: str,
    *,
    name: str = "cb",
    on_credit: bool = False,
    fee_bps: str = "0",
    quoting: QuotingRules | None = None,
) -> FirmFake:
    """A connection that holds a price, with plenty of everything."""
    venue = FirmFake(build.connection(name, pts=on_credit, fee_bps=fee_bps), price, quoting=quoting)
    venue.balances = {"BTC": D("1000000"), "USD": D("1000000")}
    return venue


def became(record: CompetitionRecord | None) -> dict[str, tuple[Outcome, Reason | None]]:
    assert record is not None
    return {entry.connection.id: (entry.outcome, entry.reason) for entry in record.entries}


@in_virtual_time
async def test_the_best_firm_price_wins_and_is_accepted_by_its_id() -> None:
    cb = firm("99.5")
    async with world(spot(), cb) as w:
        w["spot"].streams("99.00", "100.00")

        answer = await w.desk.submit(request(quantity=D(2)))

        assert answer.order.status is OrderStatus.FILLED
        assert became(answer.competition) == {"cb": (Outcome.WON, None), "spot": (Outcome.LOST, None)}
        [sent] = cb.submitted
        assert (sent.quote_id, sent.limit_price, sent.time_in_force) == (
            "quote-1",
            D("99.5"),
            TimeInForce.IOC,
        )
        [ask] = cb.asks
        assert (ask.quantity, ask.quantity_currency, ask.reference_price) == (D(2), "BTC", D("99.5"))
        entry = next(e for e in answer.competition.entries if e.connection.id == "cb")  # type: ignore[union-attr]
        assert (entry.source, entry.firm, entry.quote_id) == (Source.RFQ, True, "quote-1")
        assert w["spot"].submitted == []


@in_virtual_time
async def test_a_price_with_fees_that_is_stated_is_what_it_ranks_and_claims_by() -> None:
    cb = firm("99.5", fee_bps="100")
    async with world(spot(), cb) as w:
        w["spot"].streams("99.00", "100.00")
        cb.before_submit = lambda _sent: claims.append(w.reserved("cb"))
        claims: list[Decimal] = []
        ask = QuoteAsk("ask", build.product(), request().side, D(2), "BTC", None, D(500))
        cb.firm_quotes.append(cb.holds(ask, all_in_price="99.75"))

        answer = await w.desk.submit(request(quantity=D(2)))

        entry = next(e for e in answer.competition.entries if e.connection.id == "cb")  # type: ignore[union-attr]
        assert (entry.all_in_price, entry.fee, entry.outcome) == (D("99.75"), D("0.50"), Outcome.WON)
        assert claims == [D("199.50")]


@in_virtual_time
async def test_the_fee_that_was_quoted_is_what_the_balance_gave() -> None:
    cb = firm("99.5", fee_bps="100")
    async with world(cb) as w:
        ask = QuoteAsk("ask", build.product(), request().side, D(2), "BTC", None, D(500))
        cb.firm_quotes.append(cb.holds(ask, all_in_price="99.75"))

        answer = await w.desk.submit(request(quantity=D(2)))

        assert answer.order.status is OrderStatus.FILLED
        assert answer.order.attempts[-1].quoted_fee == D("0.50")
        assert w.ledger.free("cb", "USD") == D(1_000_000) - D("199.50")


@in_virtual_time
async def test_a_price_for_another_size_is_no_price() -> None:
    cb = firm("99.5")
    async with world(spot(), cb) as w:
        w["spot"].streams("99.00", "100.00")
        ask = QuoteAsk("ask", build.product(), request().side, D(1), "BTC", None, D(500))
        cb.firm_quotes.append(cb.holds(ask))

        answer = await w.desk.submit(request(quantity=D(2)))

        assert became(answer.competition) == {
            "cb": (Outcome.FAILED, Reason.INVALID_QUOTE),
            "spot": (Outcome.WON, None),
        }
        assert cb.submitted == []


@in_virtual_time
async def test_a_quote_that_ended_before_the_order_was_durable_is_not_accepted() -> None:
    cb = firm("99.5")
    cb.hold_ns = 100 * MS
    journal = MemoryJournal()
    async with world(spot(), cb, journal=journal) as w:
        w["spot"].streams("99.00", "100.00")
        accepting = journal.hold("accept")
        submit = asyncio.create_task(w.desk.submit(request()))
        await pass_time(0.15)
        w["spot"].streams("99.00", "100.00")
        accepting.set()

        answer = await submit

        assert became(answer.competition) == {
            "cb": (Outcome.FAILED, Reason.QUOTE_EXPIRED),
            "spot": (Outcome.WON, None),
        }
        assert cb.submitted == []


@in_virtual_time
async def test_a_quote_that_ends_while_the_intent_is_written_is_not_accepted_late() -> None:
    cb = firm("99.5")
    cb.hold_ns = 100 * MS
    journal = MemoryJournal()
    async with world(cb, journal=journal) as w:
        intent = journal.hold("append")
        submit = asyncio.create_task(w.desk.submit(request()))
        await pass_time(0.15)
        intent.set()

        answer = await submit

        assert answer.order.error is not None
        assert (answer.order.status, answer.order.error.code) == (OrderStatus.REJECTED, Code.PRICE_MOVED)
        assert cb.submitted == []
        assert (w.reserved("cb"), cb.unsent) == (0, 0)


@in_virtual_time
async def test_a_quote_that_has_ended_when_it_comes_is_none() -> None:
    cb = firm("99.5")
    cb.hold_ns = 0
    async with world(spot(), cb) as w:
        w["spot"].streams("99.00", "100.00")

        answer = await w.desk.submit(request())

        assert became(answer.competition)["cb"] == (Outcome.FAILED, Reason.QUOTE_EXPIRED)


@in_virtual_time
async def test_a_rival_that_hangs_costs_the_deadline_and_no_more() -> None:
    cb = firm("99.5")
    async with world(spot(), cb) as w:
        w["spot"].streams("99.00", "100.00")
        cb.firm_quotes.append(asyncio.get_running_loop().create_future())

        answer = await w.desk.submit(request())

        assert answer.competition is not None
        assert 0 <= answer.competition.closed_at - answer.order.created_at - 250 * MS < 1_000
        assert became(answer.competition)["cb"] == (Outcome.FAILED, Reason.TIMEOUT)
        assert answer.competition.winner == "spot"


@in_virtual_time
async def test_each_way_in_which_no_price_comes_is_told_by_its_reason() -> None:
    for error, reason in (
        (QuoteRefusedError(Reason.SIZE_ABOVE_MAXIMUM, "too much"), Reason.SIZE_ABOVE_MAXIMUM),
        (BudgetSpentError("none left"), Reason.RATE_LIMITED),
        (OffWireError("another product"), Reason.INVALID_QUOTE),
        (VenueUnreachableError("away"), Reason.VENUE_ERROR),
        (RuntimeError("a bug"), Reason.VENUE_ERROR),
    ):
        cb = firm("99.5")
        cb.firm_quotes.append(error)
        async with world(spot(), cb) as w:
            w["spot"].streams("99.00", "100.00")
            answer = await w.desk.submit(request())
            assert became(answer.competition)["cb"] == (reason.outcome, reason)
            assert answer.order.status is OrderStatus.FILLED


@in_virtual_time
async def test_a_working_order_goes_by_the_price_and_accepts_no_quote() -> None:
    cb = firm("99.5")
    async with world(cb) as w:
        await w.desk.submit(
            request(type=OrderType.LIMIT, limit_price=D("99.00"), time_in_force=TimeInForce.GTC)
        )

        [sent] = cb.submitted
        assert (sent.quote_id, sent.limit_price) == (None, D("99.00"))


@in_virtual_time
async def test_small_orders_do_not_cost_a_desk_a_quote() -> None:
    cb = firm("99.5", quoting=QuotingRules(notional_min=D(1000)))
    async with world(spot(), cb) as w:
        w["spot"].streams("99.00", "100.00")

        small = await w.desk.submit(request(quantity=D(1)))
        assert became(small.competition)["cb"] == (Outcome.EXCLUDED, Reason.SIZE_BELOW_MINIMUM)
        assert cb.asks == []

        await w.desk.submit(request(client_order_id="large", quantity=D(11)))
        assert len(cb.asks) == 1


@in_virtual_time
async def test_a_connection_is_asked_so_often_a_minute_and_no_more() -> None:
    cb = firm("99.5", quoting=QuotingRules(quotes_per_minute=2))
    async with world(spot(), cb) as w:
        outcomes = []
        for number in range(3):
            w["spot"].streams("99.00", "100.00")
            answer = await w.desk.submit(request(client_order_id=f"order-{number}"))
            outcomes.append(became(answer.competition)["cb"])
        assert outcomes == [
            (Outcome.WON, None),
            (Outcome.WON, None),
            (Outcome.EXCLUDED, Reason.RATE_LIMITED),
        ]

        await pass_time(61)
        w["spot"].streams("99.00", "100.00")
        await w["spot"].read_balances()
        await cb.read_balances()
        answer = await w.desk.submit(request(client_order_id="later"))
        assert became(answer.competition)["cb"] == (Outcome.WON, None)


@in_virtual_time
async def test_assets_go_to_the_counterparties_of_their_group() -> None:
    groups = RoutingGroups([RoutingGroup("majors", frozenset({"BTC"}), frozenset({"spot", "pts"}))])
    cb = firm("99.5")
    async with world(spot(), pts(), cb, groups=groups) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].streams("99.00", "100.10")

        answer = await w.desk.submit(request())

        assert became(answer.competition) == {
            "cb": (Outcome.EXCLUDED, Reason.NOT_SELECTED),
            "pts": (Outcome.LOST, None),
            "spot": (Outcome.WON, None),
        }
        assert cb.asks == []


@in_virtual_time
async def test_an_rfq_stands_as_long_as_its_shortest_quote_and_is_accepted_by_the_quotes_id() -> None:
    cb = firm("99.5")
    async with world(spot(), cb) as w:
        w["spot"].streams("99.00", "100.00")
        rfq = await w.desk.request_quote(request(client_order_id=""))
        assert rfq.valid_until <= rfq.created_at + 3_000 * MS

        answer = await w.desk.accept(rfq.id, "accepted", None, None)

        assert answer.order.status is OrderStatus.FILLED
        [sent] = cb.submitted
        assert (sent.quote_id, sent.time_in_force) == ("quote-1", TimeInForce.FOK)
        assert len(cb.asks) == 1


@in_virtual_time
async def test_an_accepted_rfq_claims_the_fees_that_were_quoted() -> None:
    cb = firm("99.5")
    async with world(spot(), cb) as w:
        w["spot"].streams("99.00", "100.00")
        cb.before_submit = lambda _sent: claims.append(w.reserved("cb"))
        claims: list[Decimal] = []
        ask = QuoteAsk("ask", build.product(), request().side, D(2), "BTC", None, D(500))
        cb.firm_quotes.append(cb.holds(ask, all_in_price="99.75"))
        rfq = await w.desk.request_quote(request(client_order_id="", quantity=D(2)))

        answer = await w.desk.accept(rfq.id, "accepted", None, None)

        assert answer.order.status is OrderStatus.FILLED
        assert claims == [D("199.50")]


@in_virtual_time
async def test_questions_of_one_competition_have_ids_of_their_own() -> None:
    one, other = firm("99.5"), firm("99.6", name="cb-pts", on_credit=True)
    async with world(one, other) as w:
        await w.desk.submit(request())
        await w.desk.submit(request(client_order_id="second"))

        assert len({ask.id for ask in (*one.asks, *other.asks)}) == 4


@in_virtual_time
async def test_a_quote_that_has_ended_is_in_no_rfqs_ranking() -> None:
    cb = firm("99.5")
    cb.hold_ns = 0
    async with world(spot(), cb) as w:
        w["spot"].streams("99.00", "100.00")

        rfq = await w.desk.request_quote(request(client_order_id=""))

        assert became(rfq.competition) == {
            "cb": (Outcome.FAILED, Reason.QUOTE_EXPIRED),
            "spot": (Outcome.WON, None),
        }
