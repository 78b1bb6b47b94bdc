"""Times of the wire."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.venues.support import SECOND
from venues.transport.times import format_time, parse_time

AT = 1_764_112_338


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-11-25T23:12:18Z", AT * SECOND),
        ("2025-11-25T23:12:18.210507Z", AT * SECOND + 210_507_000),
        ("2025-11-27T18:48:51.383577451Z", 1_764_269_331 * SECOND + 383_577_451),
        ("2025-11-26T00:12:18+01:00", AT * SECOND),
        ("2025-11-25t17:42:18.5-05:30", AT * SECOND + SECOND // 2),
        # A zero time, as Go prints one.
        ("0001-01-01T00:00:00Z", -62_135_596_800 * SECOND),
        # The leap second at the end of 2016 is the first of 2017.
        ("2016-12-31T23:59:60Z", 1_483_228_800 * SECOND),
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, expected: int) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        0,
        "",
        "2025-11-25",
        "2025-11-25 23:12:18Z",
        "2025-11-25T23:12:18",
        "2025-11-25T23:12:18.Z",
        "2025-11-25T23:12:18.1234567890Z",
        "2025-13-25T23:12:18Z",
        "2025-02-30T23:12:18Z",
        "2025-11-25T24:00:00Z",
        "2025-11-25T23:60:18Z",
        "2025-11-25T23:12:61Z",
        "2025-11-25T23:12:18+24:00",
        "2025-11-25T23:12:18Z\n",
        "\u0662\u066025-11-25T23:12:18Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_another_text_is_no_time(text: object) -> None:
    with pytest.raises(ValueError, match=r"expected|year|month|day"):
        parse_time(text)


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - made UTC below
def test_it_agrees_with_the_standard_library(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    micros = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // (aware.resolution)
    assert parse_time(format_time(micros * 1000)) == micros * 1000
    assert parse_time(aware.isoformat()) == micros * 1000


def test_a_printed_time_is_never_later() -> None:
    assert format_time(AT * SECOND + 999) == "2025-11-25T23:12:18.000000Z"
