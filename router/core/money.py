"""Amounts: the one strict parser and the one place that rounds.

`Decimal` is exact only as far as its context lets it be: the default context silently rounds every product
to 28 digits. So arithmetic on money goes through `add`, `sub` and `mul` here, whose context raises
`decimal.Inexact` instead of losing a digit, and everything that must lose digits (a division, a step to an
increment) goes through a function whose name says in which direction.
"""

import re
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    Clamped,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Final

from router.core.errors import AmountError

AMOUNT_LENGTH_MAX: Final = 64
"""Characters in an amount. Wei of a whole supply take 45; the bound keeps `Decimal` and `int` away from
inputs that hold a core (`Decimal("1E+1000000")` is valid, and its integer is not had in a minute)."""

PRICE_DECIMALS: Final = 18
"""Decimals of a price that a division made: the finest increment of any listed asset (a wei)."""

BPS: Final = Decimal("0.0001")
ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

# Digits that an exact result can need: a cost (twice 64) by a fee (64), summed over a book. Inexact is
# trapped, so a result that needs more is an error and never a rounded amount.
_EXACT = Context(prec=400, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact, Clamped])
_ROUND = {
    ROUND_FLOOR: Context(prec=400, rounding=ROUND_FLOOR, traps=[InvalidOperation, DivisionByZero, Overflow]),
    ROUND_CEILING: Context(
        prec=400, rounding=ROUND_CEILING, traps=[InvalidOperation, DivisionByZero, Overflow]
    ),
}
_PLAIN = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)

add = _EXACT.add
"""`add(a, b)`: the exact sum; raises `decimal.Inexact` rather than round."""
sub = _EXACT.subtract
"""`sub(a, b)`: the exact difference; raises `decimal.Inexact` rather than round."""
mul = _EXACT.multiply
"""`mul(a, b)`: the exact product; raises `decimal.Inexact` rather than round."""


def parse_amount(text: object) -> Decimal:
    """Read an amount: a non-negative decimal string such as `"0"`, `"0.5"` or `"1000.00"`.

    Accepts only what `format_amount` prints: ASCII digits with at most one point, digits on both sides of
    it, no sign, no exponent, no leading zeros, no white space, at most `AMOUNT_LENGTH_MAX` characters. The
    scale is kept (`"1.50"` stays `1.50`).

    Raises `AmountError`, which says what was expected and what came.
    """
    if not isinstance(text, str):
        raise AmountError("a decimal string", text)
    if len(text) > AMOUNT_LENGTH_MAX:
        raise AmountError(f"at most {AMOUNT_LENGTH_MAX} characters", text)
    if _PLAIN.fullmatch(text) is None:
        raise AmountError('a decimal string such as "0.5"', text)
    return Decimal(text)


def parse_positive(text: object) -> Decimal:
    """Read an amount that must be greater than zero; raises `AmountError` as `parse_amount` does."""
    value = parse_amount(text)
    if value == 0:
        raise AmountError("a decimal string greater than zero", text)
    return value


def parse_signed(text: object) -> Decimal:
    """Read an amount that may carry a leading minus (a position, a PnL); raises `AmountError`.

    A negative zero is refused: no position is that.
    """
    if not (isinstance(text, str) and text.startswith("-")):
        return parse_amount(text)
    value = parse_amount(text[1:])
    if value == 0:
        raise AmountError("a decimal string, without a sign where it is zero", text)
    return value.copy_negate()


def format_amount(value: Decimal) -> str:
    """Print an amount in plain notation, never with an exponent; the scale is printed as it is."""
    return f"{value:f}"


def trim(value: Decimal, decimals_min: int = 0) -> Decimal:
    """Drop trailing zeros past `decimals_min` decimals and fill up to it; the value is the same."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise AmountError("a finite amount", str(value))
    if not any(digits):
        return Decimal((0, (0,), -decimals_min))
    cut = 0
    while exponent + cut < -decimals_min and digits[-1 - cut] == 0:
        cut += 1
    kept = digits[: len(digits) - cut] if cut else digits
    scale = exponent + cut
    if scale > -decimals_min:
        kept += (0,) * (scale + decimals_min)
        scale = -decimals_min
    return Decimal((sign, kept, scale))


def decimals_of(increment: Decimal) -> int:
    """How many decimals an increment has: 2 for `0.01`, 0 for `1` and for `10`."""
    exponent = increment.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def round_down(value: Decimal, increment: Decimal) -> Decimal:
    """The largest multiple of `increment` (greater than zero) that is not greater than `value`."""
    return _round_to(value, increment, ROUND_FLOOR)


def round_up(value: Decimal, increment: Decimal) -> Decimal:
    """The smallest multiple of `increment` (greater than zero) that is not less than `value`."""
    return _round_to(value, increment, ROUND_CEILING)


def is_multiple(value: Decimal, increment: Decimal) -> bool:
    """Whether `value` is a whole number of `increment`s (greater than zero)."""
    return _EXACT.remainder(value, increment) == 0


def divide_down(dividend: Decimal, divisor: Decimal, decimals: int = PRICE_DECIMALS) -> Decimal:
    """`dividend / divisor` with at most `decimals` decimals, rounded toward minus infinity."""
    return _divide(dividend, divisor, decimals, ROUND_FLOOR)


def divide_up(dividend: Decimal, divisor: Decimal, decimals: int = PRICE_DECIMALS) -> Decimal:
    """`dividend / divisor` with at most `decimals` decimals, rounded toward plus infinity."""
    return _divide(dividend, divisor, decimals, ROUND_CEILING)


def _round_to(value: Decimal, increment: Decimal, rounding: str) -> Decimal:
    if increment <= 0:
        raise AmountError("an increment greater than zero", str(increment))
    steps = _EXACT.divide_int(value, increment)
    rest = _EXACT.subtract(value, _EXACT.multiply(steps, increment))
    # divide_int cuts toward zero, so a negative value is already at its ceiling.
    if rest != 0 and rounding == ROUND_CEILING and value > 0:
        steps = _EXACT.add(steps, ONE)
    elif rest != 0 and rounding == ROUND_FLOOR and value < 0:
        steps = _EXACT.subtract(steps, ONE)
    return _EXACT.multiply(steps, increment)


def _divide(dividend: Decimal, divisor: Decimal, decimals: int, rounding: str) -> Decimal:
    context = _ROUND[rounding]
    return context.quantize(context.divide(dividend, divisor), Decimal((0, (1,), -decimals)))
