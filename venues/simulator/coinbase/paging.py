"""Pages that go on after a cursor, newest first unless asked otherwise.

Source: Coinbase Prime, "REST API Pagination": `cursor`, `limit`, `sort_direction` (`DESC` unless given) in,
`next_cursor`, `sort_direction`, `has_next` out.  The cursor means nothing to the caller.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.query import Query

T = TypeVar("T")

# What a row's place goes by: the microsecond of its time and a number within it, or any two numbers.
Key = tuple[int, int]
PARAMETERS = ("cursor", "limit", "sort_direction")
_CURSOR = re.compile(r"([0-9]{1,18}):([0-9]{1,12})")


def page(
    query: Query, rows: list[T], key: Callable[[T], Key], default: int, most: int
) -> tuple[list[T], dict[str, object]]:
    """Cut one page out of rows that are in the order of their keys; give it with its `pagination`."""
    direction = query.choice("sort_direction", ("ASC", "DESC")) or "DESC"
    limit = query.number("limit", default, most) or default
    after = _after(query.text("cursor"))
    turned: Iterable[T] = rows if direction == "ASC" else reversed(rows)
    if after is not None:
        turned = (row for row in turned if (key(row) > after if direction == "ASC" else key(row) < after))
    found = list(islice(turned, limit + 1))
    has_next = len(found) > limit
    found = found[:limit]
    cursor = _cursor(key(found[-1])) if has_next else ""
    return found, {"next_cursor": cursor, "sort_direction": direction, "has_next": has_next}


def _cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(f"{key[0]}:{key[1]}".encode()).decode().rstrip("=")


def _after(cursor: str | None) -> Key | None:
    """Read a cursor; an empty one is none."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise PrimeError("cursor must be one that was given as next_cursor.") from error
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise PrimeError("cursor must be one that was given as next_cursor.")
    return int(match[1]), int(match[2])
