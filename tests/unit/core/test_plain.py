"""What is quick is what is plain: the same digits, signs and exponents, whatever comes in."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.core.model import Level, Product, Side, Source
from router.core.money import (
    divide_down,
    divide_up,
    halve,
    is_multiple,
    mul_add,
    ratio_down,
    ratio_up,
    rest_of,
    round_down,
    round_up,
    trim,
)
from router.core.pricing import quote_from_levels, unit_price
from router.core.selection import agree, outside_collar
from tests.unit import build
from tests.unit.core import plain
from tests.unit.core.plain import digits
from tests.unit.core.strategies import INCREMENTS, SIDES, SIZES, amounts, sides_of_book

D = Decimal
ANY = st.builds(
    lambda whole, exponent: D(whole).scaleb(exponent),
    st.integers(-(10**35), 10**35)
    | st.integers(-(10**9), 10**9)
    | st.integers(-99, 99).map(lambda n: n * 10**9),
    st.integers(-24, 6),
)
ABOVE_ZERO = ANY.map(abs).filter(bool)
WITH_ZEROS = INCREMENTS | st.sampled_from([D("0.010"), D("0.50"), D("2.500"), D("1E-18")])
DECIMALS = st.integers(0, 30)


@given(ANY, DECIMALS)
@example(D("-0.00"), 0)
@example(D("0E+3"), 2)
@example(D("1E+3"), 0)
def test_trimming(value: Decimal, decimals: int) -> None:
    assert digits(trim(value, decimals)) == digits(plain.trim(value, decimals))


@given(ANY, WITH_ZEROS)
def test_rounding_to_an_increment(value: Decimal, increment: Decimal) -> None:
    assert digits(round_down(value, increment)) == digits(plain.rounded(value, increment, up=False))
    assert digits(round_up(value, increment)) == digits(plain.rounded(value, increment, up=True))
    whole = plain.rounded(value, increment, up=False) == value
    assert is_multiple(value, increment) is whole
    assert (not rest_of(value, increment)) is whole


@given(ANY, ABOVE_ZERO, DECIMALS)
# More digits than the short quotient has, before the point and behind it.
@example(D(10) ** 60, D("3E-24"), 18)
@example(D(1), D("7E+60"), 30)
@example(D("9" * 57), D("1"), 0)
@example(D("9" * 57 + ".5"), D("1"), 0)
def test_dividing(dividend: Decimal, divisor: Decimal, decimals: int) -> None:
    down, up = (plain.divided(dividend, divisor, decimals, up=up) for up in (False, True))

    assert digits(divide_down(dividend, divisor, decimals)) == digits(down)
    assert digits(divide_up(dividend, divisor, decimals)) == digits(up)
    for decimals_min in (0, decimals // 2, decimals):
        trimmed_down, trimmed_up = plain.trim(down, decimals_min), plain.trim(up, decimals_min)
        assert digits(ratio_down(dividend, divisor, decimals_min, decimals)) == digits(trimmed_down)
        assert digits(ratio_up(dividend, divisor, decimals_min, decimals)) == digits(trimmed_up)


@given(amounts(), amounts(), amounts())
def test_a_product_and_a_sum_in_one_step(a: Decimal, b: Decimal, c: Decimal) -> None:
    assert digits(mul_add(a, b, c)) == digits(plain._EXACT.add(plain._EXACT.multiply(a, b), c))


@given(amounts())
def test_halves(value: Decimal) -> None:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    half = plain._EXACT.multiply(value, D("0.5"))

    assert digits(halve(value)) == digits(plain.trim(half, -exponent))


PRODUCTS = st.sampled_from(
    [
        build.product(),
        build.product(price_increment=D("0.05")),
        build.product(price_increment=D(1), base_increment=D("0.001")),
        build.product(price_increment=D("0.000001")),
    ]
)


@given(amounts(low=1), amounts(low=1), SIDES, PRODUCTS)
def test_prices_per_unit(notional: Decimal, base: Decimal, side: Side, product: Product) -> None:
    found = unit_price(notional, base, side, product)

    assert digits(found) == digits(plain.unit_price(notional, base, side, product))


@given(
    SIDES.flatmap(lambda side: st.tuples(st.just(side), sides_of_book(side))),
    SIZES,
    PRODUCTS,
    st.booleans(),
    st.booleans(),
)
@example((Side.BUY, (Level(D("100.12345678901"), D(5)),)), D(1), build.product(), False, False)
def test_quotes_from_a_book(
    drawn: tuple[Side, tuple[Level, ...]], size: Decimal, product: Product, protected: bool, whole: bool
) -> None:
    side, levels = drawn
    # Half of them are had at the best level, to the last digit of its size.
    quantity = min(size, levels[0].size) if whole else size

    found = quote_from_levels(
        "a", Source.BOOK, levels, product, side, quantity, in_base=True, protected=protected
    )

    expected = plain.quote(levels, product, side, quantity, protected=protected)
    assert found == expected
    assert found is not None
    assert expected is not None
    assert digits(found.price) == digits(expected.price)


@given(
    st.lists(st.integers(1, 3000).map(lambda tenths: D(tenths) * D("0.1")), max_size=7),
    st.sampled_from([D(1), D(50), D(500), D("0.5"), D(5000)]),
)
def test_the_collar(drawn: list[Decimal], collar: Decimal) -> None:
    prices = [(f"c{number}", price) for number, price in enumerate(drawn)]

    out = outside_collar(prices, collar)

    assert out == plain.outside_collar(prices, collar)
    assert not (out and agree([price for _, price in prices], collar))


@pytest.mark.parametrize("beyond", ["0", "0.01"])
def test_the_collar_at_its_very_edge(beyond: str) -> None:
    """The highest is the collar away from the lowest, and a hair more: only then is anybody looked at."""
    prices = [("a", D(100)), ("b", D(100)), ("c", D(105) + D(beyond))]

    assert outside_collar(prices, D(500)) == (("c",) if D(beyond) else ())
    assert agree([price for _, price in prices], D(500)) is not bool(D(beyond))
