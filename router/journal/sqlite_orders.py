"""How an order is written to a SQLite file: the jobs of its acceptance and of its events."""

import asyncio
import sqlite3
from typing import Final

from router.core.order import Contradicted, Event, Order
from router.journal import codec
from router.journal.batch import Insert, Job, Operation, Row
from router.journal.folding import (
    EVENTS_MAX,
    FINAL,
    IN_FLIGHT,
    Place,
    due_after,
    first_key,
    last_key,
    stage_of,
)
from router.journal.sqlite_reads import find
from router.ports import ClientOrderIdTakenError, StoreError


def _taken(connection: sqlite3.Connection, row: Row) -> ClientOrderIdTakenError | None:
    """What an acceptance is refused with whose key is taken; None where it is something else of it."""
    order = find(connection, "client_order_id = ?", str(row[2]))
    return None if order is None else ClientOrderIdTakenError(order)


_ACCEPT: Final = Insert(
    "INSERT INTO orders (n, id, client_order_id, created_at, updated_at, stage, connection_id,"
    " venue_order_id, seq, doc) VALUES",
    columns=10,
    refusal=_taken,
)
_EVENT: Final = Insert("INSERT INTO order_events (key, at, event) VALUES", columns=3)
_CHANGE: Final = (
    "UPDATE orders SET updated_at = ?, stage = ?, connection_id = ?, venue_order_id = ? WHERE n = ?"
)
_REWRITE: Final = (
    "UPDATE orders SET updated_at = ?, stage = ?, connection_id = ?, venue_order_id = ?, seq = ?, doc = ?"
    " WHERE n = ?"
)
_SHOW: Final = (
    "INSERT INTO attempts_at_venue (connection_id, venue_order_id, order_id) VALUES (?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)


def accepted(future: asyncio.Future[None], places: dict[str, Place], order: Order, number: int) -> Job:
    """The job that makes an order the file's `number`th. Raises `StoreError` where it cannot be written."""
    doc = codec.encode(order)
    stage = stage_of(order)
    last, due = first_key(number), due_after(number, 0)
    place = Place(places=places, order_id=order.id, number=number, last=last, due=due, stage=stage)
    if stage != FINAL:
        places[order.id] = place  # else nothing follows that could not be looked for
    who, key, at = order.id, order.request.client_order_id, order.created_at
    row = (number, who, key, at, *_columns(order, stage), 0, doc)
    return Job(future, None, _ACCEPT, row, place)


def appended(future: asyncio.Future[None], place: Place, order: Order, event: Event, at: int) -> Job:
    """The job of an event at a place, and of what it changes. Raises `StoreError` as `accepted`."""
    stage, key = stage_of(order), place.last + 1
    if key >= place.due or isinstance(event, Contradicted):
        return _unusual(future, place, order, event, at)
    row = (key, at, codec.encode(event))
    place.last = key
    if stage == IN_FLIGHT == place.stage:
        return Job(future, None, _EVENT, row, place)
    place.stage = stage
    changes = (*_columns(order, stage), place.number)
    return Job(future, None, _EVENT, row, place, stage == FINAL, _CHANGE, changes)


def _unusual(future: asyncio.Future[None], place: Place, order: Order, event: Event, at: int) -> Job:
    """The job of an event whose order is looked for in the file, or is written anew with it."""
    doc, stage, key = codec.encode(event), stage_of(order), place.last + 1
    if place.number == 0 or isinstance(event, Contradicted):
        # What the file says of it from here on, not this process's memory.
        place.number = place.due = 0
        place.last, place.stage = key, stage
        return Job(future, _append(order, event, at, doc), row=(key,), chain=place, ends=True)
    count = key & EVENTS_MAX
    if count == 0:
        raise _too_many(order.id)
    changes = (*_columns(order, stage), count, codec.encode(order), place.number)
    place.last, place.stage, place.due = key, stage, due_after(place.number, count)
    return Job(future, None, _EVENT, (key, at, doc), place, stage == FINAL, _REWRITE, changes)


def _append(order: Order, event: Event, at: int, doc: bytes) -> Operation:
    """Keep an event of an order whose place is not known."""
    changes, shown = _columns(order, stage_of(order)), codec.shown_elsewhere(order, event)

    def append(connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT n FROM orders WHERE id = ?", (order.id,)).fetchone()
        if row is None:
            raise StoreError(f"expected order {order.id} to be accepted before its events, was unknown")
        (number,) = row
        key = last_key(connection, number) + 1
        if key & EVENTS_MAX == 0:
            raise _too_many(order.id)
        _EVENT.run(connection, [key, at, doc])
        connection.execute(_CHANGE, (*changes, number))
        if shown is not None:
            connection.execute(_SHOW, (*shown, order.id))

    return append


def _columns(order: Order, stage: int) -> tuple[int, int, str | None, str | None]:
    """What an order's row says of it beside its document: `updated_at` to `venue_order_id`."""
    attempts = order.attempts
    connection_id = attempts[-1].connection_id if attempts else None
    return order.updated_at, stage, connection_id, order.venue_order_id


def _too_many(order_id: str) -> StoreError:
    return StoreError(f"expected at most {EVENTS_MAX} events of an order, was more: {order_id}")
