"""What an order's unfilled rest claims, and what its fills have moved."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.claiming import claim_left, moved_between, moves_of
from router.core.instruction import Twap
from router.core.model import Claim, OrderType, Side
from router.core.order import Order
from tests.unit import build

D = Decimal
TWAP: dict[str, Any] = {"type": OrderType.TWAP, "instruction": Twap(60)}


def order(claim: Claim | None, base: str, quote: str, listed: bool = True, **changed: Any) -> Order:
    """An order of 0.5 BTC, or another, filled so far in one execution."""
    limit = changed.pop("outbound_limit", D("100.50"))
    fills = (build.fill("t-1", base, str(D(quote) / D(base))),) if listed and D(base) else ()
    attempt = build.attempt(
        claim=claim, connection=build.connection(fee_bps="10"), outbound=build.outbound(limit_price=limit)
    )
    return build.order(
        request=build.request(**changed),
        attempts=(attempt,),
        filled_base=D(base),
        filled_quote=D(quote),
        fills=fills,
    )


SALE_USD = {"side": Side.SELL, "quantity": D(50), "quantity_currency": "USD"}


@pytest.mark.parametrize(
    ("claim", "base", "quote", "changed", "left"),
    [
        (Claim("USD", D("50.25")), "0", "0", {}, "50.25"),
        (Claim("USD", D("50.25")), "0.1", "10", {}, "40.20"),
        (Claim("USD", D("50.25")), "0.5", "50", {}, "0"),
        (Claim("USD", D("50.25")), "0.6", "60", {}, "0"),
        (Claim("BTC", D("0.5")), "0.1", "10", {"side": Side.SELL}, "0.4"),
        (Claim("BTC", D("0.51")), "0.1", "10", SALE_USD, "0.408"),
        (Claim("USD", D("50.05")), "0.1", "10", SALE_USD | {"side": Side.BUY}, "40.04"),
    ],
)
def test_the_rest_of_a_size_claims_its_part(
    claim: Claim, base: str, quote: str, changed: dict[str, Any], left: str
) -> None:
    assert claim_left(order(claim, base, quote, **changed)) == Claim(claim.asset, D(left))


def test_what_claims_nothing_has_nothing_left() -> None:
    assert claim_left(order(None, "0.1", "10")) is None
    assert claim_left(build.order()) is None


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 10**9))
def test_what_is_left_is_never_less_than_the_rest_needs(quantity: int, price: int, filled: int) -> None:
    size, cost = D(quantity) / 10**8, D(price) / 100
    done = min(size, D(filled) / 10**8)
    left = claim_left(order(Claim("USD", size * cost), str(done), "0", False, quantity=size))
    assert left is not None
    assert 0 <= left.amount - (size - done) * cost < D("1e-17")


def test_fills_move_both_assets_and_the_fee() -> None:
    assert moves_of(order(None, "0.1", "10")) == {"BTC": D("0.1"), "USD": D("-10.010")}
    assert moves_of(order(None, "0.1", "10", side=Side.SELL)) == {"BTC": D("-0.1"), "USD": D("9.990")}
    assert moves_of(order(None, "0", "0")) == {}


def test_a_sum_that_was_not_said_is_taken_at_the_worst_that_it_can_be() -> None:
    limited = order(Claim("USD", D("50.30025")), "0.1", "0", False)
    assert moves_of(limited)["USD"] == D("-10.06005")
    # Without a limit nothing bounds it but what was set aside.
    free = order(Claim("USD", D("50.30025")), "0.1", "0", False, outbound_limit=None, **TWAP)
    assert moves_of(free)["USD"] == D("-10.06005")
    stated = order(Claim("USD", D("50.30025")), "0.1", "10", outbound_limit=None, **TWAP)
    assert moves_of(stated)["USD"] == D("-10.010")


def test_what_moved_is_counted_once() -> None:
    before, after = order(None, "0.1", "10"), order(None, "0.3", "31")
    assert moved_between(before, after) == {"BTC": D("0.2"), "USD": D("-21.021")}
    assert moved_between(after, after) == {"BTC": 0, "USD": 0}


@pytest.mark.parametrize(("side", "moved"), [(Side.BUY, "-50.75"), (Side.SELL, "49.25")])
def test_an_accepted_quote_moves_the_fee_that_was_quoted(side: Side, moved: str) -> None:
    attempt = build.attempt(connection=build.connection(fee_bps="10"), quoted_fee=D("0.75"))
    done = build.order(
        request=build.request(side=side),
        attempts=(attempt,),
        filled_base=D("0.5"),
        filled_quote=D(50),
        fills=(build.fill("t-1", "0.5", "100"),),
    )
    assert moves_of(done)["USD"] == D(moved)
    assert attempt.fee_paid(D(0)) == 0


@pytest.mark.parametrize(("side", "moved"), [(Side.BUY, "-50.03"), (Side.SELL, "49.97")])
def test_what_the_fills_state_was_charged_is_what_moves(side: Side, moved: str) -> None:
    done = build.order(
        request=build.request(side=side),
        attempts=(build.attempt(connection=build.connection(fee_bps="10"), quoted_fee=D("0.75")),),
        filled_base=D("0.5"),
        filled_quote=D(50),
        fills=(build.fill("t-1", "0.5", "100", fee=D("0.03")),),
    )
    assert moves_of(done)["USD"] == D(moved)
