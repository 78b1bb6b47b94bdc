"""JSON or CSV: `?format=` decides, else the `Accept` header by its quality values (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterable
from typing import Final

JSON: Final = "json"
CSV: Final = "csv"
_MEDIA: Final = {JSON: ("application", "json"), CSV: ("text", "csv")}
_Q: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?", re.ASCII)


def chosen(named: str | None, accept: Iterable[str]) -> str:
    """The format of an answer; JSON where both are as welcome, or neither is."""
    if named is not None:
        return named
    ranges = [part for header in accept for part in header.split(",")]
    return CSV if _quality(ranges, CSV) > _quality(ranges, JSON) else JSON


def _quality(ranges: Iterable[str], name: str) -> int:
    """In thousandths: that of the range that fits the format most closely; 0 where none does."""
    kind, subtype = _MEDIA[name]
    closest, quality = -1, 0
    for text in ranges:
        media, *parameters = (part.strip().lower() for part in text.split(";"))
        left, _, right = media.partition("/")
        if (left, right) == (kind, subtype):
            close = 2
        elif (left, right) == (kind, "*"):
            close = 1
        elif (left, right) == ("*", "*"):
            close = 0
        else:
            continue
        if close > closest:
            closest, quality = close, _q(parameters)
    return quality


def _q(parameters: Iterable[str]) -> int:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            value = value.strip()
            if _Q.fullmatch(value) is None:
                return 0
            whole, _, thousandths = value.partition(".")
            return int(whole) * 1000 + int(thousandths.ljust(3, "0") or 0)
    return 1000
