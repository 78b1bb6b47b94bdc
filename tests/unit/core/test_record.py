"""The record of a competition: every entry with what it said, the ranked first."""

from decimal import Decimal

from router.core.competition import Competition, Contender, DeadlinePassed, Opened, QuoteFailed, QuoteReceived
from router.core.model import Outcome, Reason, Source
from router.core.record import CompetitionRecord, EntryRecord, RfqRecord, entry_records
from tests.unit import build
from tests.unit.build import T0
from tests.unit.core.test_competition import RULES, contender, got, grant, rich

D = Decimal


def closed() -> tuple[Competition, tuple[Contender, ...]]:
    """A won, d lost, b failed, c timed out (its quote came late), e was never asked."""
    contenders = tuple(contender(name, fee_bps="10") for name in "edcba")
    competition = Competition(build.request(), RULES, rich("a", "b", "c", "d"))
    competition.step(Opened(contenders), T0)
    firm = build.quote("a", "100.00", firm=True, quote_id="q-1", valid_until=T0 + 9, source=Source.RFQ)
    competition.step(QuoteReceived(firm, build.product()), T0 + 1)
    competition.step(QuoteFailed("b", Source.REQUEST, Reason.VENUE_ERROR, "503"), T0 + 2)
    competition.step(got("d", "101.00"), T0 + 3)
    competition.step(DeadlinePassed(), T0 + 4)
    competition.step(got("c", "99.00"), T0 + 5)
    competition.award(grant, T0)
    return competition, contenders


def test_the_ranked_come_first_and_the_others_by_id() -> None:
    entries = entry_records(*closed())

    assert [(e.connection.id, e.outcome, e.reason, e.rank, e.late) for e in entries] == [
        ("a", Outcome.WON, None, 1, False),
        ("d", Outcome.LOST, None, 2, False),
        ("b", Outcome.FAILED, Reason.VENUE_ERROR, None, False),
        ("c", Outcome.FAILED, Reason.TIMEOUT, None, True),
        ("e", Outcome.EXCLUDED, Reason.BALANCE_UNKNOWN, None, False),
    ]


def test_an_entry_holds_the_whole_quote() -> None:
    won, _, failed, late, excluded = entry_records(*closed())

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


def rfq(entries: tuple[EntryRecord, ...]) -> RfqRecord:
    record = CompetitionRecord(
        id="competition-1",
        order_id=None,
        rfq_id="rfq-1",
        request=build.request(),
        slippage_bps_max=D(50),
        collar_bps=D(500),
        opened_at=T0,
        deadline_at=T0 + 4,
        closed_at=T0 + 5,
        arrival_price=None,
        cover_price=None,
        winner=None,
        entries=entries,
    )
    return RfqRecord("rfq-1", record, T0, T0 + 9)


def test_the_best_of_an_rfq_is_what_ranks_first() -> None:
    entries = entry_records(*closed())

    assert rfq(entries[::-1]).best == entries[0]
    assert rfq(entries[2:]).best is None
    assert rfq(()).best is None
