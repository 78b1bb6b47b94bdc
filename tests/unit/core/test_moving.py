"""The table of a move: every (phase, event) pair decided, ends that stay, a replay that decides alike."""

from itertools import product as pairs

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import Code, OrderError
from router.core.movement import Move, MoveKind, MoveRefused
from router.core.moving import (
    EVENTS,
    TRANSITIONS,
    Answered,
    FindingRecorded,
    MoveEvent,
    MoveFinding,
    MoveFound,
    MovePhase,
    NeverLeft,
    Operation,
    ProvedAbsent,
    Sent,
    WentInDoubt,
    Withheld,
    differing_field,
    leaves_trace,
    same_trace,
    step,
)
from router.core.order import TransitionError
from router.service.moving.codec import decode_event, encode_event, operation_of, record_of
from tests.fakes.margin import CLOSE_ALL, COVER, POSITION, TRANSFER, WITHDRAWAL, connection, moved
from tests.unit.build import T0, D

REFUSED = MoveRefused(OrderError(Code.INSUFFICIENT_FUNDS, "too little"))
ERROR = OrderError(Code.INTERRUPTED, "never sent", retryable=True)
DONE = FindingRecorded(MoveFinding(MoveFound.DONE, "J. Doe", "their page", T0, "v-9"))
ABSENT = FindingRecorded(MoveFinding(MoveFound.ABSENT, "J. Doe", "their page", T0))
FIRST: dict[type, MoveEvent] = {
    Sent: Sent(),
    Withheld: Withheld(ERROR),
    Answered: Answered(moved(CLOSE_ALL)),
    NeverLeft: NeverLeft("no connection"),
    WentInDoubt: WentInDoubt("time-out"),
    ProvedAbsent: ProvedAbsent("no trace"),
    FindingRecorded: DONE,
}
TO: dict[MovePhase, tuple[MoveEvent, ...]] = {
    MovePhase.ACCEPTED: (),
    MovePhase.SENT: (Sent(),),
    MovePhase.IN_DOUBT: (Sent(), WentInDoubt("time-out")),
    MovePhase.DONE: (Sent(), Answered(moved(CLOSE_ALL))),
    MovePhase.REJECTED: (Withheld(ERROR),),
}
ALL = (*FIRST.values(), Answered(REFUSED), ABSENT)


def operation(move: Move = CLOSE_ALL, **changed: object) -> Operation:
    made = Operation("op-1", connection(), "key-1", move, T0, T0)
    return msgspec.structs.replace(made, **changed)


def after(*events: MoveEvent, move: Move = CLOSE_ALL) -> Operation:
    state = operation(move)
    for number, event in enumerate(events, 1):
        state = step(state, event, T0 + number)
    return state


@pytest.mark.parametrize(("phase", "kind"), list(pairs(MovePhase, EVENTS)))
def test_every_pair_leads_where_the_table_says_or_is_refused(phase: MovePhase, kind: type) -> None:
    before = after(*TO[phase])
    assert before.phase is phase
    allowed = TRANSITIONS.get((phase, kind))
    for event in (each for each in ALL if type(each) is kind):
        if allowed is None:
            with pytest.raises(TransitionError, match=f"expected no {kind.__name__}"):
                step(before, event, T0 + 9)
        else:
            assert step(before, event, T0 + 9).phase in allowed


def test_the_tables_events_are_all_there_are() -> None:
    assert set(FIRST) == set(EVENTS)
    assert {kind for _, kind in TRANSITIONS} == set(EVENTS)


def test_a_move_that_was_done_keeps_the_answer_and_its_times() -> None:
    done = after(Sent(), Answered(moved(TRANSFER)), move=TRANSFER)
    assert (done.phase, done.result, done.error) == (MovePhase.DONE, moved(TRANSFER), None)
    assert (done.sent_at, done.updated_at, done.venue_ids) == (T0 + 1, T0 + 2, ("t-1",))


def test_what_never_left_may_be_tried_again_and_what_was_refused_says_why() -> None:
    never = after(Sent(), NeverLeft("no connection")).error
    assert never == OrderError(Code.VENUE_UNAVAILABLE, "no connection", retryable=True, connection_id="pts")
    assert after(Sent(), Answered(REFUSED)).error == REFUSED.error


def test_absence_is_not_taken_for_a_kind_that_leaves_no_trace() -> None:
    doubtful = after(Sent(), WentInDoubt("time-out"), move=TRANSFER)
    assert [kind for kind in MoveKind if not leaves_trace(kind)] == [MoveKind.COLLATERAL_TRANSFER]
    with pytest.raises(TransitionError, match="expected no ProvedAbsent of a collateral_transfer"):
        step(doubtful, ProvedAbsent("no trace"), T0 + 9)
    assert after(Sent(), WentInDoubt("t"), ProvedAbsent("no trace")).error == OrderError(
        Code.NOT_TAKEN, "no trace", retryable=True, connection_id="pts"
    )


def test_a_finding_ends_the_doubt_either_way() -> None:
    done = after(Sent(), WentInDoubt("t"), DONE)
    assert (done.phase, done.finding, done.error, done.venue_ids) == (
        MovePhase.DONE,
        DONE.finding,
        None,
        ("v-9",),
    )
    absent = after(Sent(), WentInDoubt("t"), ABSENT)
    assert absent.phase is MovePhase.REJECTED
    assert absent.error is not None
    assert (absent.error.code, absent.error.detail) == (
        Code.NOT_TAKEN,
        "found absent by J. Doe: their page",
    )


@pytest.mark.parametrize(
    ("finding", "late", "contradicted"),
    [
        (ABSENT, Answered(moved(CLOSE_ALL)), True),
        (DONE, Answered(REFUSED), True),
        (DONE, Answered(moved(CLOSE_ALL)), False),
        (ABSENT, Answered(REFUSED), False),
    ],
)
def test_an_answer_that_denies_a_finding_marks_it_once(
    finding: FindingRecorded, late: Answered, *, contradicted: bool
) -> None:
    before = after(Sent(), WentInDoubt("t"), finding)
    told = step(before, late, T0 + 9)
    assert told.phase is before.phase
    assert told.finding is not None
    assert told.finding.contradicted_at == (T0 + 9 if contradicted else None)
    assert step(told, late, T0 + 10) is told


def test_a_move_is_told_from_others_by_what_it_leaves_behind() -> None:
    alike = [
        (TRANSFER, TRANSFER),
        (COVER, POSITION),
        (Move(MoveKind.COVER), POSITION),
        (CLOSE_ALL, Move(MoveKind.CLOSE, currencies=("BTC",))),
    ]
    apart = [
        (TRANSFER, WITHDRAWAL),
        (TRANSFER, Move(MoveKind.COLLATERAL_TRANSFER, currency="BTC", quantity=D(1))),
        (CLOSE_ALL, Move(MoveKind.COVER)),
        (Move(MoveKind.CLOSE, currencies=("ETH",)), Move(MoveKind.CLOSE, currencies=("BTC",))),
    ]
    assert all(same_trace(one, other) and same_trace(other, one) for one, other in alike)
    assert not any(same_trace(one, other) or same_trace(other, one) for one, other in apart)


def test_a_repeat_is_the_same_by_value_and_another_is_named_by_its_field() -> None:
    assert differing_field(TRANSFER, msgspec.structs.replace(TRANSFER, quantity=D(250))) is None
    for field, other in (
        ("kind", Move(MoveKind.POSITION_TRANSFER, currency="USD", quantity=D(250))),
        ("currency", msgspec.structs.replace(TRANSFER, currency="BTC")),
        ("quantity", msgspec.structs.replace(TRANSFER, quantity=D(251))),
    ):
        assert differing_field(TRANSFER, other) == field
    assert differing_field(CLOSE_ALL, Move(MoveKind.CLOSE, currencies=("BTC",))) == "currencies"


amounts = st.decimals("0.00000001", 1_000_000, places=8)
moves = st.one_of(
    st.builds(
        Move,
        st.sampled_from(
            [MoveKind.COLLATERAL_TRANSFER, MoveKind.POSITION_TRANSFER, MoveKind.COLLATERAL_WITHDRAWAL]
        ),
        currency=st.sampled_from(["USD", "BTC"]),
        quantity=amounts,
    ),
    st.builds(
        Move,
        st.sampled_from([MoveKind.COVER, MoveKind.CLOSE]),
        currencies=st.none() | st.just(("BTC", "ETH")),
    ),
)


@given(moves, st.lists(st.sampled_from(ALL), max_size=8), st.data())
def test_a_replay_of_the_journal_is_the_same_move(
    move: Move, offered: list[MoveEvent], data: st.DataObject
) -> None:
    """Events through their bytes, from the accepted record through its bytes."""
    state = operation(move)
    journal: list[tuple[int, bytes]] = []
    first, now = record_of(state), T0
    for event in offered:
        now += data.draw(st.integers(-5, 1000))
        try:
            following = step(state, event, now)
        except TransitionError:
            continue
        if following is not state:
            journal.append((now, encode_event(event)))
        if state.is_final:
            assert (following.phase, following.error) == (state.phase, state.error)
        assert following.updated_at >= state.updated_at
        state = following
    replayed = operation_of(first)
    for at, raw in journal:
        replayed = step(replayed, decode_event(raw), at)
    assert replayed == state == operation_of(record_of(state))
    assert record_of(state).final == state.is_final
