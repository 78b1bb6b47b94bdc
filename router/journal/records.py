"""What both stores know of the records beside the orders: the rows as they are read."""

from collections.abc import Iterable, Sequence
from typing import Final

from router.journal import codec
from router.ports.records import MoveRecord, MoveRecordPage, StoredConnection

CONNECTION_COLUMNS: Final = "id, version, doc, credentials, created_at, updated_at"
MOVES: Final = (
    "SELECT m.id, m.connection_id, m.key, m.final, m.created_at, s.at, s.doc"
    " FROM moves m JOIN move_states s ON s.move_id = m.id"
    " AND s.seq = (SELECT MAX(seq) FROM move_states WHERE move_id = m.id)"
)
"""Moves, each joined with its newest state."""

Row = Iterable[object]
"""A row's values: of SQLite a tuple, of asyncpg a record, which yields them."""


def stored_connection(row: Row) -> StoredConnection:
    """A row of `CONNECTION_COLUMNS`."""
    return StoredConnection(*row)  # type: ignore[arg-type]  # the columns are the fields, in their order


def move_record(row: Row) -> MoveRecord:
    """A row of `MOVES`."""
    move_id, connection_id, key, final, created_at, at, doc = row
    return MoveRecord(move_id, connection_id, key, bool(final), created_at, at, doc)  # type: ignore[arg-type]  # as in the tables


def move_page(rows: Sequence[Row], limit: int) -> MoveRecordPage:
    """A page of at most `limit` moves of the `limit + 1` that were asked for."""
    page = tuple(move_record(row) for row in rows[:limit])
    following = codec.encode_cursor(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    return MoveRecordPage(page, following)


def changed(connection_id: str, version: int) -> str:
    """What is said of a connection that is not there in the version that a write goes by."""
    return f"expected connection {connection_id} in version {version}, was another or none"
