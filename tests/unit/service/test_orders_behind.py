"""Writing behind: at once, in order, again until it is kept; nothing of a line before what is before it."""

import asyncio
from collections.abc import Callable

from router.ports import StoreError
from router.service.behind import RETRY_FIRST_S, Behind, Line
from tests.fakes.world import Seen
from tests.virtual_loop import in_virtual_time, pass_time


class Store:
    """Writes under way, which end when and as the test says; in what order they were begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.under_way: dict[str, asyncio.Future[None]] = {}

    def write(self, name: str) -> Callable[[], asyncio.Future[None]]:
        def begin() -> asyncio.Future[None]:
            self.begun.append(name)
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.under_way[name] = future
            return future

        return begin

    def keep(self, name: str) -> None:
        self.under_way.pop(name).set_result(None)

    def refuse(self, name: str) -> None:
        self.under_way.pop(name).set_exception(StoreError("the disk is full"))


@in_virtual_time
async def test_writes_are_under_way_at_once_and_what_follows_is_done_when_they_are_kept() -> None:
    store, behind, line = Store(), Behind(Seen().observer), Line()
    done: list[str] = []

    behind.write(line, store.write("a"), "append", lambda: done.append("a"))
    behind.write(line, store.write("b"), "append")

    assert store.begun == ["a", "b"]
    assert (behind.count, line.kept, line.stuck, done) == (2, False, False, [])
    store.keep("a")
    store.keep("b")
    await behind.flushed()
    assert (behind.count, line.kept, done) == (0, True, ["a"])


@in_virtual_time
async def test_what_failed_is_tried_again_before_what_was_written_behind_it_and_since() -> None:
    """The journal refuses what was called behind a write that failed, and tells of it in its own time."""
    seen = Seen()
    store, behind, line = Store(), Behind(seen.observer), Line()
    for name in ("a", "b"):
        behind.write(line, store.write(name), "append")
    store.refuse("a")
    await pass_time(0)
    behind.write(line, store.write("c"), "append")
    await pass_time(3 * RETRY_FIRST_S)

    assert (store.begun, line.stuck, line.kept) == (["a", "b"], True, False)
    store.refuse("b")
    for name in ("a", "b", "c"):
        await pass_time(2 * RETRY_FIRST_S)
        assert store.begun[2:][-1] == name
        store.keep(name)
    await behind.flushed()

    assert store.begun == ["a", "b", "a", "b", "c"]
    assert (line.stuck, line.kept, behind.count) == (False, True, 0)
    assert [said["operation"] for said in seen.lines("store_failed")] == ["append", "append"]


@in_virtual_time
async def test_what_comes_before_a_failure_is_known_waits_behind_it() -> None:
    store, behind, line = Store(), Behind(Seen().observer), Line()
    behind.write(line, store.write("a"), "append")
    store.refuse("a")

    behind.write(line, store.write("b"), "append")
    await line.ended()
    assert (store.begun, line.stuck) == (["a"], True)

    for name in ("a", "b"):
        await pass_time(2 * RETRY_FIRST_S)
        store.keep(name)
    await behind.flushed()
    assert store.begun == ["a", "a", "b"]


@in_virtual_time
async def test_what_had_no_room_is_tried_again_once_what_was_before_it_is_known() -> None:
    """A queue that is full refuses at once: what it holds of the line is kept later, or is refused later."""
    store, behind, line = Store(), Behind(Seen().observer), Line()
    done: list[str] = []
    behind.write(line, store.write("a"), "append", lambda: done.append("a"))
    behind.write(line, store.write("b"), "append", lambda: done.append("b"))
    store.refuse("b")
    await pass_time(20 * RETRY_FIRST_S)
    assert store.begun == ["a", "b"], "expected nothing of the line to overtake what is under way of it"

    store.refuse("a")
    for name in ("a", "b"):
        await pass_time(2 * RETRY_FIRST_S)
        assert store.begun[2:][-1] == name
        store.keep(name)
    await behind.flushed()

    assert store.begun == ["a", "b", "a", "b"]
    assert (line.kept, line.behind, done) == (True, 0, ["a", "b"])


@in_virtual_time
async def test_another_line_does_not_wait_for_one_that_is_stuck() -> None:
    store, behind, stuck, other = Store(), Behind(Seen().observer), Line(), Line()
    behind.write(stuck, store.write("a"), "append")
    store.refuse("a")
    await stuck.ended()

    behind.write(other, store.write("b"), "append")
    store.keep("b")
    await other.ended()

    assert (stuck.stuck, other.kept) == (True, True)
    await behind.close()
    assert behind.count == 0


@in_virtual_time
async def test_behind_what_was_given_up_at_a_stop_nothing_is_written() -> None:
    store, behind, line = Store(), Behind(Seen().observer), Line()
    behind.write(line, store.write("a"), "append")
    await behind.close()

    behind.write(line, store.write("b"), "append")

    assert store.begun == ["a"]
    assert line.last is not None
    assert line.last.cancelled()


@in_virtual_time
async def test_whoever_leaves_while_waiting_takes_no_write_along() -> None:
    store, behind, line = Store(), Behind(Seen().observer), Line()
    behind.write(line, store.write("a"), "append")
    waiting = asyncio.create_task(line.ended())
    await pass_time(0)
    waiting.cancel()
    await asyncio.wait((waiting,))

    assert not store.under_way["a"].cancelled()
    store.keep("a")
    await behind.flushed()
    assert line.kept


@in_virtual_time
async def test_whoever_has_a_use_for_it_is_told_once_nothing_is_behind_any_more() -> None:
    store, behind, line = Store(), Behind(Seen().observer), Line()
    told: list[tuple[bool, bool]] = []
    line.told = lambda: told.append((line.kept, line.stuck))

    behind.write(line, store.write("a"), "append")
    behind.write(line, store.write("b"), "append")
    store.keep("a")
    await pass_time(0)
    assert (told, line.behind) == ([], 1)
    store.keep("b")
    await pass_time(0)
    assert (told, line.behind) == ([(True, False)], 0)

    behind.write(line, store.write("c"), "append")
    store.refuse("c")
    await pass_time(2 * RETRY_FIRST_S)
    assert (told, line.behind) == ([(True, False)], 1)
    store.keep("c")
    await behind.flushed()
    assert (told, line.behind) == ([(True, False), (True, False)], 0)


@in_virtual_time
async def test_of_what_was_given_up_at_a_stop_nobody_is_told_as_of_something_kept() -> None:
    store, behind, line = Store(), Behind(Seen().observer), Line()
    told: list[bool] = []
    line.told = lambda: told.append(line.kept)
    behind.write(line, store.write("a"), "append")
    store.refuse("a")
    await pass_time(0)

    await behind.close()

    assert (line.kept, line.behind, told) == (True, 1, [])
