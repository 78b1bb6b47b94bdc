"""Ranking: a total order, ties included, so that a replay decides alike.

Best all-in price for the whole size first: a buy's low, a sell's high. Ties: firm before indicative, Spot
before PTS (own money before credit), then the connection's id. Where the request may rest or goes out in
slices, a quote for less than the size that was priced counts, behind every complete one.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from router.core.model import PricedQuote, Side
from router.core.money import add, divide_up, mul, sub

_HALF = Decimal("0.5")


class Entrant(msgspec.Struct, frozen=True):
    """A priced quote and what a tie is broken by."""

    priced: PricedQuote
    pts: bool


class Ranking(msgspec.Struct, frozen=True):
    """Priced quotes, best first: only what stands in one can win."""

    quotes: tuple[PricedQuote, ...]


def sort_key(entrant: Entrant, side: Side) -> tuple[bool, Decimal, bool, bool, str]:
    """The key of the total order: smaller is better. No two connections share one."""
    quote = entrant.priced.quote
    price = entrant.priced.all_in_price
    return (
        not quote.complete,
        price if side is Side.BUY else price.copy_negate(),
        not quote.firm,
        entrant.pts,
        quote.connection_id,
    )


def rank(entrants: Iterable[Entrant], side: Side) -> Ranking:
    """Order priced quotes, best first."""
    ordered = sorted(entrants, key=lambda entrant: sort_key(entrant, side))
    return Ranking(tuple(entrant.priced for entrant in ordered))


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
            if _distance_bps(price, median) > collar_bps
        ]
        if not beyond:
            break
        _, name = max(beyond)
        out.append(name)
        left = [entry for entry in left if entry[0] != name]
    return tuple(out)


def _median_of_others(index: int, prices: Sequence[tuple[str, Decimal]]) -> Decimal:
    others = sorted(price for at, (_, price) in enumerate(prices) if at != index)
    middle = len(others) // 2
    return others[middle] if len(others) % 2 else mul(add(others[middle - 1], others[middle]), _HALF)


def _distance_bps(price: Decimal, median: Decimal) -> Decimal:
    """Distance of a price from a median, in basis points of the median, rounded up."""
    return divide_up(mul(sub(price, median).copy_abs(), Decimal(10_000)), median)


def _ratio(price: Decimal, median: Decimal) -> Decimal:
    """The larger over the smaller, both greater than zero."""
    return divide_up(max(price, median), min(price, median))
