"""Amounts: the one strict parser, the one printer and the roundings of the simulator.

Every amount on the wire is a JSON string that holds a plain decimal (bitgo-prime OpenAPI, `format: decimal`).
Nothing here touches a float.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Context, Decimal, localcontext

ZERO = Decimal(0)
ONE = Decimal(1)
BPS = Decimal(10_000)

# 24 digits before the point and 18 after hold any balance in any coin's smallest unit; what is longer is an
# attack on the arithmetic and not an amount.
AMOUNT_PATTERN = r"[0-9]{1,24}(\.[0-9]{1,18})?"
_AMOUNT = re.compile(AMOUNT_PATTERN)

# Products of three bounded amounts stay far below this, so that sums and products are exact.
_PRECISION = 160


class AmountError(ValueError):
    """A text that is not a plain, bounded, unsigned decimal."""


@contextmanager
def exact() -> Iterator[None]:
    """Do the arithmetic inside with enough digits that sums, products and floor divisions are exact.

    The context travels with the task and with the timers set inside, so every entry point enters it once.
    """
    with localcontext(Context(prec=_PRECISION)):
        yield


def parse_amount(text: str) -> Decimal:
    """Read an unsigned decimal; `AmountError` for signs, exponents, blanks, `NaN` and anything else."""
    if _AMOUNT.fullmatch(text) is None:
        raise AmountError(f"expected a decimal of ASCII digits with at most one point, was {text[:60]!r}")
    return Decimal(text)


def to_wire(value: Decimal) -> str:
    """Print without exponent and without zeros at the end: `1.50` gives `"1.5"`, zero gives `"0"`."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def floor_to(value: Decimal, increment: Decimal) -> Decimal:
    """Round toward zero to a multiple of `increment`."""
    return value // increment * increment


def ceil_to(value: Decimal, increment: Decimal) -> Decimal:
    """Round a non-negative value up to a multiple of `increment`."""
    floored = floor_to(value, increment)
    return floored if floored == value else floored + increment


def is_multiple(value: Decimal, increment: Decimal) -> bool:
    """Whether `value` is a whole number of increments."""
    return value % increment == 0


def decimals(value: Decimal) -> int:
    """How many digits after the point are needed to write the value."""
    _, _, fraction = to_wire(value).partition(".")
    return len(fraction)


def tick_of(precision: int) -> Decimal:
    """Give the smallest step of a price that is written with `precision` digits after the point."""
    return Decimal((0, (1,), -precision))
