"""The writer's thread: what it puts in one transaction, and what fails with what."""

import asyncio
import gc
import sqlite3
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from router.journal.batch import Chain, Insert, Job, Operation
from router.journal.checkpoint import COMMIT_PAGES, DUE_PAGES
from router.journal.writer import Broken, Writer
from router.ports import StoreBrokenError, StoreError

TABLES = """
CREATE TABLE parents (id INTEGER PRIMARY KEY);
CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED
);
"""


class FailingConnection(sqlite3.Connection):
    """A connection whose commits and checkpoints fail with an error of SQLite's, once it is set."""

    code: int | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql in ("COMMIT", "PRAGMA wal_checkpoint(PASSIVE)") and self.code is not None:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = self.code
            raise error
        return super().execute(sql, parameters)


class Bench:
    """A writer over a small database, whose thread can be held still while a queue builds up."""

    def __init__(
        self,
        path: Path,
        batch_max: int = 512,
        pending_max: int = 32_768,
        broken: Broken | None = None,
        *,
        moving: bool = False,
    ) -> None:
        self.path = path
        with closing(sqlite3.connect(path)) as made:
            made.executescript(TABLES)
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=FailingConnection
        )
        self.connection = connection
        connection.execute("PRAGMA foreign_keys = ON")
        self.statements: list[str] = []
        connection.set_trace_callback(self.statements.append)
        self.moving: FailingConnection | None = None
        if moving:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            self.moving = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, factory=FailingConnection
            )
        self.writer = Writer(connection, batch_max, pending_max, broken, self.moving)

    @property
    def commits(self) -> int:
        return self.statements.count("COMMIT")

    def kept(self) -> list[int]:
        with closing(sqlite3.connect(self.path)) as reading:
            return [number for (number,) in reading.execute("SELECT id FROM notes ORDER BY id")]

    async def together(self, *operations: Operation) -> list[BaseException | None]:
        """Queue operations while the thread is busy with another, so that they meet in one batch."""
        busy, go = threading.Event(), threading.Event()

        def hold(_: sqlite3.Connection) -> None:
            busy.set()
            go.wait(timeout=30)

        held = self.writer.write(hold)
        await asyncio.to_thread(busy.wait, 30)
        tasks = [self.writer.write(operation) for operation in operations]
        self.statements.clear()
        go.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await held
        return outcomes


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path / "notes.db")
    yield made
    made.writer.stop()


def note(number: int, parent: int | None = None) -> Operation:
    def insert(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes VALUES (?, ?)", (number, parent))

    return insert


async def test_what_waits_together_is_committed_together(bench: Bench) -> None:
    outcomes = await bench.together(*(note(number) for number in range(400)))

    assert set(outcomes) == {None}
    assert bench.commits == 2  # the one that held the thread, and one for all the others
    assert bench.kept() == list(range(400))


async def test_a_batch_is_bounded(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "notes.db", batch_max=10)

    await bench.together(*(note(number) for number in range(95)))
    bench.writer.stop()

    assert bench.commits == 1 + 10
    assert bench.kept() == list(range(95))


async def test_a_lone_write_waits_for_no_company(bench: Bench) -> None:
    for number in range(3):
        await bench.writer.write(note(number))

    assert bench.commits == 3


async def test_what_one_turn_of_the_loop_brings_is_committed_together(bench: Bench) -> None:
    begun = threading.Event()
    first = bench.writer.write(lambda _: begun.set())
    # The thread has nothing to do: woken at once, it would have begun by now.
    assert not begun.wait(timeout=0.05)
    await asyncio.gather(first, bench.writer.write(note(2)))

    assert begun.is_set()
    assert bench.commits == 1


async def test_what_nobody_waits_for_goes_with_the_next_write(bench: Bench) -> None:
    loop = asyncio.get_running_loop()

    behind = [bench.writer.put(Job(loop.create_future(), note(number)), urgent=False) for number in (1, 2)]
    assert not bench.writer._rung, "expected the thread to be left asleep"
    await bench.writer.write(note(3))

    assert [future.done() for future in behind] == [True, True]
    assert bench.commits == 1


async def test_what_nobody_waits_for_is_kept_without_company_too(bench: Bench) -> None:
    loop = asyncio.get_running_loop()

    for number in (1, 2):
        await bench.writer.put(Job(loop.create_future(), note(number)), urgent=False)

    assert bench.kept() == [1, 2]


async def test_in_a_chain_nothing_is_kept_behind_what_was_not(bench: Bench) -> None:
    chain, other = Chain(), Chain()
    loop = asyncio.get_running_loop()

    def put(number: int, chain: Chain) -> asyncio.Future[None]:
        return bench.writer.put(Job(loop.create_future(), note(number), chain=chain))

    outcomes = await asyncio.gather(
        put(1, chain), put(1, chain), put(2, chain), put(3, other), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [type(None), StoreError, StoreError, type(None)]
    with pytest.raises(StoreError, match="kept before"):
        await put(4, chain)
    assert bench.kept() == [1, 3]


async def test_rows_of_a_table_are_added_together_in_their_order(bench: Bench) -> None:
    insert = Insert("INSERT INTO notes (id, parent) VALUES", 2)
    loop = asyncio.get_running_loop()
    bench.statements.clear()

    writes = [
        bench.writer.put(Job(loop.create_future(), insert=insert, row=(number, None)), urgent=number == 99)
        for number in range(100)
    ]
    await asyncio.gather(*writes)

    assert bench.kept() == list(range(100))
    # 64 and 36 rows.
    assert sum(statement.startswith("INSERT") for statement in bench.statements) == 2


async def test_of_several_changes_of_a_row_the_last_one_stands(bench: Bench) -> None:
    change, rewrite = (
        "UPDATE notes SET parent = ? WHERE id = ?",
        "UPDATE notes SET parent = ?, id = id WHERE id = ?",
    )
    loop = asyncio.get_running_loop()

    def made(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO parents VALUES (1), (2), (3)")
        connection.execute("INSERT INTO notes VALUES (10, NULL), (20, NULL)")

    writes = [bench.writer.write(made)]
    for update, changes in ((change, (1, 20)), (rewrite, (2, 10)), (change, (3, 10))):
        writes.append(bench.writer.put(Job(loop.create_future(), update=update, changes=changes)))
    await asyncio.gather(*writes)

    with closing(sqlite3.connect(bench.path)) as reading:
        assert reading.execute("SELECT parent, id FROM notes ORDER BY id").fetchall() == [(3, 10), (1, 20)]


async def test_a_broken_rule_fails_alone(bench: Bench) -> None:
    outcomes = await bench.together(note(1), note(2), note(1), note(3))

    assert [outcomes[index] for index in (0, 1, 3)] == [None, None, None]
    assert isinstance(outcomes[2], StoreError)
    assert bench.kept() == [1, 2, 3]


async def test_half_of_an_operation_is_taken_back(bench: Bench) -> None:
    def half(connection: sqlite3.Connection) -> None:
        note(7)(connection)
        note(1)(connection)

    outcomes = await bench.together(note(1), half, note(2))

    assert isinstance(outcomes[1], StoreError)
    assert bench.kept() == [1, 2]


async def test_an_operation_that_raises_anything_fails_alone(bench: Bench) -> None:
    def bug(connection: sqlite3.Connection) -> None:
        note(7)(connection)
        raise ZeroDivisionError

    def too_large(connection: sqlite3.Connection) -> None:
        note(2**64)(connection)

    outcomes = await bench.together(bug, too_large, note(1))

    assert [type(outcome) for outcome in outcomes] == [StoreError, StoreError, type(None)]
    assert isinstance(outcomes[0], StoreError)
    assert isinstance(outcomes[0].__cause__, ZeroDivisionError)
    assert bench.kept() == [1]


async def test_a_commit_that_fails_fails_all_and_leaves_nothing(bench: Bench) -> None:
    # The missing parent is noticed by COMMIT itself.
    outcomes = await bench.together(note(1), note(2, parent=99), note(3))

    assert [StoreError] * 3 == [type(outcome) for outcome in outcomes]
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert bench.kept() == []
    await bench.writer.write(note(4))
    assert bench.kept() == [4]


async def test_a_transaction_that_cannot_begin_fails_and_the_next_one_goes_on(bench: Bench) -> None:
    await bench.writer.write(lambda connection: connection.execute("PRAGMA busy_timeout = 0") and None)
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await bench.writer.write(note(1))
        other.execute("ROLLBACK")

    await bench.writer.write(note(2))

    assert bench.kept() == [2]


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_CORRUPT]
)
async def test_after_a_failed_flush_nothing_is_written_and_whoever_runs_on_it_is_told(
    tmp_path: Path, code: int
) -> None:
    told: list[str] = []
    bench = Bench(tmp_path / "notes.db", broken=lambda error: told.append(str(error)))
    bench.connection.code = code
    writes = (bench.writer.write(note(number)) for number in (1, 2))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreBrokenError] * 2
    assert told == ["expected the journal to be flushed and whole, was: disk I/O error"]

    # The kernel calls the next flush a success: it must not be asked.
    bench.connection.code = None
    with pytest.raises(StoreBrokenError, match="flushed"):
        await bench.writer.write(note(3))
    assert len(told) == 1
    bench.writer.stop()
    assert bench.kept() == []


async def test_another_error_of_the_disk_is_no_end(tmp_path: Path) -> None:
    told: list[StoreBrokenError] = []
    bench = Bench(tmp_path / "notes.db", broken=told.append)
    for code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
        bench.connection.code = code
        with pytest.raises(StoreError, match="disk I/O error"):
            await bench.writer.write(note(1))
    bench.connection.code = None
    await bench.writer.write(note(2))
    bench.writer.stop()
    assert (told, bench.kept()) == ([], [2])


async def test_a_cancelled_caller_does_not_undo_its_write(bench: Bench) -> None:
    write = bench.writer.write(note(1))
    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write

    await bench.writer.write(note(2))

    assert bench.kept() == [1, 2]


async def test_a_queue_that_is_full_refuses(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "notes.db", pending_max=5)

    outcomes = await bench.together(*(note(number) for number in range(8)))
    bench.writer.stop()

    assert [type(None)] * 5 + [StoreError] * 3 == [type(outcome) for outcome in outcomes]
    assert bench.kept() == [0, 1, 2, 3, 4]


class Told(Chain):
    """A chain whose writer goes on with another from when it was told, and not later."""

    over_with: list[Job] = []  # noqa: RUF012  a struct makes a new one for each

    def over(self, job: Job) -> None:
        self.over_with.append(job)


async def test_a_full_queue_tells_at_once_and_takes_nothing_along_that_was_put_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "notes.db", pending_max=1)
    chain = Told()
    loop = asyncio.get_running_loop()
    busy, go = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        busy.set()
        go.wait(timeout=30)

    held = bench.writer.write(hold)
    await asyncio.to_thread(busy.wait, 30)
    waits = bench.writer.put(Job(loop.create_future(), note(1), chain=chain))
    refused = Job(loop.create_future(), note(2), chain=chain)
    bench.writer.put(refused)

    assert chain.over_with == [refused], "expected the chain's writer to know before it puts anything more"
    assert str(refused.future.exception()) == (
        "expected at most 1 writes waiting, was more: the disk is behind"
    )
    go.set()
    await asyncio.gather(held, waits)
    bench.writer.stop()
    assert bench.kept() == [1]


async def test_what_failed_is_not_held_in_memory_once_its_caller_was_told(bench: Bench) -> None:
    """A full disk may last: what is tried again and again would fill the memory as well."""

    async def fail() -> weakref.ref[asyncio.Future[None]]:
        write = bench.writer.write(note(1))
        outcomes = await asyncio.gather(write, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StoreError]
        return weakref.ref(write)

    bench.connection.code = sqlite3.SQLITE_FULL
    of_a_batch = await fail()
    bench.connection.code = None
    await bench.writer.write(note(1))
    of_its_own = await fail()
    await bench.writer.write(note(2))
    gc.collect()

    assert (of_a_batch(), of_its_own()) == (None, None)


async def test_stopping_commits_what_was_queued(bench: Bench) -> None:
    tasks = [bench.writer.write(note(number)) for number in range(20)]

    await asyncio.to_thread(bench.writer.stop)

    assert bench.kept() == list(range(20))
    await asyncio.gather(*tasks)


def test_a_loop_that_is_gone_does_not_stop_the_thread(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "notes.db")
    busy, go = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        busy.set()
        go.wait(timeout=30)

    async def leave() -> None:
        tasks = [bench.writer.write(operation) for operation in (hold, note(1))]
        await asyncio.to_thread(busy.wait, 30)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(leave())
    go.set()

    async def come() -> None:
        await bench.writer.write(note(2))

    asyncio.run(come())
    bench.writer.stop()

    assert bench.kept() == [1, 2]


async def test_the_log_is_moved_into_the_file_beside_the_writes(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    bench = Bench(path, moving=True)
    log = path.with_name("notes.db-wal")

    sizes = []
    for number in range(2 * DUE_PAGES // COMMIT_PAGES):
        await bench.writer.write(note(number))
        sizes.append(log.stat().st_size)
    bench.writer.stop()

    assert bench.kept() == list(range(2 * DUE_PAGES // COMMIT_PAGES))
    # A log that is begun anew is written over from its beginning: it does not grow.
    assert sizes[-1] < 0.8 * len(sizes) * 4096


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_CORRUPT])
async def test_a_log_that_cannot_be_moved_for_a_failed_flush_is_the_end(tmp_path: Path, code: int) -> None:
    told: asyncio.Queue[StoreBrokenError] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    bench = Bench(
        tmp_path / "notes.db",
        moving=True,
        broken=lambda error: loop.call_soon_threadsafe(told.put_nowait, error) and None,
    )
    assert bench.moving is not None
    bench.moving.code = code
    writes = [bench.writer.put(Job(loop.create_future(), note(n)), urgent=False) for n in range(DUE_PAGES)]
    await asyncio.gather(*writes)

    assert "disk I/O error" in str(await told.get())
    with pytest.raises(StoreBrokenError, match="flushed"):
        await bench.writer.write(note(DUE_PAGES))
    bench.writer.stop()
