"""A side of a book, read level by level: as the plain rules have it, and no deeper than somebody looks."""

import itertools
import json
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import AmountError
from router.core.model import Level
from router.core.money import is_multiple, parse_positive
from router.core.pricing import walk_base
from tests.unit.build import D
from venues.bitgo.levels import LEVELS_MAX, BadBookError, Levels, levels_of

TICK = D("0.01")


def raw(rows: object, **changed: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(rows, **changed).encode())  # type: ignore[arg-type]  # what dumps takes


def plainly(text: str, *, descending: bool) -> tuple[list[Level], str | None]:
    """The rules, told plainly: the levels up to the first that cannot be true, and what is wrong there."""
    read: list[Level] = []
    rows = json.loads(text)
    for row in rows if isinstance(rows, list) else [None]:
        if not isinstance(row, list) or not 2 <= len(row) <= 3:
            return read, "unreadable"
        try:
            level = Level(parse_positive(row[0]), parse_positive(row[1]))
        except AmountError:
            return read, "unreadable"
        if not is_multiple(level.price, TICK):
            return read, "off_tick"
        if read:
            worse = level.price < read[-1].price if descending else level.price > read[-1].price
            if not worse:
                return read, "unsorted"
        read.append(level)
    return read, None


def lazily(text: bytes, *, descending: bool) -> tuple[list[Level], str | None]:
    """What is read, and what is told to be wrong."""
    told: list[str] = []
    try:
        side = Levels(
            levels_of(msgspec.Raw(text), TICK, descending=descending), lambda _, no: told.append(no.what)
        )
    except BadBookError as error:
        return [], error.what
    read = list(side)
    assert list(side) == read
    assert len(told) <= 1
    return read, told[0] if told else None


amounts = st.one_of(
    st.decimals(D("0.01"), D(10_000), places=2).map(str),
    st.sampled_from(
        ["0", "0.00", "1e3", "NaN", "-1", "+1", "01", "1.", ".5", "1_0", " 1", "1\n", "٣", "100.001"]
    ),
    st.sampled_from(["100.0100000", "7" * 40, "1" * 64, "1" * 65, "", "0.010", 'a"b', "a\\b", "1]", "é"]),
)
rows = st.lists(
    st.one_of(
        st.tuples(amounts, amounts).map(list),
        st.tuples(amounts, amounts, amounts).map(list),
        st.lists(amounts, max_size=4),
    ),
    max_size=6,
)
sides = st.lists(st.tuples(st.integers(1, 2000), st.decimals(D("0.01"), D(99), places=3)), max_size=8)


@given(rows, st.booleans(), st.booleans(), st.sampled_from([None, 1]))
def test_what_is_read_is_what_the_plain_rules_read(
    found: list[list[str]], descending: bool, escaped: bool, indent: int | None
) -> None:
    # A text of the wire whose characters are not ASCII comes escaped or as it is.
    text = json.dumps(found, ensure_ascii=escaped, indent=indent)
    levels, what = plainly(text, descending=descending)
    # One that is bad in its first two levels is no side at all.
    expected = [] if what is not None and len(levels) < 2 else levels
    assert lazily(text.encode(), descending=descending) == (expected, what)


@given(sides, st.booleans())
def test_a_side_in_order_is_read_whole(found: list[tuple[int, Decimal]], descending: bool) -> None:
    cents = dict(found)
    prices = sorted(cents, reverse=descending)
    text = json.dumps([[f"{price / 100:.2f}", str(cents[price])] for price in prices], separators=(",", ":"))
    expected = [Level(Decimal(price) / 100, cents[price]) for price in prices]
    assert lazily(text.encode(), descending=descending) == (expected, None)


@pytest.mark.parametrize(
    "text", [b"{}", b"7", b'"[]"', b"null", b'[["1",2]]', b'["1","2"]', b'[["1\xff","1"]]']
)
def test_what_is_no_side_is_unreadable(text: bytes) -> None:
    assert lazily(text, descending=True) == ([], "unreadable")


def test_an_empty_side_is_none() -> None:
    for text in (b"[]", b"[ ]"):
        side = Levels(levels_of(msgspec.Raw(text), TICK, descending=True), _never)
        assert (bool(side), len(side), list(side)) == (False, 0, [])


def test_levels_past_the_bound_are_left() -> None:
    side = [[str(1 + number), "1"] for number in range(LEVELS_MAX + 5)]
    assert len(list(levels_of(raw(side), TICK, descending=False))) == LEVELS_MAX


def _never(levels: Levels, error: BadBookError) -> None:
    raise AssertionError(f"expected nothing to be told of {levels!r}, was {error}")


def _counted(count: list[int], levels: int = 10) -> Iterator[Level]:
    for number in range(levels):
        count[0] += 1
        yield Level(Decimal(100 + number), D(1))


def test_no_level_is_read_that_nobody_comes_to() -> None:
    count = [0]
    side = Levels(_counted(count), _never)
    assert (count, bool(side), side[0].price) == ([2], True, D(100))
    assert walk_base(side, D("0.5")) is not None
    assert count == [2]
    walk_base(side, D(3))
    assert count == [3]
    assert side[4].price == 104
    assert count == [5]
    assert len(side) == 10
    assert side[-1] == side[9]
    assert side[2:4] == (side[2], side[3])
    with pytest.raises(IndexError):
        side[10]


def test_two_who_read_at_the_same_time_see_every_level_once() -> None:
    count = [0]
    side = Levels(_counted(count), _never)
    one, other = iter(side), iter(side)
    seen = [next(one), next(other), next(other), next(one), next(one), *other, *one]
    prices = sorted(level.price for level in seen)
    assert prices == sorted([*range(100, 110), *range(100, 110)])
    assert count == [10]


def test_a_side_ends_before_what_cannot_be_true_and_tells_it_once() -> None:
    told: list[str] = []
    text = raw([["100.00", "1"], ["99.99", "1"], ["99.985", "1"], ["99.98", "1"]])
    side = Levels(levels_of(text, TICK, descending=True), lambda _, error: told.append(error.what))
    assert told == []
    assert list(itertools.islice(side, 2)) == [Level(D("100.00"), D(1)), Level(D("99.99"), D(1))]
    assert told == []
    walk = walk_base(side, D(3))
    assert walk is not None
    assert not walk.complete
    assert (len(side), len(side), told) == (2, 2, ["off_tick"])


def test_a_side_that_is_upside_down_is_none() -> None:
    for rows, descending in (([["1", "1"], ["2", "1"]], True), ([["2", "1"], ["1", "1"]], False)):
        with pytest.raises(BadBookError) as caught:
            Levels(levels_of(raw(rows), TICK, descending=descending), _never)
        assert caught.value.what == "unsorted"


def test_sides_are_compared_whole() -> None:
    same = [Level(Decimal(100 + number), D(1)) for number in range(10)]
    assert Levels(_counted([0]), _never) == tuple(same)
    assert Levels(_counted([0]), _never) == Levels(_counted([0]), _never)
    assert Levels(_counted([0]), _never) != tuple(same[:-1])
    assert repr(Levels(iter(same), _never)) == f"Levels([{same[0]!r}, {same[1]!r}], read so far)"
