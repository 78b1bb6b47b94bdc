"""One side of a level 2 snapshot, read level by level, as deep as somebody looks. Pure.

A feed brings many books a second, each with hundreds of levels, and most quotes look at the first one or two.
So a level is read, and held to what must be true of it, when a reader comes to it: never after it was used.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final, overload

import msgspec

from router.core.errors import AmountError
from router.core.model import Level
from router.core.money import AMOUNT_LENGTH_MAX, parse_amount, rest_of
from router.ports import OffWireError

LEVELS_MAX: Final = 1000
"""Levels of a side that are read; deeper ones are left. It bounds the work that one message can cause."""

_SPACE: Final = r"[ \t\n\r]*"
_AMOUNT: Final = r'"((?:0|[1-9][0-9]*)(?:\.[0-9]+)?)"'
# `[price, size]`, or `[price, size, cumulativeSize]` whose last is not needed: after the bracket that begins
# the side, or a comma, and perhaps before the bracket that ends it.
_LEVEL: Final = re.compile(
    rf"[\[,]{_SPACE}\[{_SPACE}{_AMOUNT}{_SPACE},{_SPACE}{_AMOUNT}{_SPACE}"
    rf'(?:,{_SPACE}"[^"\\]*"{_SPACE})?\]{_SPACE}(\])?'
)
_SIDE = msgspec.json.Decoder(list[list[str]])


class BadBookError(OffWireError):
    """A snapshot that cannot be true; `what` is one of a few words, for a counter."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(detail)
        self.what = what


def levels_of(raw: msgspec.Raw, tick: Decimal, *, descending: bool) -> Iterator[Level]:
    """The levels of a side from the best; raises `BadBookError` where one cannot be true, when it is come to.

    Each price and size is greater than zero, each price a multiple of `tick` and worse than the one before.
    """
    before: Decimal | None = None
    for price, size in itertools.islice(_pairs(raw), LEVELS_MAX):
        if not price or not size:
            raise BadBookError("unreadable", "level: expected a price and a size greater than zero, was zero")
        if rest_of(price, tick):
            raise BadBookError("off_tick", "expected a price on the product's tick, was not")
        if before is not None and (price == before or (price < before) is not descending):
            raise BadBookError("unsorted", "expected levels from the best price, was another order")
        before = price
        yield Level(price, size)


def _pairs(raw: msgspec.Raw) -> Iterator[tuple[Decimal, Decimal]]:
    """Price and size of each level, as they stand in the text.

    The text is walked where it looks as the description shows it; from the first level that does not, the
    JSON decoder and the parser of amounts judge.
    """
    try:
        text = str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise BadBookError("unreadable", "expected a side in UTF-8, was another encoding") from error
    at, end, walked = 0, None, 0
    while end is None:
        found = _LEVEL.match(text, at)
        # A match that is no longer than one amount may be holds none that is.
        if found is None or found.end() - at > AMOUNT_LENGTH_MAX:
            yield from _decoded(raw, walked)
            return
        price, size, end = found.groups()
        yield Decimal(price), Decimal(size)
        at = found.end()
        walked += 1


def _decoded(raw: msgspec.Raw, walked: int) -> Iterator[tuple[Decimal, Decimal]]:
    """The levels after the first `walked`, by the plain rules."""
    try:
        rows = _SIDE.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadBookError("unreadable", "expected a list of levels, was another thing") from error
    for row in rows[walked:]:
        if not 2 <= len(row) <= 3:
            raise BadBookError("unreadable", "expected a price and a size, was another thing")
        try:
            pair = parse_amount(row[0]), parse_amount(row[1])
        except AmountError as error:
            raise BadBookError("unreadable", f"level: expected {error.expected}") from error
        yield pair


class Levels(Sequence[Level]):
    """A side that is read as somebody comes to its levels; it holds what was read.

    It ends before the first level that cannot be true, so nothing is ever priced at that one or past it;
    `broken` is told, once. The first two are read at once, for a side that is upside down shows there: raises
    `BadBookError` where they cannot be true.
    """

    __slots__ = ("_broken", "_read", "_rest")

    def __init__(self, levels: Iterable[Level], broken: Callable[["Levels", BadBookError], None]) -> None:
        self._rest = iter(levels)
        self._broken = broken
        self._read = list(itertools.islice(self._rest, 2))

    def __bool__(self) -> bool:
        return bool(self._read)

    def __iter__(self) -> Iterator[Level]:
        read = self._read
        index = 0
        # By index, for who else reads meanwhile lengthens the list.
        while index < len(read) or self._read_on():
            yield read[index]
            index += 1

    @overload
    def __getitem__(self, index: int) -> Level: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Level, ...]: ...
    def __getitem__(self, index: int | slice) -> Level | tuple[Level, ...]:
        if isinstance(index, slice):
            return self.whole()[index]
        if index < 0:
            return self.whole()[index]
        while index >= len(self._read) and self._read_on():
            pass
        return self._read[index]

    def __len__(self) -> int:
        return len(self.whole())

    def __eq__(self, other: object) -> bool:
        return self.whole() == (other.whole() if isinstance(other, Levels) else other)

    __hash__ = None  # type: ignore[assignment]  # it reads on: equal today says nothing of what is read later

    def __repr__(self) -> str:
        return f"Levels({self._read!r}, read so far)"

    def whole(self) -> tuple[Level, ...]:
        """Every level that can be true, read to the end."""
        while self._read_on():
            pass
        return tuple(self._read)

    def _read_on(self) -> bool:
        """Read the next level; False at the end."""
        try:
            level = next(self._rest, None)
        except BadBookError as error:
            # A generator that raised has ended: nobody comes past here again.
            self._broken(self, error)
            return False
        if level is None:
            return False
        self._read.append(level)
        return True
