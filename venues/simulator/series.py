"""A long history without its memory: rows are indices, and what a row is, is worked out when it is asked for.

A series of `count` rows is spread evenly over a span of time, row 0 the oldest.  Everything about a row
follows from its index and the seed, its id holds its index, and a row that is hidden leaves a gap that
paging steps over; so a page costs its own length, however far back it lies.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")
Key = TypeVar("Key", int, tuple[int, str])

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MASK = (1 << 64) - 1
# The part of an id that holds the index: what is left of a UUID beside its version and variant.
_INDEX_BITS = 48


def to_us(moment: datetime) -> int:
    """Give the microseconds since the epoch, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(moment_us: int) -> datetime:
    """Give the moment so many microseconds after the epoch."""
    return _EPOCH + moment_us * _MICROSECOND


def mix(seed: int, index: int) -> int:
    """Draw 64 bits for an index without drawing for those before it (the finalizer of SplitMix64)."""
    drawn = (seed + index * 0x9E3779B97F4A7C15) & _MASK
    drawn = ((drawn ^ (drawn >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    drawn = ((drawn ^ (drawn >> 27)) * 0x94D049BB133111EB) & _MASK
    return drawn ^ (drawn >> 31)


class IdRange:
    """Ids that hold their index: one prefix drawn from the seed, and 48 bits of index."""

    def __init__(self, name: str) -> None:
        drawn = UUID(int=Random(name).getrandbits(128), version=4).int
        self._prefix = drawn >> _INDEX_BITS << _INDEX_BITS

    def uuid(self, index: int) -> str:
        """Give the id of an index as a UUID."""
        return str(UUID(int=self._prefix | index))

    def hexadecimal(self, index: int) -> str:
        """Give the id of an index as 32 hexadecimal digits; later indices have greater ids."""
        return f"{self._prefix | index:032x}"

    def index(self, text: str) -> int | None:
        """Give the index that an id holds; None for an id of another prefix."""
        try:
            number = int(text.replace("-", ""), 16)
        except ValueError:
            return None
        held = number ^ self._prefix
        return held if 0 <= held < 1 << _INDEX_BITS else None


@dataclass(slots=True)
class Series:
    """The rows' times, and which of them are hidden."""

    count: int
    start_us: int
    span_us: int
    seed: int
    hidden: list[int] = field(default_factory=list)

    def time_us(self, index: int) -> int:
        """Give a row's time: evenly spread, moved within its own share of the span, so always ascending."""
        share = max(self.span_us // max(self.count, 1), 1)
        return self.start_us + index * self.span_us // self.count + mix(self.seed, index) % share

    def at(self, moment: datetime | None, otherwise: int) -> int:
        """Give the first row whose time is not before `moment`; `otherwise` if there is no moment."""
        if moment is None:
            return otherwise
        return bisect_left(range(self.count), to_us(moment), key=self.time_us)

    def hide(self, index: int) -> None:
        """Leave a row out from here on."""
        if not self.hides(index):
            insort(self.hidden, index)

    def hides(self, index: int) -> bool:
        """Whether a row is left out."""
        place = bisect_left(self.hidden, index)
        return place < len(self.hidden) and self.hidden[place] == index


def series(count: int, until: datetime, days: int, seed: str) -> Series:
    """Spread `count` rows over the `days` before `until`."""
    span_us = days * 86_400_000_000
    return Series(count, to_us(until) - span_us, span_us, Random(seed).getrandbits(63))


@dataclass(frozen=True, slots=True)
class Pick:
    """Every `step`-th row of a series (`special` true), or all but those (false), or all (None)."""

    step: int
    special: bool | None = None

    def takes(self, index: int) -> bool:
        """Whether a row is one of them."""
        return self.special is None or self.special == is_special(index, self.step)

    def before(self, index: int) -> int:
        """How many rows before `index` are taken."""
        specials = index // self.step
        return {None: index, True: specials, False: index - specials}[self.special]


def is_special(index: int, step: int) -> bool:
    """Whether a row is one of the special ones: the last of each `step` rows."""
    return index % step == step - 1


@dataclass(frozen=True, slots=True)
class View:
    """The rows of a series from `low` up to but not with `high` that `pick` takes, newest first."""

    series: Series
    low: int
    high: int
    pick: Pick

    def __len__(self) -> int:
        """How many rows there are."""
        return self._before(self.high)

    def _before(self, index: int) -> int:
        hidden = self.series.hidden
        gaps = hidden[bisect_left(hidden, self.low) : bisect_left(hidden, index)]
        left_out = sum(1 for gap in gaps if self.pick.takes(gap))
        return self.pick.before(index) - self.pick.before(self.low) - left_out

    def newer_than(self, key: Key, key_of: Callable[[int], Key]) -> int:
        """How many rows have a key greater than `key`; keys ascend with the index."""
        place = bisect_right(range(self.low, self.high), key, key=key_of)
        return len(self) - self._before(self.low + place)

    def newest(self, skip: int) -> Iterator[int]:
        """Give the indices from the newest on, after `skip` of them."""
        wanted = len(self) - skip
        if wanted <= 0:
            return
        # The oldest place that has `wanted` rows before it follows the row that is looked for.
        place = bisect_left(range(self.low, self.high + 1), wanted, key=self._before)
        for index in range(self.low + place - 1, self.low - 1, -1):
            if self.pick.takes(index) and not self.series.hides(index):
                yield index


def view(series: Series, since: datetime | None, before: datetime | None, pick: Pick) -> View:
    """Give the rows of a span of time, `since` inclusive, `before` exclusive."""
    low = series.at(since, 0)
    return View(series, low, max(series.at(before, series.count), low), pick)


def page(
    kept: Sequence[T],
    rows: View | None,
    ahead: Callable[[T], int],
    build: Callable[[int], T],
    offset: int,
    limit: int,
) -> list[T]:
    """Cut a page out of kept rows and of a series, merged newest first.

    `ahead` says of a kept row how many rows of the series come before it; the kept rows are sorted.
    """
    place = bisect_left(range(len(kept)), offset, key=lambda index: index + ahead(kept[index]))
    passed = offset - place
    indices = rows.newest(passed) if rows is not None else iter(())
    found: list[T] = []
    while len(found) < limit:
        if place < len(kept) and ahead(kept[place]) <= passed:
            found.append(kept[place])
            place += 1
            continue
        index = next(indices, None)
        if index is None:
            break
        found.append(build(index))
        passed += 1
    return found
