"""An order in a SQLite file: the document that it was accepted with, and the events since.

What it is now is read by taking the events to the document one by one, as they were taken to the order when
they happened (`router.core.order.step`). A new document is written for an order with so many events that
reading them would cost more.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from router.core.order import Order, Phase, TransitionError, step
from router.journal import codec
from router.journal.batch import Chain, Job, Row
from router.ports import StoreError

EVENTS_BITS: Final = 20
"""An event's key is its order's number, shifted by so much, plus its own number."""
EVENTS_MAX: Final = (1 << EVENTS_BITS) - 1
EVENTS_FOLDED_MAX: Final = 16
"""Events after which a document is written anew: reading an order takes no more steps than this."""

IN_FLIGHT, RESTS, FINAL = range(3)
"""An order's stage: of one in flight the row has the columns and the document of its acceptance."""

_WORKING: Final = Phase.WORKING
_FINAL: Final = Phase.FINAL

COLUMNS: Final = "n, seq, doc"
"""What `fold` reads an order from."""


class Place(Chain, kw_only=True, eq=False):
    """Where an order stands in the file: what its next event is written by.

    `number` 0: not known here, and looked for in the file. `last` is the key of its last event, `due` the one
    of the event that its document is written anew after. `places` has it while the order is not final or
    something of it is being written, until a write is refused.
    """

    places: dict[str, "Place"]
    order_id: str
    number: int = 0
    last: int = 0
    due: int = 0
    stage: int = IN_FLIGHT

    def over(self, job: Job) -> None:
        """See `Chain.over`: what was refused, or has ended, is looked for in the file from here on."""
        if (job.error is not None or job.row[0] == self.last) and self.places.get(self.order_id) is self:
            del self.places[self.order_id]


def first_key(number: int) -> int:
    """The key of no event: below all of an order's."""
    return number << EVENTS_BITS


def due_after(number: int, folded: int) -> int:
    """The key of the event after which an order's document is written anew, once it was after `folded`."""
    return first_key(number) + min(folded + EVENTS_FOLDED_MAX, EVENTS_MAX + 1)


def stage_of(order: Order) -> int:
    """An order's stage."""
    phase = order.phase
    if phase is not _WORKING:
        return FINAL if phase is _FINAL else IN_FLIGHT
    return RESTS if order.attempts[-1].outbound.time_in_force.rests else IN_FLIGHT


def fold(connection: sqlite3.Connection, row: Row) -> Order:
    """The order of a row of `COLUMNS`, as it is now. Raises `StoreError` where it cannot be read."""
    number, seq, doc = row
    first = first_key(number)  # type: ignore[arg-type]  # as in the table
    order = codec.decode_order(doc)  # type: ignore[arg-type]
    for at, event in events_between(connection, first + seq, first + EVENTS_MAX):  # type: ignore[operator]
        try:
            order = step(order, codec.decode_event(event), at)
        except TransitionError as error:
            raise StoreError(f"expected events that this program wrote, was: {error}") from error
    return order


def events_between(connection: sqlite3.Connection, after: int, until: int) -> Iterator[tuple[int, bytes]]:
    """Times and documents of the events with keys past `after` and up to `until`."""
    statement = "SELECT at, event FROM order_events WHERE key > ? AND key <= ? ORDER BY key"
    yield from connection.execute(statement, (after, until))


def last_key(connection: sqlite3.Connection, number: int) -> int:
    """The key of an order's last event, or `first_key` where it has none."""
    first = first_key(number)
    (last,) = connection.execute(
        "SELECT MAX(key) FROM order_events WHERE key > ? AND key <= ?", (first, first + EVENTS_MAX)
    ).fetchone()
    return first if last is None else int(last)
