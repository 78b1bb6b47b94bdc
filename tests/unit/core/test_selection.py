"""Ranking is a total order that never prefers a worse price; the collar leaves out the wild one alone."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.model import PricedQuote, Side
from router.core.selection import outside_collar, rank
from tests.unit import build
from tests.unit.core.strategies import SIDES

D = Decimal


class Quoted(NamedTuple):
    """A priced quote, and what a tie is broken by."""

    priced: PricedQuote
    pts: bool


def entrant(
    name: str, price: str, *, pts: bool = False, firm: bool = False, complete: bool = True, fee: str = "0"
) -> Quoted:
    quote = build.quote(name, price, firm=firm, complete=complete)
    return Quoted(PricedQuote(quote, D(fee), D(price) + D(fee)), pts)


def ids(entrants: Sequence[Quoted], side: Side) -> list[str]:
    return [priced.quote.connection_id for priced in rank(entrants, side).quotes]


ENTRANTS = st.lists(
    st.builds(
        entrant,
        st.sampled_from([f"c{number}" for number in range(8)]),
        st.sampled_from(["100", "100.00", "100.01", "1E+2", "99.99"]),
        pts=st.booleans(),
        firm=st.booleans(),
        complete=st.booleans(),
    ),
    unique_by=lambda entrant: entrant.priced.quote.connection_id,
    max_size=7,
)


@given(ENTRANTS.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))), SIDES)
def test_the_order_of_arrival_does_not_matter(drawn: tuple[list[Quoted], list[Quoted]], side: Side) -> None:
    assert ids(drawn[0], side) == ids(drawn[1], side)


@given(ENTRANTS, SIDES)
def test_the_ranking_is_the_order_of_every_pair(entrants: list[Quoted], side: Side) -> None:
    names = ids(entrants, side)
    for a, b in combinations(entrants, 2):
        first, second = ids([a, b], side)
        assert names.index(first) < names.index(second)
        assert [first, second] == ids([b, a], side)


@given(ENTRANTS, SIDES)
def test_no_complete_quote_ranks_behind_a_worse_one(entrants: list[Quoted], side: Side) -> None:
    complete = [priced for priced in rank(entrants, side).quotes if priced.quote.complete]
    prices = [priced.all_in_price for priced in complete]

    assert prices == sorted(prices, reverse=side is Side.SELL)
    every = rank(entrants, side).quotes
    assert [priced.quote.complete for priced in every] == sorted(
        (priced.quote.complete for priced in every), reverse=True
    )


@pytest.mark.parametrize(
    ("entrants", "expected"),
    [
        pytest.param([entrant("a", "100"), entrant("b", "99")], "b", id="price"),
        pytest.param([entrant("a", "100", fee="1"), entrant("b", "100.5")], "b", id="fees count"),
        pytest.param([entrant("a", "100"), entrant("b", "100.00", firm=True)], "b", id="firm first"),
        pytest.param([entrant("a", "100", pts=True), entrant("b", "100")], "b", id="Spot before PTS"),
        pytest.param(
            [entrant("a", "100"), entrant("b", "100", pts=True, firm=True)], "b", id="firm before Spot"
        ),
        pytest.param([entrant("b", "100"), entrant("a", "100")], "a", id="id last"),
        pytest.param([entrant("a", "90", complete=False), entrant("b", "100")], "b", id="whole size first"),
    ],
)
def test_ties_and_precedence_in_a_buy(entrants: list[Quoted], expected: str) -> None:
    assert ids(entrants, Side.BUY)[0] == expected


def test_a_sale_takes_the_highest_price() -> None:
    assert ids([entrant("a", "100"), entrant("b", "101")], Side.SELL) == ["b", "a"]


def test_nobody_is_ranked_where_nobody_quoted() -> None:
    assert rank([], Side.BUY).quotes == ()


COLLAR = D(500)


@pytest.mark.parametrize(
    ("prices", "out"),
    [
        pytest.param([], (), id="none"),
        pytest.param([("a", "100")], (), id="one"),
        pytest.param([("a", "100"), ("b", "1000")], (), id="two: nobody knows which is wild"),
        pytest.param([("a", "100"), ("b", "100.1"), ("c", "1000")], ("c",), id="high"),
        pytest.param([("a", "1"), ("b", "100.1"), ("c", "100")], ("a",), id="low"),
        # The median that a price near zero pulls down leaves an honest one 100 % above it.
        pytest.param([("a", "10000"), ("b", "10001"), ("c", "1")], ("c",), id="near zero"),
        pytest.param([("a", "100"), ("b", "100"), ("c", "105")], (), id="at the collar"),
        pytest.param([("a", "100"), ("b", "100"), ("c", "105.0000000001")], ("c",), id="just past it"),
        pytest.param(
            [("a", "100"), ("b", "101"), ("c", "99"), ("d", "1"), ("e", "900")], ("d", "e"), id="two of five"
        ),
        pytest.param([("a", "100"), ("b", "100"), ("c", "200"), ("d", "200")], ("d", "c"), id="two camps"),
    ],
)
def test_a_wild_price_is_left_out_alone(prices: list[tuple[str, str]], out: tuple[str, ...]) -> None:
    assert outside_collar([(name, D(price)) for name, price in prices], COLLAR) == out


PRICES = st.lists(st.integers(1, 3000).map(lambda cents: D(cents) * D("0.1")), max_size=7).map(
    lambda prices: [(f"c{number}", price) for number, price in enumerate(prices)]
)


@given(PRICES.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_collar_does_not_depend_on_the_order_of_arrival(
    drawn: tuple[list[tuple[str, Decimal]], list[tuple[str, Decimal]]],
) -> None:
    assert outside_collar(drawn[0], COLLAR) == outside_collar(drawn[1], COLLAR)


@given(PRICES)
def test_what_is_left_agrees_or_is_a_pair(prices: list[tuple[str, Decimal]]) -> None:
    out = outside_collar(prices, COLLAR)
    left = [(name, price) for name, price in prices if name not in out]

    assert outside_collar(left, COLLAR) == ()
    assert len(left) >= min(2, len(prices))


@given(
    st.integers(10_000, 20_000),
    st.lists(st.integers(-100, 100), min_size=2, max_size=6),
    st.sampled_from([1, 5, 40_000, 10**9]),
)
def test_one_wild_price_among_many_that_agree_is_out_alone(
    middle: int, offsets: list[int], wild: int
) -> None:
    agreed = [(f"c{number}", D(middle + offset)) for number, offset in enumerate(offsets)]

    assert outside_collar([*agreed, ("wild", D(wild))], COLLAR) == ("wild",)
