"""The journal in one SQLite file: write-ahead log, a flush at every commit, one writer and one reader thread.

Reads go over a connection of their own that cannot write and sees only what is committed; they never wait for
a write. The file belongs to one router at a time (`location.FileLock`).
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from router.core.order import Event, Order
from router.journal import codec
from router.journal.location import FileLock, prepare_file
from router.journal.migrate import Migration, known_migrations, migrate
from router.journal.sqlite_records import SqliteRecords
from router.journal.writer import Broken, Operation, Writer
from router.ports import ClientOrderIdTakenError, Cover, RecordPage, StoreError

_T = TypeVar("_T")

_BUSY_TIMEOUT_MS: Final = 5000
"""How long a statement waits for a lock: only a backup or a person with a shell holds one beside us."""
_CHECKPOINT_PAGES: Final = 2000
"""Pages of the log (8 MB) after which a commit moves them into the file."""
_LOG_BYTES_MAX: Final = 64 * 1024 * 1024
_PROBE_BYTES: Final = 16_384
"""More than any record that is refused late: an order's document is a few kilobytes."""


class SqliteJournal(SqliteRecords):
    """`router.ports.Journal` and the stores beside it; belongs to the event loop that calls it."""

    def __init__(self, writer: Writer, reading: sqlite3.Connection, lock: FileLock) -> None:
        """Take over what `open` made."""
        self._writer = writer
        self._reading = reading
        self._lock = lock
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
            writing.set_trace_callback(trace)
        except BaseException as error:
            for connection in reversed(opened):
                connection.close()
            lock.release()
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"expected a journal that can be opened at {path}, was: {error}") from error
            raise
        return cls(Writer(writing, broken=broken), reading, lock)

    async def accept(self, order: Order) -> None:
        """See `Journal.accept`."""
        row = (order.id, order.request.client_order_id, order.created_at, order.request.product)
        state = _state(order)

        def insert(connection: sqlite3.Connection) -> None:
            done = connection.execute(
                "INSERT INTO orders (id, client_order_id, created_at, product,"
                " updated_at, status, phase, final, connection_id, venue_order_id, doc)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_order_id) DO NOTHING",
                (*row, *state),
            )
            if done.rowcount == 0:
                (doc,) = connection.execute(
                    "SELECT doc FROM orders WHERE client_order_id = ?", (order.request.client_order_id,)
                ).fetchone()
                raise ClientOrderIdTakenError(codec.decode_order(doc))

        await self._write(insert)

    @property
    def shared(self) -> bool:
        """See `Journal.shared`: the file is one router's."""
        return False

    async def append(self, order: Order, event: Event, at: int, cover: Cover | None = None) -> None:
        """See `Journal.append`; an order that was not accepted is a `StoreError`.

        No `cover` is too small: the router's own ledger has every reservation that there is.
        """
        del cover
        state, shown = _state(order), codec.shown_elsewhere(order, event)
        doc = codec.encode(event)

        def insert(connection: sqlite3.Connection) -> None:
            done = connection.execute(
                "UPDATE orders SET updated_at = ?, status = ?, phase = ?, final = ?, connection_id = ?,"
                " venue_order_id = ?, doc = ? WHERE id = ?",
                (*state, order.id),
            )
            if done.rowcount == 0:
                raise StoreError(f"expected order {order.id} to be accepted before its events, was unknown")
            connection.execute(
                "INSERT INTO order_events (order_id, seq, at, event)"
                " SELECT ?1, COALESCE(MAX(seq), 0) + 1, ?2, ?3 FROM order_events WHERE order_id = ?1",
                (order.id, at, doc),
            )
            if shown is not None:
                connection.execute(
                    "INSERT INTO attempts_at_venue (connection_id, venue_order_id, order_id)"
                    " VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    (*shown, order.id),
                )

        await self._write(insert)

    async def keep_competition(self, competition_id: str, order_id: str | None, record: bytes) -> None:
        """See `Journal.keep_competition`."""
        await self._write(
            lambda connection: _run(
                connection,
                "INSERT INTO competitions (id, order_id, doc) VALUES (?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET order_id = excluded.order_id, doc = excluded.doc",
                (competition_id, order_id, record),
            )
        )

    async def keep_rfq(self, rfq_id: str, record: bytes) -> None:
        """See `Journal.keep_rfq`."""
        await self._write(
            lambda connection: _run(
                connection,
                "INSERT INTO rfqs (id, doc) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
                (rfq_id, record),
            )
        )

    async def order(self, order_id: str) -> Order | None:
        """See `Journal.order`."""
        doc = await self._read(lambda: self._doc("SELECT doc FROM orders WHERE id = ?", order_id))
        return None if doc is None else codec.decode_order(doc)

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """See `Journal.order_by_client_id`."""
        statement = "SELECT doc FROM orders WHERE client_order_id = ?"
        doc = await self._read(lambda: self._doc(statement, client_order_id))
        return None if doc is None else codec.decode_order(doc)

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        """See `Journal.orders`; a `limit` below 1 is a `ValueError` too."""
        return await self._page("1", (), limit, cursor)

    async def orders_at_venue(
        self, connection_id: str, venue_order_ids: Collection[str]
    ) -> Mapping[str, Order]:
        """See `Journal.orders_at_venue`."""
        statement = (
            "SELECT doc FROM orders WHERE connection_id = ?1 AND venue_order_id = ?2 UNION ALL"
            " SELECT o.doc FROM attempts_at_venue a JOIN orders o ON o.id = a.order_id"
            " WHERE a.connection_id = ?1 AND a.venue_order_id = ?2"
        )

        def read() -> dict[str, Order]:
            return {
                each: order
                for each in venue_order_ids
                for order in self._orders(statement, (connection_id, each))
            }

        return await self._read(read)

    async def orders_live_in(
        self, connection_id: str, since: int, until: int, limit: int, cursor: str | None
    ) -> RecordPage:
        """See `Journal.orders_live_in`; a `limit` below 1 is a `ValueError` too."""
        where = "connection_id = ? AND created_at < ? AND updated_at >= ?"
        return await self._page(where, (connection_id, until, since), limit, cursor)

    async def _page(
        self, where: str, values: tuple[object, ...], limit: int, cursor: str | None
    ) -> RecordPage:
        if limit < 1:
            raise ValueError(f"expected a limit of at least 1, was {limit}")
        if cursor is not None:
            where, values = f"{where} AND (created_at, id) < (?, ?)", (*values, *codec.decode_cursor(cursor))
        statement = f"SELECT doc FROM orders WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608  no value is in it
        found = await self._read(lambda: self._orders(statement, (*values, limit + 1)))
        return RecordPage(found[:limit], codec.next_cursor(found, limit))

    async def events(self, order_id: str) -> Sequence[tuple[int, Event]]:
        """See `Journal.events`; none for an order that there is not."""

        def read() -> list[tuple[int, Event]]:
            rows = self._reading.execute(
                "SELECT at, event FROM order_events WHERE order_id = ? ORDER BY seq", (order_id,)
            )
            return [(at, codec.decode_event(doc)) for at, doc in rows]

        return await self._read(read)

    async def open_orders(self) -> Sequence[Order]:
        """See `Journal.open_orders`; oldest first."""
        statement = "SELECT doc FROM orders WHERE final = 0 ORDER BY created_at, id"
        return await self._read(lambda: self._orders(statement, ()))

    async def adopt(self, order_id: str) -> Order | None:
        """See `Journal.adopt`: every order of the file is this router's."""
        return await self.order(order_id)

    async def competition(self, competition_id: str) -> bytes | None:
        """See `Journal.competition`."""
        return await self._read(
            lambda: self._doc("SELECT doc FROM competitions WHERE id = ?", competition_id)
        )

    async def rfq(self, rfq_id: str) -> bytes | None:
        """See `Journal.rfq`."""
        return await self._read(lambda: self._doc("SELECT doc FROM rfqs WHERE id = ?", rfq_id))

    async def check(self) -> None:
        """See `Journal.check`: makes a small write, after one that needs room in the file."""

        def probe(connection: sqlite3.Connection) -> None:
            connection.execute("REPLACE INTO probes (id, doc) VALUES (1, zeroblob(?))", (_PROBE_BYTES,))
            connection.execute("REPLACE INTO probes (id, doc) VALUES (1, x'')")

        await self._write(probe)

    async def close(self) -> None:
        """See `Journal.close`; a second call waits for the first one's end."""
        self._closed = True
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

    async def _write(self, operation: Operation) -> None:
        self._refuse_closed()
        await self._writer.write(operation)

    async def _read(self, read: Callable[[], _T]) -> _T:
        self._refuse_closed()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, read)
        except sqlite3.Error as error:
            raise StoreError(f"expected the journal to be read, was: {error}") from error

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreError("expected an open journal, was closed")

    def _doc(self, statement: str, key: str) -> bytes | None:
        row = self._reading.execute(statement, (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def _orders(self, statement: str, values: tuple[object, ...]) -> tuple[Order, ...]:
        rows = self._reading.execute(statement, values)
        return tuple(codec.decode_order(doc) for (doc,) in rows)


def _state(order: Order) -> tuple[object, ...]:
    """An order's columns that its events change, the document last."""
    attempt = order.attempt
    return (
        order.updated_at,
        order.status.value,
        order.phase.value,
        int(order.is_final),
        None if attempt is None else attempt.connection_id,
        order.venue_order_id,
        codec.encode(order),
    )


def _run(connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    connection.execute(statement, values)


def _connect(path: Path, opened: list[sqlite3.Connection], *, read_only: bool = False) -> sqlite3.Connection:
    """One connection, in autocommit mode and as durable as SQLite gets; it is put into `opened` too."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        isolation_level=None,
        # Each is used by one thread at a time: made here, then handed to the writer or the reader.
        check_same_thread=False,
        timeout=_BUSY_TIMEOUT_MS / 1000,
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
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES_MAX}")
    return connection
