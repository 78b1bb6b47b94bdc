"""Amounts and ratios of the margin wire: one unit, whatever form and unit they come in."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.account import Value
from router.ports import OffWireError
from router.settings import MarginDialect
from tests.unit.build import D
from tests.unit.venues.support import payload
from venues.bitgo import margin_wire as wire
from venues.bitgo.margin_parse import risk_profile_of, risk_settings_of
from venues.bitgo.numbers import amount, ratio, signed, value, value_beside
from venues.transport.reader import decode

PLATFORM, EXPRESS = MarginDialect.PLATFORM, MarginDialect.EXPRESS
USD = Value(D("5"), "USD")


def raw(found: Any) -> msgspec.Raw:
    """A field as it comes: a JSON value, or the very text of one."""
    return msgspec.Raw(found if isinstance(found, bytes) else json.dumps(found).encode())


def utilization(said: Any, dialect: MarginDialect) -> Decimal | None:
    """The ratio that a whole answer states, one field of which is `said`, as JSON."""
    flat = payload("margin_express_risk_profile")
    flat["marginUtilizationPercentage"] = "@"
    if dialect is PLATFORM:
        renamed = {
            "transferredCollateral": flat.pop("collateral"),
            "unrealizedPnL": flat.pop("unrealizedPnl"),
        }
        flat = {"riskProfile": flat | renamed}
    text = json.dumps(flat).replace('"@"', said)
    return risk_profile_of(decode(text.encode(), wire.RiskAnswer), dialect).margin_utilization


DECIMALS = st.decimals(min_value=-(10**9), max_value=10**9, places=8).map(lambda found: found + 0)


def test_five_point_ten_per_cent_is_a_ratio_of_0_0510() -> None:
    assert utilization('"5.10"', EXPRESS) == D("0.0510")
    assert utilization('"5.10"', EXPRESS) == utilization('"0.0510"', PLATFORM)


def test_a_ratio_is_the_same_as_a_text_and_as_a_number() -> None:
    assert utilization("0.85", PLATFORM) == utilization('"0.85"', PLATFORM) == D("0.85")


@pytest.mark.parametrize("dialect", MarginDialect)
def test_null_stays_none(dialect: MarginDialect) -> None:
    assert utilization("null", dialect) is None


@given(DECIMALS)
def test_per_cent_and_ratio_of_anything_are_the_same(found: Decimal) -> None:
    hundredth = f"{found.scaleb(-2):f}"
    stated = f'"{found:f}"'
    assert ratio(raw(stated.encode()), "f", per_cent=True) == ratio(raw(hundredth), "f", per_cent=False)


@given(DECIMALS)
def test_a_number_is_read_digit_by_digit(found: Decimal) -> None:
    text = f"{found:f}"
    assert signed(raw(text.encode()), "f") == signed(raw(text), "f") == found


def test_no_digit_is_lost_that_a_float_would_lose() -> None:
    assert signed(raw(b"0.1000000000000000055511151231257827"), "f") == D(
        "0.1000000000000000055511151231257827"
    )
    assert signed(raw(b"123456789012345678901234567890.12"), "f") == D("123456789012345678901234567890.12")


@pytest.mark.parametrize(
    ("text", "expected"), [(b"1e3", "1000"), (b"-2.5E-7", "-0.00000025"), (b"-0", "0"), (b'"-0.00"', "0.00")]
)
def test_what_json_lets_a_number_be(text: bytes, expected: str) -> None:
    assert signed(raw(text), "f") == D(expected)


@pytest.mark.parametrize(
    "text",
    [b"1e999", b"1e70", b"true", b"[]", b"{}", b'""', b'"1e3"', b'"NaN"', b'"--1"', b"null", b"9" * 65],
)
def test_what_is_no_amount_is_off_the_wire(text: bytes) -> None:
    with pytest.raises(OffWireError, match="f"):
        signed(raw(text), "f")


def test_what_cannot_be_below_zero_is_off_the_wire_where_it_is() -> None:
    assert amount(raw("0"), "f") == 0
    with pytest.raises(OffWireError, match="zero or more"):
        amount(raw("-1"), "f")


def test_a_value_has_its_currency_and_old_numbers() -> None:
    assert value(raw({"quantity": "-200.00", "currency": "USD"}), "f") == Value(D("-200.00"), "USD")
    assert value(raw(b'{"quantity": 1000000.5, "currency": "USD"}'), "f") == Value(D("1000000.5"), "USD")
    assert value(raw(None), "f") is None
    for wrong in ({"quantity": "1", "currency": ""}, {"quantity": "1"}, "1", 1):
        with pytest.raises(OffWireError):
            value(raw(wrong), "f")


def test_a_bare_value_is_in_the_currency_that_it_is_compared_in_or_in_none() -> None:
    number = raw(b"-124017.22")
    assert value_beside(number, "f", USD, None) == Value(D("-124017.22"), "USD")
    assert value_beside(number, "f", USD, Value(D(1), "BTC")) is None
    assert value_beside(number, "f", None, None) is None
    assert value_beside(raw({"quantity": "1", "currency": "EUR"}), "f", USD) == Value(D(1), "EUR")


def test_settings_of_both_dialects_are_in_one_unit() -> None:
    express = decode(json.dumps(payload("margin_express_risk_settings")).encode(), wire.RiskSettings)
    found = risk_settings_of(express, EXPRESS)
    as_ratios = payload(
        "margin_express_risk_settings",
        marginCallPercentage="0.8",
        liquidationThresholdPercentage=0.95,
        marginRequirementPercentage="0.10",
    )
    platform = decode(json.dumps(as_ratios).encode(), wire.RiskSettings)
    assert found == risk_settings_of(platform, PLATFORM)
    assert found.total_short_position_limit == Value(D("100000.00"), "USD")
    assert (found.margin_call_threshold, found.liquidation_threshold) == (D("0.8"), D("0.95"))
    assert found.margin_requirement_rate == D("0.1")


def test_settings_that_are_not_stated_are_none() -> None:
    found = risk_settings_of(decode(b"{}", wire.RiskSettings), PLATFORM)
    assert set(msgspec.structs.astuple(found)) == {None}
