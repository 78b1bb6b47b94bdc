"""What a SQLite journal is asked: orders folded from their events, competitions, RFQs.

Orders in flight (`folding.IN_FLIGHT`) are not in the indexes by what their events say. They are few, however
many orders there are: whoever looks for orders by such a thing looks through them besides.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from router.core.order import Event, Order
from router.journal import codec
from router.journal.folding import COLUMNS, EVENTS_MAX, IN_FLIGHT, events_between, first_key, fold
from router.ports import RecordPage

_T = TypeVar("_T")


class SqliteReads(ABC):
    """The reading half of `router.ports.Journal` over the file."""

    _reading: sqlite3.Connection

    @abstractmethod
    async def _read(self, read: Callable[[], _T]) -> _T: ...

    async def order(self, order_id: str) -> Order | None:
        """See `Journal.order`."""
        return await self._read(lambda: find(self._reading, "id = ?", order_id))

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """See `Journal.order_by_client_id`."""
        return await self._read(lambda: find(self._reading, "client_order_id = ?", client_order_id))

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        """See `Journal.orders`; a `limit` below 1 is a `ValueError` too."""
        where, values = _after(cursor, limit)
        statement = f"SELECT {COLUMNS} FROM orders WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608  no value is in it
        found = await self._read(lambda: self._orders(statement, (*values, limit + 1)))
        return RecordPage(tuple(found[:limit]), codec.next_cursor(found, limit))

    async def orders_at_venue(
        self, connection_id: str, venue_order_ids: Collection[str]
    ) -> Mapping[str, Order]:
        """See `Journal.orders_at_venue`."""
        wanted = frozenset(venue_order_ids)
        statement = (
            f"SELECT {COLUMNS} FROM orders WHERE connection_id = ?1 AND venue_order_id = ?2 UNION ALL"  # noqa: S608  no value is in it
            " SELECT o.n, o.seq, o.doc FROM attempts_at_venue a JOIN orders o ON o.id = a.order_id"
            " WHERE a.connection_id = ?1 AND a.venue_order_id = ?2"
        )

        def read() -> dict[str, Order]:
            found: dict[str, Order] = {}
            for order in self._in_flight():
                if order.venue_order_id in wanted and _is_at(order, connection_id):
                    found[order.venue_order_id] = order
            for each in wanted:
                for order in self._orders(statement, (connection_id, each)):
                    found[each] = order
            return found

        return await self._read(read)

    async def orders_live_in(
        self, connection_id: str, since: int, until: int, limit: int, cursor: str | None
    ) -> RecordPage:
        """See `Journal.orders_live_in`; a `limit` below 1 is a `ValueError` too."""
        where, values = _after(cursor, limit)
        statement = (
            f"SELECT {COLUMNS} FROM orders WHERE connection_id = ? AND created_at < ? AND updated_at >= ?"  # noqa: S608  no value is in it
            f" AND {where} ORDER BY created_at DESC, id DESC LIMIT ?"
        )

        def read() -> list[Order]:
            # Those in flight first: one that ends meanwhile is then found twice, and not left out.
            found = {
                order.id: order
                for order in self._in_flight(where, values)
                if _is_at(order, connection_id) and order.created_at < until and order.updated_at >= since
            }
            rows = self._orders(statement, (connection_id, until, since, *values, limit + 1))
            found |= {order.id: order for order in rows}
            return sorted(found.values(), key=lambda order: (order.created_at, order.id), reverse=True)

        found = await self._read(read)
        return RecordPage(tuple(found[:limit]), codec.next_cursor(found, limit))

    async def events(self, order_id: str) -> Sequence[tuple[int, Event]]:
        """See `Journal.events`; none for an order that there is not."""

        def read() -> list[tuple[int, Event]]:
            row = self._reading.execute("SELECT n FROM orders WHERE id = ?", (order_id,)).fetchone()
            if row is None:
                return []
            first = first_key(row[0])
            events = events_between(self._reading, first, first + EVENTS_MAX)
            return [(at, codec.decode_event(event)) for at, event in events]

        return await self._read(read)

    async def competition(self, competition_id: str) -> bytes | None:
        """See `Journal.competition`."""
        return await self._read(
            lambda: self._doc("SELECT doc FROM competitions WHERE id = ?", competition_id)
        )

    async def rfq(self, rfq_id: str) -> bytes | None:
        """See `Journal.rfq`."""
        return await self._read(lambda: self._doc("SELECT doc FROM rfqs WHERE id = ?", rfq_id))

    def _doc(self, statement: str, key: str) -> bytes | None:
        row = self._reading.execute(statement, (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def _in_flight(self, where: str = "1", values: tuple[object, ...] = ()) -> list[Order]:
        statement = f"SELECT {COLUMNS} FROM orders WHERE stage = {IN_FLIGHT} AND {where}"  # noqa: S608  no value is in it
        return self._orders(statement, values)

    def _orders(self, statement: str, values: tuple[object, ...]) -> list[Order]:
        # All rows before the first is folded, which reads too.
        return [fold(self._reading, row) for row in self._reading.execute(statement, values).fetchall()]


def find(connection: sqlite3.Connection, where: str, value: str) -> Order | None:
    """The order for which a condition holds; None if there is none. Raises `StoreError`, `sqlite3.Error`."""
    statement = f"SELECT {COLUMNS} FROM orders WHERE {where}"  # noqa: S608  no value is in it
    row = connection.execute(statement, (value,)).fetchone()
    return None if row is None else fold(connection, row)


def _after(cursor: str | None, limit: int) -> tuple[str, tuple[object, ...]]:
    """The condition of a page, and its values. Raises `ValueError`."""
    if limit < 1:
        raise ValueError(f"expected a limit of at least 1, was {limit}")
    return ("1", ()) if cursor is None else ("(created_at, id) < (?, ?)", codec.decode_cursor(cursor))


def _is_at(order: Order, connection_id: str) -> bool:
    return order.attempt is not None and order.attempt.connection_id == connection_id
