"""A move that waits while its connection becomes another one."""

import asyncio

import msgspec
import pytest

from router.core.errors import Code, UnavailableError
from router.core.movement import Move
from router.ports.accounts import AccountEntry
from tests.fakes.margin import POSITION, TRANSFER, FakeMargin, MarginRoster, MemoryMoves, moving_world
from tests.virtual_loop import in_virtual_time, pass_time


async def changed_while_waiting(roster: MarginRoster, account: FakeMargin, entry: AccountEntry) -> None:
    """Let a move wait for its turn, change its connection meanwhile, and see it refused."""
    gate, store = account.hold(), MemoryMoves()
    async with moving_world(account, store, roster) as world:
        first = asyncio.create_task(world.moving.submit("pts", "first", TRANSFER))
        assert await account.sent.get() == TRANSFER
        waiting = asyncio.create_task(world.moving.submit("pts", "second", POSITION))
        await pass_time(0.01)
        roster.listed["pts"] = entry
        gate.set()
        await first
        with pytest.raises(UnavailableError) as refused:
            await waiting

        assert refused.value.code is Code.VENUE_UNAVAILABLE
        kept: list[Move] = [operation.move for operation in store.kept()]
        assert kept == [TRANSFER]


@in_virtual_time
async def test_what_waited_for_an_account_that_was_replaced_goes_to_neither() -> None:
    account, successor = FakeMargin(), FakeMargin()
    roster = MarginRoster(pts=account)
    await changed_while_waiting(roster, account, MarginRoster(pts=successor).listed["pts"])
    assert (account.sends, successor.sends) == ([TRANSFER], [])


@in_virtual_time
async def test_what_waited_for_an_account_that_gets_nothing_new_is_not_sent() -> None:
    account = FakeMargin()
    roster = MarginRoster(pts=account)
    withdrawn = msgspec.structs.replace(roster.listed["pts"], enabled=False)
    await changed_while_waiting(roster, account, withdrawn)
    assert account.sends == [TRANSFER]
