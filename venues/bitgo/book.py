"""Level 2 snapshots → books. Pure; a book that cannot be true raises `BadBookError`.

A snapshot is kept as it came and read when a book is asked for: a feed brings many more snapshots than
there are competitions, and only the latest matters. Of what is asked for, the levels are read that somebody
looks at (`levels`).
"""

from collections.abc import Callable
from typing import Final

from router.core.model import Book, Product
from router.ports import OffWireError
from venues.bitgo import wire
from venues.bitgo.levels import BadBookError, Levels, levels_of
from venues.transport.reader import decode
from venues.transport.times import parse_time

SKEW_NS: Final = 500_000_000
"""How far the counterparty's clock may be behind ours before its own `time` is taken for the book's age."""


def held_at(stated: int, arrived: int) -> int:
    """When a book's prices held: its arrival, unless it says itself that it is older.

    A counterparty that replays an old snapshot, or whose feed lags, must not look fresh; two clocks that
    differ by less than `SKEW_NS` must not make a fresh book look old. A time in the future is no claim.
    """
    return stated if stated < arrived - SKEW_NS else arrived


def book_of(message: wire.Level2, product: Product, arrived: int) -> Book:
    """A book, read whole: right product, prices on tick, sides sorted, not crossed. Raises `BadBookError`."""
    at = _held_at(message, product, arrived)
    tick = product.price_increment
    bids = tuple(levels_of(message.bids, tick, descending=True))
    asks = tuple(levels_of(message.asks, tick, descending=False))
    return _uncrossed(Book(bids, asks, at))


def _held_at(message: wire.Level2, product: Product, arrived: int) -> int:
    if message.product != product.name:
        raise BadBookError("wrong_product", "expected a book of the product asked for, was another's")
    try:
        return held_at(parse_time(message.time), arrived)
    except ValueError as error:
        raise BadBookError("unreadable", f"time: {error}") from error


def _uncrossed(book: Book) -> Book:
    bid, ask = book.best_bid, book.best_ask
    if bid is not None and ask is not None and bid >= ask:
        raise BadBookError("crossed", "expected the best bid below the best ask, was not")
    return book


class Snapshots:
    """The latest snapshot of one product, and the book that is read from it.

    `told` hears of each message that cannot be true, once, in the word of its `BadBookError`: at the latest
    when the level is come to that cannot be.
    """

    __slots__ = ("_before", "_book", "_told", "_waiting")

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._waiting: tuple[bytes, int] | None = None
        self._book: Book | None = None
        self._before: Book | None = None

    def arrived(self, message: bytes, at: int) -> None:
        """A snapshot came; the one before is not of interest any more."""
        self._waiting = (message, at)

    def book(self, product: Product) -> Book | None:
        """The latest book that could be true; one that could not leaves the one before, which ages on."""
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            try:
                found = self._read(waiting[0], product, waiting[1])
            except BadBookError as error:
                self._told(error.what)
            else:
                self._before, self._book = self._book, found
        return self._book

    def _read(self, message: bytes, product: Product, arrived: int) -> Book:
        try:
            found = decode(message, wire.Level2)
        except OffWireError as error:
            raise BadBookError("unreadable", error.detail) from error
        at = _held_at(found, product, arrived)
        tick = product.price_increment
        bids = Levels(levels_of(found.bids, tick, descending=True), self._broken)
        asks = Levels(levels_of(found.asks, tick, descending=False), self._broken)
        return _uncrossed(Book(bids, asks, at))

    def _broken(self, levels: Levels, error: BadBookError) -> None:
        """A book was handed out whose deeper levels cannot be true: it is handed out no more."""
        if _has(self._book, levels):
            self._book, self._before = self._before, None
        elif _has(self._before, levels):
            self._before = None
        self._told(error.what)


def _has(book: Book | None, levels: Levels) -> bool:
    return book is not None and (book.bids is levels or book.asks is levels)
