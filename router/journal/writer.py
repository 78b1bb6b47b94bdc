"""Group commit: one thread owns the writing connection and commits whatever has come in meanwhile.

A commit costs a flush to the disk, whatever is in it. So callers leave jobs in a queue; the thread takes
all that is there, runs it in one transaction, commits, and only then resolves the futures. Under load the
flush is shared; with a single caller nothing waits for company. What nobody waits for (not `urgent`) begins
no commit by itself: it goes with the next one, or with its own after `COMPANY_S`.

A transaction runs together (`batch.run_together`); where a job breaks a rule of its own (a duplicate key), it
is rolled back and run again one by one, so that the job fails alone. A transaction that fails (a full disk,
an I/O error, a failed commit) fails every job in it, and leaves nothing behind. The thread then goes on with
the next: when there is room again, writes work again. But in a chain (`batch.Chain`) nothing is kept behind a
job that was not.

A failed flush is another matter. The kernel may have dropped the pages that it could not write and call the
next flush a success, so nothing that the file is asked can be believed: the thread tells `broken`, which ends
the process, and writes nothing any more. A file that SQLite calls malformed is met alike.
"""

import asyncio
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from router.journal.batch import Job, NotTogetherError, Operation, failure, run_alone, run_together
from router.journal.checkpoint import Checkpointing
from router.ports import StoreBrokenError, StoreError

BATCH_MAX: Final = 512
"""Jobs in one transaction: bounds how long the first of them waits for the last (a few ms)."""
PENDING_MAX: Final = 32_768
"""Jobs that may wait: past it the disk is seconds behind, and a refusal beats a longer queue."""
COMPANY_S: Final = 0.002
"""How long a job that nobody waits for may wait for others: a few flushes of a disk that is quick."""

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


class Writer:
    """The thread and its queue. Jobs run in the order in which they were put."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        batch_max: int = BATCH_MAX,
        pending_max: int = PENDING_MAX,
        broken: Broken | None = None,
        moving: sqlite3.Connection | None = None,
    ) -> None:
        """Take over connections (autocommit mode, usable from another thread), and close them at the end.

        `moving` moves the log of a file that does not do so by itself (`checkpoint`).
        """
        self._connection = connection
        self._checkpointing = None if moving is None else Checkpointing(moving, self._not_moved)
        self._broken = broken
        self._lost: StoreBrokenError | None = None
        self._batch_max = batch_max
        self._room = pending_max
        self._refusal = f"expected at most {pending_max} writes waiting, was more: the disk is behind"
        self._jobs: deque[Job] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        # Whether the bell rings at the end of this turn of the loop, or rang and the thread has not begun to
        # take: it will see what is put now.
        self._rung = False
        self._nudge: asyncio.TimerHandle | None = None
        self._stopping = False
        # A daemon: a process that ends without `stop` must end; what was not committed was not promised.
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def write(self, operation: Operation) -> asyncio.Future[None]:
        """Put an operation; see `put`."""
        return self.put(Job(asyncio.get_running_loop().create_future(), operation))

    def put(self, job: Job, *, urgent: bool = True) -> asyncio.Future[None]:
        """Leave a job to the thread. The future, which is the job's, ends once it is committed.

        A caller that is cancelled does not undo it: the job runs, and nobody is told. The future raises
        `ClientOrderIdTakenError` and its like where the job does, and `StoreError` for everything else.
        Not to be called after `stop`.
        """
        jobs = self._jobs
        if len(jobs) >= self._room:
            return self._refuse(job)
        jobs.append(job)
        if not self._rung:
            loop = job.future.get_loop()
            if urgent:
                # At the end of the loop's turn: what else it brings goes along. The thread cannot run before.
                self._rung = True
                loop.call_soon(self._bell.put, None)
            elif self._nudge is None:
                self._nudge = loop.call_later(COMPANY_S, self._no_company)
        return job.future

    def refuse(self, refusal: str) -> None:
        """Take nothing more: what is put from now on fails with a `StoreError` that says so."""
        self._room, self._refusal = 0, refusal

    def _refuse(self, job: Job) -> asyncio.Future[None]:
        # Told of at once: what comes after it in its chain has another, and what was put before it is kept.
        job.error = StoreError(self._refusal)
        _end(job)
        return job.future

    def stop(self) -> None:
        """Commit what was queued, then end; blocks until the thread has. A second call only waits."""
        self._stopping = True
        self._bell.put(None)
        self._thread.join()

    def _no_company(self) -> None:
        self._nudge = None
        if self._jobs and not self._rung:
            self._rung = True
            self._bell.put(None)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            self._bell.get()
            stopping = self._stopping
            # Before anything is taken: what is put from here on rings again, or is taken now.
            self._rung = False
            while batch := self._take():
                self._commit(batch)
                _tell(batch)
                self._move_log(len(batch))
                if len(batch) < self._batch_max and not stopping:
                    break  # what came meanwhile has rung, or waits for company
        if self._checkpointing is not None:
            self._checkpointing.stop()
        self._connection.close()

    def _move_log(self, jobs: int) -> None:
        """Have the log moved when it is time; after those who wait for their commit were told."""
        if self._checkpointing is None or self._lost is not None:
            return
        try:
            self._checkpointing.committed(self._connection, jobs)
        except sqlite3.Error as error:
            self._not_moved(error)

    def _not_moved(self, error: sqlite3.Error) -> None:
        """The log could not be moved: it is tried again, unless nothing can be believed any more."""
        if self._lost is None and error.sqlite_errorcode in _BREAKING:
            self._break(error)

    def _take(self) -> list[Job]:
        jobs = self._jobs
        return [jobs.popleft() for _ in range(min(len(jobs), self._batch_max))]

    def _commit(self, batch: Sequence[Job]) -> None:
        """Run a batch in one transaction; a job that is not kept has its `error` from here on."""
        if self._lost is not None:
            _fail(batch, lambda: StoreBrokenError(str(self._lost)))
            return
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                run_together(connection, batch)
            except NotTogetherError:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                for job in batch:
                    job.error = run_alone(connection, job)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            for job in batch:
                if job.chain is not None:
                    job.chain.refused = True
            # The module's own errors, such as that of a closed connection, have no code.
            if getattr(error, "sqlite_errorcode", None) in _BREAKING:
                self._break(error)
                _fail(batch, lambda: StoreBrokenError(str(self._lost)))
                return
            self._roll_back()
            _fail(batch, partial(failure, error))

    def _break(self, error: sqlite3.Error) -> None:
        """Give the file up; callers are told so, should the process live on to tell them."""
        self._lost = StoreBrokenError(f"expected the journal to be flushed and whole, was: {error}")
        self._lost.__cause__ = error
        if self._broken is not None:
            self._broken(self._lost)

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors, a full disk among them.
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                # Then the next BEGIN fails, and says why to whoever wanted to write.
                return


def _fail(batch: Sequence[Job], error: Callable[[], StoreError]) -> None:
    """Let all jobs fail, each with an error of its own: whoever meets it may hang more on it."""
    for job in batch:
        job.error = error()


def _tell(batch: list[Job]) -> None:
    """Resolve the futures of a batch, each on its own loop, one wake-up a loop."""
    # Two: one that is gone, and the one that came after it. Nobody waits for what another had put between.
    loops = {batch[0].future.get_loop(), batch[-1].future.get_loop()}
    for loop in loops:
        own = batch if len(loops) == 1 else [job for job in batch if job.future.get_loop() is loop]
        try:
            loop.call_soon_threadsafe(_resolve, own)
        except RuntimeError:
            # The loop was closed: nobody waits any more, and what was committed stays.
            continue


def _resolve(jobs: list[Job]) -> None:
    for job in jobs:
        if job.ends or job.error is not None:
            _end(job)
        else:
            try:
                job.future.set_result(None)
            except asyncio.InvalidStateError:
                continue  # its caller was cancelled


def _end(job: Job) -> None:
    """Tell of a job that failed, or that may end its chain."""
    if job.chain is not None:
        job.chain.over(job)
    if job.future.done():
        return  # its caller was cancelled
    if job.error is None:
        job.future.set_result(None)
    else:
        job.future.set_exception(job.error)
