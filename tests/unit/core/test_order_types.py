"""Orders that work over time: valid by type, priced by their slice, claimed at the worst that is known."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.admission import check_balance, check_increments, check_product
from router.core.attempt import make_attempt
from router.core.errors import InvalidRequestError
from router.core.instruction import Instruction, IntervalUnit, SteadyPace, Stop, Twap
from router.core.model import (
    Claim,
    OrderRequest,
    OrderType,
    OutboundOrder,
    Reason,
    Route,
    Side,
    TimeInForce,
)
from router.core.money import is_multiple
from router.core.pricing import price_quote, quoted_quantity
from router.core.routing import Terms, route
from tests.unit import build
from tests.unit.core.strategies import SIDES, SIZES

D = Decimal
PRODUCT = build.product()
TERMS = Terms(D(50))
SPOT = build.connection(fee_bps="10")
PTS = build.connection("bitgo-pts", pts=True, fee_bps="10")
TWAP: dict[str, Any] = {"type": OrderType.TWAP, "instruction": Twap(60)}
PACE: dict[str, Any] = {"type": OrderType.STEADY_PACE, "instruction": SteadyPace(D("0.1"), 5)}
STOP: dict[str, Any] = {"type": OrderType.STOP, "instruction": Stop(D(110))}
LIMIT: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D(90)}
IN_USD: dict[str, Any] = {"quantity": D(50), "quantity_currency": "USD"}
SALE: dict[str, Any] = {"side": Side.SELL}
SALE_USD = SALE | IN_USD


def routed(request: OrderRequest, free: str | None, *, pts: bool = False, **quote: Any) -> Route | Reason:
    priced = price_quote(build.quote(**quote), D(10), request.side, PRODUCT)
    account = PTS if pts else SPOT
    return route(request, TERMS, priced, account, PRODUCT, None if free is None else D(free))


@pytest.mark.parametrize("kind", list(OrderType))
@pytest.mark.parametrize("instruction", [None, Twap(60), SteadyPace(D("0.1"), 5), Stop(D(100))])
def test_a_type_has_its_own_instruction_and_no_other(
    kind: OrderType, instruction: Instruction | None
) -> None:
    own = {OrderType.TWAP: Twap, OrderType.STEADY_PACE: SteadyPace, OrderType.STOP: Stop}.get(
        kind, type(None)
    )
    if type(instruction) is own:
        assert build.request(type=kind, instruction=instruction).instruction == instruction
        assert build.outbound(type=kind, instruction=instruction).instruction == instruction
    else:
        for make in (build.request, build.outbound):
            with pytest.raises(ValueError, match=f"expected {own.__name__} in a {kind} order"):
                make(type=kind, instruction=instruction)


@pytest.mark.parametrize("changed", [{}, LIMIT, TWAP, PACE, STOP], ids=lambda changed: changed.get("type"))
def test_requests_and_orders_are_the_same_again_from_json(changed: dict[str, Any]) -> None:
    request = build.request(**changed)
    encoded = msgspec.json.encode(request)
    assert msgspec.json.decode(encoded, type=OrderRequest) == request


def test_what_was_written_before_there_were_instructions_can_be_read() -> None:
    for made, kind in ((build.request(**LIMIT), OrderRequest), (build.outbound(), OutboundOrder)):
        fields = msgspec.json.decode(msgspec.json.encode(made))
        fields.pop("instruction", None)
        assert msgspec.convert(fields, kind, strict=False) == made


@pytest.mark.parametrize(
    ("changed", "works"),
    [
        ({}, False),
        ({"time_in_force": TimeInForce.FOK}, False),
        (LIMIT, True),
        (LIMIT | {"time_in_force": TimeInForce.GTD, "duration_minutes": 5}, True),
        (LIMIT | {"time_in_force": TimeInForce.IOC}, False),
        (TWAP, True),
        (PACE, True),
        (STOP, True),
    ],
)
def test_what_works_over_time(changed: dict[str, Any], works: bool) -> None:
    assert build.request(**changed).works is works


@pytest.mark.parametrize(
    ("changed", "expected"), [(TWAP, TimeInForce.GTD), (PACE, TimeInForce.GTC), (STOP, TimeInForce.GTC)]
)
def test_it_rests_until_its_time_is_over_or_it_is_done(
    changed: dict[str, Any], expected: TimeInForce
) -> None:
    assert build.request(**changed).time_in_force_meant == expected
    assert expected.rests


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "0.5"),
        (LIMIT, "0.5"),
        (STOP, "0.5"),
        (PACE, "0.1"),
        (TWAP, "0.00833334"),
        ({"type": OrderType.TWAP, "instruction": Twap(60, 5, time_sliced=True)}, "0.04166667"),
        ({"type": OrderType.TWAP, "instruction": Twap(60, 7, time_sliced=True)}, "0.06250000"),
        # An interval alone slices nothing.
        ({"type": OrderType.TWAP, "instruction": Twap(60, 5)}, "0.00833334"),
        ({"type": OrderType.TWAP, "instruction": Twap(1)}, "0.5"),
        (TWAP | IN_USD, "0.84"),
    ],
)
def test_the_price_is_for_a_slice(changed: dict[str, Any], expected: str) -> None:
    assert quoted_quantity(build.request(**changed), PRODUCT) == D(expected)


@given(SIZES, st.integers(1, 525_600), st.none() | st.integers(1, 525_600))
def test_a_slice_is_a_size_that_can_be_traded(quantity: Decimal, minutes: int, interval: int | None) -> None:
    twap = Twap(minutes, interval, time_sliced=interval is not None)
    size = quoted_quantity(build.request(type=OrderType.TWAP, instruction=twap, quantity=quantity), PRODUCT)
    assert 0 < size <= quantity
    assert size == quantity or is_multiple(size, PRODUCT.base_increment)


@pytest.mark.parametrize(
    ("changed", "free", "claim"),
    [
        # 0.5 at 100.00 and 10 bps are 50.05; with 50 bps of slippage on top 50.30025.
        (TWAP, "1000", Claim("USD", D("50.30025"))),
        (TWAP, "50.30025", Claim("USD", D("50.30025"))),
        (TWAP, "50.05", Claim("USD", D("50.05"))),
        (TWAP, "50.0499", Reason.INSUFFICIENT_BALANCE),
        (TWAP, None, Reason.BALANCE_UNKNOWN),
        (TWAP | IN_USD, "50.05", Claim("USD", D("50.05"))),
        (TWAP | IN_USD, "50.04", Reason.INSUFFICIENT_BALANCE),
        (TWAP | SALE, "0.5", Claim("BTC", D("0.5"))),
        (TWAP | SALE, "0.49999999", Reason.INSUFFICIENT_BALANCE),
        (TWAP | SALE_USD, "1", Claim("BTC", D("0.50251257"))),
        (TWAP | SALE_USD, "0.5", Claim("BTC", D("0.5"))),
        (TWAP | SALE_USD, "0.49999999", Reason.INSUFFICIENT_BALANCE),
        (PACE, "50.05", Claim("USD", D("50.05"))),
        # A limit bounds what is paid, whatever the market is.
        (TWAP | {"limit_price": D(90)}, "45.045", Claim("USD", D("45.045"))),
        (TWAP | {"limit_price": D(90)}, "45.0449", Reason.INSUFFICIENT_BALANCE),
        # A stop trades at its trigger or its limit, not at the market of now.
        (STOP, "1000", Claim("USD", D("55.055"))),
        (STOP, "55.0549", Reason.INSUFFICIENT_BALANCE),
        (STOP | {"limit_price": D(120)}, "1000", Claim("USD", D("60.06"))),
        (STOP | {"limit_price": D(120)}, "60.05", Reason.INSUFFICIENT_BALANCE),
        (STOP | SALE_USD, "1000", Claim("BTC", D("0.45454546"))),
    ],
)
def test_what_a_working_order_claims(
    changed: dict[str, Any], free: str | None, claim: Claim | Reason
) -> None:
    request = build.request(**changed)

    made = routed(request, free)

    assert (made.claim if isinstance(made, Route) else made) == claim
    # A PTS account joins whatever is known of it, and claims nothing.
    on_credit = routed(request, None, pts=True)
    assert isinstance(on_credit, Route)
    assert on_credit.claim is None


@given(SIDES, st.booleans(), st.integers(0, 10_000), st.integers(0, 300))
def test_it_joins_if_the_balance_covers_size_and_fee_and_never_claims_more_than_is_free(
    side: Side, in_quote: bool, bps: int, percent: int
) -> None:
    request = build.request(side=side, **TWAP, **(IN_USD if in_quote else {}))
    priced = price_quote(build.quote(), D(10), side, PRODUCT)
    least = {
        (Side.BUY, False): D("50.05"),
        (Side.BUY, True): D("50.05"),
        (Side.SELL, False): D("0.5"),
        (Side.SELL, True): D("0.5"),
    }[side, in_quote]
    free = least * percent / 100

    made = route(request, Terms(D(bps)), priced, SPOT, PRODUCT, free)

    if percent < 100:
        assert made is Reason.INSUFFICIENT_BALANCE
    else:
        assert isinstance(made, Route)
        assert made.claim is not None
        assert least <= made.claim.amount <= free


@pytest.mark.parametrize("changed", [TWAP, PACE, STOP], ids=lambda changed: changed["type"])
@pytest.mark.parametrize("limit", [None, "120.00"])
def test_it_goes_out_with_the_callers_limit_or_none(changed: dict[str, Any], limit: str | None) -> None:
    request = build.request(**changed, limit_price=None if limit is None else D(limit))

    made = routed(request, "1000", complete=False, price_worst=D(500))

    assert isinstance(made, Route)
    assert made.limit_price == request.limit_price
    sent = make_attempt("o-1", request, 1, made, SPOT, PRODUCT, None, build.T0).outbound
    assert (sent.type, sent.instruction, sent.limit_price) == (
        request.type,
        request.instruction,
        request.limit_price,
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (PACE, None),
        ({**PACE, "instruction": SteadyPace(D("0.00009999"), 5)}, Reason.SIZE_BELOW_MINIMUM),
        ({**PACE, "instruction": SteadyPace(D("0.100000001"), 5)}, Reason.PRODUCT_UNSUPPORTED),
        (STOP, None),
        ({**STOP, "instruction": Stop(D("100.001"))}, Reason.PRODUCT_UNSUPPORTED),
    ],
)
def test_a_counterparty_that_could_not_take_a_part_of_it_is_out(
    changed: dict[str, Any], reason: Reason | None
) -> None:
    assert check_product(build.request(**changed), SPOT, PRODUCT) == reason


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (TWAP | {"limit_price": D("99.999")}, "limit_price: expected a multiple of 0.01 USD"),
        ({**PACE, "instruction": SteadyPace(D("0.100000001"), 5)}, "sub_order_size: expected a multiple of"),
        ({**STOP, "instruction": Stop(D("100.001"))}, "trigger_price: expected a multiple of 0.01 USD"),
    ],
)
def test_a_price_or_size_that_nobody_could_take_is_refused_by_field(
    changed: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InvalidRequestError, match=expected):
        check_increments(build.request(**changed), [PRODUCT])
    # One that could take it is enough.
    fine = build.product(price_increment=D("0.001"), base_increment=D("0.000000001"))
    check_increments(build.request(**changed), [PRODUCT, fine])


@pytest.mark.parametrize(
    ("changed", "free", "reason"),
    [
        (TWAP, "0.01", None),
        (TWAP, "0", Reason.INSUFFICIENT_BALANCE),
        (STOP, "55.055", None),
        (STOP, "55.05", Reason.INSUFFICIENT_BALANCE),
        (STOP | {"limit_price": D(120)}, "60.05", Reason.INSUFFICIENT_BALANCE),
    ],
)
def test_a_balance_that_cannot_do_is_out_before_any_price(
    changed: dict[str, Any], free: str, reason: Reason | None
) -> None:
    assert check_balance(build.request(**changed), SPOT, PRODUCT, D(free)) == reason


def test_an_interval_has_minutes_for_its_unit_unless_another_is_said() -> None:
    assert SteadyPace(D(1), 5).interval_unit is IntervalUnit.MINUTE
