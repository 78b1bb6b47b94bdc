"""A competition is decided in time, by what is there then, and says what became of everybody."""

import asyncio

import pytest

from router.core.errors import Code, InvalidRequestError
from router.core.model import OrderStatus, Outcome, Reason, Source
from router.core.record import CompetitionRecord
from router.ports import ConnectionState, VenueUnreachableError
from tests.fakes.world import pts, spot, world
from tests.unit.build import D, book, levels, request
from tests.virtual_loop import in_virtual_time, pass_time

DEADLINE_NS = 250_000_000


def became(record: CompetitionRecord | None) -> dict[str, tuple[Outcome, Reason | None, Source | None]]:
    assert record is not None
    return {entry.connection.id: (entry.outcome, entry.reason, entry.source) for entry in record.entries}


@in_virtual_time
async def test_it_ends_when_all_have_answered_and_waits_for_no_deadline() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].rest_book = w["pts"].one_level("99.00", "99.90")
        answer = await w.desk.submit(request())
        assert w.clock.now() - answer.order.created_at < 1_000_000
        assert became(answer.competition) == {
            "pts": (Outcome.WON, None, Source.REQUEST),
            "spot": (Outcome.LOST, None, Source.BOOK),
        }


@in_virtual_time
async def test_a_slow_counterparty_delays_nobody_past_the_deadline() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].quotes.append(asyncio.get_running_loop().create_future())
        answer = await w.desk.submit(request())
        assert answer.competition is not None
        assert 0 <= answer.competition.closed_at - answer.order.created_at - DEADLINE_NS < 1_000
        assert (answer.competition.winner, answer.order.status) == ("spot", OrderStatus.FILLED)
        assert became(answer.competition)["pts"] == (Outcome.FAILED, Reason.TIMEOUT, None)


@in_virtual_time
async def test_a_late_quote_is_recorded_and_not_used() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        late = asyncio.get_running_loop().create_future()
        w["pts"].quotes.append(late)
        answer = await w.desk.submit(request())
        assert answer.competition is not None
        assert answer.competition.winner == "spot"

        await pass_time(1)
        late.set_result(w["pts"].one_level("99.00", "90.00"))
        await pass_time(1)
        record = await w.desk.competition(answer.competition.id)
        entry = next(each for each in record.entries if each.connection.id == "pts")
        assert (entry.late, entry.outcome, entry.reason) == (True, Outcome.FAILED, Reason.TIMEOUT)
        assert (entry.price, entry.rank) == (D("90.00"), None)
        assert record.winner == "spot"
        assert record.closed_at == answer.competition.closed_at
        assert [line["connection"] for line in w.seen.lines("quote_came_late")] == ["pts"]
        assert len(w["pts"].submitted) == 0


@in_virtual_time
async def test_a_late_quote_of_an_order_that_memory_let_go_is_told_until_it_is_kept_and_no_longer() -> None:
    """Memory answers for what the journal has not; kept in it for good, every late quote would cost some."""
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        late = asyncio.get_running_loop().create_future()
        w["pts"].quotes.append(late)
        answer = await w.desk.submit(request())
        assert answer.competition is not None
        await pass_time(1)
        kept = w.journal.hold("keep_competition")
        late.set_result(w["pts"].one_level("99.00", "90.00"))
        await pass_time(1)
        shown = await w.desk.competition(answer.competition.id)
        assert [each.late for each in shown.entries] == [False, True]

        kept.set()
        await pass_time(1)
        assert await w.desk.competition(answer.competition.id) == shown
        assert w.desk._orders.record(answer.competition.id) is None, "expected it to be let go, was held"


@in_virtual_time
async def test_a_slow_store_does_not_time_out_streamed_books() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].streams("99.00", "100.10")
        accepted = w.journal.hold("accept")
        caller = asyncio.create_task(w.desk.submit(request()))
        await pass_time(1)
        accepted.set()
        answer = await caller
        assert became(answer.competition) == {
            "pts": (Outcome.LOST, None, Source.BOOK),
            "spot": (Outcome.WON, None, Source.BOOK),
        }


@in_virtual_time
async def test_streamed_books_are_read_at_once_and_the_intent_is_written_behind_the_acceptance() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        accepted = w.journal.hold("accept")
        caller = asyncio.create_task(w.desk.submit(request()))
        await pass_time(0.1)
        w["spot"].streams("99.00", "100.50")
        assert w["spot"].submitted == []
        accepted.set()
        order = (await caller).order
        assert order.attempts[0].quoted_price == D("100.00")
        assert [what for operation, what in w.journal.durable if operation != "keep_competition"][:2] == [
            order.id,
            f"{order.id} Routed",
        ]


@in_virtual_time
async def test_a_connection_without_budget_for_an_order_is_out() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].streams("99.00", "100.10")
        w["spot"].budget = 0
        answer = await w.desk.submit(request())
        assert became(answer.competition) == {
            "pts": (Outcome.WON, None, Source.BOOK),
            "spot": (Outcome.EXCLUDED, Reason.RATE_LIMITED, None),
        }


@in_virtual_time
async def test_where_nobody_has_budget_nobody_is_eligible() -> None:
    async with world(spot(), pts()) as w:
        for venue in w.venues.values():
            venue.streams("99.00", "100.00")
            venue.budget = 0
        answer = await w.desk.submit(request())
        assert answer.order.error is not None
        assert answer.order.error.code is Code.NO_ELIGIBLE_COUNTERPARTY
        assert set(became(answer.competition).values()) == {(Outcome.EXCLUDED, Reason.RATE_LIMITED, None)}
        assert w.reserved("spot") == 0


@in_virtual_time
async def test_the_last_request_of_a_budget_is_given_to_one_order() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].budget = 1
        answers = await asyncio.gather(*(w.desk.submit(request(client_order_id=f"{n}")) for n in range(5)))
        codes = sorted(str(answer.order.error and answer.order.error.code) for answer in answers)
        assert codes == ["None", *["no_eligible_counterparty"] * 4]


@in_virtual_time
async def test_where_all_fail_there_are_no_quotes() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00", size="0.1")
        w["pts"].quotes.append(VenueUnreachableError("gone"))
        answer = await w.desk.submit(request())
        assert answer.order.error is not None
        assert answer.order.error.code is Code.NO_QUOTES
        assert answer.order.competition_id == (answer.competition and answer.competition.id)
        assert became(answer.competition) == {
            "pts": (Outcome.FAILED, Reason.VENUE_ERROR, Source.REQUEST),
            "spot": (Outcome.FAILED, Reason.INSUFFICIENT_DEPTH, Source.BOOK),
        }


@in_virtual_time
async def test_who_cannot_trade_is_not_asked() -> None:
    async with world(spot(), pts(), pts("off"), pts("unasked"), disabled=frozenset({"off"})) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].state = ConnectionState.DOWN
        answer = await w.desk.submit(request(connections=("spot", "pts", "off")))
        assert became(answer.competition) == {
            "spot": (Outcome.WON, None, Source.BOOK),
            "pts": (Outcome.EXCLUDED, Reason.BREAKER_OPEN, None),
            "off": (Outcome.EXCLUDED, Reason.DISABLED, None),
            "unasked": (Outcome.EXCLUDED, Reason.NOT_SELECTED, None),
        }
        assert all(venue.questions.empty() for venue in w.venues.values())


@in_virtual_time
async def test_an_aged_book_is_no_quote_and_is_asked_for_anew() -> None:
    async with world(spot(), pts()) as w:
        w["spot"].streams("99.00", "100.00")
        w["pts"].streams("99.00", "100.00")
        await pass_time(2.1)
        w["spot"].feed_up = False
        w["spot"].rest_book = w["spot"].one_level("99.00", "100.00")
        # A book that is as old when it is asked for is none either.
        w["pts"].rest_book = book(levels(("99.00", "5")), levels(("100.00", "5")), w.clock.now() - 3 * 10**9)
        answer = await w.desk.submit(request())
        assert became(answer.competition) == {
            "spot": (Outcome.WON, None, Source.REQUEST),
            "pts": (Outcome.FAILED, Reason.STALE_BOOK, Source.REQUEST),
        }


@in_virtual_time
async def test_competitions_at_one_time_share_a_question_and_a_hung_one_is_asked_anew() -> None:
    async with world(pts()) as w:
        w["pts"].quotes.append(asyncio.get_running_loop().create_future())
        first = [asyncio.create_task(w.desk.submit(request(client_order_id=f"a-{n}"))) for n in range(5)]
        for answer in await asyncio.gather(*first):
            assert became(answer.competition) == {"pts": (Outcome.FAILED, Reason.TIMEOUT, None)}
        assert w["pts"].questions.qsize() == 1

        w["pts"].rest_book = w["pts"].one_level("99.00", "100.00")
        answer = await w.desk.submit(request(client_order_id="b"))
        assert answer.order.status is OrderStatus.FILLED


@in_virtual_time
async def test_the_record_can_be_read_at_once_though_the_journal_is_slow() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w.journal.hold("keep_competition")
        answer = await w.desk.submit(request())
        assert answer.order.competition_id is not None
        assert await w.desk.competition(answer.order.competition_id) == answer.competition


@in_virtual_time
async def test_a_size_that_no_counterparty_has_is_refused_before_anything_is_kept() -> None:
    async with world(spot()) as w:
        with pytest.raises(InvalidRequestError) as refused:
            await w.desk.submit(request(quantity=D("0.000000001")))
        assert refused.value.errors[0].field == "quantity"
        assert w.journal.kept_orders == []
