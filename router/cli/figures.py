"""Amounts of answers as people read them. Whoever needs every digit takes `--json`."""

from decimal import Decimal
from typing import Final

from router.cli.paper import NONE, plain
from router.core.errors import AmountError
from router.core.model import Side
from router.core.money import format_amount, mul, parse_signed, round_down, round_up, sub, trim
from router.core.pricing import worse_by_bps

DIGITS: Final = 10
"""Digits of a price that are shown at least: a Bitcoin in dollars to the hundred-thousandth of a dollar."""
MONEY_DIGITS: Final = 6
"""Digits of a fee or a saving that are shown at least."""
DECIMALS_MIN: Final = 2


def number(text: str | None) -> Decimal | None:
    """An amount of an answer; None where there is none that can be read."""
    if text is None:
        return None
    try:
        return parse_signed(text)
    except AmountError:
        return None


def price(text: str | None, side: str) -> str:
    """A price, rounded against the caller where it has more digits than anybody reads; `-` without one."""
    value = number(text)
    if value is None:
        return NONE if text is None else plain(text)
    return format_amount(_shortened(value, DIGITS, up=side == Side.BUY.value))


def amount(text: str) -> str:
    """An amount of money, rounded up as a cost is."""
    value = number(text)
    return plain(text) if value is None else format_amount(_shortened(value, MONEY_DIGITS, up=True))


def behind_bps(all_in: str | None, best: str | None, side: str) -> str:
    """How far an all-in price is behind the best one, in basis points; a cost, so rounded up."""
    mine, reference = number(all_in), number(best)
    if mine is None or not reference or side not in tuple(Side):
        return NONE
    return "best" if mine == reference else f"{worse_by_bps(mine, reference, Side(side)):f} bps"


def saved(all_in: str | None, cover: str | None, quantity: str, side: str) -> str | None:
    """What an order saved against the second-best price, in the quote currency, rounded down."""
    paid, second, size = number(all_in), number(cover), number(quantity)
    if paid is None or second is None or size is None:
        return None
    better = sub(second, paid) if side == Side.BUY.value else sub(paid, second)
    return format_amount(_shortened(mul(better, size), MONEY_DIGITS, up=False))


def _shortened(value: Decimal, digits: int, *, up: bool) -> Decimal:
    # A small value keeps its digits and not its place: 0.00001234567891.
    decimals = max(DECIMALS_MIN, digits - 1 - value.adjusted()) if value else DECIMALS_MIN
    rounded = (round_up if up else round_down)(value, Decimal((0, (1,), -decimals)))
    return trim(rounded, min(DECIMALS_MIN, decimals))
