"""A move in doubt beside one that was done and whose trace nobody knows by its id."""

import msgspec
import pytest

from router.core.movement import Moved
from router.core.moving import MovePhase
from tests.fakes.margin import COVER, POSITION, FakeMargin, MemoryMoves, moved, moving_world
from tests.unit.service.test_moving_doubts import in_doubt
from tests.virtual_loop import in_virtual_time, pass_time

UNNAMED = msgspec.structs.replace(moved(COVER), venue_ids=())
NOTHING_MOVED = Moved()


@in_virtual_time
async def test_a_trace_that_may_be_of_a_move_that_was_done_before_decides_nothing() -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.answers.append(UNNAMED)
    account.later = Moved(venue_ids=("t-0",))
    async with moving_world(account, store) as world:
        first = (await world.moving.submit("pts", "k-1", COVER)).operation
        second = await in_doubt(world, account, POSITION, "k-2")
        await pass_time(300)
        now = await world.moving.operation("pts", second.id)
        doubt = world.moving.doubt(now)

    assert (first.phase, now.phase) == (MovePhase.DONE, MovePhase.IN_DOUBT)
    assert doubt is not None
    assert doubt.last_look_up is not None
    assert first.id in (doubt.last_look_up.answer or "")


@pytest.mark.parametrize("answer", [NOTHING_MOVED, moved(COVER, "t-9")])
@in_virtual_time
async def test_what_left_no_trace_or_a_known_one_is_taken_for_no_other(answer: Moved) -> None:
    account, store = FakeMargin(), MemoryMoves()
    account.answers.append(answer)
    account.later = Moved(venue_ids=("t-0",))
    async with moving_world(account, store) as world:
        await world.moving.submit("pts", "k-1", COVER)
        second = await in_doubt(world, account, POSITION, "k-2")
        await pass_time(300)
        assert (await world.moving.operation("pts", second.id)).phase is MovePhase.DONE
