"""Times as the adapters write them: as many digits as are asked for, cut down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venues.transport.times import format_time, parse_time

AT = 1_774_699_200_250_123_789


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        (3, "2026-03-28T12:00:00.250Z"),
        (6, "2026-03-28T12:00:00.250123Z"),
        (9, "2026-03-28T12:00:00.250123789Z"),
    ],
)
def test_a_time_is_cut_and_never_rounded_up(digits: int, expected: str) -> None:
    assert format_time(AT, digits) == expected


def test_microseconds_are_what_is_written_unless_said() -> None:
    assert format_time(AT) == format_time(AT, 6)


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000_000))
def test_what_is_written_whole_is_read_back(at: int) -> None:
    assert parse_time(format_time(at, 9)) == at
    assert 0 <= at - parse_time(format_time(at, 3)) < 1_000_000
