"""What survives besides orders: connections that people made, and moves of margin money.

The stores of the journal implement these too. They do not look into a record: it is bytes of JSON. Every
method raises `StoreError`; a write that returned is durable.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from router.ports import Journal


class StoredConnection(msgspec.Struct, frozen=True):
    """A connection as people made it. `credentials` are sealed (router/vault.py), or None by reference.

    `version` counts its changes from 1: a write names the one that it changes.
    """

    id: str
    version: int
    doc: bytes
    credentials: bytes | None
    created_at: int
    updated_at: int


class ChangedMeanwhileError(Exception):
    """The record is there already, is gone, or has another version: nothing was written."""


class ConnectionStore(Protocol):
    """Connections that people made."""

    async def stored_connections(self) -> Sequence[StoredConnection]:
        """All of them, oldest first."""

    async def keep_connection(self, record: StoredConnection) -> None:
        """Add one (version 1) or replace the version before. Raises `ChangedMeanwhileError`."""

    async def forget_connection(self, connection_id: str, version: int) -> None:
        """Remove one. Raises `ChangedMeanwhileError`."""


class MoveRecord(msgspec.Struct, frozen=True):
    """A move of margin money as it stands. `key` is the caller's, unique to the connection."""

    id: str
    connection_id: str
    key: str
    final: bool
    created_at: int
    updated_at: int
    doc: bytes


class MoveRecordPage(msgspec.Struct, frozen=True):
    """A page of moves, newest first."""

    data: tuple[MoveRecord, ...]
    next_cursor: str | None


class IdempotencyKeyTakenError(Exception):
    """The connection has a move with this key already; `record` is it."""

    def __init__(self, record: MoveRecord) -> None:
        super().__init__(record.key)
        self.record = record


class MoveStore(Protocol):
    """Moves of margin money, journaled like orders."""

    async def accept_move(self, record: MoveRecord) -> None:
        """Keep a new move. Raises `IdempotencyKeyTakenError`."""

    async def append_move(self, record: MoveRecord, event: bytes, at: int) -> None:
        """Keep an event and the move as it is after it."""

    async def move(self, move_id: str) -> MoveRecord | None:
        """One move."""

    async def move_by_key(self, connection_id: str, key: str) -> MoveRecord | None:
        """The connection's move with this key."""

    async def move_events(self, move_id: str) -> Sequence[tuple[int, bytes]]:
        """A move's events with their times, oldest first."""

    async def open_moves(self) -> Sequence[MoveRecord]:
        """Every move that is not final and that no living router has: from here on this router's."""

    async def moves(self, connection_id: str, limit: int, cursor: str | None) -> MoveRecordPage:
        """A connection's moves, newest first. A cursor that is none of ours raises `ValueError`."""


class Store(Journal, ConnectionStore, MoveStore, Protocol):
    """Everything that survives, in one place: what `open_journal` opens."""
