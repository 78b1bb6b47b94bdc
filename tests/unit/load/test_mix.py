"""What requests say: drawn by weight within their ranges, exact amounts, alike for a seed."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.load.arrivals import drawing
from router.load.mix import Drawn, Kind, Limit, Mix, Sizes
from tests.unit.load.plans import ACCEPT, ORDER, RFQ, STAGE, TARGET, read

RANGE = 'quantity = { min = "0.1", max = "0.3", step = "0.05" }'
LIMITED = 'limit = { offset_bps = { min = -5, max = 20 }, price_step = "0.5", reference_price = "100" }\n'


def drawn(text: str, count: int, seed: int = 1) -> list[Drawn]:
    mix = Mix(read(TARGET + STAGE + text).mix, drawing(seed, "mix"))
    return [mix.draw() for _ in range(count)]


def test_an_order_says_what_the_contract_wants() -> None:
    fields = 'sides = ["sell"]\nfields = { time_in_force = "FOK", connections = ["bitgo-spot"] }\n'
    (only,) = drawn(ORDER + fields, 1)
    assert only.body("load-1", None) == {
        "client_order_id": "load-1",
        "product": "BTC-USD",
        "side": "sell",
        "type": "market",
        "quantity": "0.5",
        "quantity_currency": "BTC",
        "time_in_force": "FOK",
        "connections": ["bitgo-spot"],
    }


@pytest.mark.parametrize("text", [RFQ, ACCEPT])
def test_an_rfq_has_no_id_and_no_type(text: str) -> None:
    (only,) = drawn(text + 'sides = ["buy"]\nquantity_currency = "USD"\n', 1)
    assert only.body("load-1", None) == {
        "product": "BTC-USD",
        "side": "buy",
        "quantity": "0.5",
        "quantity_currency": "USD",
    }


def test_kinds_come_by_their_weight_and_sides_evenly() -> None:
    found = drawn(ORDER + "weight = 8\n" + RFQ + "weight = 2\n", 5000)
    kinds = Counter(each.entry.kind for each in found)
    assert kinds[Kind.ORDER] / 5000 == pytest.approx(0.8, abs=0.03)
    assert Counter(each.side for each in found)["buy"] / 5000 == pytest.approx(0.5, abs=0.03)
    assert [each.number for each in found] == list(range(1, 5001))


def test_every_size_of_a_range_is_drawn_and_no_other() -> None:
    found = {each.quantity for each in drawn(ORDER.replace('quantity = "0.5"', RANGE), 500)}
    assert found == {"0.10", "0.15", "0.20", "0.25", "0.30"}


def test_every_offset_of_a_range_is_drawn_and_no_other() -> None:
    found = {each.offset_bps for each in drawn(ORDER + LIMITED, 2000)}
    assert found == set(range(-5, 21))


def test_a_limit_is_beyond_the_reference_for_a_buy_and_below_it_for_a_sale() -> None:
    limit = Limit(0, 0, Decimal("0.01"))
    assert limit.price(Decimal(100), 20, "buy") == Decimal("100.20")
    assert limit.price(Decimal(100), 20, "sell") == Decimal("99.80")
    assert limit.price(Decimal(100), -20, "buy") == Decimal("99.80")


@given(
    st.decimals("0.01", "100000", places=2), st.integers(-9999, 9999), st.sampled_from(["0.01", "0.5", "3"])
)
def test_a_limit_is_a_multiple_of_its_step_and_never_past_its_offset(
    reference: Decimal, offset_bps: int, step: str
) -> None:
    limit = Limit(0, 0, Decimal(step))
    exact_buy = reference * (10_000 + offset_bps) / 10_000
    exact_sell = reference * (10_000 - offset_bps) / 10_000
    buy, sell = limit.price(reference, offset_bps, "buy"), limit.price(reference, offset_bps, "sell")
    assert exact_buy - Decimal(step) < buy <= exact_buy
    assert exact_sell <= sell < exact_sell + Decimal(step)
    assert not buy % Decimal(step)
    assert not sell % Decimal(step)


def test_a_limit_without_a_reference_of_its_own_takes_the_one_it_is_handed() -> None:
    (only,) = drawn(ORDER + 'sides = ["buy"]\nlimit = { offset_bps = 10 }\n', 1)
    assert only.body("load-1", Decimal("50.00"))["limit_price"] == "50.05"
    assert only.body("load-1", Decimal("50.00"))["type"] == "limit"
    with pytest.raises(ValueError, match="expected a price of BTC-USD"):
        only.body("load-1", None)


def test_a_seed_draws_the_same_requests_again_and_another_seed_others() -> None:
    text = ORDER.replace('quantity = "0.5"', RANGE) + RFQ
    assert drawn(text, 50, 3) == drawn(text, 50, 3)
    assert drawn(text, 50, 3) != drawn(text, 50, 4)


def test_a_size_that_is_one_is_written_as_it_stands() -> None:
    assert Sizes(Decimal("1.50"), Decimal(1), 0).draw(drawing(1, "mix")) == "1.50"
