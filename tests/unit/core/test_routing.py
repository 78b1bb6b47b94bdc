"""The one order that goes out: its limit on the safe side, and a claim that a Spot balance covers."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from router.core.model import (
    Claim,
    OrderRequest,
    OrderType,
    PricedQuote,
    Product,
    Quote,
    Reason,
    Route,
    Side,
    TimeInForce,
)
from router.core.money import is_multiple
from router.core.pricing import price_quote
from router.core.routing import Terms, claim_at, given_up, limit_for, route
from tests.unit import build
from tests.unit.core.strategies import SIDES, SIZES, amounts, sides_of_book

D = Decimal
PRODUCT = build.product()
TERMS = Terms(D(50))
SPOT = build.connection(fee_bps="10")
PTS = build.connection("bitgo-pts", pts=True, fee_bps="10")


def priced(
    request: OrderRequest, quote: Quote | None = None, product: Product = PRODUCT, fee: str = "10"
) -> PricedQuote:
    return price_quote(build.quote() if quote is None else quote, D(fee), request.side, product)


@pytest.mark.parametrize(
    ("changed", "protected", "expected"),
    [
        ({}, False, TimeInForce.IOC),
        ({"time_in_force": TimeInForce.FOK}, False, TimeInForce.FOK),
        ({"type": OrderType.LIMIT, "limit_price": D(1)}, False, TimeInForce.GTC),
        ({"type": OrderType.LIMIT, "limit_price": D(1), "duration_minutes": 5}, False, TimeInForce.GTD),
        (
            {"type": OrderType.LIMIT, "limit_price": D(1), "time_in_force": TimeInForce.IOC},
            False,
            TimeInForce.IOC,
        ),
        ({}, True, TimeInForce.FOK),
        ({"time_in_force": TimeInForce.IOC}, True, TimeInForce.FOK),
    ],
)
def test_time_in_force(changed: dict[str, object], protected: bool, expected: TimeInForce) -> None:
    request, terms = build.request(**changed), Terms(D(50), protected)

    made = route(request, terms, priced(request), PTS, PRODUCT, None)

    assert isinstance(made, Route)
    assert made.time_in_force == expected


@given(
    SIDES, amounts(low=1, high=10**9, decimals=4), st.integers(0, 5000), st.sampled_from(["0.01", "0.5", "3"])
)
def test_a_limit_is_the_quote_and_the_slippage_on_the_tick_toward_safety(
    side: Side, price: Decimal, bps: int, tick: str
) -> None:
    product = build.product(price_increment=D(tick))
    request = build.request(side=side)

    limit = limit_for(request, Terms(D(bps)), priced(request, build.quote(price=str(price))), product)

    slip = Fraction(bps, 10_000) * (1 if side is Side.BUY else -1)
    allowed = Fraction(price) * (1 + slip)
    assert is_multiple(limit, D(tick))
    if side is Side.BUY:
        assert allowed - Fraction(tick) < Fraction(limit) <= allowed
    else:
        assert allowed <= Fraction(limit) < allowed + Fraction(tick)


@pytest.mark.parametrize(
    ("side", "limit"), [(Side.BUY, "99.99"), (Side.SELL, "100.00")], ids=["a buy's down", "a sale's up"]
)
def test_a_callers_limit_is_put_on_the_tick_and_no_slippage_is_added(side: Side, limit: str) -> None:
    request = build.request(side=side, type=OrderType.LIMIT, limit_price=D("99.999"))

    assert limit_for(request, TERMS, priced(request), PRODUCT) == D(limit)


@pytest.mark.parametrize("side", list(Side))
def test_a_protected_or_firm_price_gets_no_slippage(side: Side) -> None:
    request = build.request(side=side)

    assert limit_for(request, Terms(D(50), protected=True), priced(request), PRODUCT) == D(100)
    firm = priced(request, build.quote(firm=True))
    assert limit_for(request, TERMS, firm, PRODUCT) == D(100)


@pytest.mark.parametrize(
    ("changed", "claim"),
    [
        # fee: 10 bps of the quote notional, in quote
        ({"side": Side.BUY}, Claim("USD", D("50.05"))),
        ({"side": Side.BUY, "quantity": D(50), "quantity_currency": "USD"}, Claim("USD", D("50.05"))),
        ({"side": Side.SELL}, Claim("BTC", D("0.5"))),
        ({"side": Side.SELL, "quantity": D(50), "quantity_currency": "USD"}, Claim("BTC", D("0.5"))),
        (
            {"side": Side.SELL, "quantity": D("50.01"), "quantity_currency": "USD"},
            Claim("BTC", D("0.5001")),
        ),
        (
            {"side": Side.SELL, "quantity": D(10), "quantity_currency": "USD"},
            Claim("BTC", D("0.1")),
        ),
    ],
)
def test_a_claim_is_all_that_is_given_up_at_the_limit(changed: dict[str, object], claim: Claim) -> None:
    assert claim_at(build.request(**changed), SPOT, PRODUCT, D(100)) == claim


def test_a_sale_to_a_target_claims_up_to_the_next_increment() -> None:
    request = build.request(side=Side.SELL, quantity=D(100), quantity_currency="USD")

    assert claim_at(request, SPOT, PRODUCT, D(3)) == Claim("BTC", D("33.33333334"))


def test_what_is_given_up() -> None:
    assert given_up(build.request(side=Side.BUY), PRODUCT) == "USD"
    assert given_up(build.request(side=Side.SELL), PRODUCT) == "BTC"


def test_a_spot_route_claims_what_its_limit_can_take() -> None:
    request = build.request()

    made = route(request, TERMS, priced(request), SPOT, PRODUCT, D("50.30025"))

    assert isinstance(made, Route)
    assert (made.limit_price, made.time_in_force) == (D("100.50"), TimeInForce.IOC)
    assert made.claim == Claim("USD", D("50.30025"))


def test_a_protected_route_is_fill_or_kill_at_the_quoted_price() -> None:
    request = build.request()

    made = route(request, Terms(D(50), protected=True), priced(request), SPOT, PRODUCT, D("50.05"))

    assert isinstance(made, Route)
    assert (made.limit_price, made.time_in_force) == (D("100.00"), TimeInForce.FOK)
    assert made.claim == Claim("USD", D("50.05"))


@pytest.mark.parametrize("free", [None, D(-1), D(0), D(10**9)])
def test_a_pts_route_has_no_claim_whatever_is_free(free: Decimal | None) -> None:
    request = build.request()

    made = route(request, TERMS, priced(request), PTS, PRODUCT, free)

    assert isinstance(made, Route)
    assert made.claim is None
    assert made.limit_price == D("100.50")


INCOMPLETE = build.quote(complete=False)
DEEP = build.quote(price_worst=D("100.51"))
LIMIT = {"type": OrderType.LIMIT, "limit_price": D(90)}


@pytest.mark.parametrize(
    ("changed", "quote", "free", "reason"),
    [
        pytest.param({}, INCOMPLETE, "1000", Reason.INSUFFICIENT_DEPTH, id="thin"),
        pytest.param({}, DEEP, "1000", Reason.INSUFFICIENT_DEPTH, id="depth past the limit"),
        pytest.param({}, None, None, Reason.BALANCE_UNKNOWN, id="unknown"),
        pytest.param({}, None, "50.04", Reason.INSUFFICIENT_BALANCE, id="the fee is not covered"),
        pytest.param({}, None, "0", Reason.INSUFFICIENT_BALANCE, id="nothing"),
        pytest.param({}, None, "-5", Reason.INSUFFICIENT_BALANCE, id="less than nothing"),
        pytest.param(
            {"side": Side.SELL}, None, "0.49999999", Reason.INSUFFICIENT_BALANCE, id="a sale by a hair"
        ),
        pytest.param(LIMIT, None, "45", Reason.INSUFFICIENT_BALANCE, id="a limit order is not narrowed"),
        pytest.param({}, build.quote(price="0.001"), "1000", Reason.INVALID_QUOTE, id="rounds to nothing"),
    ],
)
def test_why_there_is_no_route(
    changed: dict[str, object], quote: Quote | None, free: str | None, reason: Reason
) -> None:
    request = build.request(**changed)

    made = route(request, TERMS, priced(request, quote), SPOT, PRODUCT, None if free is None else D(free))

    assert made == reason


def test_a_limit_order_may_rest_on_a_thin_book() -> None:
    request = build.request(**LIMIT)

    made = route(request, TERMS, priced(request, INCOMPLETE), SPOT, PRODUCT, D("45.045"))

    assert isinstance(made, Route)
    assert made.limit_price == D(90)


def test_a_protected_price_is_not_narrowed() -> None:
    request = build.request()

    made = route(request, Terms(D(50), protected=True), priced(request), SPOT, PRODUCT, D("50.0499"))

    assert made == Reason.INSUFFICIENT_BALANCE


def test_a_limit_is_narrowed_to_what_the_balance_affords() -> None:
    request = build.request()

    made = route(request, TERMS, priced(request), SPOT, PRODUCT, D("50.15"))

    assert isinstance(made, Route)
    assert made.limit_price == D("100.19")
    assert made.claim == Claim("USD", D("50.145095"))


def test_a_sale_to_a_target_is_narrowed_to_whole_increments_of_what_is_free() -> None:
    product = build.product(base_increment=D("0.01"))
    request = build.request(side=Side.SELL, quantity=D(100), quantity_currency="USD")
    quote = build.quote(price="100.00", quantity_base="1")

    # 1.004 free are 1.00 to trade with: at 99.61 the target would take 1.01 of it.
    made = route(request, TERMS, priced(request, quote, product), SPOT, product, D("1.004"))

    assert isinstance(made, Route)
    assert made.limit_price == D("100.00")
    assert made.claim == Claim("BTC", D("1.00"))


@st.composite
def trades(draw: st.DrawFn) -> tuple[OrderRequest, Quote, Product]:
    """A market request and the quote that a random book makes for it, whole."""
    side = draw(SIDES)
    product = build.product(base_increment=draw(st.sampled_from([D("0.00000001"), D("0.01")])))
    if draw(st.booleans()):
        request = build.request(side=side, quantity=draw(SIZES))
    else:
        cents = draw(st.integers(1, 10**8))
        request = build.request(side=side, quantity=D(cents) * D("0.01"), quantity_currency="USD")
    levels = draw(sides_of_book(side))
    walked = build.quote_from_levels(
        "bitgo-spot", build.Source.BOOK, levels, product, side, request.quantity, in_base=request.in_base
    )
    assume(walked is not None and walked.complete)
    assert walked is not None
    return request, walked, product


@given(trades(), st.integers(0, 5000), st.integers(0, 200), st.sampled_from(["0", "10", "25.5"]))
def test_a_spot_route_is_covered_and_a_covered_quote_has_a_route(
    trade: tuple[OrderRequest, Quote, Product], bps: int, percent: int, fee: str
) -> None:
    request, quote, product = trade
    spot, terms = build.connection(fee_bps=fee), Terms(D(bps))
    scored = priced(request, quote, product, fee)
    widest = limit_for(request, terms, scored, product)
    assume(widest > 0)
    at_worst = claim_at(request, spot, product, quote.price_worst).amount
    free = at_worst * percent / 100

    made = route(request, terms, scored, spot, product, free)

    side = 1 if request.side is Side.BUY else -1
    if isinstance(made, Route):
        assert made.claim is not None
        assert made.limit_price is not None
        assert made.claim == claim_at(request, spot, product, made.limit_price)
        assert made.claim.amount <= free
        assert is_multiple(made.limit_price, product.price_increment)
        assert side * quote.price_worst <= side * made.limit_price <= side * widest
    elif made is Reason.INSUFFICIENT_DEPTH:
        assert side * quote.price_worst > side * widest
    else:
        assert made is Reason.INSUFFICIENT_BALANCE
        assert free < at_worst
