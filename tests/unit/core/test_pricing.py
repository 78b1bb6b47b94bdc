"""Prices against exact fractions: a sum to the last digit, a price never better than the truth."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.model import Level, Side, Source
from router.core.money import decimals_of
from router.core.pricing import (
    BEYOND_TICK_DECIMALS,
    all_in,
    better_by_bps,
    fee_on,
    mid_price,
    price_quote,
    quote_from_levels,
    unit_price,
    walk_base,
    walk_quote,
    worse_by_bps,
)
from tests.unit import build
from tests.unit.core.strategies import PRICES, SIDES, SIZES, amounts, sides_of_book

D = Decimal
PRODUCT = build.product()
BOOKS = SIDES.flatmap(lambda side: st.tuples(st.just(side), sides_of_book(side)))
LAST_DECIMAL = Fraction(1, 10 ** (decimals_of(PRODUCT.price_increment) + BEYOND_TICK_DECIMALS))


def reference_walk(levels: Sequence[Level], wanted: Fraction) -> tuple[Fraction, Fraction, Decimal]:
    """Base taken, its cost, and the last price, by fractions."""
    base = cost = Fraction(0)
    worst = levels[0].price
    for level in levels:
        take = min(wanted - base, Fraction(level.size))
        if take > 0:
            base, cost, worst = base + take, cost + take * Fraction(level.price), level.price
    return base, cost, worst


@given(BOOKS, SIZES)
def test_a_walk_costs_the_sum_of_its_levels_to_the_last_digit(
    drawn: tuple[Side, tuple[Level, ...]], wanted: Decimal
) -> None:
    _, levels = drawn
    base, cost, worst = reference_walk(levels, Fraction(wanted))

    walk = walk_base(levels, wanted)

    assert walk is not None
    assert (Fraction(walk.quantity_base), Fraction(walk.quantity_quote)) == (base, cost)
    assert walk.price_worst == worst
    assert walk.complete == (base == Fraction(wanted))


@given(BOOKS, SIZES)
def test_price_by_quantity_is_the_cost_or_differs_against_the_caller_past_the_last_decimal(
    drawn: tuple[Side, tuple[Level, ...]], wanted: Decimal
) -> None:
    side, levels = drawn
    walk = walk_base(levels, wanted)
    assert walk is not None
    base, cost = Fraction(walk.quantity_base), Fraction(walk.quantity_quote)

    price = Fraction(unit_price(walk.quantity_quote, walk.quantity_base, side, PRODUCT))

    against = price * base - cost if side is Side.BUY else cost - price * base
    assert 0 <= against < LAST_DECIMAL * base
    if (cost / base / LAST_DECIMAL).denominator == 1:
        assert price * base == cost


@given(BOOKS, st.integers(1, 10**10))
def test_a_walk_to_an_amount_in_quote_never_passes_a_spend_and_reaches_a_target(
    drawn: tuple[Side, tuple[Level, ...]], cents: int
) -> None:
    side, levels = drawn
    wanted = Fraction(cents, 100)
    there = sum((Fraction(level.price) * Fraction(level.size) for level in levels), Fraction(0))

    walk = walk_quote(levels, D(cents) * D("0.01"), side, PRODUCT)

    if walk is None:
        # The amount does not buy a single increment of the best level.
        assert side is Side.BUY
        assert wanted < Fraction(levels[0].price) * Fraction(PRODUCT.base_increment)
        return
    base, cost = Fraction(walk.quantity_base), Fraction(walk.quantity_quote)
    step = Fraction(PRODUCT.base_increment) * Fraction(max(level.price for level in levels))
    assert walk.complete == (there >= wanted)
    assert (base, cost, walk.price_worst) == reference_walk(levels, base)
    if not walk.complete:
        assert cost == there
    elif side is Side.BUY:
        assert wanted - step < cost <= wanted
    else:
        assert wanted <= cost < wanted + step


def test_a_rest_that_buys_no_increment_does_not_reach_the_next_level() -> None:
    product = build.product(base_increment=D("0.001"))
    levels = build.levels(("60000", "1"), ("61000", "1"))

    walk = walk_quote(levels, D("60005"), Side.BUY, product)

    assert walk is not None
    assert (walk.quantity_base, walk.quantity_quote, walk.complete) == (D(1), D(60000), True)
    assert walk.price_worst == D(60000)


@pytest.mark.parametrize("side", list(Side))
def test_an_empty_side_has_no_price(side: Side) -> None:
    assert walk_base((), D(1)) is None
    assert walk_quote((), D(1), side, PRODUCT) is None
    assert quote_from_levels("a", Source.BOOK, (), PRODUCT, side, D(1), in_base=True) is None


def test_a_thin_book_gives_an_incomplete_quote() -> None:
    asks = build.levels(("100", "0.2"), ("101", "0.1"))

    made = quote_from_levels("a", Source.BOOK, asks, PRODUCT, Side.BUY, D("0.5"), in_base=True)

    assert made is not None
    assert not made.complete
    assert (made.quantity_base, made.quantity_quote) == (D("0.3"), D("30.1"))
    assert made.price_worst == D(101)


@given(BOOKS, SIZES, st.booleans())
def test_a_protected_price_is_the_deepest_that_the_size_reaches(
    drawn: tuple[Side, tuple[Level, ...]], wanted: Decimal, in_base: bool
) -> None:
    side, levels = drawn
    quantity = wanted if in_base else (wanted * levels[0].price).quantize(D("0.01")) + D("0.01")
    plain, protected = (
        quote_from_levels(
            "a", Source.BOOK, levels, PRODUCT, side, quantity, in_base=in_base, protected=protected
        )
        for protected in (False, True)
    )
    if plain is None or protected is None:
        assert plain is protected is None
        return

    assert protected.price == protected.price_worst == plain.price_worst
    assert Fraction(protected.quantity_quote) == Fraction(protected.price) * Fraction(protected.quantity_base)
    assert protected.price >= plain.price if side is Side.BUY else protected.price <= plain.price
    assert not protected.firm


@given(amounts(), amounts(high=10**6, decimals=4))
def test_a_fee_is_exact(notional: Decimal, bps: Decimal) -> None:
    assert Fraction(fee_on(notional, bps)) == Fraction(notional) * Fraction(bps) / 10_000


@given(BOOKS, SIZES, amounts(high=10_000, decimals=2))
def test_all_in_is_price_with_fees_and_never_better_than_the_truth(
    drawn: tuple[Side, tuple[Level, ...]], wanted: Decimal, bps: Decimal
) -> None:
    side, levels = drawn
    quote = quote_from_levels("a", Source.BOOK, levels, PRODUCT, side, wanted, in_base=True)
    assert quote is not None

    priced = price_quote(quote, bps, side, PRODUCT)

    cost, base = Fraction(quote.quantity_quote), Fraction(quote.quantity_base)
    fee = cost * Fraction(bps) / 10_000
    true = (cost + fee) / base if side is Side.BUY else (cost - fee) / base
    against = (
        Fraction(priced.all_in_price) - true if side is Side.BUY else true - Fraction(priced.all_in_price)
    )
    assert 0 <= against < LAST_DECIMAL
    assert Fraction(priced.fee) == fee
    worse = priced.all_in_price >= quote.price if side is Side.BUY else priced.all_in_price <= quote.price
    assert worse


def test_a_price_is_shown_to_the_tick_at_least_and_no_further_than_needed() -> None:
    assert str(unit_price(D(50), D("0.5"), Side.BUY, PRODUCT)) == "100.00"
    assert str(unit_price(D("50.0625"), D("0.5"), Side.BUY, PRODUCT)) == "100.125"
    assert str(unit_price(D(100), D(3), Side.BUY, PRODUCT)) == "33.3333333334"
    assert str(unit_price(D(100), D(3), Side.SELL, PRODUCT)) == "33.3333333333"


def test_the_contracts_figures() -> None:
    fee = fee_on(D(50), D(10))
    assert fee == D("0.05")
    assert str(all_in(D(50), fee, D("0.5"), Side.BUY, PRODUCT)) == "100.10"
    assert str(better_by_bps(D("100.10"), D("100.40"), Side.BUY)) == "29.88"
    assert str(worse_by_bps(D("100.00"), D("100.00"), Side.BUY)) == "0"
    assert str(mid_price(D("99.80"), D("100.00"))) == "99.90"


@given(PRICES, PRICES, SIDES)
def test_basis_points_are_rounded_against_the_shower(price: Decimal, reference: Decimal, side: Side) -> None:
    sign = 1 if side is Side.BUY else -1
    true = sign * (Fraction(price) - Fraction(reference)) / Fraction(reference) * 10_000
    unit = Fraction(1, 100)

    worse, better = worse_by_bps(price, reference, side), better_by_bps(price, reference, side)

    assert true <= Fraction(worse) < true + unit
    assert -true - unit < Fraction(better) <= -true


@pytest.mark.parametrize(
    ("bid", "ask", "middle"),
    [
        ("99.90", "100.11", "100.005"),
        ("99.90", "100.10", "100.00"),
        ("99.9", "100.10", "100.00"),
        ("1E+2", "1E+2", "100"),
        ("0.5", "1", "0.75"),
    ],
)
def test_the_mid_has_the_decimals_of_the_finer_side_or_one_more(bid: str, ask: str, middle: str) -> None:
    assert str(mid_price(D(bid), D(ask))) == middle


def test_without_a_side_there_is_no_mid() -> None:
    assert mid_price(None, D(1)) is None
    assert mid_price(D(1), None) is None
