"""Level 2 snapshots → books. Pure; a book that cannot be true raises `BadBookError`.

A snapshot is kept as it came and read when a book is asked for: a feed brings many more snapshots than
there are competitions, and only the latest matters.
"""

import itertools
from decimal import Decimal
from typing import Final

import msgspec

from router.core.errors import AmountError
from router.core.model import Book, Level, Product
from router.core.money import is_multiple, parse_positive
from router.ports import OffWireError
from venues.bitgo import wire
from venues.transport.reader import decode
from venues.transport.times import parse_time

LEVELS_MAX: Final = 1000
"""Levels of a side that are read; deeper ones are left. It bounds the work that one message can cause."""
SKEW_NS: Final = 500_000_000
"""How far the counterparty's clock may be behind ours before its own `time` is taken for the book's age."""

_SIDE = msgspec.json.Decoder(list[list[str]])


class BadBookError(OffWireError):
    """A snapshot that cannot be true; `what` is one of a few words, for a counter."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(detail)
        self.what = what


def held_at(stated: int, arrived: int) -> int:
    """When a book's prices held: its arrival, unless it says itself that it is older.

    A counterparty that replays an old snapshot, or whose feed lags, must not look fresh; two clocks that
    differ by less than `SKEW_NS` must not make a fresh book look old. A time in the future is no claim.
    """
    return stated if stated < arrived - SKEW_NS else arrived


def book_of(message: wire.Level2, product: Product, arrived: int) -> Book:
    """A book: right product, prices on tick, sides sorted, not crossed. Raises `BadBookError`."""
    if message.product != product.name:
        raise BadBookError("wrong_product", "expected a book of the product asked for, was another's")
    try:
        stated = parse_time(message.time)
    except ValueError as error:
        raise BadBookError("unreadable", f"time: {error}") from error
    bids = _levels(message.bids, product.price_increment)
    asks = _levels(message.asks, product.price_increment)
    for side, descending in ((bids, True), (asks, False)):
        for better, worse in itertools.pairwise(side):
            if better.price == worse.price or (better.price < worse.price) is descending:
                raise BadBookError("unsorted", "expected levels from the best price, was another order")
    if bids and asks and bids[0].price >= asks[0].price:
        raise BadBookError("crossed", "expected the best bid below the best ask, was not")
    return Book(bids, asks, held_at(stated, arrived))


def _levels(raw: msgspec.Raw, tick: Decimal) -> tuple[Level, ...]:
    """One side: `[price, size]`, or `[price, size, cumulativeSize]` whose last is not needed."""
    try:
        rows = _SIDE.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadBookError("unreadable", "expected a list of levels, was another thing") from error
    levels = []
    for row in rows[:LEVELS_MAX]:
        if not 2 <= len(row) <= 3:
            raise BadBookError("unreadable", "expected a price and a size, was another thing")
        try:
            level = Level(parse_positive(row[0]), parse_positive(row[1]))
        except AmountError as error:
            raise BadBookError("unreadable", f"level: expected {error.expected}") from error
        if not is_multiple(level.price, tick):
            raise BadBookError("off_tick", "expected a price on the product's tick, was not")
        levels.append(level)
    return tuple(levels)


class Snapshots:
    """The latest snapshot of one product, and the book that was read from it."""

    __slots__ = ("_book", "_waiting")

    def __init__(self) -> None:
        self._waiting: tuple[bytes, int] | None = None
        self._book: Book | None = None

    def arrived(self, message: bytes, at: int) -> None:
        """A snapshot came; the one before is not of interest any more."""
        self._waiting = (message, at)

    def forget(self) -> None:
        """What is known may have been changed by something that could not be applied."""
        self._waiting = self._book = None

    def book(self, product: Product) -> Book | None:
        """The latest book that could be true; one that could not leaves the one before, which goes on ageing.

        Raises `BadBookError`, once for a message.
        """
        if self._waiting is not None:
            message, at = self._waiting
            self._waiting = None
            try:
                found = decode(message, wire.Level2)
            except OffWireError as error:
                raise BadBookError("unreadable", error.detail) from error
            self._book = book_of(found, product, at)
        return self._book
