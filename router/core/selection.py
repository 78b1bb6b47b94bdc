"""Ranking: a total order, ties included, so that a replay decides alike.

Best all-in price for the whole size first: a buy's low, a sell's high. Ties: firm before indicative, Spot
before PTS (own money before credit), then the connection's id. Where the request may rest (a limit order), a
quote for less than the whole size counts, behind every complete one.
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
    among three pulls the median of the other two, and must not take them with it. Ties go by connection id.
    """
    left = sorted(prices)
    out: list[str] = []
    while len(left) >= 3:
        distance, name = max((_distance(index, left), left[index][0]) for index in range(len(left)))
        if distance <= collar_bps:
            break
        out.append(name)
        left = [entry for entry in left if entry[0] != name]
    return tuple(out)


def _distance(index: int, prices: Sequence[tuple[str, Decimal]]) -> Decimal:
    """Distance of one price from the median of the others, in basis points of that median, rounded up."""
    others = sorted(price for at, (_, price) in enumerate(prices) if at != index)
    middle = len(others) // 2
    median = others[middle] if len(others) % 2 else mul(add(others[middle - 1], others[middle]), _HALF)
    gap = sub(prices[index][1], median).copy_abs()
    return divide_up(mul(gap, Decimal(10_000)), median)
