"""The journal in one SQLite file: write-ahead log, a flush at every commit, one writer and one reader thread.

Reads go over a connection of their own that cannot write and sees only what is committed; they never wait for
a write. The file belongs to one router at a time (`location.FileLock`).
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from router.core.order import Event, Order
from router.journal import sqlite_orders
from router.journal.batch import Insert, Job, Operation
from router.journal.folding import COLUMNS, EVENTS_BITS, FINAL, Place, due_after, fold, last_key
from router.journal.location import FileLock, prepare_file
from router.journal.migrate import Migration, known_migrations, migrate
from router.journal.sqlite_reads import SqliteReads
from router.journal.sqlite_records import SqliteRecords
from router.journal.writer import Broken, Writer
from router.ports import Cover, StoreError

_T = TypeVar("_T")

_BUSY_TIMEOUT_MS: Final = 5000
"""How long a statement waits for a lock: only a backup or a person with a shell holds one beside us."""
_LOG_BYTES_MAX: Final = 64 * 1024 * 1024
_CACHE_KIB: Final = 32 * 1024
"""Of the writer's pages: so that the leaves that new keys fall into are read from the file once."""
_PROBE_BYTES: Final = 16_384
"""More than any record that is refused late: an order's document is a few kilobytes."""

_STATEMENTS_MAX: Final = 512
"""What the writer keeps prepared: a table's rows in every number up to `batch.ROWS_MAX`, of a handful."""
_CLOSED: Final = "expected an open journal, was closed"

_COMPETITION: Final = Insert(
    "INSERT INTO competitions (id, order_id, doc) VALUES",
    columns=3,
    tail="ON CONFLICT (id) DO UPDATE SET order_id = excluded.order_id, doc = excluded.doc",
)
_RFQ: Final = Insert(
    "INSERT INTO rfqs (id, doc) VALUES",
    columns=2,
    tail="ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
)


class SqliteJournal(SqliteReads, SqliteRecords):
    """`router.ports.Journal` and the stores beside it; belongs to the event loop that calls it."""

    def __init__(self, writer: Writer, reading: sqlite3.Connection, lock: FileLock, orders: int) -> None:
        """Take over what `open` made; `orders` is the highest number that an order of the file has."""
        self._writer = writer
        self._reading = reading
        self._lock = lock
        self._number = orders
        self._places: dict[str, Place] = {}
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal-reader")
        self._closed = False
        self._shutting = threading.Lock()
        self._shut_down = False

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        migrations: Sequence[Migration] | None = None,
        pages_max: int | None = None,
        trace: Callable[[str], None] | None = None,
        broken: Broken | None = None,
    ) -> "SqliteJournal":
        """Open or make the file at `path`; blocks, and may be called from any thread.

        `migrations`: those of the program unless others are given. `pages_max`: the file does not grow past
        so many pages of 4 KiB. `trace` is called, in the writer's thread, with every statement that it runs;
        `broken`, in the same, when the file cannot be believed any more. Raises `StoreError`.
        """
        path = path.absolute()
        prepare_file(path)
        lock = FileLock(path)
        opened: list[sqlite3.Connection] = []
        try:
            writing = _connect(path, opened)
            migrate(writing, known_migrations("sqlite") if migrations is None else migrations, path)
            if pages_max is not None:
                writing.execute(f"PRAGMA max_page_count = {pages_max:d}")
            reading = _connect(path, opened, read_only=True)
            orders = _orders_numbered(reading)
            moving = _connect(path, opened)
            writing.set_trace_callback(trace)
        except BaseException as error:
            for connection in reversed(opened):
                connection.close()
            lock.release()
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"expected a journal that can be opened at {path}, was: {error}") from error
            raise
        return cls(Writer(writing, broken=broken, moving=moving), reading, lock, orders)

    @property
    def shared(self) -> bool:
        """See `Journal.shared`: the file is one router's."""
        return False

    def accept(self, order: Order) -> asyncio.Future[None]:
        """See `Journal.accept`."""
        future = asyncio.get_running_loop().create_future()
        self._number += 1
        try:
            job = sqlite_orders.accepted(future, self._places, order, self._number)
        except StoreError as error:
            return _refused(future, error)
        return self._writer.put(job)

    def append(
        self, order: Order, event: Event, at: int, cover: Cover | None = None, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        """See `Journal.append`; an order that was not accepted is a `StoreError`.

        No `cover` is too small: the router's own ledger has every reservation that there is.
        """
        del cover
        future = asyncio.get_running_loop().create_future()
        place = self._places.get(order.id)
        if place is None:
            place = self._places[order.id] = Place(places=self._places, order_id=order.id)
        try:
            job = sqlite_orders.appended(future, place, order, event, at)
        except StoreError as error:
            return _refused(future, error)
        return self._writer.put(job, urgent=urgent)

    def keep_competition(
        self, competition_id: str, order_id: str | None, record: bytes, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        """See `Journal.keep_competition`."""
        future = asyncio.get_running_loop().create_future()
        row = (competition_id, order_id, record)
        return self._writer.put(Job(future, insert=_COMPETITION, row=row), urgent=urgent)

    def keep_rfq(self, rfq_id: str, record: bytes) -> asyncio.Future[None]:
        """See `Journal.keep_rfq`."""
        future = asyncio.get_running_loop().create_future()
        return self._writer.put(Job(future, insert=_RFQ, row=(rfq_id, record)))

    async def open_orders(self) -> Sequence[Order]:
        """See `Journal.open_orders`; oldest first."""
        statement = (
            f"SELECT {COLUMNS}, stage FROM orders WHERE stage < {FINAL} ORDER BY stage, created_at, id"  # noqa: S608  no value is in it
        )

        def read() -> list[tuple[Order, Place]]:
            found = []
            for number, seq, doc, stage in self._reading.execute(statement).fetchall():
                order = fold(self._reading, (number, seq, doc))
                place = Place(places=self._places, order_id=order.id, number=number, stage=stage)
                place.due = due_after(number, seq)
                place.last = last_key(self._reading, number)
                found.append((order, place))
            return found

        found = await self._read(read)
        for order, place in found:
            self._places.setdefault(order.id, place)
        orders = [order for order, _ in found]
        orders.sort(key=lambda order: (order.created_at, order.id))
        return orders

    async def adopt(self, order_id: str) -> Order | None:
        """See `Journal.adopt`: every order of the file is this router's."""
        return await self.order(order_id)

    async def check(self) -> None:
        """See `Journal.check`: makes a small write, after one that needs room in the file."""

        def probe(connection: sqlite3.Connection) -> None:
            connection.execute("REPLACE INTO probes (id, doc) VALUES (1, zeroblob(?))", (_PROBE_BYTES,))
            connection.execute("REPLACE INTO probes (id, doc) VALUES (1, x'')")

        await self._write(probe)

    async def close(self) -> None:
        """See `Journal.close`; a second call waits for the first one's end."""
        self._closed = True
        self._writer.refuse(_CLOSED)
        # In a thread of its own: a caller that is cancelled here leaves nothing half closed.
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        with self._shutting:  # whoever closes too waits here until it is done, and finds nothing left to do
            if self._shut_down:
                return
            # The reader first: the last connection to close folds the log into the file, and it must be
            # one that can write.
            self._reader.shutdown(wait=True)
            self._reading.close()
            self._writer.stop()
            self._lock.release()
            self._shut_down = True

    def _write(self, operation: Operation) -> asyncio.Future[None]:
        return self._writer.write(operation)

    async def _read(self, read: Callable[[], _T]) -> _T:
        if self._closed:
            raise StoreError(_CLOSED)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, read)
        except sqlite3.Error as error:
            raise StoreError(f"expected the journal to be read, was: {error}") from error


def _refused(future: asyncio.Future[None], error: StoreError) -> asyncio.Future[None]:
    future.set_exception(error)
    return future


def _orders_numbered(connection: sqlite3.Connection) -> int:
    """The highest number that an order, or an event of one, has."""
    (orders,) = connection.execute("SELECT COALESCE(MAX(n), 0) FROM orders").fetchone()
    (last,) = connection.execute("SELECT COALESCE(MAX(key), 0) FROM order_events").fetchone()
    return max(int(orders), int(last) >> EVENTS_BITS)


def _connect(path: Path, opened: list[sqlite3.Connection], *, read_only: bool = False) -> sqlite3.Connection:
    """One connection, in autocommit mode and as durable as SQLite gets; it is put into `opened` too."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        isolation_level=None,
        # Each is used by one thread at a time: made here, then handed to the writer or the reader.
        check_same_thread=False,
        timeout=_BUSY_TIMEOUT_MS / 1000,
        cached_statements=_STATEMENTS_MAX,
    )
    opened.append(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
        return connection
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreError(
            f"expected a file system with write-ahead logging at {path}, was journal mode {mode}"
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # not in a commit: the writer sees to it
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES_MAX}")
    return connection
