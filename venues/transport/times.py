"""RFC 3339 times ↔ nanoseconds since the epoch, up to nine fractional digits."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-]\d\d:\d\d))", re.ASCII
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
NANOSECONDS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NANOSECONDS
_FRACTIONS: Final = (0, *(10 ** (9 - digits) for digits in range(1, 10)))
"""What a fraction's last digit is worth in nanoseconds, by how many digits it has."""
_CACHED: Final = 256
"""Of the same second come many times: an instant is told in a thousand messages."""


def parse_time(text: object) -> int:
    """Nanoseconds since the epoch; negative before it. A leap second is the first of the next minute.

    Raises `ValueError`.
    """
    found = _RFC_3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("expected a time of RFC 3339, was another text")
    second, fraction, offset = found.groups()
    at = _second_at(second)
    if fraction is not None:
        at += int(fraction) * _FRACTIONS[len(fraction)]
    return at if offset is None else at - _offset(offset[0], int(offset[1:3]), int(offset[4:]))


@lru_cache(_CACHED)
def _second_at(text: str) -> int:
    """The nanoseconds of `yyyy-mm-ddThh:mm:ss`, digits already; raises `ValueError`."""
    hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:])
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("expected a time of day, was another")
    days = date(int(text[:4]), int(text[5:7]), int(text[8:10])).toordinal() - _EPOCH_DAY
    return ((days * 24 + hour) * 60 + minute) * MINUTE_NS + second * NANOSECONDS


def _offset(sign: str, hours: int, minutes: int) -> int:
    if hours > 23 or minutes > 59:
        raise ValueError("expected an offset from UTC, was more than a day")
    offset = (hours * 60 + minutes) * MINUTE_NS
    return offset if sign == "+" else -offset


def format_time(at: int, digits: int = 6) -> str:
    """RFC 3339 in UTC with this many fractional digits (1 to 9); cut down, never up."""
    seconds, rest = divmod(at, NANOSECONDS)
    stamp = _stamp(seconds)
    return f"{stamp}.{rest:09d}"[: len(stamp) + 1 + digits] + "Z"


@lru_cache(_CACHED)
def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
