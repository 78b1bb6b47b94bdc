"""The rules of money and prices written plainly, without a thought for speed: what the quick ones must equal.

Digit by digit: two results are the same where sign, digits and exponent are.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Clamped, Context, Decimal, DivisionByZero, Inexact, Overflow
from decimal import InvalidOperation as Invalid

from router.core.model import Level, Product, Quote, Side, Source

_EXACT = Context(prec=400, traps=[Invalid, DivisionByZero, Overflow, Inexact, Clamped])


def digits(value: Decimal | None) -> object:
    """What an amount is made of."""
    return None if value is None else value.as_tuple()


def trim(value: Decimal, decimals_min: int = 0) -> Decimal:
    """Zeros past `decimals_min` dropped, or filled up to it, one after the other."""
    sign, figures, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if not any(figures):
        return Decimal((0, (0,), -decimals_min))
    kept = list(figures)
    while exponent < -decimals_min and kept[-1] == 0:
        kept.pop()
        exponent += 1
    while exponent > -decimals_min:
        kept.append(0)
        exponent -= 1
    return Decimal((sign, tuple(kept), exponent))


def rounded(value: Decimal, increment: Decimal, *, up: bool) -> Decimal:
    """The multiple of an increment on one side of a value."""
    steps = _EXACT.divide_int(value, increment)
    rest = _EXACT.subtract(value, _EXACT.multiply(steps, increment))
    # Whole steps are cut off toward zero: a negative value is already at its ceiling.
    if rest != 0 and up and value > 0:
        steps = _EXACT.add(steps, Decimal(1))
    elif rest != 0 and not up and value < 0:
        steps = _EXACT.subtract(steps, Decimal(1))
    return _EXACT.multiply(steps, increment)


def divided(dividend: Decimal, divisor: Decimal, decimals: int, *, up: bool) -> Decimal:
    """A quotient to 400 digits, cut to its decimals."""
    rounding = ROUND_CEILING if up else ROUND_FLOOR
    context = Context(prec=400, rounding=rounding, traps=[Invalid, DivisionByZero, Overflow])
    return context.quantize(context.divide(dividend, divisor), Decimal((0, (1,), -decimals)))


def unit_price(notional: Decimal, base: Decimal, side: Side, product: Product) -> Decimal:
    """Quote per base, to eight decimals past the tick, against the caller."""
    exponent = product.price_increment.as_tuple().exponent
    assert isinstance(exponent, int)
    tick = max(0, -exponent)
    return trim(divided(notional, base, tick + 8, up=side is Side.BUY), tick)


def quote(
    levels: Sequence[Level], product: Product, side: Side, quantity: Decimal, *, protected: bool
) -> Quote | None:
    """An indicative quote for a size in base: level by level, then the average."""
    left, cost, worst = quantity, Decimal(0), None
    for level in levels:
        take = min(left, level.size)
        cost = _EXACT.add(cost, _EXACT.multiply(take, level.price))
        left = _EXACT.subtract(left, take)
        worst = level.price
        if left == 0:
            break
    if worst is None:
        return None
    base = _EXACT.subtract(quantity, left)
    price = unit_price(cost, base, side, product)
    if protected:
        exponent = product.price_increment.as_tuple().exponent
        assert isinstance(exponent, int)
        price, cost = trim(worst, max(0, -exponent)), _EXACT.multiply(worst, base)
    return Quote("a", Source.BOOK, False, price, worst, base, cost, left == 0)


def outside_collar(prices: Sequence[tuple[str, Decimal]], collar_bps: Decimal) -> tuple[str, ...]:
    """Who is out, one after the other, each round measured against the median of the others."""
    left, out = sorted(prices), []
    while len(left) >= 3:
        far = []
        for name, price in left:
            others = sorted(other for rival, other in left if rival != name)
            middle = len(others) // 2
            median = others[middle] if len(others) % 2 else (others[middle - 1] + others[middle]) / 2
            if abs(price - median) * 10_000 > collar_bps * median:
                far.append((divided(max(price, median), min(price, median), 18, up=True), name))
        if not far:
            break
        out.append(max(far)[1])
        left = [each for each in left if each[0] != out[-1]]
    return tuple(out)
