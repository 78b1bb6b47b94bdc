"""`ConnectionStore` and `MoveStore` in PostgreSQL: writes go through the writer, reads over the pool."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

from router.journal import codec
from router.journal.postgres_link import Connection
from router.journal.postgres_operations import (
    AcceptMove,
    AppendMove,
    ForgetConnection,
    KeepConnection,
    OpenMoves,
    Operation,
)
from router.journal.records import CONNECTION_COLUMNS, MOVES, move_page, move_record, stored_connection
from router.ports.records import MoveRecord, MoveRecordPage, StoredConnection

_T = TypeVar("_T")


class PostgresRecords(ABC):
    """Records beside the orders; whichever router wrote them."""

    @abstractmethod
    async def _write(self, operation: Operation) -> object: ...

    @abstractmethod
    async def _read(self, read: Callable[[Connection], Awaitable[_T]]) -> _T: ...

    async def stored_connections(self) -> Sequence[StoredConnection]:
        """See `ConnectionStore.stored_connections`."""
        statement = f"SELECT {CONNECTION_COLUMNS} FROM connections ORDER BY created_at, id"  # noqa: S608  no value is in it
        rows = await self._read(lambda connection: connection.fetch(statement))
        return [stored_connection(row) for row in rows]

    async def keep_connection(self, record: StoredConnection) -> None:
        """See `ConnectionStore.keep_connection`."""
        await self._write(KeepConnection(record))

    async def forget_connection(self, connection_id: str, version: int) -> None:
        """See `ConnectionStore.forget_connection`."""
        await self._write(ForgetConnection(connection_id, version))

    async def accept_move(self, record: MoveRecord) -> None:
        """See `MoveStore.accept_move`; the key may be another router's."""
        await self._write(AcceptMove(record))

    async def append_move(self, record: MoveRecord, event: bytes, at: int) -> None:
        """See `MoveStore.append_move`; a move that was not accepted, or is another's, is a `StoreError`."""
        await self._write(AppendMove(record, event, at))

    async def move(self, move_id: str) -> MoveRecord | None:
        """See `MoveStore.move`."""
        return await self._move(f"{MOVES} WHERE m.id = $1", move_id)

    async def move_by_key(self, connection_id: str, key: str) -> MoveRecord | None:
        """See `MoveStore.move_by_key`."""
        return await self._move(f"{MOVES} WHERE m.connection_id = $1 AND m.key = $2", connection_id, key)

    async def move_events(self, move_id: str) -> Sequence[tuple[int, bytes]]:
        """See `MoveStore.move_events`."""
        statement = "SELECT at, event FROM move_states WHERE move_id = $1 AND seq > 0 ORDER BY seq"
        rows = await self._read(lambda connection: connection.fetch(statement, move_id))
        return [(row["at"], row["event"]) for row in rows]

    async def open_moves(self) -> Sequence[MoveRecord]:
        """See `MoveStore.open_moves`; oldest first."""
        return cast("Sequence[MoveRecord]", await self._write(OpenMoves()))

    async def moves(self, connection_id: str, limit: int, cursor: str | None) -> MoveRecordPage:
        """See `MoveStore.moves`; a `limit` below 1 is a `ValueError` too."""
        if limit < 1:
            raise ValueError(f"expected a limit of at least 1, was {limit}")
        where, after = "", ()  # type: tuple[str, tuple[object, ...]]
        if cursor is not None:
            where, after = " AND (m.created_at, m.id) < ($3, $4)", codec.decode_cursor(cursor)
        statement = (
            f"{MOVES} WHERE m.connection_id = $1{where} ORDER BY m.created_at DESC, m.id DESC LIMIT $2"
        )
        rows = await self._read(
            lambda connection: connection.fetch(statement, connection_id, limit + 1, *after)
        )
        return move_page(rows, limit)

    async def _move(self, statement: str, *values: str) -> MoveRecord | None:
        row = await self._read(lambda connection: connection.fetchrow(statement, *values))
        return None if row is None else move_record(row)
