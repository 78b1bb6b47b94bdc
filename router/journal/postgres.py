"""The journal in PostgreSQL, for several routers on one database: no broker, no lock server.

A journal is one router at work: it has a row with a lease in the database, which every write renews. Orders
name their router. One that is gone, by its own leave or because it let its lease run out, loses its orders to
whoever asks first (`open_orders`); if it was only asleep, nothing that it writes is kept any more.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar, cast

from router.core.order import Event, Order
from router.journal import codec, postgres_operations
from router.journal.postgres_link import (
    FAULTS,
    STATEMENT_S,
    Connection,
    Pool,
    connect,
    failure,
    make_pool,
    migrate,
)
from router.journal.postgres_operations import Adopt, Beat, Keep, Operation, Owner, TakeOver
from router.journal.postgres_reads import PostgresRecords
from router.journal.postgres_writer import WRITE_S, Writer
from router.journal.writer import Broken
from router.ports import Cover, RecordPage, StoreError

_T = TypeVar("_T")

LEASE_S: Final = 6.0
"""How long a router may be silent before others take its orders; twice renewed in that time if it is idle."""
_READERS_MAX: Final = 4


class PostgresJournal(PostgresRecords):
    """`router.ports.Journal` and the stores beside it; belongs to the event loop that opened it."""

    def __init__(self, writer: Writer, pool: Pool, owner: Owner) -> None:
        """Take over what `open` made."""
        self._writer = writer
        self._pool = pool
        self.owner = owner
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        lease_s: float = LEASE_S,
        write_s: float = WRITE_S,
        broken: Broken | None = None,
    ) -> "PostgresJournal":
        """Open a database as a router of its own, its tables brought up to date.

        `lease_s`: how long others wait for a sign of this router; `write_s`: how long a write may take;
        `broken` is told when others took this router's orders. Raises `StoreError`.
        """
        connection = await connect(url)
        try:
            await migrate(connection)
            router_id = secrets.token_hex(16)
            epoch = await connection.fetchval(
                "INSERT INTO routers (id, lease_until)"
                " VALUES ($1, clock_timestamp() + make_interval(secs => $2)) RETURNING epoch",
                router_id,
                lease_s,
            )
            pool = await make_pool(url, _READERS_MAX)
        except BaseException as error:
            connection.terminate()
            if isinstance(error, FAULTS):
                raise failure("a journal that can be opened", error) from error
            raise
        owner = Owner(router_id, epoch)
        writer = Writer(partial(connect, url), connection, owner, lease_s, write_s, broken)
        return cls(writer, pool, owner)

    @property
    def shared(self) -> bool:
        """See `Journal.shared`."""
        return True

    def accept(self, order: Order) -> asyncio.Future[None]:
        """See `Journal.accept`; the key may be another router's."""
        return self._put(lambda: postgres_operations.accept(order))

    def append(
        self, order: Order, event: Event, at: int, cover: Cover | None = None, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        """See `Journal.append`; an order that was not accepted, or is another router's, is a `StoreError`."""
        return self._put(lambda: postgres_operations.append(order, event, at, cover), urgent=urgent)

    def keep_competition(
        self, competition_id: str, order_id: str | None, record: bytes, *, urgent: bool = True
    ) -> asyncio.Future[None]:
        """See `Journal.keep_competition`."""
        return self._put(lambda: Keep(competition_id, record, order_id), urgent=urgent)

    def keep_rfq(self, rfq_id: str, record: bytes) -> asyncio.Future[None]:
        """See `Journal.keep_rfq`."""
        return self._put(lambda: Keep(rfq_id, record, rfq=True))

    async def order(self, order_id: str) -> Order | None:
        """See `Journal.order`; whichever router has it."""
        return await self._order("SELECT doc FROM orders WHERE id = $1", order_id)

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """See `Journal.order_by_client_id`; whichever router has it."""
        return await self._order("SELECT doc FROM orders WHERE client_order_id = $1", client_order_id)

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        """See `Journal.orders`: every router's; a `limit` below 1 is a `ValueError` too."""
        return await self._page("true", (), limit, cursor)

    async def orders_at_venue(
        self, connection_id: str, venue_order_ids: Collection[str]
    ) -> Mapping[str, Order]:
        """See `Journal.orders_at_venue`; every router's."""
        statement = (
            "SELECT venue_order_id, doc FROM orders WHERE connection_id = $1"
            " AND venue_order_id = ANY($2::text[]) UNION ALL"
            " SELECT a.venue_order_id, o.doc FROM attempts_at_venue a JOIN orders o ON o.id = a.order_id"
            " WHERE a.connection_id = $1 AND a.venue_order_id = ANY($2::text[])"
        )
        rows = await self._read(
            lambda connection: connection.fetch(statement, connection_id, list(venue_order_ids))
        )
        return {row["venue_order_id"]: codec.decode_order(row["doc"]) for row in rows}

    async def orders_live_in(
        self, connection_id: str, since: int, until: int, limit: int, cursor: str | None
    ) -> RecordPage:
        """See `Journal.orders_live_in`: every router's; a `limit` below 1 is a `ValueError` too."""
        where = "connection_id = $1 AND created_at < $2 AND updated_at >= $3"
        return await self._page(where, (connection_id, until, since), limit, cursor)

    async def _page(
        self, where: str, values: tuple[object, ...], limit: int, cursor: str | None
    ) -> RecordPage:
        if limit < 1:
            raise ValueError(f"expected a limit of at least 1, was {limit}")
        if cursor is not None:
            at = len(values)
            where += f" AND (created_at, id) < (${at + 1}, ${at + 2})"
            values = (*values, *codec.decode_cursor(cursor))
        statement = (
            f"SELECT doc FROM orders WHERE {where} ORDER BY created_at DESC, id DESC"  # noqa: S608  no value is in it
            f" LIMIT ${len(values) + 1}"
        )
        rows = await self._read(lambda connection: connection.fetch(statement, *values, limit + 1))
        found = [codec.decode_order(row["doc"]) for row in rows]
        return RecordPage(tuple(found[:limit]), codec.next_cursor(found, limit))

    async def events(self, order_id: str) -> Sequence[tuple[int, Event]]:
        """See `Journal.events`; none for an order that there is not."""
        statement = "SELECT at, event FROM order_events WHERE order_id = $1 ORDER BY seq"
        rows = await self._read(lambda connection: connection.fetch(statement, order_id))
        return [(row["at"], codec.decode_event(row["event"])) for row in rows]

    async def open_orders(self) -> Sequence[Order]:
        """See `Journal.open_orders`; oldest first."""
        docs = cast("list[bytes]", await self._write(TakeOver()))
        return [codec.decode_order(doc) for doc in docs]

    async def adopt(self, order_id: str) -> Order | None:
        """See `Journal.adopt`."""
        doc = cast("bytes | None", await self._write(Adopt(order_id)))
        return None if doc is None else codec.decode_order(doc)

    async def competition(self, competition_id: str) -> bytes | None:
        """See `Journal.competition`."""
        return await self._doc("SELECT doc FROM competitions WHERE id = $1", competition_id)

    async def rfq(self, rfq_id: str) -> bytes | None:
        """See `Journal.rfq`."""
        return await self._doc("SELECT doc FROM rfqs WHERE id = $1", rfq_id)

    async def check(self) -> None:
        """See `Journal.check`: commits a renewal of the lease."""
        await self._write(Beat())

    async def close(self) -> None:
        """See `Journal.close`; a second call waits for the first one's end."""
        self._closed = True
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._shut())
        # Shielded: a caller that is cancelled here leaves nothing half closed.
        await asyncio.shield(self._closing)

    async def _shut(self) -> None:
        await self._writer.stop()
        try:
            async with asyncio.timeout(STATEMENT_S):
                await self._pool.close()
        except FAULTS:
            self._pool.terminate()

    async def _order(self, statement: str, key: str) -> Order | None:
        doc = await self._doc(statement, key)
        return None if doc is None else codec.decode_order(doc)

    async def _doc(self, statement: str, key: str) -> bytes | None:
        return await self._read(lambda connection: connection.fetchval(statement, key))

    async def _write(self, operation: Operation) -> object:
        self._refuse_closed()
        return await self._writer.write(operation)

    def _put(self, make: Callable[[], Operation], *, urgent: bool = True) -> asyncio.Future[None]:
        """Leave an operation that answers nothing to the writer; one that cannot be made is refused."""
        try:
            self._refuse_closed()
            # What it answers is None: the future of an outcome is one of nothing.
            return cast("asyncio.Future[None]", self._writer.write(make(), urgent=urgent))
        except StoreError as error:
            refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused

    async def _read(self, read: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Read on a connection of the pool; once more where that was lost. Raises `StoreError`."""
        self._refuse_closed()
        try:
            async with asyncio.timeout(STATEMENT_S):
                try:
                    return await self._read_once(read)
                except FAULTS:
                    return await self._read_once(read)
        except FAULTS as error:
            raise failure("the journal to be read", error) from error

    async def _read_once(self, read: Callable[[Connection], Awaitable[_T]]) -> _T:
        async with self._pool.acquire() as connection:
            # The pool lends a proxy, which has everything that a connection has.
            return await read(cast("Connection", connection))

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreError("expected an open journal, was closed")
