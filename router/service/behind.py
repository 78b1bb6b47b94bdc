"""Writing behind: what is true whatever the store does is written without anyone waiting, until it is kept.

Each write is under way when it is called (`ports.Journal`), and costs no task. Only one that failed has a
task: it is tried again and again, and what follows it of the same line waits behind it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec

from router.observe.observer import Observer
from router.ports import StoreError

RETRY_FIRST_S = 0.05
RETRY_MAX_S = 2.0


class Entry(msgspec.Struct, frozen=True, eq=False):
    """One write: its place in the line, what begins it, its name in the log, what follows once it is kept."""

    number: int
    begin: Callable[[], asyncio.Future[None]]
    operation: str
    then: Callable[[], None] | None


class Line(msgspec.Struct, eq=False):
    """Writes that must be kept in their order: an order's events, or its records.

    `behind` of all that was `written` are not kept, or not yet. `last` ends when all that was written so far
    is kept; it is cancelled where that was given up at a stop. `failed`: what failed and is tried again, and
    what waits behind it. `told` is called once nothing is behind, where somebody has a use for that.
    """

    written: int = 0
    behind: int = 0
    last: asyncio.Future[None] | None = None
    failed: deque[Entry] | None = None
    told: Callable[[], None] | None = None

    @property
    def stuck(self) -> bool:
        """Whether a write failed and is tried again."""
        return self.failed is not None

    @property
    def kept(self) -> bool:
        """Whether all that was written is kept, or was given up at a stop."""
        return not self.behind or (self.last is not None and self.last.cancelled())

    def keep(self, then: Callable[[], None] | None) -> None:
        """One more is kept: do what follows it."""
        self.behind -= 1
        if then is not None:
            then()
        if self.told is not None and not self.behind:
            self.told()

    async def ended(self) -> None:
        """Wait until what was written so far is kept, or failed for the first time, or was given up."""
        last = self.last
        if last is None or self.kept:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A future of its own: whoever leaves while waiting must not take the write along.
        last.add_done_callback(partial(_wake, waiter))
        await waiter


class Behind:
    """All that is being written behind, of every line."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        # A dict, for its order: a stop cancels them as they began.
        self._pending: dict[asyncio.Future[None], None] = {}

    def write(
        self,
        line: Line,
        begin: Callable[[], asyncio.Future[None]],
        operation: str,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Begin a write, after the line's earlier ones; `then` is called once it is kept."""
        number = line.written = line.written + 1
        line.behind += 1
        last = line.last
        if line.failed is not None:
            line.failed.append(Entry(number, begin, operation, then))
            return
        if last is None or not last.done():
            future = begin()
        elif last.cancelled():
            return  # given up at a stop: what comes after must not stand in the journal without it
        elif last.exception() is None:
            future = begin()
        else:
            # It failed, and its line is about to be told so: this comes behind it.
            future = asyncio.get_running_loop().create_future()
            future.set_exception(_NotTriedError())
        line.last = future
        self._pending[future] = None
        future.add_done_callback(partial(self._ended, line, last, number, begin, operation, then))

    def begun(self, write: asyncio.Future[None]) -> None:
        """Count a write that somebody waits for among those that are to be kept, until it is `over`."""
        self._pending[write] = None

    def over(self, write: asyncio.Future[None]) -> None:
        """It was kept, or was not."""
        del self._pending[write]

    async def flushed(self) -> None:
        """Wait until everything is kept."""
        while self._pending:
            await asyncio.wait(set(self._pending))

    async def close(self) -> None:
        """Give up what is not kept yet."""
        for future in list(self._pending):
            future.cancel()
        await self.flushed()

    @property
    def count(self) -> int:
        """How many writes are not kept yet, those that wait behind a failed one not counted."""
        return len(self._pending)

    def _ended(
        self,
        line: Line,
        earlier: asyncio.Future[None] | None,
        number: int,
        begin: Callable[[], asyncio.Future[None]],
        operation: str,
        then: Callable[[], None] | None,
        future: asyncio.Future[None],
    ) -> None:
        del self._pending[future]
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            line.keep(then)
        elif isinstance(error, StoreError):
            self._failed(line, earlier, Entry(number, begin, operation, then), error)
        else:
            if line.last is future:
                line.last = None
            line.keep(None)  # nobody will try it again, and nobody is to wait for it
            raise error  # a bug: the loop tells of it

    def _failed(
        self, line: Line, earlier: asyncio.Future[None] | None, entry: Entry, error: StoreError
    ) -> None:
        """Have a write tried again, and what comes behind it wait. `earlier` is the write before it."""
        if not isinstance(error, _NotTriedError):
            self._observer.store_failed(entry.operation, error)
        if line.failed is not None:
            # Behind those that were written before it, and before those that were to be written since.
            place = sum(each.number < entry.number for each in line.failed)
            line.failed.insert(place, entry)
            return
        failed = line.failed = deque((entry,))
        task = asyncio.get_running_loop().create_task(self._try_again(line, failed, earlier, line.last))
        line.last = task
        self._pending[task] = None
        task.add_done_callback(self._pending.pop)

    async def _try_again(
        self,
        line: Line,
        failed: deque[Entry],
        earlier: asyncio.Future[None] | None,
        last: asyncio.Future[None] | None,
    ) -> None:
        """Write what failed until it is kept, then what waits behind it.

        `earlier` was written before it, and `last` was under way when it failed. Evidence is not thrown away
        because a disk is full.
        """
        pause = RETRY_FIRST_S
        await asyncio.sleep(pause)
        for other in (earlier, last):
            # What was written behind it is refused as well, and what was before it may be, where the queue
            # had no room for this one: both must be known before anything is tried.
            if other is not None and not other.done():
                await asyncio.wait((other,))
        while failed:
            entry = failed[0]
            try:
                await entry.begin()
            except StoreError as error:
                self._observer.store_failed(entry.operation, error)
                pause = min(RETRY_MAX_S, 2 * pause)
                await asyncio.sleep(pause)
                continue
            failed.popleft()
            pause = RETRY_FIRST_S
            if not failed:
                line.failed = None
            line.keep(entry.then)


class _NotTriedError(StoreError):
    """The write before it failed."""


def _wake(waiter: "asyncio.Future[None]", _: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
