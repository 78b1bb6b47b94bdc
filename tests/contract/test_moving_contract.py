"""Moves of margin money over the stores themselves: one send a key, and nothing lost with a router.

A file is one router's: there the next router begins where the one before it ended. A database is shared.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from router.core.errors import Code, ConflictError
from router.core.movement import Move
from router.core.moving import MoveFinding, MoveFound, MovePhase, Operation
from router.journal.postgres import PostgresJournal
from router.ports import VenueUnreachableError
from router.ports.records import Store
from tests.contract.conftest import Reopen
from tests.fakes.margin import (
    CLOSE_ALL,
    COVER,
    POSITION,
    TRANSFER,
    WITHDRAWAL,
    FakeMargin,
    MarginRoster,
    MovingWorld,
    moved,
)
from tests.http.test_margin import WallClock
from tests.postgres_server import PostgresServer
from tests.unit.journal.postgres_kit import expire, routers

EACH = [TRANSFER, POSITION, WITHDRAWAL, CLOSE_ALL, COVER]
UNREACHABLE = VenueUnreachableError("HTTP 503")
Begin = Callable[[Store, int], Awaitable[MovingWorld]]


@pytest.fixture
def account() -> FakeMargin:
    return FakeMargin()


@pytest.fixture
async def begin(account: FakeMargin) -> AsyncIterator[Begin]:
    """Start a router's moves on a store (its number makes its ids); all are stopped at the end."""
    begun: list[MovingWorld] = []

    async def made(store: Store, number: int = 1) -> MovingWorld:
        begun.append(MovingWorld(store, MarginRoster(pts=account), WallClock(), number))
        await begun[-1].moving.start()
        return begun[-1]

    yield made
    for world in begun:
        await world.moving.stop(0)


@contextlib.asynccontextmanager
async def sent_and_unanswered(world: MovingWorld, account: FakeMargin, move: Move) -> AsyncIterator[None]:
    """The router has sent a move under the key `k`, and dies before the answer."""
    gate = account.hold()
    asked = asyncio.create_task(world.moving.submit("pts", "k", move))
    await account.sent.get()
    await world.moving.stop(0)
    await asyncio.wait((asked,))
    asked.exception()
    gate.set()
    yield


async def found_again(world: MovingWorld, account: FakeMargin, move: Move) -> Operation:
    """The next router has the move in doubt, sends none like it, and finds it: the operation as it ended."""
    await account.looked_up.get()
    (held,) = (await world.moving.operations("pts", 10, None)).data
    assert held.in_doubt
    with pytest.raises(ConflictError) as refused:
        await world.moving.submit("pts", "k-2", move)
    assert refused.value.code is Code.OPERATION_IN_DOUBT
    again = await world.moving.submit("pts", "k", move)
    assert (again.replayed, again.operation.id, again.operation.in_doubt) == (True, held.id, True)
    events = world.seen.observer.events.follow()
    account.later = moved(move, "t-1")
    (event,) = await events.next() or ()
    assert isinstance(event.subject, Operation)
    assert await world.moving.operation("pts", held.id) == event.subject
    return event.subject


@pytest.mark.parametrize("move", EACH, ids=lambda move: move.kind.value)
async def test_a_move_is_made_once_for_its_key_also_by_the_next_router(
    reopen: Reopen, begin: Begin, account: FakeMargin, move: Move
) -> None:
    first = await begin(await reopen(), 1)
    asked = await asyncio.gather(*(first.moving.submit("pts", "k", move) for _ in range(20)))
    assert {(each.operation.id, each.operation.phase) for each in asked} == {
        (asked[0].operation.id, MovePhase.DONE)
    }
    assert sum(not each.replayed for each in asked) == 1
    await first.moving.stop(5.0)

    second = await begin(await reopen(), 2)
    again = await second.moving.submit("pts", "k", move)
    assert (again.replayed, again.operation) == (True, asked[0].operation)
    with pytest.raises(ConflictError, match="Idempotency-Key"):
        await second.moving.submit("pts", "k", TRANSFER if move is COVER else COVER)
    assert account.sends == [move]


@pytest.mark.parametrize("move", EACH, ids=lambda move: move.kind.value)
async def test_a_router_that_ends_after_it_sent_leaves_the_move_in_doubt_to_the_next(
    reopen: Reopen, begin: Begin, account: FakeMargin, move: Move
) -> None:
    account.later = UNREACHABLE
    async with sent_and_unanswered(await begin(await reopen(), 1), account, move):
        second = await begin(await reopen(), 2)
        ended = await found_again(second, account, move)
    assert (ended.phase, ended.venue_ids) == (MovePhase.DONE, ("t-1",))
    assert account.sends == [move]
    await second.moving.stop(5.0)
    third = await begin(await reopen(), 3)
    assert await third.moving.operation("pts", ended.id) == ended


async def test_what_a_person_found_out_is_there_after_the_router(
    reopen: Reopen, begin: Begin, account: FakeMargin
) -> None:
    account.later = UNREACHABLE
    async with sent_and_unanswered(await begin(await reopen(), 1), account, TRANSFER):
        second = await begin(await reopen(), 2)
        await account.looked_up.get()
        (held,) = (await second.moving.operations("pts", 10, None)).data
        ended = await second.moving.record("pts", held.id, _absent)
    await second.moving.stop(5.0)
    third = await begin(await reopen(), 3)
    assert await third.moving.operation("pts", held.id) == ended
    assert (await third.moving.submit("pts", "k-2", TRANSFER)).operation.phase is MovePhase.DONE


def _absent(operation: Operation, at: int) -> MoveFinding:
    assert operation.in_doubt
    return MoveFinding(MoveFound.ABSENT, "J. Doe", "not on their page", at)


class TestShared:
    """Several routers on one database, all of them at work."""

    async def test_the_same_key_at_two_routers_at_once_is_one_send(
        self, database_url: str, begin: Begin, account: FakeMargin
    ) -> None:
        async with routers(database_url, 2) as journals:
            worlds = [await begin(journal, number) for number, journal in enumerate(journals)]
            for number in range(20):
                asked = await asyncio.gather(
                    *(world.moving.submit("pts", f"k-{number}", COVER) for world in worlds)
                )
                assert len({each.operation.id for each in asked}) == 1
                assert sorted(each.replayed for each in asked) == [False, True]
                assert len(account.sends) == number + 1
            for world in worlds:
                page = await world.moving.operations("pts", 50, None)
                assert {each.phase for each in page.data} == {MovePhase.DONE}
                assert len(page.data) == 20
                await world.moving.stop(5.0)

    async def test_a_router_that_is_killed_after_it_sent_leaves_the_move_to_another_at_work(
        self,
        postgres: PostgresServer,
        database: str,
        database_url: str,
        begin: Begin,
        account: FakeMargin,
    ) -> None:
        account.later = UNREACHABLE
        # A router that was fenced is told so, and would end; here it has ended already.
        killed = await PostgresJournal.open(database_url, lease_s=3600.0, broken=lambda _error: None)
        async with routers(database_url, 1) as (journal,):
            first, second = await begin(killed, 1), await begin(journal, 2)
            async with sent_and_unanswered(first, account, CLOSE_ALL):
                await second.moving.take_over()
                assert second.moving.in_flight == 0  # as long as the other one may live, it is its own
                seen = await second.moving.submit("pts", "k", CLOSE_ALL)
                assert (seen.replayed, seen.operation.phase) == (True, MovePhase.SENT)
                expire(postgres, database, killed)
                await second.moving.take_over()
                ended = await found_again(second, account, CLOSE_ALL)
            assert ended.phase is MovePhase.DONE
            assert account.sends == [CLOSE_ALL]
            await second.moving.stop(5.0)
        await killed.close()
