"""A move of margin money goes out once: what its callers are told, and what is durable before what."""

import asyncio

import msgspec
import pytest

from router.core.errors import (
    Code,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OrderError,
    RouterError,
    UnavailableError,
)
from router.core.movement import Move, MoveKind, MoveNeverSent, MoveRefused, MoveUnanswered
from router.core.moving import MovePhase, Operation, Submitted
from router.ports import VenueUnreachableError
from router.service.moving.codec import decode_event, record_of
from router.service.moving.turns import WAITING_MAX
from tests.fakes.margin import (
    CLOSE_ALL,
    COVER,
    POSITION,
    TRANSFER,
    WITHDRAWAL,
    FakeMargin,
    MarginRoster,
    MemoryMoves,
    connection,
    moved,
    moving_world,
)
from tests.unit.build import T0, D
from tests.virtual_loop import in_virtual_time, pass_time

REFUSED = OrderError(Code.INSUFFICIENT_FUNDS, "too little", connection_id="pts")


@pytest.mark.parametrize("move", [TRANSFER, POSITION, WITHDRAWAL, CLOSE_ALL, COVER])
@in_virtual_time
async def test_a_move_is_durable_as_sent_before_it_is_sent_and_answered_as_it_was_done(move: Move) -> None:
    account, store = FakeMargin(), MemoryMoves()
    gate = account.hold()
    async with moving_world(account, store) as world:
        asked = asyncio.create_task(world.moving.submit("pts", "k", move))
        assert await account.sent.get() == move
        assert store.phases() == [MovePhase.SENT]
        gate.set()
        submitted = await asked
        operation = submitted.operation
        assert (operation.phase, operation.result) == (MovePhase.DONE, moved(move))
        assert not submitted.replayed
        assert store.kept() == [operation]
        events = [type(decode_event(raw)).__name__ for _, raw in await store.move_events(operation.id)]
        assert events == ["Sent", "Answered"]
        assert world.moving.in_flight == 0
        assert world.seen.value("margin_operations_total", kind=move.kind.value, result="done") == 1


@in_virtual_time
async def test_a_thousand_requests_at_once_with_one_key_are_one_send_and_one_operation() -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        answers = await asyncio.gather(*(world.moving.submit("pts", "k", TRANSFER) for _ in range(1000)))
    assert account.sends == [TRANSFER]
    assert {answer.operation for answer in answers} == set(store.kept())
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 999


@in_virtual_time
async def test_the_same_key_is_answered_again_by_the_next_router_and_sends_nothing() -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        first = await world.moving.submit("pts", "k", TRANSFER)
    async with moving_world(account, store) as world:
        again = await world.moving.submit("pts", "k", TRANSFER)
    assert again == Submitted(first.operation, replayed=True)
    assert len(account.sends) == 1


@pytest.mark.parametrize("ended", [True, False])
@in_virtual_time
async def test_another_move_with_the_same_key_is_refused_by_the_field(*, ended: bool) -> None:
    account, store = FakeMargin(), MemoryMoves()
    gate = account.hold()
    async with moving_world(account, store) as world:
        first = asyncio.create_task(world.moving.submit("pts", "k", TRANSFER))
        await account.sent.get()
        if ended:
            gate.set()
            await first
        other = msgspec.structs.replace(TRANSFER, quantity=D(251))
        with pytest.raises(ConflictError, match="quantity: expected as in the first") as refused:
            await world.moving.submit("pts", "k", other)
        gate.set()
        await first
    assert refused.value.code is Code.IDEMPOTENCY_KEY_REUSED
    assert len(account.sends) == 1


@in_virtual_time
async def test_a_key_belongs_to_its_connection() -> None:
    one, two, store = FakeMargin(), FakeMargin(), MemoryMoves()
    async with moving_world(one, store, MarginRoster(pts=one, other=two)) as world:
        await world.moving.submit("pts", "k", TRANSFER)
        await world.moving.submit("other", "k", TRANSFER)
    assert (len(one.sends), len(two.sends)) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (MoveRefused(REFUSED), Code.INSUFFICIENT_FUNDS, False),
        (MoveNeverSent("no connection"), Code.VENUE_UNAVAILABLE, True),
    ],
)
@in_virtual_time
async def test_a_definite_no_ends_the_move_and_stays_its_answer(
    answer: MoveRefused | MoveNeverSent, code: Code, *, retryable: bool
) -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.answers.append(answer)
    async with moving_world(account, store) as world:
        first = (await world.moving.submit("pts", "k", TRANSFER)).operation
        again = (await world.moving.submit("pts", "k", TRANSFER)).operation
        another = (await world.moving.submit("pts", "k-2", TRANSFER)).operation
    assert first == again
    assert first.error is not None
    assert (first.phase, first.error.code, first.error.retryable) == (MovePhase.REJECTED, code, retryable)
    assert (another.phase, len(account.sends)) == (MovePhase.DONE, 2)


@pytest.mark.parametrize("answer", [MoveUnanswered("time-out"), ValueError("a bug of an adapter")])
@in_virtual_time
async def test_what_was_not_answered_is_in_doubt_and_the_caller_is_told(
    answer: MoveUnanswered | ValueError,
) -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.answers.append(answer)
    async with moving_world(account, store) as world:
        operation = (await world.moving.submit("pts", "k", TRANSFER)).operation
        assert operation.in_doubt
        assert world.seen.value("margin_operations_in_doubt", connection="pts", kind=TRANSFER.kind.value) == 1
    assert store.phases() == [MovePhase.IN_DOUBT]


@in_virtual_time
async def test_a_caller_waits_no_longer_than_the_answers_deadline_and_the_answer_is_taken_late() -> None:
    account, store = FakeMargin(), MemoryMoves()
    gate = account.hold()
    async with moving_world(account, store) as world:
        told = (await world.moving.submit("pts", "k", TRANSFER)).operation
        assert told.phase is MovePhase.SENT
        gate.set()
        again = await world.moving.submit("pts", "k", TRANSFER)
    assert (again.operation.phase, again.replayed) == (MovePhase.DONE, True)


@in_virtual_time
async def test_an_answer_that_comes_after_the_doubt_began_is_taken() -> None:
    account, store = FakeMargin(), MemoryMoves()
    gate = account.hold()
    async with moving_world(account, store) as world:
        operation = (await world.moving.submit("pts", "k", CLOSE_ALL)).operation
        for _ in range(12):  # past the window: what may still be on its way is not called absent
            await account.looked_up.get()
        assert (await world.moving.operation("pts", operation.id)).in_doubt
        gate.set()
        await pass_time(1)
        assert world.moving.in_flight == 0
    assert store.phases() == [MovePhase.DONE]


@in_virtual_time
async def test_a_caller_that_leaves_takes_nothing_along() -> None:
    account, store = FakeMargin(), MemoryMoves()
    gate = store.hold("accept")
    async with moving_world(account, store) as world:
        caller = asyncio.create_task(world.moving.submit("pts", "k", TRANSFER))
        await store.started.get()
        caller.cancel()
        await asyncio.wait((caller,))
        gate.set()
        assert (await world.moving.submit("pts", "k", TRANSFER)).operation.phase is MovePhase.DONE
    assert len(account.sends) == 1


@in_virtual_time
async def test_a_connection_has_one_move_under_way_and_the_next_waits_its_turn() -> None:
    account, store = FakeMargin(), MemoryMoves()
    gate = account.hold()
    async with moving_world(account, store) as world:
        first = asyncio.create_task(world.moving.submit("pts", "k-1", TRANSFER))
        await account.sent.get()
        second = asyncio.create_task(world.moving.submit("pts", "k-2", CLOSE_ALL))
        await pass_time(1)
        assert account.sends == [TRANSFER]
        gate.set()
        await asyncio.gather(first, second)
    assert account.sends == [TRANSFER, CLOSE_ALL]


@in_virtual_time
async def test_who_waits_too_long_or_behind_too_many_is_turned_away_and_nothing_is_kept_of_it() -> None:
    account, store = FakeMargin(), MemoryMoves()
    gate = account.hold()
    async with moving_world(account, store) as world:
        first = asyncio.create_task(world.moving.submit("pts", "k", TRANSFER))
        await account.sent.get()
        waiting = [
            asyncio.create_task(world.moving.submit("pts", f"k-{n}", COVER)) for n in range(WAITING_MAX + 1)
        ]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert len(store.kept()) == 1
        gate.set()
        await first
        later = await world.moving.submit("pts", "k-0", COVER)
    assert all(isinstance(outcome, UnavailableError) for outcome in outcomes)
    assert (later.operation.phase, later.replayed) == (MovePhase.DONE, False)


@pytest.mark.parametrize(
    ("connection_id", "expected"), [("spot", Code.NOT_A_PTS_CONNECTION), ("nobody", Code.NOT_FOUND)]
)
@in_virtual_time
async def test_only_a_pts_connection_has_margin(connection_id: str, expected: Code) -> None:
    async with moving_world(FakeMargin(), MemoryMoves()) as world:
        with pytest.raises((ConflictError, NotFoundError)) as refused:
            await world.moving.submit(connection_id, "k", TRANSFER)
        assert refused.value.code is expected
        with pytest.raises((ConflictError, NotFoundError)):
            await world.moving.operations(connection_id, 50, None)


@pytest.mark.parametrize(
    ("move", "field", "expected"),
    [
        (Move(MoveKind.COLLATERAL_TRANSFER, "ETH", D(1)), "currency", "one of BTC, USD"),
        (Move(MoveKind.COLLATERAL_TRANSFER, "USD", D("0.001")), "quantity", "a multiple of 0.01"),
        (Move(MoveKind.COLLATERAL_WITHDRAWAL, "USD", D("0.001")), "quantity", "a multiple of 0.01"),
        (Move(MoveKind.POSITION_TRANSFER, "USD", D("0.001")), "quantity", "a multiple of 0.01"),
    ],
)
@in_virtual_time
async def test_a_currency_or_an_increment_that_is_not_taken_is_refused_by_its_field(
    move: Move, field: str, expected: str
) -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        with pytest.raises(InvalidRequestError) as refused:
            await world.moving.submit("pts", "k", move)
    assert [(error.field, error.expected) for error in refused.value.errors] == [(field, expected)]
    assert (store.kept(), account.sends) == ([], [])


@in_virtual_time
async def test_currencies_are_read_once_in_a_while_and_their_absence_refuses_nothing() -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        account.down = VenueUnreachableError("HTTP 503")
        await world.moving.submit("pts", "k-1", Move(MoveKind.COLLATERAL_TRANSFER, "ETH", D(1)))
        account.down = None
        await world.moving.submit("pts", "k-2", Move(MoveKind.POSITION_TRANSFER, "ETH", D(1)))
        await world.moving.submit("pts", "k-3", TRANSFER)
        assert account.currency_reads == 2
        await pass_time(601)
        await world.moving.submit("pts", "k-4", TRANSFER)
    assert account.currency_reads == 3
    assert len(account.sends) == 4


@pytest.mark.parametrize("operation", ["accept", "read"])
@in_virtual_time
async def test_a_store_that_fails_before_the_acceptance_leaves_nothing_and_the_key_may_be_used(
    operation: str,
) -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        store.failing = {operation}
        with pytest.raises(UnavailableError):
            await world.moving.submit("pts", "k", TRANSFER)
        store.failing = set()
        assert (await world.moving.submit("pts", "k", TRANSFER)).operation.phase is MovePhase.DONE
    assert len(account.sends) == 1


@in_virtual_time
async def test_a_move_whose_intent_cannot_be_written_is_never_sent_and_says_so_once_that_is_durable() -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        store.failing = {"append"}
        told = (await world.moving.submit("pts", "k", TRANSFER)).operation
        assert (told.phase, store.phases()) == (MovePhase.ACCEPTED, [MovePhase.ACCEPTED])
        store.failing = set()
        ended = (await world.moving.submit("pts", "k", TRANSFER)).operation
    assert ended.error is not None
    assert (ended.phase, ended.error.code, account.sends) == (
        MovePhase.REJECTED,
        Code.STORE_UNAVAILABLE,
        [],
    )


@in_virtual_time
async def test_what_the_counterparty_answered_is_told_only_once_it_is_durable() -> None:
    account, store = FakeMargin(), MemoryMoves()
    gate = account.hold()
    async with moving_world(account, store) as world:
        asked = asyncio.create_task(world.moving.submit("pts", "k", TRANSFER))
        await account.sent.get()
        store.failing = {"append"}
        gate.set()
        assert (await asked).operation.phase is MovePhase.SENT
        store.failing = set()
        assert (await world.moving.submit("pts", "k", TRANSFER)).operation.phase is MovePhase.DONE
    assert len(account.sends) == 1


@in_virtual_time
async def test_a_router_that_stops_takes_nothing_new_and_lets_what_is_under_way_be_answered() -> None:
    account, store = FakeMargin(), MemoryMoves()
    gate = account.hold()
    async with moving_world(account, store) as world:
        first = asyncio.create_task(world.moving.submit("pts", "k-1", TRANSFER))
        await account.sent.get()
        queued = asyncio.create_task(world.moving.submit("pts", "k-2", CLOSE_ALL))
        await pass_time(0.1)
        stopping = asyncio.create_task(world.moving.stop(10.0))
        await pass_time(0.1)
        with pytest.raises(UnavailableError) as refused:
            await world.moving.submit("pts", "k-3", COVER)
        gate.set()
        assert await stopping
        assert (await first).operation.phase is MovePhase.DONE
        with pytest.raises(RouterError) as late:
            await queued
    assert refused.value.code is late.value.code is Code.SHUTTING_DOWN
    assert account.sends == [TRANSFER]


@in_virtual_time
async def test_a_stop_hands_over_what_is_not_answered_in_time_and_tells_its_caller() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.hold()
    async with moving_world(account, store) as world:
        asked = asyncio.create_task(world.moving.submit("pts", "k", TRANSFER))
        await account.sent.get()
        assert not await world.moving.stop(1.0)
        assert (await asked).operation.phase is MovePhase.SENT
    assert store.phases() == [MovePhase.SENT]


@in_virtual_time
async def test_operations_are_listed_newest_first_in_pages_and_read_one_by_one() -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as world:
        made = []
        for number in range(3):
            await pass_time(1)
            made.append((await world.moving.submit("pts", f"k-{number}", TRANSFER)).operation)
        first = await world.moving.operations("pts", 2, None)
        second = await world.moving.operations("pts", 2, first.next_cursor)
        assert (*first.data, *second.data) == tuple(reversed(made))
        assert second.next_cursor is None
        assert await world.moving.operation("pts", made[0].id) == made[0]
        for connection_id, operation_id in (("pts", "none"), ("spot", made[0].id)):
            with pytest.raises(NotFoundError):
                await world.moving.operation(connection_id, operation_id)
        with pytest.raises(ValueError, match="cursor"):
            await world.moving.operations("pts", 2, "not-ours")


@in_virtual_time
async def test_operations_of_a_connection_that_was_removed_can_still_be_read() -> None:
    store = MemoryMoves()
    gone = Operation("op-1", connection("gone"), "k", TRANSFER, T0, T0, phase=MovePhase.DONE)
    store.put(record_of(gone))
    async with moving_world(FakeMargin(), store) as world:
        assert (await world.moving.operations("gone", 50, None)).data == (gone,)
        assert await world.moving.operation("gone", "op-1") == gone


@in_virtual_time
async def test_another_routers_move_that_could_be_taken_for_it_holds_a_move_back() -> None:
    account, store = FakeMargin(), MemoryMoves()
    theirs = Operation("op-1", connection(), "k-1", TRANSFER, T0, T0, phase=MovePhase.SENT, sent_at=T0)
    store.put(record_of(theirs), of_others=True)
    async with moving_world(account, store) as world:
        with pytest.raises(ConflictError, match="op-1 under way"):
            await world.moving.submit("pts", "k-2", TRANSFER)
        assert (await world.moving.submit("pts", "k-3", CLOSE_ALL)).operation.phase is MovePhase.DONE
        gate = store.hold("accept")
        asked = asyncio.create_task(world.moving.submit("pts", "k-4", WITHDRAWAL))
        await pass_time(1)
        rival = msgspec.structs.replace(theirs, id="op-2", key="k-9", move=WITHDRAWAL)
        store.put(record_of(rival), of_others=True)
        gate.set()
        held_back = (await asked).operation
    assert held_back.error is not None
    assert (held_back.phase, held_back.error.code) == (MovePhase.REJECTED, Code.OPERATION_IN_DOUBT)
    assert account.sends == [CLOSE_ALL]


@in_virtual_time
async def test_two_routers_that_get_the_same_key_at_once_make_one_move() -> None:
    account, store = FakeMargin(), MemoryMoves()
    async with moving_world(account, store) as one, moving_world(account, store, seed=2) as two:
        gate = store.hold("accept")
        asked = [asyncio.create_task(world.moving.submit("pts", "k", TRANSFER)) for world in (one, two)]
        await pass_time(1)
        gate.set()
        first, second = await asyncio.gather(*asked)
    assert (first.operation.id, first.replayed, second.replayed) == (second.operation.id, False, True)
    assert account.sends == [TRANSFER]
