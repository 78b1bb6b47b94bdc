"""Amounts: the parser takes what the printer prints and nothing else; no digit is lost unsaid."""

from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.core.errors import AmountError
from router.core.money import (
    AMOUNT_LENGTH_MAX,
    PRICE_DECIMALS,
    add,
    decimals_of,
    divide_down,
    divide_up,
    format_amount,
    is_multiple,
    mul,
    parse_amount,
    parse_positive,
    parse_signed,
    round_down,
    round_up,
    sub,
    trim,
)
from tests.unit.core.strategies import INCREMENTS, amounts

D = Decimal
ANY = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=D("-1E+30"), max_value=D("1E+30"), places=12
)
POSITIVE = amounts(low=1)

NO_AMOUNTS = [
    "",
    " ",
    ".",
    "1.",
    ".5",
    "-",
    "-1",
    "-0",
    "+1",
    "00",
    "01",
    "0x1",
    "1e5",
    "1E5",
    "1E+1000000",
    "0E-8",
    "1_000",
    "1,000",
    "1.0.0",
    " 1",
    "1 ",
    "1\n",
    "\t1",
    "1\x00",
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "inf",
    "٣",
    "1٣",
    "\uff11",
    "\U0001d7d9",
    "²",
    "½",
    "1\u200b",
    "\u066b5",
    "1" * (AMOUNT_LENGTH_MAX + 1),
    "0." + "0" * 100_000,
]


@pytest.mark.parametrize("text", NO_AMOUNTS, ids=lambda text: ascii(text)[:20])
def test_no_other_text_is_an_amount(text: str) -> None:
    with pytest.raises(AmountError):
        parse_amount(text)


@pytest.mark.parametrize("value", [None, 1, 1.5, True, b"1", D(1), ["1"], {"a": "1"}])
def test_what_is_no_text_is_no_amount(value: object) -> None:
    with pytest.raises(AmountError, match="expected a decimal string, was"):
        parse_amount(value)


@given(st.text() | st.text("0123456789.eE+-_ NaIfity٣", max_size=70))
@example("0")
@example("10.00")
def test_whatever_is_parsed_is_printed_the_same(text: str) -> None:
    try:
        value = parse_amount(text)
    except AmountError:
        return
    assert text == format_amount(value)
    assert value.is_finite()
    assert not value.is_signed()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=D("1E+30")))
def test_whatever_is_printed_is_parsed_again(value: Decimal) -> None:
    text = format_amount(value.copy_abs())
    if len(text) > AMOUNT_LENGTH_MAX:
        with pytest.raises(AmountError, match="at most 64 characters"):
            parse_amount(text)
    else:
        assert value == parse_amount(text)


def test_the_longest_amount_is_taken_whole() -> None:
    text = "9" * 32 + "." + "1" * 31

    assert text == format_amount(parse_amount(text))


def test_a_huge_text_is_neither_computed_nor_repeated() -> None:
    with pytest.raises(AmountError) as raised:
        parse_amount("9" * 5_000_000)

    assert len(str(raised.value)) < 200


def test_an_offending_value_is_told() -> None:
    with pytest.raises(AmountError) as raised:
        parse_amount("1e5")

    assert str(raised.value) == 'expected a decimal string such as "0.5", was "1e5"'
    assert (raised.value.expected, raised.value.was) == ('a decimal string such as "0.5"', "1e5")


def test_a_positive_amount_is_not_zero() -> None:
    assert parse_positive("0.01") == D("0.01")
    for text in ("0", "0.00"):
        with pytest.raises(AmountError, match="greater than zero"):
            parse_positive(text)
    with pytest.raises(AmountError):
        parse_positive("-1")


def test_a_signed_amount_may_carry_a_minus() -> None:
    assert parse_signed("-1.50").as_tuple() == D("-1.50").as_tuple()
    assert parse_signed("1.50").as_tuple() == D("1.50").as_tuple()
    assert parse_signed("0") == 0
    for text in ("-0", "-0.0", "--1", "+1", "- 1", "-", "-1e5"):
        with pytest.raises(AmountError):
            parse_signed(text)


@pytest.mark.parametrize(
    ("text", "printed"), [("1E+2", "100"), ("0E-8", "0.00000000"), ("1E-18", "0.000000000000000001")]
)
def test_no_exponent_is_printed(text: str, printed: str) -> None:
    assert printed == format_amount(D(text))


@given(ANY, ANY)
def test_sums_and_products_are_exact(a: Decimal, b: Decimal) -> None:
    assert Fraction(add(a, b)) == Fraction(a) + Fraction(b)
    assert Fraction(sub(a, b)) == Fraction(a) - Fraction(b)
    assert Fraction(mul(a, b)) == Fraction(a) * Fraction(b)


@given(st.integers(10**63, 10**64 - 1), st.integers(10**63, 10**64 - 1), st.integers(10**63, 10**64 - 1))
def test_the_longest_amounts_multiply_exactly(a: int, b: int, c: int) -> None:
    assert int(mul(mul(D(a), D(b)), D(c))) == a * b * c


def test_a_result_with_too_many_digits_is_an_error_and_never_rounded() -> None:
    long = D("1" * 300)
    with pytest.raises(Inexact):
        mul(long, long)
    with pytest.raises(Inexact):
        add(long.scaleb(200), D(1))
    with pytest.raises(Inexact):
        sub(long.scaleb(200), D(1))


@given(ANY, INCREMENTS)
def test_rounding_goes_to_the_nearest_multiple_in_its_direction(value: Decimal, increment: Decimal) -> None:
    down, up = round_down(value, increment), round_up(value, increment)

    assert Fraction(down) <= Fraction(value) < Fraction(down) + Fraction(increment)
    assert Fraction(up) - Fraction(increment) < Fraction(value) <= Fraction(up)
    for rounded in (down, up):
        assert (Fraction(rounded) / Fraction(increment)).denominator == 1


@pytest.mark.parametrize("increment", [D(0), D("-0.01")])
def test_an_increment_is_greater_than_zero(increment: Decimal) -> None:
    for rounded in (round_down, round_up):
        with pytest.raises(AmountError, match="increment greater than zero"):
            rounded(D(1), increment)


@given(ANY, INCREMENTS)
def test_a_multiple_is_a_whole_number_of_increments(value: Decimal, increment: Decimal) -> None:
    assert is_multiple(value, increment) == ((Fraction(value) / Fraction(increment)).denominator == 1)
    assert is_multiple(round_down(value, increment), increment)


@given(ANY, POSITIVE, st.integers(0, PRICE_DECIMALS))
def test_a_division_is_rounded_in_its_direction_at_its_last_decimal(
    dividend: Decimal, divisor: Decimal, decimals: int
) -> None:
    true, unit = Fraction(dividend) / Fraction(divisor), Fraction(1, 10**decimals)
    down, up = divide_down(dividend, divisor, decimals), divide_up(dividend, divisor, decimals)

    assert Fraction(down) <= true < Fraction(down) + unit
    assert Fraction(up) - unit < true <= Fraction(up)
    assert down.as_tuple().exponent == up.as_tuple().exponent == -decimals


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=D("-1E+40"), max_value=D("1E+40")),
    st.integers(0, 12),
)
@example(D("1E+2"), 0)
@example(D("-0"), 2)
@example(D("0E-30"), 0)
@example(D("100.0"), 0)
def test_trimming_keeps_the_value_and_drops_what_is_not_needed(value: Decimal, decimals_min: int) -> None:
    trimmed = trim(value, decimals_min)
    exponent = trimmed.as_tuple().exponent

    assert Fraction(trimmed) == Fraction(value)
    assert isinstance(exponent, int)
    assert exponent <= -decimals_min
    assert exponent == -decimals_min or trimmed.as_tuple().digits[-1] != 0
    assert format_amount(trimmed) != "-0"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_not_trimmed(text: str) -> None:
    with pytest.raises(AmountError, match="finite"):
        trim(D(text))


@pytest.mark.parametrize(("text", "decimals"), [("0.01", 2), ("1", 0), ("10", 0), ("1E+2", 0), ("0.50", 2)])
def test_the_decimals_of_an_increment(text: str, decimals: int) -> None:
    assert decimals == decimals_of(D(text))
