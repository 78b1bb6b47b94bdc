"""ccxt's order books → books that can be true. Pure."""

import itertools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from router.core.model import Book, Level, Product
from router.core.money import is_multiple
from router.ports import OffWireError
from venues.ccxt_venue.parse import MILLISECOND_NS, amount

LEVELS_MAX: Final = 100
"""Levels of a side that are asked for and read; it bounds the work that one book can cause."""
DIGITS_MAX: Final = 15
"""Digits that a decimal keeps through a binary float, both ways, whatever they are."""
SKEW_NS: Final = 500_000_000
"""How far the exchange's clock may be behind ours before its own time is taken for the book's age."""


class BadBookError(OffWireError):
    """A book that cannot be true; `what` is one of a few words, for a counter."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(detail)
        self.what = what


def book_of(found: Mapping[str, Any], product: Product, arrived: int, *, streamed: bool = False) -> Book:
    """A book: prices on tick, sides sorted, not crossed. Raises `BadBookError`.

    Sides are sorted here: ccxt sorts text as text. A streamed one went through ccxt's own JSON reader, whose
    floats are exact for up to 15 digits; one with more is no book.
    """
    sides = []
    for name, descending in (("bids", True), ("asks", False)):
        levels = sorted(
            _levels(found.get(name) or (), product.price_increment, streamed=streamed),
            key=lambda level: level.price,
            reverse=descending,
        )
        if any(one.price == other.price for one, other in itertools.pairwise(levels)):
            raise BadBookError("unsorted", "expected every price once, was one twice")
        sides.append(tuple(levels[:LEVELS_MAX]))
    bids, asks = sides
    if not bids and not asks:
        # What is no book at all reads as this one: the library fills in what is not there.
        raise BadBookError("empty", "expected a level, was none on either side")
    if bids and asks and bids[0].price >= asks[0].price:
        raise BadBookError("crossed", "expected the best bid below the best ask, was not")
    return Book(bids, asks, _held_at(found.get("timestamp"), arrived))


def _held_at(stamp: object, arrived: int) -> int:
    """When the prices held: their arrival, unless the exchange says itself that they are older."""
    stated = stamp * MILLISECOND_NS if isinstance(stamp, int) else arrived
    return stated if stated < arrived - SKEW_NS else arrived


def _levels(rows: Sequence[Any], tick: Decimal, *, streamed: bool) -> list[Level]:
    levels = []
    for row in rows:
        try:
            price, size = (_number(value, streamed=streamed) for value in row[:2])
        except (OffWireError, TypeError, ValueError) as error:
            raise BadBookError("unreadable", f"level: {error}") from error
        if not price or not is_multiple(price, tick):
            raise BadBookError("off_tick", "expected a price on the product's tick, was not")
        if size:
            levels.append(Level(price, size))
    return levels


def _number(value: object, *, streamed: bool) -> Decimal:
    if isinstance(value, Decimal):
        if not value.is_finite() or len(value.as_tuple().digits) > DIGITS_MAX:
            raise OffWireError(f"expected at most {DIGITS_MAX} digits, were more")
        value = str(value)
    elif streamed:
        raise OffWireError("expected a decimal, was another thing")
    return amount(value, "level")
