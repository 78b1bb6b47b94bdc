"""Group commit over one connection, and what became of a commit whose answer was lost.

Callers leave an operation and a future in a queue; one task takes all that is there, runs it in one
transaction (`postgres_transaction`), commits, and only then resolves the futures. A caller that is alone
waits for no company; under load a round trip and a flush are shared by all that came meanwhile.

A transaction that fails before COMMIT was sent left nothing behind: no server commits what it was not told
to. From then on until the answer it is in doubt. It counts this router's transactions in the router's row, so
the row, read on a new connection, tells whether it was committed; reading it for update waits for the old
connection's end. Where the server cannot be asked in time the callers are told that the write failed, and
before anything else is written it is found out: what was committed nevertheless is taken back, together with
the next write.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import asyncpg
import msgspec

from router.journal.postgres_link import FAULTS, Connection, failure
from router.journal.postgres_operations import Accept, Append, Beat, Operation, Outcome, Owner, Undo
from router.journal.postgres_transaction import Done, begin, fenced, run, take_back
from router.journal.writer import COMPANY_S, Broken
from router.ports import FencedError, StoreError

BATCH_MAX: Final = 256
"""Operations in one transaction: bounds how long the first of them waits for the last (some ms)."""
PENDING_MAX: Final = 32_768
"""Operations that may wait: past it the server is seconds behind, and a refusal beats a longer queue."""
WRITE_S: Final = 5.0
"""How long a transaction may take, a second try and finding out about a lost answer included."""
_POLL_S: Final = 0.05

_OWN_FAULTS: Final = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
)
"""What one operation's values can cause; it must not fail those that share its transaction."""
_PASSING: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InterfaceError,
    ConnectionError,
)
"""What is worth a second try on a new connection: nothing was committed."""


class _Job(msgspec.Struct, frozen=True):
    operation: Operation
    future: asyncio.Future[Outcome]


class _Doubt(msgspec.Struct, frozen=True):
    """A transaction that may have been committed."""

    write: int
    done: Done


class Writer:
    """The task, its queue and its connection; belongs to one event loop."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        connection: Connection,
        owner: Owner,
        lease_s: float,
        write_s: float = WRITE_S,
        broken: Broken | None = None,
    ) -> None:
        """Take over `connection`; `connect` makes the next one, and raises `StoreError`.

        `broken` is told, once, that others took this router's orders, before any caller is.
        """
        self._connect = connect
        self._connection: Connection | None = connection
        self._owner = owner
        self._lease_s = lease_s
        self._write_s = write_s
        self._write = 0
        self._doubt: _Doubt | None = None
        self._undo: Undo | None = None
        self._fenced = False
        self._broken = broken
        self._failed = False
        self._stopping = False
        self._jobs: deque[_Job] = deque()
        self._came = asyncio.Event()
        self._nudge: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run())
        self._beating = self._loop.create_task(self._beat())

    def write(self, operation: Operation, *, urgent: bool = True) -> asyncio.Future[Outcome]:
        """Run an operation; its answer comes once it is committed.

        A caller that is cancelled does not undo it: the operation runs, and nobody is told. The future raises
        `ClientOrderIdTakenError`, `ReservationRefusedError`, `StoreError` (`FencedError`). One that is not
        `urgent` may wait for others. Not to be called after `stop`.
        """
        future: asyncio.Future[Outcome] = self._loop.create_future()
        if len(self._jobs) >= PENDING_MAX:
            future.set_exception(
                StoreError(f"expected at most {PENDING_MAX} writes waiting, was more: the server is behind")
            )
            return future
        self._jobs.append(_Job(operation, future))
        if urgent:
            self._came.set()
        elif self._nudge is None:
            self._nudge = self._loop.call_later(COMPANY_S, self._no_company)
        return future

    def _no_company(self) -> None:
        self._nudge = None
        self._came.set()

    async def stop(self) -> None:
        """Commit what was queued, let the lease go, and end. A second call waits for the first one's end."""
        self._stopping = True
        self._beating.cancel()
        self._came.set()
        await asyncio.wait((self._task, self._beating))

    async def _beat(self) -> None:
        """Renew the lease while nothing else is written."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                await self.write(Beat())
            except FencedError:
                return
            except StoreError:
                continue  # whoever writes is told of it

    async def _run(self) -> None:
        while True:
            while self._jobs:
                batch = [self._jobs.popleft() for _ in range(min(BATCH_MAX, len(self._jobs)))]
                outcomes = await self._commit([job.operation for job in batch])
                _tell(batch, outcomes)
                self._refuse_behind(batch, outcomes)
            if self._stopping:
                await self._leave()
                return
            self._came.clear()
            await self._came.wait()

    def _refuse_behind(self, batch: Sequence[_Job], outcomes: Sequence[Outcome]) -> None:
        """Refuse what was called behind an event that was not kept, or behind its order's acceptance."""
        refused = {
            job.operation.order_id
            for job, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Exception) and isinstance(job.operation, Accept | Append)
        }
        if not refused:
            return
        left: deque[_Job] = deque()
        for job in self._jobs:
            if isinstance(job.operation, Append) and job.operation.order_id in refused:
                said = "expected what was to be kept before a record to be kept, was not"
                _tell([job], [StoreError(said)])
            else:
                left.append(job)
        self._jobs = left

    async def _commit(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        """Run a batch in one transaction; what each operation answers or failed with."""
        if self._stopping and self._failed:
            # The end is not put off for every batch that a server that is gone will not take.
            return [StoreError("expected the journal to keep a record, was closed first")] * len(operations)
        try:
            async with asyncio.timeout(self._write_s):
                outcomes = await self._transact_twice(operations)
        except _OWN_FAULTS as error:
            if len(operations) == 1:
                return [_refused(error)]
            # One of them cannot be kept: each alone, so that it fails alone.
            return [(await self._commit([operation]))[0] for operation in operations]
        except FencedError as error:
            if self._broken is not None and not self._fenced:
                self._broken(error)
            self._fenced = True
            return [error] * len(operations)
        except StoreError as error:
            self._failed = True
            return [error] * len(operations)
        except FAULTS as error:
            self._failed = True
            return [_refused(error)] * len(operations)
        except Exception as error:  # noqa: BLE001  a bug in one write must not end the task that all share
            return [_refused(error)] * len(operations)
        self._failed = False
        return outcomes

    async def _transact_twice(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        try:
            return await self._transact(operations)
        except _PASSING:
            return await self._transact(operations)

    async def _transact(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        """One transaction, and what became of it. Raises where nothing was kept, or nothing is known."""
        if self._fenced:
            raise fenced()
        if self._doubt is not None and await self._was_committed(self._doubt):
            self._undo = self._doubt.done.undo
        self._doubt = None
        connection = await self._connected()
        try:
            await begin(connection, self._owner, self._write + 1, self._lease_s)
            if self._undo is not None:
                await take_back(connection, self._owner, self._undo)
            done = await run(connection, self._owner, operations)
            self._write += 1
            doubt = self._doubt = _Doubt(self._write, done)
            answer = await connection.execute("COMMIT")
        except asyncio.CancelledError:
            self._drop()  # out of time: a doubt stays, until the next write
            raise
        except Exception:
            self._drop()
            if self._doubt is None:
                raise
            doubt = self._doubt
            if not await self._was_committed(doubt):
                self._doubt = None
                raise
        else:
            if answer != "COMMIT":
                self._doubt = None
                self._drop()
                raise StoreError(f"expected a transaction to be committed, was answered {answer}")
        self._doubt = self._undo = None
        return doubt.done.outcomes

    async def _was_committed(self, doubt: _Doubt) -> bool:
        """Whether a transaction whose answer was lost was committed; waits until it can be told."""
        while True:
            try:
                connection = await self._connected()
                written = await connection.fetchval(
                    "SELECT writes FROM routers WHERE id = $1 AND epoch = $2 FOR UPDATE",
                    self._owner.id,
                    self._owner.epoch,
                )
            except (StoreError, *FAULTS):
                self._drop()
                await asyncio.sleep(_POLL_S)
                continue
            if written is None:
                raise fenced()
            return bool(written >= doubt.write)

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return self._connection

    def _drop(self) -> None:
        """Let the connection go: what it was not told to commit is rolled back by the server."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _leave(self) -> None:
        """Let the lease go: what is open here is free for others, and for this router's next start."""
        try:
            async with asyncio.timeout(self._write_s):
                connection = await self._connected()
                await connection.execute(
                    "DELETE FROM routers WHERE id = $1 AND epoch = $2", self._owner.id, self._owner.epoch
                )
                await connection.close()
        except (StoreError, *FAULTS):
            self._drop()  # then it runs out


def _refused(error: BaseException) -> StoreError:
    refusal = failure("the journal to keep a record", error)
    refusal.__cause__ = error
    return refusal


def _tell(batch: Sequence[_Job], outcomes: Sequence[Outcome]) -> None:
    for job, outcome in zip(batch, outcomes, strict=True):
        if job.future.done():
            continue  # its caller was cancelled
        if isinstance(outcome, Exception):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)
