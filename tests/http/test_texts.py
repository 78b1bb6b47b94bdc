"""Amounts and times as text: what is quick prints what `money` and the calendar say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.money import format_amount, trim
from router.http.texts import amount, plain, time_text, trimmed

BOUNDED = settings(max_examples=500, deadline=None, derandomize=True)
AMOUNTS = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.integers(0, 1),
    st.lists(st.sampled_from([0, 0, 1, 5, 9]), min_size=1, max_size=12).map(tuple),
    st.integers(-14, 4),
)


@BOUNDED
@given(value=AMOUNTS, decimals_min=st.integers(0, 10))
def test_zeros_are_cut_off_the_text_as_off_the_number(value: Decimal, decimals_min: int) -> None:
    assert trimmed(value, decimals_min) == format_amount(trim(value, decimals_min))


@BOUNDED
@given(value=AMOUNTS)
def test_an_amount_is_printed_as_money_prints_it(value: Decimal) -> None:
    assert plain(value) == amount(value) == format_amount(value)


def test_no_amount_is_none() -> None:
    assert amount(None) is None


@pytest.mark.parametrize(
    ("value", "decimals_min", "text"),
    [
        ("0.50000000", 0, "0.5"),
        ("100.00", 0, "100"),
        ("100", 0, "100"),
        ("1E+3", 0, "1000"),
        ("1E-9", 0, "0.000000001"),
        ("-0.00", 0, "0"),
        ("0", 2, "0.00"),
        ("100", 2, "100.00"),
        ("100.10", 2, "100.10"),
        ("100.1250", 2, "100.125"),
    ],
)
def test_amounts(value: str, decimals_min: int, text: str) -> None:
    assert trimmed(Decimal(value), decimals_min) == text


@BOUNDED
@given(at=st.integers(0, 9_223_372_036_854_775_807))
def test_times(at: int) -> None:
    exact = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at // 1000)
    assert time_text(at) == exact.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
