"""Level 2 snapshots: what becomes a book, what is dropped, and how old a book is."""

import json
from typing import Any

import pytest

from router.core.model import Book, Level
from tests.unit.build import D, product
from tests.unit.venues.support import SECOND, payload
from venues.bitgo import wire
from venues.bitgo.book import LEVELS_MAX, BadBookError, Snapshots, book_of, held_at
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
    snapshots = Snapshots()
    snapshots.arrived(b"never looked at", STATED)
    snapshots.arrived(snapshot(), STATED)
    first = snapshots.book(PRODUCT)
    assert first is not None
    assert snapshots.book(PRODUCT) is first


def test_a_bad_snapshot_is_told_once_and_leaves_the_one_before() -> None:
    snapshots = Snapshots()
    snapshots.arrived(snapshot(), STATED)
    before = snapshots.book(PRODUCT)
    snapshots.arrived(b'{"product":', STATED + 1)
    with pytest.raises(BadBookError):
        snapshots.book(PRODUCT)
    assert snapshots.book(PRODUCT) is before


def test_a_forgotten_book_is_none() -> None:
    snapshots = Snapshots()
    snapshots.arrived(snapshot(), STATED)
    snapshots.book(PRODUCT)
    snapshots.forget()
    assert snapshots.book(PRODUCT) is None
