"""A journal of any size: one real order's rows, written again and again under other ids, by SQL.

Whatever identifies the template in a column is replaced, documents included: its ids, its client id, its
number in the file and that of its events. Times in columns are moved, so that every copy has its own.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_BATCH: Final = 5_000
_UUID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VENUE_ID: Final = re.compile(rb"\b([ot]-)[0-9]{16}\b")
CLIENT_ID: Final = "desk-%09d"

_TIMES: Final = 10**18
"""A number above this is a time, in nanoseconds since the epoch."""
_OLDEST: Final = 20_000_000
_EVENTS_AN_ORDER: Final = 1_048_576
_NUMBERED: Final = frozenset({"orders", "order_events"})
"""Tables whose first column is made of the order's number in the file."""

Row = tuple[object, ...]


class Template:
    """The rows of one order, by table, with the places in them that make it this one.

    Every text of a row is kept as a pattern that the ids of a copy are put into: a copy then costs next to
    nothing, and ten million of them minutes.
    """

    def __init__(self, path: Path, client_order_id: str) -> None:
        self.rows: dict[str, list[Row]] = {}
        base = sqlite3.connect(path)
        try:
            found = base.execute(
                "SELECT n, id FROM orders WHERE client_order_id = ?", (client_order_id,)
            ).fetchone()
            if found is None:
                raise LookupError(f"expected an order {client_order_id} in {path}, was none")
            for table, (statement, values) in _selects(*found).items():
                self.rows[table] = base.execute(statement, values).fetchall()
        finally:
            base.close()
        texts = b" ".join(_bytes(value) for rows in self.rows.values() for row in rows for value in row)
        self._ids = sorted(set(_UUID.findall(texts)))
        self._client_order_id = client_order_id.encode()

    @property
    def size(self) -> int:
        """Bytes of all its columns."""
        return sum(len(_bytes(value)) for rows in self.rows.values() for row in rows for value in row)

    def slots(self, number: int) -> dict[bytes, bytes]:
        """What the copy with this number has in the places of the patterns."""
        found = {b"%d" % place: numbered(old, number, place) for place, old in enumerate(self._ids)}
        return found | {b"client": (CLIENT_ID % number).encode(), b"venue": b"9%015d" % number}

    def patterns(self, table: str) -> list[Row]:
        """The rows of a table with their texts as patterns: text and bytes alike as bytes."""
        return [tuple(self._pattern(value) for value in row) for row in self.rows[table]]

    def _pattern(self, value: object) -> object:
        if not isinstance(value, str | bytes):
            return value
        text = _bytes(value).replace(b"%", b"%%")
        for place, old in enumerate(self._ids):
            text = text.replace(old, b"%%(%d)b" % place)
        # A client's id is a short text: it is replaced only where it stands alone.
        alone = rb'(?<![^"])%b(?![^"])' % re.escape(self._client_order_id)
        return _VENUE_ID.sub(rb"\g<1>%(venue)b", re.sub(alone, b"%(client)b", text))


def numbered(identifier: bytes, number: int, place: int) -> bytes:
    """An id of the same form that comes before every real one, in the order of its number."""
    digits = b"%012x" % number
    return b"%b-%b-%b%x" % (digits[:8], digits[8:], identifier[14:35], place)


def fill(
    path: Path,
    template: Template,
    first: int,
    count: int,
    *,
    shorten: Callable[[str, Row], Row] | None = None,
) -> None:
    """Write copies `first` to `first + count - 1`. `shorten` may cut what a table's row carries.

    Nothing is flushed meanwhile: the file is not used by anybody, and is thrown away if this fails.
    """
    base = sqlite3.connect(path, isolation_level=None)
    base.execute("PRAGMA synchronous = OFF")
    base.execute("PRAGMA cache_size = -262144")
    statements = {
        table: f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})"  # noqa: S608 - as above
        for table, rows in template.rows.items()
        if rows
    }
    try:
        # Orders that came since the last copies have numbers of the file too.
        ahead: int = base.execute("SELECT max(n) FROM orders").fetchone()[0] + 1 - first
        for begin in range(first, first + count, _BATCH):
            numbers = range(begin, min(begin + _BATCH, first + count))
            base.execute("BEGIN")
            for table, statement in statements.items():
                base.executemany(statement, _copies(template, table, numbers, ahead, shorten))
            base.execute("COMMIT")
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        base.close()


def _copies(
    template: Template, table: str, numbers: range, ahead: int, shorten: Callable[[str, Row], Row] | None
) -> Iterator[Row]:
    patterns, types = template.patterns(table), [tuple(map(type, row)) for row in template.rows[table]]
    if shorten is not None:
        patterns = [shorten(table, row) for row in patterns]
    numbered_rows = table in _NUMBERED
    for number in numbers:
        slots = template.slots(number)
        n = number + ahead
        # A copy is a millisecond older than the next one, and all are older than the template.
        moved_ns = (number - _OLDEST) * 1_000_000
        for row, kinds in zip(patterns, types, strict=True):
            copy = [_filled(value, kind, slots, moved_ns) for value, kind in zip(row, kinds, strict=True)]
            if numbered_rows:
                copy[0] = (
                    n if table == "orders" else n * _EVENTS_AN_ORDER + int(str(row[0])) % _EVENTS_AN_ORDER
                )
            yield tuple(copy)


def _filled(value: object, kind: type, slots: dict[bytes, bytes], moved_ns: int) -> object:
    if isinstance(value, bytes):
        text = value % slots
        return text.decode() if kind is str else text
    return value + moved_ns if isinstance(value, int) and value > _TIMES else value


def _selects(n: int, order_id: str) -> dict[str, tuple[str, tuple[object, ...]]]:
    """What reads the rows of an order from each table: the journal's migrations say what identifies them."""
    return {
        "orders": ("SELECT * FROM orders WHERE n = ?", (n,)),
        "order_events": (
            "SELECT * FROM order_events WHERE key BETWEEN ? AND ? ORDER BY key",
            (n * _EVENTS_AN_ORDER, (n + 1) * _EVENTS_AN_ORDER - 1),
        ),
        "competitions": ("SELECT * FROM competitions WHERE order_id = ?", (order_id,)),
    }


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
