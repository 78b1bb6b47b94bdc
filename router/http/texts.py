"""Amounts and times as answers print them. What is printed is what `money` says it is; here it is quick.

An order's answer has some thirty of these, so nothing here takes a number apart that can be left whole: zeros
are cut off the text, a quantity that stands in an answer eight times is made into text once, and so is what
all times of one second have in common.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

_SECONDS_KEPT: Final = 256
"""Seconds whose text is kept: those of now, and a page of older orders."""
_AMOUNTS_KEPT: Final = 1024


def time_text(at: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 in UTC, cut to microseconds."""
    digits = str(at).zfill(10)
    return f"{_second(digits[:-9])}.{digits[-9:-3]}Z"


def optional_time(at: int | None) -> str | None:
    """As `time_text`; None stays None."""
    return None if at is None else time_text(at)


def plain(value: Decimal) -> str:
    """An amount as text in plain notation, its scale as it is: `format_amount`."""
    text = str(value)
    return text if "E" not in text else f"{value:f}"


def amount(value: Decimal | None) -> str | None:
    """As `plain`; None stays None."""
    if value is None:
        return None
    text = str(value)
    return text if "E" not in text else f"{value:f}"


@lru_cache(maxsize=_AMOUNTS_KEPT)
def trimmed(value: Decimal, decimals_min: int = 0) -> str:
    """A finite amount as text, without trailing zeros past `decimals_min` decimals and filled up to it.

    `format_amount(trim(value, decimals_min))`, cut in the text. It depends on the value alone and not on its
    scale, so that it can be kept by it.
    """
    if not value:
        value = value.copy_abs()  # a zero has no sign
    text = f"{value:f}"
    whole, point, decimals = text.partition(".")
    if point and len(decimals) > decimals_min and decimals[-1] == "0":
        decimals = decimals.rstrip("0")
    elif len(decimals) >= decimals_min:
        return text
    decimals = decimals.ljust(decimals_min, "0")
    return f"{whole}.{decimals}" if decimals else whole


def quantity(value: Decimal | None) -> str | None:
    """A quantity as text, without the zeros that its reckoning left behind it; None stays None."""
    return None if value is None else trimmed(value)


@lru_cache(maxsize=_SECONDS_KEPT)
def _second(seconds: str) -> str:
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%S}"
