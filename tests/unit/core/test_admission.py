"""Who joins: the product and the size for all, the balance for Spot, and nothing at all read for PTS."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.admission import check_balance, check_increments, check_product
from router.core.competition import Competition, Contender, Rules
from router.core.errors import InvalidRequestError
from router.core.ledger import Ledger
from router.core.model import Connection, OrderRequest, OrderType, Product, Reason, Side
from router.core.routing import Terms, given_up
from tests.unit import build
from tests.unit.build import T0

D = Decimal
SPOT = build.connection(fee_bps="10")
PTS = build.connection("bitgo-pts", pts=True, fee_bps="10")
PRODUCT = build.product()


class UnreadLedger(Ledger):
    """A ledger that nobody may look into."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"expected nothing to be read for a PTS connection, was {name}")


def stated(**balances: str) -> Ledger:
    ledger = Ledger()
    ledger.state(SPOT.id, {asset: D(amount) for asset, amount in balances.items()}, T0)
    return ledger


def checked(request: OrderRequest, ledger: Ledger) -> Reason | None:
    """What the balance says of a request on the Spot connection."""
    return check_balance(request, SPOT, PRODUCT, ledger.free(SPOT.id, given_up(request, PRODUCT)))


def opened(connection: Connection, **changed: object) -> list[Contender]:
    """Who is asked of a competition of one whose ledger must not be looked into."""
    rules = Rules(250_000_000, D(500), Terms(D(50)))
    competition = Competition(build.request(**changed), rules, UnreadLedger())
    return competition.opened([Contender(connection, PRODUCT)], T0)


USD = {"quantity_currency": "USD"}


@pytest.mark.parametrize(
    ("changed", "product", "reason"),
    [
        ({}, PRODUCT, None),
        ({}, None, Reason.PRODUCT_UNSUPPORTED),
        ({}, build.product(enabled=False), Reason.PRODUCT_DISABLED),
        ({"quantity": D("0.0001")}, PRODUCT, None),
        ({"quantity": D("0.00009999")}, PRODUCT, Reason.SIZE_BELOW_MINIMUM),
        ({"quantity": D(1000)}, PRODUCT, None),
        ({"quantity": D("1000.00000001")}, PRODUCT, Reason.SIZE_ABOVE_MAXIMUM),
        ({"quantity": D("0.500000001")}, PRODUCT, Reason.PRODUCT_UNSUPPORTED),
        ({"quantity": D("0.500000000")}, PRODUCT, None),
        (USD | {"quantity": D(10)}, PRODUCT, None),
        (USD | {"quantity": D("9.99")}, PRODUCT, Reason.SIZE_BELOW_MINIMUM),
        (USD | {"quantity": D(100_000_000)}, PRODUCT, None),
        (USD | {"quantity": D("100000000.01")}, PRODUCT, Reason.SIZE_ABOVE_MAXIMUM),
        (USD | {"quantity": D("10.001")}, PRODUCT, Reason.PRODUCT_UNSUPPORTED),
    ],
)
def test_the_product_and_the_size(
    changed: dict[str, object], product: Product | None, reason: Reason | None
) -> None:
    request = build.request(**changed)

    assert check_product(request, SPOT, product) == reason
    assert check_product(request, PTS, product) == reason


def test_a_product_without_margin_is_for_spot_alone() -> None:
    product = build.product(margin_supported=False)

    assert check_product(build.request(), PTS, product) == Reason.PRODUCT_DISABLED
    assert check_product(build.request(), SPOT, product) is None


BUY_BASE = {"side": Side.BUY}
BUY_QUOTE = {"side": Side.BUY, "quantity": D(50), "quantity_currency": "USD"}
SELL_BASE = {"side": Side.SELL}
SELL_QUOTE = {"side": Side.SELL, "quantity": D(50), "quantity_currency": "USD"}
LIMIT = {"type": OrderType.LIMIT, "limit_price": D(100)}


@pytest.mark.parametrize(
    ("changed", "enough", "short"),
    [
        pytest.param(SELL_BASE, {"BTC": "0.5"}, {"BTC": "0.49999999"}, id="sale in base"),
        pytest.param(BUY_QUOTE, {"USD": "50.05"}, {"USD": "50.04"}, id="buy in quote, with its fee"),
        # Its claim depends on the price: any balance at all may do, until there is a quote.
        pytest.param(BUY_BASE, {"USD": "0.01"}, {"USD": "0"}, id="buy in base"),
        pytest.param(SELL_QUOTE, {"BTC": "0.00000001"}, {"BTC": "0"}, id="sale in quote"),
        pytest.param(BUY_BASE | LIMIT, {"USD": "50.05"}, {"USD": "50.04"}, id="buy in base with a limit"),
        pytest.param(SELL_QUOTE | LIMIT, {"BTC": "0.5"}, {"BTC": "0.49"}, id="sale in quote with a limit"),
    ],
)
def test_a_spot_balance_must_cover_the_trade(
    changed: dict[str, object], enough: dict[str, str], short: dict[str, str]
) -> None:
    request = build.request(**changed)

    assert checked(request, stated(**enough)) is None
    assert checked(request, stated(**short)) == Reason.INSUFFICIENT_BALANCE
    assert checked(request, stated()) == Reason.INSUFFICIENT_BALANCE
    assert checked(request, Ledger()) == Reason.BALANCE_UNKNOWN


def test_what_other_orders_reserved_is_not_free() -> None:
    ledger = stated(BTC="0.9")
    request = build.request(side=Side.SELL)
    assert ledger.reserve("other", SPOT.id, build.Claim("BTC", D("0.4")))
    assert checked(request, ledger) is None

    assert ledger.reserve("another", SPOT.id, build.Claim("BTC", D("0.00000001")))
    assert checked(request, ledger) == Reason.INSUFFICIENT_BALANCE


@pytest.mark.parametrize("changed", [BUY_BASE, BUY_QUOTE, SELL_BASE, SELL_QUOTE, BUY_BASE | LIMIT])
def test_pts_joins_and_nothing_is_read(changed: dict[str, object]) -> None:
    assert opened(PTS, **changed) == [Contender(PTS, PRODUCT)]


def test_the_unread_ledger_would_tell() -> None:
    with pytest.raises(AssertionError, match="nothing to be read"):
        opened(SPOT)


def test_a_quantity_that_nobody_could_take_names_its_field() -> None:
    coarse = build.product(base_increment=D("0.001"))

    with pytest.raises(InvalidRequestError) as raised:
        check_increments(build.request(quantity=D("0.000000001")), [coarse, PRODUCT])

    (error,) = raised.value.errors
    assert (error.field, error.was) == ("quantity", '"0.000000001"')
    assert error.expected == "a multiple of 0.00000001 BTC"


@given(st.permutations([D("0.001"), D("0.00000001"), D("0.5")]))
def test_one_that_could_take_it_is_enough(increments: list[Decimal]) -> None:
    products = [build.product(base_increment=increment) for increment in increments]

    check_increments(build.request(quantity=D("0.00000003")), products)


def test_increments_of_the_quote_currency_count_for_amounts_in_it() -> None:
    request = build.request(quantity=D("10.001"), quantity_currency="USD")

    with pytest.raises(InvalidRequestError, match=r'a multiple of 0\.01 USD, was "10\.001"'):
        check_increments(request, [PRODUCT])


def test_without_any_product_nothing_is_refused() -> None:
    check_increments(build.request(quantity=D("0.0000000000001")), [])


def test_a_limit_off_every_tick_is_refused_though_the_size_fits() -> None:
    request = build.request(type=OrderType.LIMIT, limit_price=D("100.005"))

    with pytest.raises(InvalidRequestError) as raised:
        check_increments(request, [PRODUCT, build.product(price_increment=D("0.05"))])

    (error,) = raised.value.errors
    assert (error.field, error.expected) == ("limit_price", "a multiple of 0.01 USD")
    check_increments(request, [PRODUCT, build.product(price_increment=D("0.001"))])
