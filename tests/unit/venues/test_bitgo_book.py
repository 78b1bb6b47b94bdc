"""Level 2 snapshots: what becomes a book, what is dropped, and how old a book is."""

import json
from typing import Any

import pytest

from router.core.model import Book, Level
from tests.unit.build import D, product
from tests.unit.venues.support import SECOND, payload
from venues.bitgo import wire
from venues.bitgo.book import Snapshots, book_of, held_at
from venues.bitgo.levels import LEVELS_MAX, BadBookError
from venues.transport.reader import decode
from venues.transport.times import format_time, parse_time

PRODUCT = product(name="TBTC-TUSD*", base="TBTC", quote="TUSD*")
STATED = parse_time("2020-01-01T09:35:26.465Z")


def snapshot(name: str = "level2", **changed: Any) -> bytes:
    return json.dumps(payload(name, **changed)).encode()


def book(name: str = "level2", arrived: int = STATED, **changed: Any) -> Book:
    return book_of(decode(snapshot(name, **changed), wire.Level2), PRODUCT, arrived)


def test_the_published_snapshot() -> None:
    expected = Book((Level(D("7001.10"), D("1.5084")),), (Level(D("7002.55"), D("2.7524")),), STATED)
    assert book() == expected


def test_the_cumulative_size_is_not_needed() -> None:
    assert book("level2_cumulative").bids == (
        Level(D("7001.10"), D("1.5084")),
        Level(D("7000.50"), D("0.8000")),
    )


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_side_may_be_empty(side: str) -> None:
    assert getattr(book(**{side: []}), side) == ()


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("wrong_product", {"product": "TETH-TUSD*"}),
        ("crossed", {"bids": [["7002.56", "1"]]}),
        ("crossed", {"bids": [["7002.55", "1"]]}),
        ("unsorted", {"bids": [["7000", "1"], ["7001", "1"]]}),
        ("unsorted", {"asks": [["7003", "1"], ["7002.99", "1"]]}),
        ("unsorted", {"asks": [["7003", "1"], ["7003.00", "1"]]}),
        ("off_tick", {"bids": [["7000.001", "1"]]}),
        ("unreadable", {"bids": [["7000", "0"]]}),
        ("unreadable", {"bids": [["0", "1"]]}),
        ("unreadable", {"bids": [["-7000", "1"]]}),
        ("unreadable", {"bids": [["7e3", "1"]]}),
        ("unreadable", {"bids": [["NaN", "1"]]}),
        ("unreadable", {"bids": [[7000, 1]]}),
        ("unreadable", {"bids": [["7000"]]}),
        ("unreadable", {"bids": [["7000", "1", "1", "1"]]}),
        ("unreadable", {"bids": {"7000": "1"}}),
        ("unreadable", {"time": "yesterday"}),
    ],
)
def test_a_book_that_cannot_be_true_is_dropped(what: str, changed: dict[str, Any]) -> None:
    with pytest.raises(BadBookError) as caught:
        book(**changed)
    assert caught.value.what == what


def test_levels_past_the_bound_are_left() -> None:
    asks = [[str(8000 + step), "1"] for step in range(LEVELS_MAX + 5)]
    assert len(book(asks=asks).asks) == LEVELS_MAX


@pytest.mark.parametrize(
    ("behind_ms", "expected_ms"),
    [(0, 0), (-10_000, 0), (499, 0), (500, 0), (501, 501), (60_000, 60_000)],
)
def test_a_book_is_as_old_as_it_says_past_the_clocks_difference(behind_ms: int, expected_ms: int) -> None:
    now = 1_000 * SECOND
    assert held_at(now - behind_ms * 1_000_000, now) == now - expected_ms * 1_000_000


def test_a_replayed_snapshot_does_not_look_fresh() -> None:
    arrived = STATED + 60 * SECOND
    assert book(arrived=arrived).at == STATED
    assert book(arrived=arrived, time=format_time(arrived)).at == arrived


def test_the_latest_snapshot_is_read_when_asked_for_and_once() -> None:
    told: list[str] = []
    snapshots = Snapshots(told.append)
    snapshots.arrived(b"never looked at", STATED)
    snapshots.arrived(snapshot(), STATED)
    first = snapshots.book(PRODUCT)
    assert first is not None
    assert snapshots.book(PRODUCT) is first
    assert told == []


def test_a_streamed_book_is_the_one_that_is_read_whole() -> None:
    snapshots = Snapshots(pytest.fail)
    message = snapshot("level2_cumulative", time=format_time(STATED))
    snapshots.arrived(message, STATED + SECOND)
    assert snapshots.book(PRODUCT) == book_of(decode(message, wire.Level2), PRODUCT, STATED + SECOND)


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("wrong_product", {"product": "TETH-TUSD*"}),
        ("crossed", {"bids": [["7002.55", "1"]]}),
        ("off_tick", {"bids": [["7000.001", "1"]]}),
        ("unreadable", {"asks": [["7003", "0"]]}),
        ("unreadable", {"time": "yesterday"}),
        ("unreadable", {"bids": ...}),
    ],
)
def test_a_bad_snapshot_is_told_once_and_leaves_the_one_before(what: str, changed: dict[str, Any]) -> None:
    told: list[str] = []
    snapshots = Snapshots(told.append)
    snapshots.arrived(snapshot(), STATED)
    before = snapshots.book(PRODUCT)
    snapshots.arrived(snapshot(**changed), STATED + 1)
    assert before is not None
    assert snapshots.book(PRODUCT) is before
    assert snapshots.book(PRODUCT) is before
    assert told == [what]


def broken_below(price: str = "7001.10") -> bytes:
    return snapshot(bids=[[price, "1"], ["7000.00", "1"], ["6999.995", "1"]])


def test_a_level_that_cannot_be_true_takes_its_book_away_when_it_is_come_to() -> None:
    told: list[str] = []
    snapshots = Snapshots(told.append)
    snapshots.arrived(snapshot(), STATED)
    before = snapshots.book(PRODUCT)
    snapshots.arrived(broken_below(), STATED + 1)
    broken = snapshots.book(PRODUCT)
    assert broken is not None
    assert broken is not before
    # Whoever looks at its first level alone has one that is true.
    assert broken.bids[0].price == D("7001.10")
    assert (snapshots.book(PRODUCT), told) == (broken, [])
    assert [level.price for level in broken.bids] == [D("7001.10"), D("7000.00")]
    assert told == ["off_tick"]
    assert snapshots.book(PRODUCT) is before
    assert [level.price for level in broken.bids] == [D("7001.10"), D("7000.00")]
    assert told == ["off_tick"]


def test_no_book_is_left_where_the_one_before_was_as_bad() -> None:
    told: list[str] = []
    snapshots = Snapshots(told.append)
    first, second = (
        (snapshots.arrived(broken_below(price), STATED), snapshots.book(PRODUCT))[1]
        for price in ("7001.10", "7001.00")
    )
    assert first is not None
    assert second is not None
    list(first.bids)
    assert snapshots.book(PRODUCT) is second
    list(second.bids)
    assert snapshots.book(PRODUCT) is None
    assert told == ["off_tick", "off_tick"]
    snapshots.arrived(snapshot(), STATED)
    assert snapshots.book(PRODUCT) is not None


def test_a_book_of_before_that_is_found_bad_takes_nothing_of_the_latest_away() -> None:
    told: list[str] = []
    snapshots = Snapshots(told.append)
    held = []
    for number in range(3):
        snapshots.arrived(broken_below(f"700{number}.01"), STATED)
        held.append(snapshots.book(PRODUCT))
    latest = held[2]
    assert held[0] is not None
    list(held[0].bids)
    assert snapshots.book(PRODUCT) is latest
    assert told == ["off_tick"]
