"""What is written in one transaction: jobs, run together or one by one.

Together, all rows of a table go in as few statements as possible: each call of SQLite lets the interpreter's
lock go and has to win it back from the loop. One by one, each in a savepoint, where one breaks a rule.
"""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from router.ports import ClientOrderIdTakenError, StoreError
from router.ports.records import ChangedMeanwhileError, IdempotencyKeyTakenError

ROWS_MAX: Final = 64
"""Rows in one statement: with fifteen columns or fewer within the 999 variables of every SQLite."""

Row = tuple[object, ...]
Operation = Callable[[sqlite3.Connection], None]
Refusal = Callable[[sqlite3.Connection, Row], Exception | None]

_OWN_FAULTS: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""What one job's values can cause; any other error of SQLite is the transaction's."""

_REFUSALS: Final = (
    StoreError,
    ClientOrderIdTakenError,
    ChangedMeanwhileError,
    IdempotencyKeyTakenError,
)
"""What a job itself says no with: its caller gets it as it is."""


class Insert:
    """A statement that adds rows to a table; made for as many rows as there are, up to `ROWS_MAX`.

    `refusal`: what a row is refused with that breaks a rule of the table; None: with what SQLite says of it.
    """

    __slots__ = ("_columns", "_head", "_row", "_statements", "_tail", "refusal")

    def __init__(self, head: str, columns: int, tail: str = "", refusal: Refusal | None = None) -> None:
        """`head` ends before the values, `tail` is what follows them."""
        self._head = head
        self._columns = columns
        self._row = f"({', '.join('?' * columns)})"
        self._tail = tail
        self._statements: dict[int, str] = {}
        self.refusal = refusal

    def run(self, connection: sqlite3.Connection, values: list[object]) -> None:
        """Add rows, in their order: their values one after another."""
        each_max = ROWS_MAX * self._columns
        for done in range(0, len(values), each_max):
            some = values[done : done + each_max]
            connection.execute(self._statement(len(some)), some)

    def _statement(self, count: int) -> str:
        """The statement for so many values: a text that stays, and that the connection keeps prepared."""
        statement = self._statements.get(count)
        if statement is None:
            rows = ", ".join([self._row] * (count // self._columns))
            statement = self._statements[count] = f"{self._head} {rows} {self._tail}"
        return statement


class Chain(msgspec.Struct, eq=False):
    """Jobs of which none is kept behind one that was not: an order's events.

    `refused` is the writer's: one of them failed. Until whoever writes was told so (`over`), what is queued
    in the chain is refused as well; from then on they go on with another chain.
    """

    refused: bool = False

    def over(self, job: "Job") -> None:
        """A job that failed, or one that `ends` it, is being told of. On the caller's loop."""


class Job(msgspec.Struct, eq=False):
    """Rows and an operation, of which all is kept or nothing.

    In this order: the row that `insert` adds, the operation, and `update` with its values `changes`. Of a
    transaction's updates only the last one with the same last value (the key) is run, whatever its statement:
    an earlier one would say what was. `ends`: whether its chain may be over with it. `error`: what it failed
    with, which the writer says: its traceback has the batch, so that the collector of cycles must know a job.
    """

    future: asyncio.Future[None]
    operation: Operation | None = None
    insert: Insert | None = None
    row: Row = ()
    chain: Chain | None = None
    ends: bool = False
    update: str | None = None
    changes: Row = ()
    error: Exception | None = None


class NotTogetherError(Exception):
    """A job breaks a rule: they are to be run one by one."""


def run_together(connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    """Run jobs in the transaction that is open; `NotTogetherError` where one of them has to fail alone.

    Raises `sqlite3.Error` where the transaction is lost.
    """
    try:
        _run(connection, jobs)
    except NotTogetherError:
        raise
    except sqlite3.Error as error:
        if isinstance(error, _OWN_FAULTS):
            raise NotTogetherError from error
        raise
    except Exception as error:
        raise NotTogetherError from error


def run_alone(connection: sqlite3.Connection, job: Job) -> Exception | None:
    """Run a job in a savepoint; what it failed with. Raises `sqlite3.Error` where the transaction is lost."""
    if job.chain is not None and job.chain.refused:
        return StoreError("expected what was to be kept before a record to be kept, was not")
    connection.execute("SAVEPOINT job")
    outcome: Exception | None = None
    try:
        run_together(connection, (job,))
    except NotTogetherError as refused:
        outcome = _outcome(refused.__cause__)
        connection.execute("ROLLBACK TO job")
        if job.insert is not None and job.insert.refusal is not None:
            try:
                outcome = job.insert.refusal(connection, job.row) or outcome
            except StoreError as error:
                outcome = error
        if job.chain is not None:
            job.chain.refused = True
    connection.execute("RELEASE job")
    return outcome


def failure(error: BaseException | None) -> StoreError:
    """What a caller is told whose record was not kept because of an error."""
    told = StoreError(f"expected the journal to keep a record, was: {error}")
    told.__cause__ = error
    return told


def _outcome(error: BaseException | None) -> Exception:
    return error if isinstance(error, _REFUSALS) else failure(error)


def _run(connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    rows: defaultdict[Insert, list[object]] = defaultdict(list)
    changes: dict[object, tuple[str, Row]] = {}
    for job in jobs:
        if job.chain is not None and job.chain.refused:
            raise NotTogetherError
        if job.insert is not None:
            rows[job.insert] += job.row
        if job.operation is not None:
            # It sees what was called before it.
            _flush(connection, rows, changes)
            job.operation(connection)
        if job.update is not None:
            changes[job.changes[-1]] = job.update, job.changes
    _flush(connection, rows, changes)


def _flush(
    connection: sqlite3.Connection, rows: dict[Insert, list[object]], changes: dict[object, tuple[str, Row]]
) -> None:
    for insert, values in rows.items():
        insert.run(connection, values)
    by_update: defaultdict[str, list[Row]] = defaultdict(list)
    for update, changed in changes.values():
        by_update[update].append(changed)
    for update, each in by_update.items():
        connection.executemany(update, each)
    rows.clear()
    changes.clear()
