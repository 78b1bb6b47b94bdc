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
_HALF: Final = Decimal("0.5")

# Digits that an exact result can need: a cost (twice 64) by a fee (64), summed over a book. Inexact is
# trapped, so a result that needs more is an error and never a rounded amount.
_EXACT = Context(prec=400, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact, Clamped])
_LOSSY = [InvalidOperation, DivisionByZero, Overflow]
_FLOOR = Context(prec=400, rounding=ROUND_FLOOR, traps=_LOSSY)
_CEILING = Context(prec=400, rounding=ROUND_CEILING, traps=_LOSSY)
# A quotient to 57 digits costs less than half of one to 400, and holds whatever a market's price is.
_FLOOR_SHORT = Context(prec=57, rounding=ROUND_FLOOR, traps=_LOSSY)
_CEILING_SHORT = Context(prec=57, rounding=ROUND_CEILING, traps=_LOSSY)
_PLAIN = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_UNITS = tuple(Decimal((0, (1,), -decimals)) for decimals in range(400))
"""The last decimal by the number of decimals: an exact result has no more than it has digits."""
_ZEROS = tuple(Decimal((0, (0,), -decimals)) for decimals in range(400))

add = _EXACT.add
"""`add(a, b)`: the exact sum; raises `decimal.Inexact` rather than round."""
sub = _EXACT.subtract
"""`sub(a, b)`: the exact difference; raises `decimal.Inexact` rather than round."""
mul = _EXACT.multiply
"""`mul(a, b)`: the exact product; raises `decimal.Inexact` rather than round."""
mul_add = _EXACT.fma
"""`mul_add(a, b, c)`: exactly `a * b + c`, as one step; raises `decimal.Inexact` rather than round."""
rest_of = _EXACT.remainder
"""`rest_of(value, increment)`: what whole increments leave of a value; zero of a multiple."""
_whole_steps = _EXACT.divide_int
_to_last_decimal = _FLOOR.quantize
_strip_zeros = _EXACT.normalize
_divide_floor, _cut_floor = _FLOOR_SHORT.divide, _FLOOR_SHORT.quantize
_divide_ceiling, _cut_ceiling = _CEILING_SHORT.divide, _CEILING_SHORT.quantize


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
    """Drop trailing zeros past `decimals_min` decimals and fill up to it; the value is the same.

    Raises `AmountError` where the value is not finite.
    """
    if not value.is_finite():
        raise AmountError("a finite amount", str(value))
    filled = _to_last_decimal(value, _UNITS[decimals_min])
    if filled == value:
        # A zero that came with a minus goes without.
        return filled if value else _ZEROS[decimals_min]
    return _strip_zeros(value)


def halve(value: Decimal) -> Decimal:
    """Half of a value, exact, with as many decimals as it has, or one more."""
    value = add(value, ZERO)  # ten times ten is written with no decimals, and not with less than none
    half = mul(value, _HALF)
    filled = _to_last_decimal(half, value)
    return filled if filled == half else half


def decimals_of(increment: Decimal) -> int:
    """How many decimals an increment has: 2 for `0.01`, 0 for `1` and for `10`."""
    exponent = increment.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def round_down(value: Decimal, increment: Decimal) -> Decimal:
    """The largest multiple of `increment` (greater than zero) that is not greater than `value`."""
    if increment <= ZERO:
        raise AmountError("an increment greater than zero", str(increment))
    # Whole steps are counted toward zero, so that only a negative value is not yet down.
    cut = mul(_whole_steps(value, increment), increment)
    return cut if cut <= value else sub(cut, increment)


def round_up(value: Decimal, increment: Decimal) -> Decimal:
    """The smallest multiple of `increment` (greater than zero) that is not less than `value`."""
    if increment <= ZERO:
        raise AmountError("an increment greater than zero", str(increment))
    cut = mul(_whole_steps(value, increment), increment)
    return cut if cut >= value else add(cut, increment)


def is_multiple(value: Decimal, increment: Decimal) -> bool:
    """Whether `value` is a whole number of `increment`s (greater than zero)."""
    return not rest_of(value, increment)


def divide_down(dividend: Decimal, divisor: Decimal, decimals: int = PRICE_DECIMALS) -> Decimal:
    """`dividend / divisor` with at most `decimals` decimals, rounded toward minus infinity."""
    try:
        # Twice rounded down is rounded down: what fits into 57 digits was cut off behind its last decimal.
        return _cut_floor(_divide_floor(dividend, divisor), _UNITS[decimals])
    except InvalidOperation:
        return _FLOOR.quantize(_FLOOR.divide(dividend, divisor), _UNITS[decimals])


def divide_up(dividend: Decimal, divisor: Decimal, decimals: int = PRICE_DECIMALS) -> Decimal:
    """`dividend / divisor` with at most `decimals` decimals, rounded toward plus infinity."""
    try:
        return _cut_ceiling(_divide_ceiling(dividend, divisor), _UNITS[decimals])
    except InvalidOperation:
        return _CEILING.quantize(_CEILING.divide(dividend, divisor), _UNITS[decimals])


def ratio_up(dividend: Decimal, divisor: Decimal, decimals_min: int, decimals_max: int) -> Decimal:
    """`divide_up` to `decimals_max`, with trailing zeros past `decimals_min` dropped as `trim` does."""
    try:
        ratio = _cut_ceiling(_divide_ceiling(dividend, divisor), _UNITS[decimals_max])
    except InvalidOperation:
        ratio = divide_up(dividend, divisor, decimals_max)
    shown = _to_last_decimal(ratio, _UNITS[decimals_min])
    return shown if shown == ratio and shown else trim(ratio, decimals_min)


def ratio_down(dividend: Decimal, divisor: Decimal, decimals_min: int, decimals_max: int) -> Decimal:
    """`divide_down` to `decimals_max`, with trailing zeros past `decimals_min` dropped as `trim` does."""
    try:
        ratio = _cut_floor(_divide_floor(dividend, divisor), _UNITS[decimals_max])
    except InvalidOperation:
        ratio = divide_down(dividend, divisor, decimals_max)
    shown = _to_last_decimal(ratio, _UNITS[decimals_min])
    return shown if shown == ratio and shown else trim(ratio, decimals_min)
