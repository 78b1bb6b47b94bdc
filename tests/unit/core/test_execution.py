"""What an order was executed at, against what had been quoted."""

from decimal import Decimal

import pytest

from router.core.execution import all_in_slippage_bps, executed, execution_of
from router.core.model import Fill, Side
from tests.unit import build
from tests.unit.build import D

CHARGED = build.connection(fee_bps="10")


def test_a_buy_pays_its_fee_on_top_and_is_held_against_the_quotes() -> None:
    order = build.order(
        attempts=(build.attempt(connection=CHARGED),), filled_base=D("0.5"), filled_quote=D("50.10")
    )
    done = execution_of(order)
    assert done is not None
    assert (done.average, done.fee) == (D("100.20"), D("0.0501"))
    assert done.all_in == D("100.3002")
    assert (done.slippage_bps, done.improvement_bps) == (D(20), D("9.94"))
    assert all_in_slippage_bps(order, done) == D(20)


def test_a_sale_pays_its_fee_out_of_what_it_brings() -> None:
    done = executed(build.attempt(connection=CHARGED, cover_price=None), Side.SELL, D("0.5"), D("49.90"))
    assert done is not None
    assert (done.average, done.fee, done.all_in) == (D("99.80"), D("0.0499"), D("99.7002"))
    assert (done.slippage_bps, done.improvement_bps) == (D(20), None)


def test_an_accepted_quote_has_its_own_fee() -> None:
    done = executed(build.attempt(connection=CHARGED, quoted_fee=D(1)), Side.BUY, D("0.5"), D(50))
    assert done is not None
    assert (done.fee, done.all_in) == (D(1), D(102))


def test_what_every_fill_states_was_paid_goes_before_what_was_reckoned_with() -> None:
    fills = (build.fill("t-1", "0.3", "100", fee=D("0.02")), build.fill("t-2", "0.2", "100", fee=D("0.01")))
    order = build.order(
        attempts=(build.attempt(connection=CHARGED, quoted_fee=D(1)),),
        filled_base=D("0.5"),
        filled_quote=D(50),
        fills=fills,
    )
    done = execution_of(order)
    assert done is not None
    assert (done.fee, done.all_in) == (D("0.03"), D("100.06"))


def test_a_rebate_that_is_stated_makes_the_price_better() -> None:
    fills = (build.fill("t-1", "0.5", "100", fee=D("-0.05")),)
    done = executed(build.attempt(connection=CHARGED), Side.SELL, D("0.5"), D(50), fills)
    assert done is not None
    assert (done.fee, done.all_in) == (D("-0.05"), D("100.1"))


@pytest.mark.parametrize(
    "fills",
    [
        (build.fill("t-1", "0.3", "100", fee=D("0.02")), build.fill("t-2", "0.2", "100")),
        (build.fill("t-1", "0.3", "100", fee=D("0.02")),),
    ],
    ids=["one says nothing", "one is not listed"],
)
def test_what_only_some_fills_state_is_no_sum(fills: tuple[Fill, ...]) -> None:
    done = executed(build.attempt(connection=CHARGED), Side.BUY, D("0.5"), D(50), fills)
    assert done is not None
    assert done.fee == D("0.05")


def test_without_a_price_that_was_quoted_with_fees_nothing_is_held_against_it() -> None:
    attempts = (build.attempt(quoted_all_in_price=D(0)),)
    order = build.order(attempts=attempts, filled_base=D("0.5"), filled_quote=D(50))
    done = execution_of(order)
    assert done is not None
    assert all_in_slippage_bps(order, done) is None


@pytest.mark.parametrize(("base", "quote"), [("0", "0"), ("0.5", "0"), ("0", "50"), ("-1", "50")])
def test_nothing_that_traded_is_no_execution(base: str, quote: str) -> None:
    assert executed(build.attempt(), Side.BUY, Decimal(base), Decimal(quote)) is None


def test_an_order_that_was_sent_to_nobody_has_none() -> None:
    assert execution_of(build.order(filled_base=D(1), filled_quote=D(1))) is None
