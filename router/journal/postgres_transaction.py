"""Many operations in one transaction, in few statements: a statement a kind of row, not one an operation.

The router's own row is updated first and stays locked: who would take the router's orders must delete that
row, so while a transaction is under way it is left alone, and after it was deleted nothing can be written.
Locks are taken in one order everywhere (own row, balances sorted, keys sorted, take-over), so that routers
wait for each other but never in a circle.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from router.journal import codec
from router.journal.postgres_link import Connection
from router.journal.postgres_operations import (
    Accept,
    Adopt,
    Append,
    Keep,
    OpenMoves,
    Operation,
    Outcome,
    Owner,
    RecordOperation,
    State,
    Step,
    TakeOver,
    Undo,
)
from router.journal.postgres_records import run_record, take_back_records, take_moves
from router.journal.postgres_reservations import check_claims, reserve
from router.ports import ClientOrderIdTakenError, FencedError, StoreError

_LOCK_TAKE_OVER: Final = 0x63616173_00000002


class Done(msgspec.Struct, frozen=True):
    """A transaction that was run and is not committed yet."""

    outcomes: list[Outcome]
    undo: Undo


async def begin(connection: Connection, owner: Owner, write: int, lease_s: float) -> None:
    """Begin this router's transaction number `write`, renewing its lease. Raises `FencedError`."""
    await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    done = await connection.execute(
        "UPDATE routers SET writes = $3, lease_until = clock_timestamp() + make_interval(secs => $4)"
        " WHERE id = $1 AND epoch = $2",
        owner.id,
        owner.epoch,
        write,
        lease_s,
    )
    if done != "UPDATE 1":
        raise fenced()


def fenced() -> FencedError:
    """What every write of a router ends with whose lease was taken."""
    return FencedError("expected this router's lease on the store to stand, was taken by another: fenced")


async def run(connection: Connection, owner: Owner, operations: Sequence[Operation]) -> Done:
    """Run operations in the order in which they were called; nothing is committed here.

    Raises what asyncpg raises; then none of them was done.
    """
    outcomes: list[Outcome] = [None] * len(operations)
    appends = {at: each for at, each in enumerate(operations) if isinstance(each, Append)}
    await check_claims(connection, owner, appends, outcomes)
    accepts = {at: each for at, each in enumerate(operations) if isinstance(each, Accept)}
    accepted = await _accept(connection, owner, accepts, outcomes)
    events = await _append(connection, owner, _runs(appends, outcomes), outcomes)
    await _keep(connection, [each for each in operations if isinstance(each, Keep)])
    wanted = [each.order_id for each in operations if isinstance(each, Adopt)]
    adopted = await _adopt(connection, owner, wanted)
    taken: list[str] = []
    for at, each in enumerate(operations):
        if isinstance(each, Adopt):
            outcomes[at] = adopted.get(each.order_id)
        elif isinstance(each, TakeOver):
            rows = await _take_over(connection, owner)
            outcomes[at] = [doc for _, doc in rows]
            taken += [order_id for order_id, _ in rows]
    steps = await _records(connection, owner, operations, outcomes)
    return Done(outcomes, Undo(accepted, events, taken, steps))


async def take_back(connection: Connection, owner: Owner, undo: Undo) -> None:
    """Undo what was committed though its callers were told that it failed."""
    await take_back_records(connection, owner, undo.records)
    ids = [order_id for order_id, _ in undo.events]
    await connection.execute(
        "DELETE FROM order_events USING unnest($1::text[], $2::int[]) AS u (id, seq)"
        " WHERE order_events.order_id = u.id AND order_events.seq = u.seq",
        ids,
        [seq for _, seq in undo.events],
    )
    await connection.execute(
        "UPDATE orders SET seq = seq - u.count FROM (SELECT id, count(*)::int AS count"
        " FROM unnest($1::text[]) AS id GROUP BY id) AS u WHERE orders.id = u.id",
        ids,
    )
    await connection.execute("DELETE FROM reservations WHERE order_id = ANY($1::text[])", undo.accepted)
    await connection.execute(
        "DELETE FROM orders WHERE id = ANY($1::text[]) AND owner = $2", undo.accepted, owner.id
    )
    await connection.execute(
        "UPDATE orders SET owner = NULL, owner_epoch = NULL WHERE id = ANY($1::text[]) AND owner = $2",
        undo.taken,
        owner.id,
    )


async def _accept(
    connection: Connection, owner: Owner, accepts: dict[int, Accept], outcomes: list[Outcome]
) -> list[str]:
    """Insert orders; the ids of those that were new."""
    if not accepts:
        return []
    # By key: two routers that are sent the same keys wait for each other one way only. Of one key the first
    # that was called comes first.
    rows = sorted(accepts.items(), key=lambda item: item[1].client_order_id)
    states = [each.state for _, each in rows]
    kept = await connection.fetch(
        "INSERT INTO orders (id, client_order_id, created_at, product, updated_at, status, phase, final,"
        " connection_id, venue_order_id, doc, owner, owner_epoch)"
        " SELECT u.*, $12, $13 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[],"
        " $6::text[], $7::text[], $8::boolean[], $9::text[], $10::text[], $11::bytea[]) AS u"
        " ON CONFLICT DO NOTHING RETURNING id",
        [each.order_id for _, each in rows],
        [each.client_order_id for _, each in rows],
        [each.created_at for _, each in rows],
        [each.product for _, each in rows],
        *_columns(states),
        owner.id,
        owner.epoch,
    )
    new = {row["id"] for row in kept}
    unmatched = set(new)
    losers: list[int] = []
    for at, each in rows:
        if each.order_id in unmatched:
            unmatched.discard(each.order_id)
        else:
            losers.append(at)
    if losers:
        keys = [accepts[at].client_order_id for at in losers]
        rows_taken = await connection.fetch(
            "SELECT client_order_id, doc FROM orders WHERE client_order_id = ANY($1::text[])", keys
        )
        taken = {row["client_order_id"]: row["doc"] for row in rows_taken}
        for at in losers:
            doc = taken.get(accepts[at].client_order_id)
            outcomes[at] = (
                StoreError(f"expected an order id of its own, was taken: {accepts[at].order_id}")
                if doc is None
                else ClientOrderIdTakenError(codec.decode_order(doc))
            )
    return sorted(new)


def _runs(appends: dict[int, Append], outcomes: list[Outcome]) -> dict[str, dict[int, Append]]:
    """Each order's appends, up to one that is refused: what follows that was not decided for."""
    runs: dict[str, dict[int, Append]] = {}
    refused: set[str] = set()
    for at, each in appends.items():
        if each.order_id in refused:
            outcomes[at] = StoreError(f"expected order {each.order_id} as before its refused intent")
        elif outcomes[at] is not None:
            refused.add(each.order_id)
        else:
            runs.setdefault(each.order_id, {})[at] = each
    return runs


async def _append(
    connection: Connection, owner: Owner, runs: dict[str, dict[int, Append]], outcomes: list[Outcome]
) -> list[tuple[str, int]]:
    """Bring orders to their last state and insert their events; which events those are."""
    if not runs:
        return []
    last = [list(run.values())[-1] for run in runs.values()]
    rows = await connection.fetch(
        "UPDATE orders SET updated_at = u.updated_at, status = u.status, phase = u.phase, final = u.final,"
        " connection_id = u.connection_id, venue_order_id = u.venue_order_id, doc = u.doc,"
        " seq = orders.seq + u.count"
        " FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::text[], $6::boolean[], $7::text[],"
        " $8::text[], $9::bytea[])"
        " AS u (id, count, updated_at, status, phase, final, connection_id, venue_order_id, doc)"
        " WHERE orders.id = u.id AND orders.owner = $10 AND orders.owner_epoch = $11"
        " RETURNING orders.id, orders.seq",
        list(runs),
        [len(run) for run in runs.values()],
        *_columns([each.state for each in last]),
        owner.id,
        owner.epoch,
    )
    seqs = {row["id"]: row["seq"] for row in rows}
    events: list[tuple[str, int, Append]] = []
    for order_id, run in runs.items():
        if order_id in seqs:
            first = seqs[order_id] - len(run) + 1
            events += [(order_id, first + place, each) for place, each in enumerate(run.values())]
    await connection.execute(
        "INSERT INTO order_events (order_id, seq, at, event)"
        " SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[])",
        [order_id for order_id, _, _ in events],
        [seq for _, seq, _ in events],
        [each.at for _, _, each in events],
        [each.event for _, _, each in events],
    )
    done = [each for _, _, each in events]
    await reserve(connection, owner, done)
    await _show(connection, done)
    missing = [order_id for order_id in runs if order_id not in seqs]
    if missing:
        others = await connection.fetch("SELECT id FROM orders WHERE id = ANY($1::text[])", missing)
        known = {row["id"] for row in others}
        for order_id in missing:
            said = (
                f"expected order {order_id} to be this router's, was another's: fenced"
                if order_id in known
                else f"expected order {order_id} to be accepted before its events, was unknown"
            )
            for at in runs[order_id]:
                outcomes[at] = StoreError(said)
    return [(order_id, seq) for order_id, seq, _ in events]


async def _show(connection: Connection, appends: Sequence[Append]) -> None:
    """Note under which ids attempts traded that had been refused. Undone with nothing: it is so for good."""
    shown = [(*each.shown, each.order_id) for each in appends if each.shown is not None]
    if shown:
        await connection.execute(
            "INSERT INTO attempts_at_venue (connection_id, venue_order_id, order_id)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING",
            *([row[column] for row in shown] for column in range(3)),
        )


async def _keep(connection: Connection, keeps: Sequence[Keep]) -> None:
    competitions = {each.id: each for each in keeps if not each.rfq}
    if competitions:
        await connection.execute(
            "INSERT INTO competitions (id, order_id, doc) SELECT * FROM unnest($1::text[], $2::text[],"
            " $3::bytea[]) ON CONFLICT (id) DO UPDATE SET order_id = excluded.order_id, doc = excluded.doc",
            list(competitions),
            [each.order_id for each in competitions.values()],
            [each.doc for each in competitions.values()],
        )
    rfqs = {each.id: each for each in keeps if each.rfq}
    if rfqs:
        await connection.execute(
            "INSERT INTO rfqs (id, doc) SELECT * FROM unnest($1::text[], $2::bytea[])"
            " ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
            list(rfqs),
            [each.doc for each in rfqs.values()],
        )


async def _records(
    connection: Connection, owner: Owner, operations: Sequence[Operation], outcomes: list[Outcome]
) -> list[Step]:
    """Run what is about the records beside the orders; what was done."""
    steps: list[Step] = []
    for at, each in enumerate(operations):
        if isinstance(each, OpenMoves):
            await _end_routers(connection, owner)
            outcomes[at], taken = await take_moves(connection, owner)
            steps.append(taken)
        elif isinstance(each, RecordOperation):
            outcomes[at], step = await run_record(connection, owner, each)
            if step is not None:
                steps.append(step)
    return steps


async def _end_routers(connection: Connection, owner: Owner) -> None:
    """End the routers past their lease: what they had is nobody's."""
    # One router at a time: each statement after this sees who had which orders before.
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_TAKE_OVER)
    await connection.execute(
        "DELETE FROM routers WHERE id IN (SELECT id FROM routers WHERE lease_until < clock_timestamp()"
        " AND id <> $1 FOR UPDATE SKIP LOCKED)",
        owner.id,
    )


async def _take_over(connection: Connection, owner: Owner) -> list[tuple[str, bytes]]:
    """Ids and documents of what was nobody's, oldest first; routers past their lease are ended."""
    await _end_routers(connection, owner)
    rows = await connection.fetch(
        "WITH taken AS (UPDATE orders SET owner = $1, owner_epoch = $2 WHERE id IN (SELECT o.id FROM orders o"
        " WHERE NOT o.final AND NOT EXISTS"
        " (SELECT FROM routers r WHERE r.id = o.owner AND r.epoch = o.owner_epoch) FOR UPDATE SKIP LOCKED)"
        " RETURNING id, created_at, doc) SELECT id, doc FROM taken ORDER BY created_at, id",
        owner.id,
        owner.epoch,
    )
    await connection.execute(
        "UPDATE reservations SET router_id = $1 WHERE order_id = ANY($2::text[])",
        owner.id,
        [row["id"] for row in rows],
    )
    return [(row["id"], row["doc"]) for row in rows]


async def _adopt(connection: Connection, owner: Owner, order_ids: Sequence[str]) -> dict[str, bytes]:
    """The documents of those that are this router's, or that become so: final and nobody's."""
    if not order_ids:
        return {}
    rows = await connection.fetch(
        "UPDATE orders o SET owner = $1, owner_epoch = $2 WHERE id = ANY($3::text[])"
        " AND ((owner = $1 AND owner_epoch = $2) OR (final AND NOT EXISTS"
        " (SELECT FROM routers r WHERE r.id = o.owner AND r.epoch = o.owner_epoch))) RETURNING id, doc",
        owner.id,
        owner.epoch,
        order_ids,
    )
    return {row["id"]: row["doc"] for row in rows}


def _columns(states: Sequence[State]) -> tuple[list[object], ...]:
    """The states' columns, in the order in which `State` has them."""
    return tuple([getattr(state, name) for state in states] for name in State.__struct_fields__)
