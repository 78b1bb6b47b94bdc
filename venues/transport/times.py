"""RFC 3339 times ↔ nanoseconds since the epoch, up to nine fractional digits."""

import re
from datetime import UTC, date, datetime
from typing import Final

_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
NANOSECONDS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NANOSECONDS


def parse_time(text: object) -> int:
    """Nanoseconds since the epoch; negative before it. A leap second is the first of the next minute.

    Raises `ValueError`.
    """
    found = _RFC_3339.fullmatch(text) if isinstance(text, str) and len(text) <= 40 else None
    if found is None:
        raise ValueError("expected a time of RFC 3339, was another text")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    offset = 0
    if found[8] is not None:
        offset_hours, offset_minutes = int(found[9]), int(found[10])
        if offset_hours > 23 or offset_minutes > 59:
            raise ValueError("expected an offset from UTC, was more than a day")
        offset = (offset_hours * 60 + offset_minutes) * (1 if found[8] == "+" else -1)
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("expected a time of day, was another")
    days = date(year, month, day).toordinal() - _EPOCH_DAY
    seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
    return seconds * NANOSECONDS + int((found[7] or "").ljust(9, "0"))


def format_time(at: int, digits: int = 6) -> str:
    """RFC 3339 in UTC with this many fractional digits (1 to 9); cut down, never up."""
    seconds, rest = divmod(at, NANOSECONDS)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{rest:09d}"[: len(stamp) + 1 + digits] + "Z"
