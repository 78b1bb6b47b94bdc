"""What a counterparty says is cut, printable, and without our secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import VenueError
from router.secrets import Secret
from venues.transport.wording import masked, plain

SECRET = "v2x0123456789abcdef"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("fine", "fine"),
        ("a\nb\x00", "a b "),
        ("", None),
        (None, None),
        (7, None),
        ({"a": 1}, None),
        ("123456789", "1234567…"),
    ],
)
def test_a_text_is_cut_and_printable(value: object, expected: str | None) -> None:
    assert plain(value, 8) == expected


def test_the_secret_is_nowhere() -> None:
    error = VenueError(f"n{SECRET}", f"{SECRET}{SECRET}, {SECRET}", f"{SECRET}", 401)
    assert masked(error, Secret(SECRET)) == VenueError("n…", "……, …", "…", 401)


def test_what_was_not_said_stays_unsaid() -> None:
    assert masked(VenueError(), Secret(SECRET)) == VenueError()
    assert masked(VenueError("Error", "Unauthorized", "unk-1", 401), Secret(SECRET)).message == "Unauthorized"


@given(st.text(alphabet="abc ", max_size=40), st.integers(min_value=8, max_value=60))
def test_a_secret_that_was_cut_off_leaves_no_more_than_three_characters(before: str, length_max: int) -> None:
    said = plain(before + SECRET, length_max)
    found = masked(VenueError(message=said), Secret(SECRET)).message or ""
    assert SECRET[:4] not in found
