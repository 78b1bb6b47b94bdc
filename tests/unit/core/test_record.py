"""The record of a competition: every entry with what it said, the ranked first."""

from decimal import Decimal
from typing import Any

from router.core.attempt import Attempt
from router.core.competition import Competition
from router.core.errors import Code, OrderError
from router.core.model import Outcome, Reason, Source
from router.core.order import Order
from router.core.record import CompetitionRecord, EntryRecord, RfqRecord, carried_out, entry_records
from tests.unit import build
from tests.unit.build import T0
from tests.unit.core.test_competition import RULES, contender, got, grant, rich

D = Decimal


def closed() -> Competition:
    """A won, d lost, b failed, c timed out (its quote came late), e was never asked."""
    contenders = tuple(contender(name, fee_bps="10") for name in "edcba")
    competition = Competition(build.request(), RULES, rich("a", "b", "c", "d"))
    competition.opened(contenders, T0)
    firm = build.quote("a", "100.00", firm=True, quote_id="q-1", valid_until=T0 + 9, source=Source.RFQ)
    competition.quoted(firm, T0 + 1)
    competition.failed("b", Source.REQUEST, Reason.VENUE_ERROR, T0 + 2, "503")
    got("d", "101.00")(competition, T0 + 3)
    competition.time_passed()
    got("c", "99.00")(competition, T0 + 5)
    competition.award(grant, T0)
    return competition


def test_the_ranked_come_first_and_the_others_by_id() -> None:
    entries = entry_records(closed())

    assert [(e.connection.id, e.outcome, e.reason, e.rank, e.late) for e in entries] == [
        ("a", Outcome.WON, None, 1, False),
        ("d", Outcome.LOST, None, 2, False),
        ("b", Outcome.FAILED, Reason.VENUE_ERROR, None, False),
        ("c", Outcome.FAILED, Reason.TIMEOUT, None, True),
        ("e", Outcome.EXCLUDED, Reason.BALANCE_UNKNOWN, None, False),
    ]


def test_an_entry_holds_the_whole_quote() -> None:
    won, _, failed, late, excluded = entry_records(closed())

    assert won == EntryRecord(
        connection=build.connection("a", fee_bps="10"),
        outcome=Outcome.WON,
        reason=None,
        source=Source.RFQ,
        firm=True,
        price=D("100.00"),
        price_worst=D("100.00"),
        all_in_price=D("100.10"),
        fee=D("0.05"),
        quantity_base=D("0.5"),
        complete=True,
        rank=1,
        late=False,
        asked_at=T0,
        answered_at=T0 + 1,
        valid_until=T0 + 9,
        quote_id="q-1",
        detail=None,
    )
    assert (failed.price, failed.detail, failed.source) == (None, "503", Source.REQUEST)
    assert (late.price, late.answered_at) == (D("99.00"), T0 + 5)
    assert (excluded.asked_at, excluded.answered_at, excluded.source) == (None, None, None)


def recorded(entries: tuple[EntryRecord, ...], **changed: Any) -> CompetitionRecord:
    fields: dict[str, Any] = {"order_id": None, "rfq_id": "rfq-1", "winner": None}
    return CompetitionRecord(
        id="competition-1",
        request=build.request(),
        slippage_bps_max=D(50),
        collar_bps=D(500),
        opened_at=T0,
        deadline_at=T0 + 4,
        closed_at=T0 + 5,
        arrival_price=None,
        cover_price=None,
        entries=entries,
        **fields | changed,
    )


def rfq(entries: tuple[EntryRecord, ...]) -> RfqRecord:
    return RfqRecord("rfq-1", recorded(entries), T0, T0 + 9)


def test_the_best_of_an_rfq_is_what_ranks_first() -> None:
    entries = entry_records(closed())

    assert rfq(entries[::-1]).best == entries[0]
    assert rfq(entries[2:]).best is None
    assert rfq(()).best is None


def order_of(*attempts: Attempt) -> Order:
    return build.order(attempts=attempts)


REFUSED = OrderError(Code.INSUFFICIENT_FUNDS, "not enough", retryable=False)


def test_a_record_whose_winner_took_the_order_is_carried_out_as_it_stands() -> None:
    record = recorded(entry_records(closed()), order_id="order-1", rfq_id=None, winner="a")

    taken = build.attempt(connection=build.connection("a"))
    assert carried_out(record, order_of(taken)) is record
    assert carried_out(record, order_of()) is record


def test_who_refused_the_order_and_who_got_it_after_that_is_told_in_their_entries() -> None:
    record = recorded(entry_records(closed()), order_id="order-1", rfq_id=None, winner="a")
    refused = build.attempt(connection=build.connection("a"), error=REFUSED)

    alone = carried_out(record, order_of(refused))
    after = carried_out(record, order_of(refused, build.attempt(number=2, connection=build.connection("d"))))

    assert [entry.detail for entry in alone.entries[:2]] == [
        "refused the order, insufficient_funds: not enough",
        None,
    ]
    assert [entry.detail for entry in after.entries[:2]] == [
        "refused the order, insufficient_funds: not enough",
        "got the order after who stood before it had refused it",
    ]


def test_an_rfq_that_was_accepted_on_another_than_its_best_was_won_by_that_one() -> None:
    record = recorded(entry_records(closed()), winner="a")

    accepted = carried_out(record, order_of(build.attempt(connection=build.connection("d"))))

    assert accepted.winner == "d"
    assert [(e.connection.id, e.outcome) for e in accepted.entries[:2]] == [
        ("a", Outcome.LOST),
        ("d", Outcome.WON),
    ]
