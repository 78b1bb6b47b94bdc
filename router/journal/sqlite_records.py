"""Records beside the orders in a SQLite file: connections that people made, moves of margin money."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from router.journal import codec
from router.journal.batch import Operation
from router.journal.records import (
    CONNECTION_COLUMNS,
    MOVES,
    changed,
    move_page,
    move_record,
    stored_connection,
)
from router.ports import StoreError
from router.ports.records import (
    ChangedMeanwhileError,
    IdempotencyKeyTakenError,
    MoveRecord,
    MoveRecordPage,
    StoredConnection,
)

_T = TypeVar("_T")


class SqliteRecords(ABC):
    """`ConnectionStore` and `MoveStore` over the journal's file."""

    _reading: sqlite3.Connection

    @abstractmethod
    def _write(self, operation: Operation) -> asyncio.Future[None]: ...

    @abstractmethod
    async def _read(self, read: Callable[[], _T]) -> _T: ...

    async def stored_connections(self) -> Sequence[StoredConnection]:
        """See `ConnectionStore.stored_connections`."""
        statement = f"SELECT {CONNECTION_COLUMNS} FROM connections ORDER BY created_at, id"  # noqa: S608  no value is in it
        return await self._read(lambda: [stored_connection(row) for row in self._reading.execute(statement)])

    async def keep_connection(self, record: StoredConnection) -> None:
        """See `ConnectionStore.keep_connection`."""

        def keep(connection: sqlite3.Connection) -> None:
            if record.version == 1:
                done = connection.execute(
                    "INSERT INTO connections (id, version, doc, credentials, created_at, updated_at)"
                    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (
                        record.id,
                        record.version,
                        record.doc,
                        record.credentials,
                        record.created_at,
                        record.updated_at,
                    ),
                )
            else:
                done = connection.execute(
                    "UPDATE connections SET version = ?, doc = ?, credentials = ?, updated_at = ?"
                    " WHERE id = ? AND version = ?",
                    (
                        record.version,
                        record.doc,
                        record.credentials,
                        record.updated_at,
                        record.id,
                        record.version - 1,
                    ),
                )
            if done.rowcount == 0:
                raise ChangedMeanwhileError(changed(record.id, record.version - 1))

        await self._write(keep)

    async def forget_connection(self, connection_id: str, version: int) -> None:
        """See `ConnectionStore.forget_connection`."""

        def forget(connection: sqlite3.Connection) -> None:
            done = connection.execute(
                "DELETE FROM connections WHERE id = ? AND version = ?", (connection_id, version)
            )
            if done.rowcount == 0:
                raise ChangedMeanwhileError(changed(connection_id, version))

        await self._write(forget)

    async def accept_move(self, record: MoveRecord) -> None:
        """See `MoveStore.accept_move`."""

        def accept(connection: sqlite3.Connection) -> None:
            done = connection.execute(
                "INSERT INTO moves (id, connection_id, key, created_at, final) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (connection_id, key) DO NOTHING",
                (record.id, record.connection_id, record.key, record.created_at, int(record.final)),
            )
            if done.rowcount == 0:
                row = connection.execute(
                    f"{MOVES} WHERE m.connection_id = ? AND m.key = ?", (record.connection_id, record.key)
                ).fetchone()
                raise IdempotencyKeyTakenError(move_record(row))
            _add_state(connection, record, None, record.created_at)

        await self._write(accept)

    async def append_move(self, record: MoveRecord, event: bytes, at: int) -> None:
        """See `MoveStore.append_move`; a move that was not accepted is a `StoreError`."""

        def append(connection: sqlite3.Connection) -> None:
            done = connection.execute(
                "UPDATE moves SET final = ? WHERE id = ?", (int(record.final), record.id)
            )
            if done.rowcount == 0:
                raise StoreError(f"expected move {record.id} to be accepted before its events, was unknown")
            _add_state(connection, record, event, at)

        await self._write(append)

    async def move(self, move_id: str) -> MoveRecord | None:
        """See `MoveStore.move`."""
        return await self._read(lambda: self._move(" WHERE m.id = ?", (move_id,)))

    async def move_by_key(self, connection_id: str, key: str) -> MoveRecord | None:
        """See `MoveStore.move_by_key`."""
        where = " WHERE m.connection_id = ? AND m.key = ?"
        return await self._read(lambda: self._move(where, (connection_id, key)))

    async def move_events(self, move_id: str) -> Sequence[tuple[int, bytes]]:
        """See `MoveStore.move_events`."""
        statement = "SELECT at, event FROM move_states WHERE move_id = ? AND seq > 0 ORDER BY seq"
        return await self._read(lambda: self._reading.execute(statement, (move_id,)).fetchall())

    async def open_moves(self) -> Sequence[MoveRecord]:
        """See `MoveStore.open_moves`: every move of the file is this router's."""
        statement = f"{MOVES} WHERE m.final = 0 ORDER BY m.created_at, m.id"
        return await self._read(lambda: [move_record(row) for row in self._reading.execute(statement)])

    async def moves(self, connection_id: str, limit: int, cursor: str | None) -> MoveRecordPage:
        """See `MoveStore.moves`; a `limit` below 1 is a `ValueError` too."""
        if limit < 1:
            raise ValueError(f"expected a limit of at least 1, was {limit}")
        where, after = "", ()  # type: tuple[str, tuple[object, ...]]
        if cursor is not None:
            where, after = " AND (m.created_at, m.id) < (?, ?)", codec.decode_cursor(cursor)
        statement = f"{MOVES} WHERE m.connection_id = ?{where} ORDER BY m.created_at DESC, m.id DESC LIMIT ?"
        values = (connection_id, *after, limit + 1)
        return await self._read(lambda: move_page(self._reading.execute(statement, values).fetchall(), limit))

    def _move(self, where: str, values: tuple[str, ...]) -> MoveRecord | None:
        row = self._reading.execute(MOVES + where, values).fetchone()
        return None if row is None else move_record(row)


def _add_state(connection: sqlite3.Connection, record: MoveRecord, event: bytes | None, at: int) -> None:
    connection.execute(
        "INSERT INTO move_states (move_id, seq, at, event, doc)"
        " SELECT ?1, COALESCE(MAX(seq), -1) + 1, ?2, ?3, ?4 FROM move_states WHERE move_id = ?1",
        (record.id, at, event, record.doc),
    )
