"""Books as they were streamed or asked for: two sides of levels, and when their prices held."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from router.core.once import Once


class Level(msgspec.Struct, frozen=True, gc=False):
    """One level of a book: price in quote per base, size in base."""

    price: Decimal
    size: Decimal


class Book(msgspec.Struct, frozen=True, dict=True):
    """A whole book: bids from the highest, asks from the lowest price. `at`: when its prices held.

    A side may be read as its levels are come to: whoever prices by it asks for no more than it needs. Every
    level that it hands out is true; one that ends before a level which cannot be is shorter, and no more.
    """

    bids: Sequence[Level]
    asks: Sequence[Level]
    at: int

    @Once
    def best_bid(self) -> Decimal | None:
        """The highest bid's price; None where there is no bid."""
        return self.bids[0].price if self.bids else None

    @Once
    def best_ask(self) -> Decimal | None:
        """The lowest ask's price; None where there is no ask."""
        return self.asks[0].price if self.asks else None

    @Once
    def touches(self) -> list[Any]:
        """What the best level of each side came to, bids then asks, kept for the next order (`touch`)."""
        return [None, None]
