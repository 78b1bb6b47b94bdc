"""Ranking: a total order, ties included, so that a replay decides alike.

Best all-in price for the whole size first: a buy's low, a sell's high. Ties: firm before indicative, Spot
before PTS (own money before credit), then the connection's id. Where the request may rest or goes out in
slices, a quote for less than the size that was priced counts, behind every complete one.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from router.core.model import PricedQuote, Side
from router.core.money import ZERO, add, divide_up, mul, sub

_BUY: Final = Side.BUY
_HALF: Final = Decimal("0.5")
_BPS_OF_ONE: Final = Decimal(10_000)


Entrant = tuple[PricedQuote, bool]
"""A priced quote, and whether its connection is a PTS one."""


class Ranking(msgspec.Struct, frozen=True, gc=False):
    """Priced quotes, best first: only what stands in one can win."""

    quotes: tuple[PricedQuote, ...]


def rank(entrants: Iterable[Entrant], side: Side) -> Ranking:
    """Order priced quotes, best first."""
    buys = side is _BUY
    keyed = []
    for priced, pts in entrants:
        quote, price = priced.quote, priced.all_in_price
        # Smaller is better. No two connections share an id, so that what stands behind it is never compared.
        by_price = price if buys else price.copy_negate()
        keyed.append((not quote.complete, by_price, not quote.firm, pts, quote.connection_id, priced))
    keyed.sort()
    return Ranking(tuple([each[-1] for each in keyed]))


def outside_collar(prices: Sequence[tuple[str, Decimal]], collar_bps: Decimal) -> tuple[str, ...]:
    """Which connections' prices are farther than `collar_bps` from the median of the others.

    The farthest goes first and the rest is measured anew, while there are three or more: one wild price
    among three pulls the median of the other two, and must not take them with it. Which one is farthest is
    told by the ratio, which is the same for a price too high and one too low: no price is more than 100 %
    below a median, but the median that a price near zero pulls down leaves honest ones 100 % above it. Ties
    go by connection id.
    """
    left = sorted(prices)
    out: list[str] = []
    while len(left) >= 3:
        medians = [_median_of_others(index, left) for index in range(len(left))]
        beyond = [
            (_ratio(price, median), name)
            for (name, price), median in zip(left, medians, strict=True)
            if _is_farther(price, median, collar_bps)
        ]
        if not beyond:
            break
        _, name = max(beyond)
        out.append(name)
        left = [entry for entry in left if entry[0] != name]
    return tuple(out)


def agree(prices: Sequence[Decimal], collar_bps: Decimal) -> bool:
    """Whether nobody can be outside, as the lowest and the highest price tell: the case of every day.

    A median of others is between the two, so that no price is farther from it than they are from each other.
    """
    if len(prices) < 3:
        return True
    low, high = min(prices), max(prices)
    return low > ZERO and not _is_farther(high, low, collar_bps)


def _median_of_others(index: int, prices: Sequence[tuple[str, Decimal]]) -> Decimal:
    others = sorted(price for at, (_, price) in enumerate(prices) if at != index)
    middle = len(others) // 2
    return others[middle] if len(others) % 2 else mul(add(others[middle - 1], others[middle]), _HALF)


def _is_farther(price: Decimal, median: Decimal, collar_bps: Decimal) -> bool:
    """Whether a price is farther from a median (greater than zero) than so many basis points of it."""
    return mul(sub(price, median).copy_abs(), _BPS_OF_ONE) > mul(collar_bps, median)


def _ratio(price: Decimal, median: Decimal) -> Decimal:
    """The larger over the smaller, both greater than zero."""
    return divide_up(max(price, median), min(price, median))
