"""Group commit: one thread owns the writing connection and commits whatever has come in meanwhile.

A commit costs a flush to the disk, whatever is in it. So callers leave an operation and a future in a queue;
the thread takes all that is there, runs it in one transaction, commits, and only then resolves the futures.
Under load the flush is shared; with a single caller nothing waits for company.

Each operation has a savepoint: one that breaks a rule of its own (a duplicate key) fails alone. A
transaction that fails (a full disk, an I/O error, a failed commit) fails every operation in it, and leaves
nothing behind. The thread then goes on with the next: when there is room again, writes work again.

A failed flush is another matter. The kernel may have dropped the pages that it could not write and call the
next flush a success, so nothing that the file is asked can be believed: the thread tells `broken`, which ends
the process, and writes nothing any more. A file that SQLite calls malformed is met alike.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from router.ports import ClientOrderIdTakenError, StoreBrokenError, StoreError
from router.ports.records import ChangedMeanwhileError, IdempotencyKeyTakenError

BATCH_MAX: Final = 512
"""Operations in one transaction: bounds how long the first of them waits for the last (a few ms)."""
PENDING_MAX: Final = 32_768
"""Operations that may wait: past it the disk is seconds behind, and a refusal beats a longer queue."""

Operation = Callable[[sqlite3.Connection], None]

_OWN_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What one operation's values can cause; any other error of SQLite is the transaction's."""

_REFUSALS: Final = (
    StoreError,
    ClientOrderIdTakenError,
    ChangedMeanwhileError,
    IdempotencyKeyTakenError,
)
"""What an operation itself says no with: its caller gets it as it is."""

_BREAKING: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_DIR_FSYNC,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)
"""Errors after which no answer of the file means anything: it is read anew, by another process."""

Broken = Callable[[StoreBrokenError], None]
"""Is told in the writer's thread that the store is lost, before any caller hears of it."""


class _Job(msgspec.Struct, frozen=True):
    operation: Operation
    future: asyncio.Future[None]


class Writer:
    """The thread and its queue. Operations run in the order in which `write` was called."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        batch_max: int = BATCH_MAX,
        pending_max: int = PENDING_MAX,
        broken: Broken | None = None,
    ) -> None:
        """Take over `connection` (autocommit mode, usable from another thread), and close it at the end."""
        self._connection = connection
        self._broken = broken
        self._lost: StoreBrokenError | None = None
        self._batch_max = batch_max
        self._pending_max = pending_max
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # A daemon: a process that ends without `stop` must end; what was not committed was not promised.
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    async def write(self, operation: Operation) -> None:
        """Run an operation; returns once it is committed.

        A caller that is cancelled does not undo it: the operation runs, and nobody is told. Raises
        `ClientOrderIdTakenError` and its like where the operation does, and `StoreError` for everything else.
        Not to be called after `stop`.
        """
        if self._queue.qsize() >= self._pending_max:
            raise StoreError(
                f"expected at most {self._pending_max} writes waiting, was more: the disk is behind"
            )
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put(_Job(operation, future))
        await future

    def stop(self) -> None:
        """Commit what was queued, then end; blocks until the thread has. A second call only waits."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            batch, stopping = self._take()
            if batch:
                _tell(batch, self._commit(batch))
        self._connection.close()

    def _take(self) -> tuple[list[_Job], bool]:
        """Wait for one operation, then take what else is there; True: nothing follows."""
        job = self._queue.get()
        batch: list[_Job] = []
        while job is not None:
            batch.append(job)
            if len(batch) == self._batch_max:
                return batch, False
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: Sequence[_Job]) -> list[Exception | None]:
        """Run a batch in one transaction; what each operation failed with, None where it did not."""
        if self._lost is not None:
            return [StoreBrokenError(str(self._lost)) for _ in batch]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._apply(job.operation) for job in batch]
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            # The module's own errors, such as that of a closed connection, have no code.
            if getattr(error, "sqlite_errorcode", None) in _BREAKING:
                return self._break(error, len(batch))
            self._roll_back()
            return [_failure(error) for _ in batch]
        return outcomes

    def _break(self, error: sqlite3.Error, callers: int) -> list[Exception | None]:
        """Give the file up; what each caller of the batch is told, should the process live on to tell it."""
        self._lost = StoreBrokenError(f"expected the journal to be flushed and whole, was: {error}")
        self._lost.__cause__ = error
        if self._broken is not None:
            self._broken(self._lost)
        return [StoreBrokenError(str(self._lost)) for _ in range(callers)]

    def _apply(self, operation: Operation) -> Exception | None:
        """Run one operation in a savepoint. Raises `sqlite3.Error` where the transaction is lost."""
        self._connection.execute("SAVEPOINT operation")
        outcome: Exception | None = None
        try:
            operation(self._connection)
        except sqlite3.Error as error:
            if not isinstance(error, _OWN_FAULTS):
                raise
            outcome = _failure(error)
        except Exception as error:  # noqa: BLE001  one operation's bug must not end the thread that all share
            outcome = error if isinstance(error, _REFUSALS) else _failure(error)
        if outcome is not None:
            self._connection.execute("ROLLBACK TO operation")
        self._connection.execute("RELEASE operation")
        return outcome

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors, a full disk among them.
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                # Then the next BEGIN fails, and says why to whoever wanted to write.
                return


def _failure(error: Exception) -> StoreError:
    failure = StoreError(f"expected the journal to keep a record, was: {error}")
    failure.__cause__ = error
    return failure


def _tell(batch: Sequence[_Job], outcomes: Sequence[Exception | None]) -> None:
    """Resolve the futures of a batch, each on its own loop, one wake-up a loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[None], Exception | None]]] = {}
    for job, outcome in zip(batch, outcomes, strict=True):
        by_loop.setdefault(job.future.get_loop(), []).append((job.future, outcome))
    for loop, told in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, told)
        except RuntimeError:
            # The loop was closed: nobody waits any more, and what was committed stays.
            continue


def _resolve(told: Sequence[tuple[asyncio.Future[None], Exception | None]]) -> None:
    for future, outcome in told:
        if future.done():
            continue  # its caller was cancelled
        if outcome is None:
            future.set_result(None)
        else:
            future.set_exception(outcome)
