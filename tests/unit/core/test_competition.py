"""The competition: every event in every phase, and one decision whatever order the quotes come in."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.competition import Competition, Contender, Entry, Phase, Rules
from router.core.ledger import Ledger
from router.core.model import (
    OrderRequest,
    Outcome,
    Product,
    Quote,
    Reason,
    Route,
    Side,
    Source,
)
from router.core.routing import Terms
from tests.unit import build
from tests.unit.build import T0
from tests.unit.core.test_admission import UnreadLedger

D = Decimal
PRODUCT = build.product()
RULES = Rules(deadline_ns=250_000_000, collar_bps=D(500), terms=Terms(D(50)))


def contender(
    name: str,
    *,
    pts: bool = False,
    fee_bps: str = "0",
    product: Product | None = PRODUCT,
    barred: Reason | None = None,
) -> Contender:
    return Contender(build.connection(name, pts=pts, fee_bps=fee_bps), product, barred)


def rich(*names: str) -> Ledger:
    """A ledger in which these connections can pay for anything here."""
    ledger = Ledger()
    for name in names:
        ledger.state(name, {"USD": D(10**9), "BTC": D(10**6)}, T0)
    return ledger


def opened(
    *contenders: Contender, ledger: Ledger | None = None, request: OrderRequest | None = None
) -> Competition:
    """A competition that has just begun, everyone rich unless a ledger is given."""
    ledger = rich(*(c.connection.id for c in contenders)) if ledger is None else ledger
    made = Competition(build.request() if request is None else request, RULES, ledger)
    made.opened(contenders, T0)
    return made


Event = Callable[[Competition, int], None]
"""Something that happens to a competition at a time."""


def quoted(quote: Quote) -> Event:
    def happens(competition: Competition, now: int) -> None:
        competition.quoted(quote, now)

    return happens


def got(name: str, price: str, **changed: object) -> Event:
    return quoted(build.quote(name, price, **changed))


def failed(name: str, reason: Reason = Reason.VENUE_ERROR) -> Event:
    def happens(competition: Competition, now: int) -> None:
        competition.failed(name, Source.REQUEST, reason, now, "503")

    return happens


def time_passed(competition: Competition, _now: int) -> None:
    competition.time_passed()


def grant(_: Route) -> None:
    """A reservation that succeeds."""


def lines(competition: Competition) -> dict[str, tuple[Outcome | None, Reason | None, int | None]]:
    return {name: (e.outcome, e.reason, e.rank) for name, e in sorted(competition.entries.items())}


def test_opening_asks_everyone_admitted() -> None:
    competition = Competition(build.request(), RULES, rich("a", "b"))

    asked = competition.opened((contender("a"), contender("b")), T0)

    assert asked == [contender("a"), contender("b")]
    assert competition.phase is Phase.COLLECTING
    assert [entry.asked_at for entry in competition.entries.values()] == [T0, T0]
    assert competition.anyone_was_asked


def test_with_nobody_to_ask_it_is_ranked_at_once() -> None:
    competition = Competition(build.request(), RULES, Ledger())

    asked = competition.opened((contender("a"), contender("b", barred=Reason.DISABLED)), T0)

    assert asked == []
    assert (competition.phase, competition.ranking.quotes) == (Phase.RANKED, ())
    assert competition.award(grant, T0) is None
    assert not competition.anyone_was_asked
    assert lines(competition) == {
        "a": (Outcome.EXCLUDED, Reason.BALANCE_UNKNOWN, None),
        "b": (Outcome.EXCLUDED, Reason.DISABLED, None),
    }


@pytest.mark.parametrize(
    ("who", "ledger", "reason"),
    [
        pytest.param(contender("a", product=None), rich("a"), Reason.PRODUCT_UNSUPPORTED, id="product"),
        pytest.param(
            contender("a", barred=Reason.BREAKER_OPEN), rich("a"), Reason.BREAKER_OPEN, id="breaker"
        ),
        pytest.param(contender("a", barred=Reason.RATE_LIMITED), rich("a"), Reason.RATE_LIMITED, id="budget"),
        pytest.param(contender("a"), Ledger(), Reason.BALANCE_UNKNOWN, id="balance"),
        pytest.param(
            contender("a", product=build.product(base_size_min=D(1))),
            rich("a"),
            Reason.SIZE_BELOW_MINIMUM,
            id="size",
        ),
    ],
)
def test_who_is_left_out_is_told_why(who: Contender, ledger: Ledger, reason: Reason) -> None:
    competition = opened(who, ledger=ledger)

    assert lines(competition) == {"a": (Outcome.EXCLUDED, reason, None)}
    assert competition.entries["a"].asked_at is None


def test_whom_the_request_does_not_name_is_not_selected_whatever_else() -> None:
    competition = opened(
        contender("a"),
        contender("b", barred=Reason.BREAKER_OPEN),
        request=build.request(connections=("a",)),
    )

    assert lines(competition)["b"] == (Outcome.EXCLUDED, Reason.NOT_SELECTED, None)
    assert competition.entries["a"].asked_at == T0


def test_it_ends_when_the_last_answer_is_in() -> None:
    competition = opened(contender("a"), contender("b"), contender("c"))

    got("a", "100.00")(competition, T0 + 1)
    failed("b")(competition, T0 + 2)
    assert competition.phase is Phase.COLLECTING
    got("c", "99.00")(competition, T0 + 3)

    assert competition.phase is Phase.RANKED
    assert [priced.quote.connection_id for priced in competition.ranking.quotes] == ["c", "a"]


def test_the_deadline_ends_it_for_whoever_has_not_answered() -> None:
    competition = opened(contender("a"), contender("b"))
    got("a", "100.00")(competition, T0 + 1)

    competition.time_passed()

    assert competition.phase is Phase.RANKED
    assert competition.award(grant, T0) is not None
    assert lines(competition) == {
        "a": (Outcome.WON, None, 1),
        "b": (Outcome.FAILED, Reason.TIMEOUT, None),
    }


def test_a_late_quote_is_recorded_and_not_used() -> None:
    competition = opened(contender("a"), contender("b"))
    got("a", "100.00")(competition, T0 + 1)
    competition.time_passed()

    got("b", "1.00")(competition, T0 + 3)
    winner = competition.award(grant, T0)
    got("b", "2.00")(competition, T0 + 4)

    assert winner is not None
    assert winner.connection_id == "a"
    entry = competition.entries["b"]
    assert (entry.late, entry.answered_at, entry.outcome, entry.reason, entry.rank) == (
        True,
        T0 + 3,
        Outcome.FAILED,
        Reason.TIMEOUT,
        None,
    )
    assert entry.priced is not None
    assert entry.priced.quote.price == D("1.00")


def test_a_second_answer_to_one_question_changes_nothing() -> None:
    competition = opened(contender("a"), contender("b"))
    got("a", "100.00")(competition, T0 + 1)

    got("a", "1.00")(competition, T0 + 2)
    failed("a")(competition, T0 + 3)

    entry = competition.entries["a"]
    assert entry.priced is not None
    assert (entry.priced.quote.price, entry.answered_at, entry.outcome) == (D("100.00"), T0 + 1, None)


def at_collecting() -> Competition:
    competition = opened(contender("a"), contender("b"))
    got("a", "100.00")(competition, T0 + 1)
    return competition


def at_ranked() -> Competition:
    competition = at_collecting()
    competition.time_passed()
    return competition


def at_closed() -> Competition:
    competition = at_ranked()
    competition.award(grant, T0)
    return competition


AFTER_THE_RANKING = [
    pytest.param(got("a", "1.00"), id="a second price"),
    pytest.param(got("b", "1.00"), id="a late price"),
    pytest.param(failed("a"), id="a failure after a price"),
    pytest.param(failed("b"), id="a late failure"),
    pytest.param(time_passed, id="the deadline"),
]


@pytest.mark.parametrize("event", AFTER_THE_RANKING)
@pytest.mark.parametrize("begun", [at_ranked, at_closed])
def test_nothing_that_comes_after_the_ranking_changes_it(
    begun: Callable[[], Competition], event: Event
) -> None:
    competition, as_it_was = begun(), begun()

    event(competition, T0 + 9)

    assert competition.phase is as_it_was.phase
    assert competition.ranking == as_it_was.ranking
    assert lines(competition) == lines(as_it_was)


@pytest.mark.parametrize(
    ("event", "phase"),
    [
        (got("b", "99.00"), Phase.RANKED),
        (got("a", "99.00"), Phase.COLLECTING),
        (failed("b"), Phase.RANKED),
        (failed("a"), Phase.COLLECTING),
        (time_passed, Phase.RANKED),
    ],
)
def test_every_event_while_collecting(event: Event, phase: Phase) -> None:
    competition = at_collecting()

    event(competition, T0 + 9)

    assert competition.phase is phase


@pytest.mark.parametrize("reason", [r for r in Reason if r.outcome is Outcome.FAILED])
def test_a_failed_quote_says_why(reason: Reason) -> None:
    competition = opened(contender("a"))

    failed("a", reason)(competition, T0 + 1)

    entry = competition.entries["a"]
    assert entry == Entry(
        contender("a"),
        free=entry.free,
        changes=entry.changes,
        outcome=Outcome.FAILED,
        reason=reason,
        source=Source.REQUEST,
        asked_at=T0,
        answered_at=T0 + 1,
        detail="503",
    )


def test_an_event_about_an_unknown_connection_is_a_bug() -> None:
    with pytest.raises(KeyError):
        got("z", "1")(opened(contender("a")), T0)


def test_fees_decide() -> None:
    competition = opened(contender("a", fee_bps="10"), contender("b"))
    got("a", "100.00")(competition, T0)
    got("b", "100.09")(competition, T0)

    winner = competition.award(grant, T0)

    assert winner is not None
    assert winner.connection_id == "b"
    assert lines(competition) == {"a": (Outcome.LOST, None, 2), "b": (Outcome.WON, None, 1)}


def test_a_quote_that_cannot_be_traded_is_out_with_its_reason() -> None:
    ledger = rich("a", "b")
    ledger.state("c", {"USD": D(10)}, T0)
    competition = opened(contender("a"), contender("b"), contender("c"), ledger=ledger)
    got("a", "100.00")(competition, T0)
    got("b", "90.00", complete=False)(competition, T0)
    got("c", "80.00")(competition, T0)

    competition.award(grant, T0)

    assert lines(competition) == {
        "a": (Outcome.WON, None, 1),
        "b": (Outcome.FAILED, Reason.INSUFFICIENT_DEPTH, None),
        "c": (Outcome.EXCLUDED, Reason.INSUFFICIENT_BALANCE, None),
    }


def test_a_price_outside_the_collar_cannot_win() -> None:
    competition = opened(*(contender(name) for name in "abc"))
    for name, price in (("a", "100.00"), ("b", "100.10"), ("c", "1.00")):
        got(name, price)(competition, T0)

    winner = competition.award(grant, T0)

    assert winner is not None
    assert winner.connection_id == "a"
    assert lines(competition)["c"] == (Outcome.FAILED, Reason.OUTSIDE_COLLAR, None)


def test_an_award_passes_over_what_cannot_be_reserved() -> None:
    competition = opened(*(contender(name) for name in "abcd"))
    for name, price in (("a", "100.00"), ("b", "100.01"), ("c", "100.02"), ("d", "100.03")):
        got(name, price)(competition, T0)
    asked: list[str] = []

    def reserve(route: Route) -> Reason | None:
        asked.append(route.connection_id)
        return {"a": Reason.RATE_LIMITED, "b": Reason.INSUFFICIENT_BALANCE}.get(route.connection_id)

    winner = competition.award(reserve, T0)

    assert winner is not None
    assert winner.connection_id == "c"
    assert asked == ["a", "b", "c"]  # and nobody after the winner
    assert lines(competition) == {
        "a": (Outcome.EXCLUDED, Reason.RATE_LIMITED, None),
        "b": (Outcome.EXCLUDED, Reason.INSUFFICIENT_BALANCE, None),
        "c": (Outcome.WON, None, 1),
        "d": (Outcome.LOST, None, 2),
    }
    assert competition.phase is Phase.CLOSED


def test_an_award_reads_the_balance_as_it_is_by_then() -> None:
    ledger = rich("a", "b")
    competition = opened(contender("a"), contender("b"), ledger=ledger)
    got("a", "100.00")(competition, T0)
    got("b", "101.00")(competition, T0)
    ledger.state("a", {"USD": D(0)}, T0 + 1)

    winner = competition.award(grant, T0)

    assert winner is not None
    assert winner.connection_id == "b"
    assert lines(competition)["a"] == (Outcome.EXCLUDED, Reason.INSUFFICIENT_BALANCE, None)


def test_an_rfq_is_closed_with_its_ranking_and_reserves_nothing() -> None:
    competition = opened(contender("a"), contender("b"))
    got("a", "100.00")(competition, T0)
    got("b", "99.00")(competition, T0)

    competition.close(T0)

    assert lines(competition) == {"a": (Outcome.LOST, None, 2), "b": (Outcome.WON, None, 1)}
    assert competition.phase is Phase.CLOSED


def test_an_rfq_is_not_led_by_a_quote_that_ended_while_others_were_waited_for() -> None:
    competition = opened(contender("a"), contender("b"), contender("c"))
    ending = build.quote("a", "99.00", firm=True, quote_id="q-1", valid_until=T0 + 2)
    competition.quoted(ending, T0)
    got("b", "100.00")(competition, T0 + 1)
    got("c", "101.00")(competition, T0 + 2)

    competition.close(T0 + 2)

    assert lines(competition) == {
        "a": (Outcome.FAILED, Reason.QUOTE_EXPIRED, None),
        "b": (Outcome.WON, None, 1),
        "c": (Outcome.LOST, None, 2),
    }


def test_pts_competes_and_wins_with_no_ledger_read() -> None:
    competition = Competition(build.request(), RULES, UnreadLedger())
    competition.opened((contender("p", pts=True), contender("q", pts=True)), T0)
    got("p", "100.00")(competition, T0)
    got("q", "99.00")(competition, T0)

    winner = competition.award(grant, T0)

    assert winner is not None
    assert (winner.connection_id, winner.claim) == ("q", None)


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(["got", "thin", "failed"]),
        st.sampled_from(["99.00", "100.00", "100.00", "100.01", "100.20", "150.00", "1.00"]),
        st.booleans(),  # PTS
        st.sampled_from(["20", "50.10", "51", "1000"]),  # free
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200)
@given(
    ANSWERS.flatmap(lambda a: st.tuples(st.just(a), st.permutations(range(len(a))))),
    st.sampled_from(list(Side)),
)
def test_the_decision_is_the_same_whatever_order_the_answers_come_in(
    drawn: tuple[list[tuple[str, str, bool, str]], list[int]], side: Side
) -> None:
    answers, shuffled = drawn
    decided = []
    for order in (list(range(len(answers))), shuffled):
        ledger = Ledger()
        for number, (_, _, _, free) in enumerate(answers):
            ledger.state(f"c{number}", {"USD": D(free), "BTC": D(free) / 100}, T0)
        competition = opened(
            *(contender(f"c{n}", pts=pts) for n, (_, _, pts, _) in enumerate(answers)),
            ledger=ledger,
            request=build.request(side=side),
        )
        for number in order:
            kind, price, _, _ = answers[number]
            name = f"c{number}"
            quote: Quote = build.quote(name, price, complete=kind != "thin")
            event = failed(name) if kind == "failed" else quoted(quote)
            event(competition, T0 + 1)
        decided.append((competition.award(grant, T0), lines(competition)))

    assert decided[0] == decided[1]
    winner, told = decided[0]
    assert all(outcome is not None for outcome, _, _ in told.values())
    won = [name for name, (outcome, _, _) in told.items() if outcome is Outcome.WON]
    assert won == ([] if winner is None else [winner.connection_id])
