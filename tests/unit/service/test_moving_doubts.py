"""A move in doubt: found by evidence, absent by time alone, ended by a person; it bars only its like."""

import asyncio

import msgspec
import pytest

from router.core.errors import Code, ConflictError, NotFoundError, OrderError, UnavailableError
from router.core.movement import Move, MoveKind, MoveRefused, MoveUnanswered
from router.core.moving import MoveFinding, MoveFound, MovePhase, Operation
from router.core.record import LookUp
from router.ports import VenueUnreachableError
from router.service.moving.codec import record_of
from tests.fakes.margin import (
    CLOSE_ALL,
    COVER,
    POSITION,
    TRANSFER,
    WINDOW_NS,
    WITHDRAWAL,
    FakeMargin,
    MarginRoster,
    MemoryMoves,
    MovingWorld,
    connection,
    moved,
    moving_world,
)
from tests.unit.build import T0, D
from tests.virtual_loop import EPOCH_NS, in_virtual_time, pass_time

UNANSWERED = MoveUnanswered("time-out")
UNTOLD = MoveUnanswered("a transfer of collateral leaves no trace by an id")
WINDOW_S = WINDOW_NS / 1e9


def doubtful(**changed: object) -> Operation:
    """A move that an earlier life of the router left in doubt."""
    made = Operation(
        "op-1",
        connection(),
        "k",
        CLOSE_ALL,
        T0,
        T0,
        phase=MovePhase.IN_DOUBT,
        sent_at=T0,
        doubtful_since=T0,
    )
    return msgspec.structs.replace(made, **changed)


def found(what: MoveFound, operation: Operation, at: int) -> MoveFinding:
    assert operation.in_doubt
    return MoveFinding(what, "J. Doe", "their page", at)


async def in_doubt(world: MovingWorld, account: FakeMargin, move: Move, key: str = "k") -> Operation:
    account.answers.append(UNANSWERED)
    operation = (await world.moving.submit("pts", key, move)).operation
    assert operation.in_doubt
    return operation


@pytest.mark.parametrize("move", [TRANSFER, POSITION, WITHDRAWAL, CLOSE_ALL, COVER])
@in_virtual_time
async def test_evidence_ends_it_as_an_answer_would(move: Move) -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.evidence.extend([None, VenueUnreachableError("HTTP 503"), moved(move, "x-7")])
    async with moving_world(account, store) as world:
        operation = await in_doubt(world, account, move)
        await pass_time(WINDOW_S / 2)
        ended = await world.moving.operation("pts", operation.id)
        assert (ended.phase, ended.venue_ids) == (MovePhase.DONE, ("x-7",))
        assert world.moving.in_flight == 0
        assert len(account.sends) == 1
        asked = account.looked_up.get_nowait()
        assert asked == (move, operation.sent_at, frozenset())
        assert [line["detail"] for line in world.seen.lines("margin_operation_look_up_failed")] == [
            "HTTP 503"
        ]
        name = "margin_operations_in_doubt"
        assert world.seen.value(name, connection="pts", kind=move.kind.value) == 0


@in_virtual_time
async def test_evidence_of_a_refusal_ends_it_as_refused() -> None:
    account = FakeMargin()
    account.later = MoveRefused(OrderError(Code.INSUFFICIENT_FUNDS, "too little"))
    async with moving_world(account, MemoryMoves()) as world:
        operation = await in_doubt(world, account, WITHDRAWAL)
        await pass_time(1)
        ended = await world.moving.operation("pts", operation.id)
    assert (ended.phase, ended.error) == (MovePhase.REJECTED, account.later.error)


@pytest.mark.parametrize("move", [POSITION, WITHDRAWAL, CLOSE_ALL, COVER])
@in_virtual_time
async def test_absence_is_told_by_time_and_not_by_the_number_of_tries(move: Move) -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        operation = await in_doubt(world, account, move)
        await pass_time(WINDOW_S - 1)
        assert account.looked_up.qsize() > 3
        assert store.phases() == [MovePhase.IN_DOUBT]
        await pass_time(12)
        ended = await world.moving.operation("pts", operation.id)
    assert ended.error is not None
    assert (ended.phase, ended.error.code) == (MovePhase.REJECTED, Code.NOT_TAKEN)
    assert ended.updated_at >= (operation.doubtful_since or 0) + WINDOW_NS
    assert len(account.sends) == 1


@in_virtual_time
async def test_a_connection_that_does_not_answer_proves_nothing_however_long() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.later = VenueUnreachableError("HTTP 503")
    async with moving_world(account, store) as world:
        await in_doubt(world, account, CLOSE_ALL)
        await pass_time(100 * WINDOW_S)
        assert store.phases() == [MovePhase.IN_DOUBT]
        account.later = None
        await pass_time(11)
        assert store.phases() == [MovePhase.REJECTED]


@pytest.mark.parametrize("answer", [UNTOLD, None])
@in_virtual_time
async def test_what_leaves_no_trace_stays_in_doubt_and_a_person_is_called(
    answer: MoveUnanswered | None,
) -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.later = answer
    async with moving_world(account, store) as world:
        operation = await in_doubt(world, account, TRANSFER)
        await pass_time(3 * 3600)
        assert store.phases() == [MovePhase.IN_DOUBT]
        (overdue,) = world.seen.lines("margin_operation_in_doubt_overdue")
        assert overdue["operation_id"] == operation.id
        doubt = world.moving.doubt(operation)
        assert doubt is not None
        assert doubt.since == operation.sent_at
        assert doubt.overdue_ns > 0
        assert doubt.last_look_up is not None
        assert doubt.last_look_up.answer == ("no trace of it" if answer is None else UNTOLD.detail)
        labels = {"connection": "pts", "kind": TRANSFER.kind.value}
        assert world.seen.value("margin_operations_in_doubt_overdue", **labels) == 1
        await world.moving.record("pts", operation.id, lambda o, at: found(MoveFound.ABSENT, o, at))
        assert world.seen.value("margin_operations_in_doubt_overdue", **labels) == 0
        if answer is UNTOLD:
            assert account.looked_up.qsize() <= 3 * 60 + 2


@pytest.mark.parametrize(
    ("what", "phase", "code"),
    [(MoveFound.DONE, MovePhase.DONE, None), (MoveFound.ABSENT, MovePhase.REJECTED, Code.NOT_TAKEN)],
)
@in_virtual_time
async def test_a_persons_finding_ends_it_durably(
    what: MoveFound, phase: MovePhase, code: Code | None
) -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.later = UNTOLD
    async with moving_world(account, store) as world:
        operation = await in_doubt(world, account, TRANSFER)
        ended = await world.moving.record("pts", operation.id, lambda o, at: found(what, o, at))
        assert (ended.phase, None if ended.error is None else ended.error.code) == (phase, code)
        assert store.kept() == [ended]
        assert ended.finding is not None
        assert (ended.finding.operator, ended.finding.at) == ("J. Doe", EPOCH_NS)
        (line,) = world.seen.lines("margin_finding_recorded")
        assert (line["operator"], line["reason"]) == ("J. Doe", "their page")
        await pass_time(61)
        assert world.moving.in_flight == 0
        with pytest.raises(ConflictError, match="expected an operation in doubt") as again:
            await world.moving.record("pts", operation.id, lambda o, at: found(what, o, at))
        assert again.value.code is Code.OPERATION_NOT_IN_DOUBT
        assert (await world.moving.submit("pts", "k", TRANSFER)).operation == ended


@in_virtual_time
async def test_evidence_that_comes_while_a_finding_is_recorded_marks_it_as_contradicted() -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        operation = await in_doubt(world, account, CLOSE_ALL)
        await pass_time(0.01)
        account.later = moved(CLOSE_ALL)
        read = store.hold("read")
        await pass_time(1)  # the look-up waits for the journal, and will find it
        ended = await world.moving.record("pts", operation.id, lambda o, at: found(MoveFound.ABSENT, o, at))
        assert ended.finding is not None
        assert ended.finding.contradicted_at is None
        read.set()
        await pass_time(1)
        (kept,) = store.kept()
        assert kept.phase is MovePhase.REJECTED
        assert kept.finding is not None
        assert kept.finding.contradicted_at is not None
        assert world.seen.value("contradictions_total", connection="pts") == 1


@in_virtual_time
async def test_a_finding_that_cannot_be_written_changes_nothing() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.later = UNTOLD
    async with moving_world(account, store) as world:
        operation = await in_doubt(world, account, TRANSFER)
        store.failing = {"append"}
        with pytest.raises(UnavailableError):
            await world.moving.record("pts", operation.id, lambda o, at: found(MoveFound.DONE, o, at))
        assert (await world.moving.operation("pts", operation.id)).in_doubt


@in_virtual_time
async def test_a_finding_is_for_an_operation_in_doubt_of_this_connection_and_router() -> None:
    account, store = FakeMargin(), MemoryMoves()
    theirs = Operation("op-9", connection(), "k-9", COVER, T0, T0, phase=MovePhase.IN_DOUBT, sent_at=T0)
    store.put(record_of(theirs), of_others=True)
    async with moving_world(account, store) as world:
        done = (await world.moving.submit("pts", "k", TRANSFER)).operation
        for operation_id, error, said in (
            (done.id, ConflictError, "was done"),
            ("op-9", ConflictError, "with another router"),
            ("none", NotFoundError, "with the id none"),
        ):
            with pytest.raises(error, match=said):
                await world.moving.record("pts", operation_id, lambda o, at: found(MoveFound.DONE, o, at))


@in_virtual_time
async def test_what_could_be_taken_for_it_is_refused_until_it_is_decided_and_all_else_goes_on() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.later = UNTOLD
    async with moving_world(account, store) as world:
        operation = await in_doubt(world, account, TRANSFER)
        with pytest.raises(ConflictError, match=f"operation {operation.id} in doubt") as refused:
            await world.moving.submit("pts", "k-2", TRANSFER)
        assert refused.value.code is Code.OPERATION_IN_DOUBT
        other = Move(MoveKind.COLLATERAL_TRANSFER, "BTC", D(1))
        for key, move in (("k-3", other), ("k-4", WITHDRAWAL), ("k-5", CLOSE_ALL), ("k-6", COVER)):
            assert (await world.moving.submit("pts", key, move)).operation.phase is MovePhase.DONE
        await world.moving.record("pts", operation.id, lambda o, at: found(MoveFound.ABSENT, o, at))
        again = await world.moving.submit("pts", "k-2", TRANSFER)
    assert (again.operation.phase, again.replayed) == (MovePhase.DONE, False)
    assert len(account.sends) == 6


@in_virtual_time
async def test_the_evidence_of_another_move_is_known_as_that_ones() -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        await world.moving.submit("pts", "k-1", COVER)
        operation = await in_doubt(world, account, COVER, "k-2")
        _, sent_at, known = await account.looked_up.get()
    assert (sent_at, known) == (operation.sent_at, frozenset({"t-1"}))


@in_virtual_time
async def test_after_a_crash_what_was_sent_is_looked_up_and_what_was_not_is_never_sent() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.later = moved(CLOSE_ALL, "x-7")
    accepted = doubtful(
        id="op-2", key="k-2", move=COVER, phase=MovePhase.ACCEPTED, sent_at=None, doubtful_since=None
    )
    sent = doubtful(phase=MovePhase.SENT, doubtful_since=None)
    for operation in (sent, accepted):
        store.put(record_of(operation))
    async with moving_world(account, store) as world:
        assert len(world.seen.lines("margin_operation_taken_up")) == 2
        await pass_time(1)
        one, two = [await world.moving.operation("pts", name) for name in ("op-1", "op-2")]
        assert (one.phase, one.venue_ids) == (MovePhase.DONE, ("x-7",))
        assert two.error is not None
        assert (two.phase, two.error.code) == (MovePhase.REJECTED, Code.INTERRUPTED)
        again = await world.moving.submit("pts", "k-2", COVER)
        assert (again.operation, again.replayed) == (two, True)
    assert account.sends == []


@in_virtual_time
async def test_after_a_restart_the_window_is_measured_by_the_clock_of_the_new_process() -> None:
    account, store = FakeMargin(), MemoryMoves()
    # The wall was set by an hour meanwhile: the send lies far in the past, or in the future.
    for number, sent_at in enumerate((EPOCH_NS - 3_600_000_000_000, EPOCH_NS + 3_600_000_000_000)):
        store = MemoryMoves()
        store.put(record_of(doubtful(id=f"op-{number}", sent_at=sent_at, doubtful_since=sent_at)))
        async with moving_world(account, store):
            await pass_time(WINDOW_S - 1)
            assert store.phases() == [MovePhase.IN_DOUBT]
            await pass_time(12)
            assert store.phases() == [MovePhase.REJECTED]


@in_virtual_time
async def test_what_was_taken_up_bars_what_could_be_taken_for_it_from_the_first_moment() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.later = UNTOLD
    store.put(record_of(doubtful(move=TRANSFER)))
    async with moving_world(account, store) as world:
        labels = {"connection": "pts", "kind": TRANSFER.kind.value}
        assert world.seen.value("margin_operations_in_doubt", **labels) == 1
        with pytest.raises(ConflictError):
            await world.moving.submit("pts", "k-2", TRANSFER)


@in_virtual_time
async def test_a_router_that_goes_on_takes_up_the_moves_of_one_that_is_gone() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.later = moved(CLOSE_ALL)
    store.put(record_of(doubtful()), of_others=True)
    async with moving_world(account, store) as world:
        await pass_time(1)
        assert store.phases() == [MovePhase.IN_DOUBT]
        store.of_others.clear()
        await asyncio.gather(world.moving.take_over(), world.moving.take_over())
        await pass_time(1)
        assert store.phases() == [MovePhase.DONE]
        assert len(world.seen.lines("margin_operation_taken_up")) == 1


@in_virtual_time
async def test_a_move_of_a_connection_that_is_gone_waits_for_it_or_for_a_person() -> None:
    account, store = FakeMargin(), MemoryMoves()
    roster = MarginRoster()
    store.put(record_of(doubtful()))
    async with moving_world(account, store, roster) as world:
        await pass_time(100)
        (operation,) = (await world.moving.operations("pts", 50, None)).data
        doubt = world.moving.doubt(operation)
        assert doubt is not None
        assert isinstance(doubt.last_look_up, LookUp)
        assert doubt.last_look_up.answer == "the connection is not there any more"
        ended = await world.moving.record("pts", "op-1", lambda o, at: found(MoveFound.DONE, o, at))
    assert ended.phase is MovePhase.DONE


@in_virtual_time
async def test_a_bug_in_an_adapter_does_not_end_the_looking() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.evidence.extend([ValueError("a bug"), moved(CLOSE_ALL)])
    async with moving_world(account, store) as world:
        await in_doubt(world, account, CLOSE_ALL)
        await pass_time(6)
        assert [line["what"] for line in world.seen.lines("task_failed")] == ["move following"]
    assert store.phases() == [MovePhase.DONE]


@in_virtual_time
async def test_a_journal_that_cannot_be_read_puts_the_look_up_off() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.later = moved(CLOSE_ALL)
    store.put(record_of(doubtful()))
    async with moving_world(account, store):
        store.failing = {"read"}
        await pass_time(WINDOW_S * 3)
        assert (store.phases(), account.looked_up.qsize()) == ([MovePhase.IN_DOUBT], 0)
        store.failing = set()
        await pass_time(11)
        assert store.phases() == [MovePhase.DONE]
