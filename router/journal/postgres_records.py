"""Records beside the orders in PostgreSQL: connections that people made, moves of margin money.

They are few, so each write is a statement of its own within the transaction that it shares. What each did is
told, so that it can be taken back where its caller was told that it failed.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from router.journal.postgres_link import Connection
from router.journal.postgres_operations import (
    AcceptMove,
    AppendMove,
    ConnectionChanged,
    ForgetConnection,
    KeepConnection,
    MoveAccepted,
    MoveAppended,
    MovesTaken,
    Owner,
    RecordOperation,
    Step,
)
from router.journal.records import CONNECTION_COLUMNS, MOVES, changed, move_record, stored_connection
from router.ports import StoreError
from router.ports.records import ChangedMeanwhileError, IdempotencyKeyTakenError, StoredConnection

_ADD: Final = (
    "INSERT INTO connections (id, version, doc, credentials, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $6)"
)


async def run_record(
    connection: Connection, owner: Owner, operation: RecordOperation
) -> tuple[object, Step | None]:
    """Run one; its answer or what it is refused with, and what it did."""
    match operation:
        case KeepConnection(record=record):
            return await _keep(connection, record)
        case ForgetConnection():
            before = await _connection(connection, operation.id, operation.version)
            if before is None:
                return ChangedMeanwhileError(changed(operation.id, operation.version)), None
            await connection.execute("DELETE FROM connections WHERE id = $1", operation.id)
            return None, ConnectionChanged(operation.id, before)
        case AcceptMove():
            return await _accept(connection, owner, operation)
        case AppendMove():
            return await _append(connection, owner, operation)


async def take_moves(connection: Connection, owner: Owner) -> tuple[list[object], MovesTaken]:
    """The moves that were nobody's, and are this router's now; oldest first."""
    rows = await connection.fetch(
        "UPDATE moves SET owner = $1, owner_epoch = $2 WHERE id IN (SELECT m.id FROM moves m"
        " WHERE NOT m.final AND NOT EXISTS"
        " (SELECT FROM routers r WHERE r.id = m.owner AND r.epoch = m.owner_epoch) FOR UPDATE SKIP LOCKED)"
        " RETURNING id",
        owner.id,
        owner.epoch,
    )
    ids = [row["id"] for row in rows]
    found = await connection.fetch(f"{MOVES} WHERE m.id = ANY($1::text[]) ORDER BY m.created_at, m.id", ids)
    return [move_record(row) for row in found], MovesTaken(ids)


async def take_back_records(connection: Connection, owner: Owner, steps: Sequence[Step]) -> None:
    """Undo what was done, the last first."""
    for step in reversed(steps):
        match step:
            case MoveAccepted():
                await connection.execute("DELETE FROM move_states WHERE move_id = $1", step.id)
                await connection.execute("DELETE FROM moves WHERE id = $1", step.id)
            case MoveAppended():
                await connection.execute(
                    "DELETE FROM move_states WHERE move_id = $1 AND seq = $2", step.id, step.seq
                )
                await connection.execute("UPDATE moves SET final = $2 WHERE id = $1", step.id, step.was_final)
            case MovesTaken():
                await connection.execute(
                    "UPDATE moves SET owner = NULL, owner_epoch = NULL"
                    " WHERE id = ANY($1::text[]) AND owner = $2",
                    step.ids,
                    owner.id,
                )
            case ConnectionChanged(before=before):
                await connection.execute("DELETE FROM connections WHERE id = $1", step.id)
                if before is not None:
                    await connection.execute(_ADD, *msgspec.structs.astuple(before))


async def _keep(connection: Connection, record: StoredConnection) -> tuple[object, Step | None]:
    if record.version == 1:
        done = await connection.execute(f"{_ADD} ON CONFLICT DO NOTHING", *msgspec.structs.astuple(record))
        if done == "INSERT 0 0":
            return ChangedMeanwhileError(changed(record.id, 0)), None
        return None, ConnectionChanged(record.id, None)
    before = await _connection(connection, record.id, record.version - 1)
    if before is None:
        return ChangedMeanwhileError(changed(record.id, record.version - 1)), None
    await connection.execute(
        "UPDATE connections SET version = $2, doc = $3, credentials = $4, updated_at = $5 WHERE id = $1",
        record.id,
        record.version,
        record.doc,
        record.credentials,
        record.updated_at,
    )
    return None, ConnectionChanged(record.id, before)


async def _connection(connection: Connection, connection_id: str, version: int) -> StoredConnection | None:
    row = await connection.fetchrow(
        f"SELECT {CONNECTION_COLUMNS} FROM connections WHERE id = $1 AND version = $2 FOR UPDATE",  # noqa: S608  no value is in it
        connection_id,
        version,
    )
    return None if row is None else stored_connection(row)


async def _accept(connection: Connection, owner: Owner, operation: AcceptMove) -> tuple[object, Step | None]:
    record = operation.record
    done = await connection.execute(
        "INSERT INTO moves (id, connection_id, key, created_at, final, owner, owner_epoch)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (connection_id, key) DO NOTHING",
        record.id,
        record.connection_id,
        record.key,
        record.created_at,
        record.final,
        owner.id,
        owner.epoch,
    )
    if done == "INSERT 0 0":
        row = await connection.fetchrow(
            f"{MOVES} WHERE m.connection_id = $1 AND m.key = $2", record.connection_id, record.key
        )
        if row is None:
            return StoreError(f"expected move {record.key} to be read back, was gone"), None
        return IdempotencyKeyTakenError(move_record(row)), None
    await connection.execute(
        "INSERT INTO move_states (move_id, seq, at, event, doc) VALUES ($1, 0, $2, NULL, $3)",
        record.id,
        record.updated_at,
        record.doc,
    )
    return None, MoveAccepted(record.id)


async def _append(connection: Connection, owner: Owner, operation: AppendMove) -> tuple[object, Step | None]:
    record = operation.record
    was_final = await connection.fetchval(
        "UPDATE moves m SET final = $2 FROM (SELECT id, final FROM moves WHERE id = $1 FOR UPDATE) was"
        " WHERE m.id = was.id AND m.owner = $3 AND m.owner_epoch = $4 RETURNING was.final",
        record.id,
        record.final,
        owner.id,
        owner.epoch,
    )
    if was_final is None:
        known = await connection.fetchval("SELECT id FROM moves WHERE id = $1", record.id)
        said = (
            f"expected move {record.id} to be accepted before its events, was unknown"
            if known is None
            else f"expected move {record.id} to be this router's, was another's: fenced"
        )
        return StoreError(said), None
    seq = await connection.fetchval(
        "INSERT INTO move_states (move_id, seq, at, event, doc)"
        " SELECT $1, COALESCE(MAX(seq), -1) + 1, $2, $3, $4 FROM move_states WHERE move_id = $1"
        " RETURNING seq",
        record.id,
        operation.at,
        operation.event,
        record.doc,
    )
    return None, MoveAppended(record.id, seq, was_final)
