"""Requests as bytes, signatures, and what is read off the wire."""

import json
from typing import Any

import msgspec
import pytest

from router.core.instruction import Bounds, SteadyPace, Stop, Twap
from router.core.model import Connection, OrderType, Side, TimeInForce, VenueState
from router.ports import OffWireError
from router.secrets import Secret, joined, parted
from tests.unit.build import D
from tests.unit.venues.coinbase_kit import TOKEN, fixture, order_row, outbound
from venues.coinbase import wire
from venues.coinbase.encode import UnsupportedOrderError, address, encode_order, notional_of, portfolio_path
from venues.coinbase.parse import credit_line_of, fill_of, product_of, report_of
from venues.coinbase.sign import Keys, keys_of, signed_headers
from venues.transport.reader import decode

T0 = 1_750_000_000_000_000_000
SPOT = Connection("cb-spot", "Coinbase", False, "coinbase_prime", D(0))


def test_a_signature_is_over_timestamp_method_path_and_body() -> None:
    keys = Keys(Secret("key"), Secret("phrase"), Secret("c2lnbmluZy1rZXk="))
    made = signed_headers(keys, "POST", "/v1/portfolios/p-1/rfq", b'{"a":"b"}', T0 + 999_999_999)
    assert made == {
        "X-CB-ACCESS-KEY": "key",
        "X-CB-ACCESS-PASSPHRASE": "phrase",
        "X-CB-ACCESS-TIMESTAMP": "1750000000",
        # Made with another program: openssl dgst -sha256 -hmac.
        "X-CB-ACCESS-SIGNATURE": "GOcp8k1AQftcBTyWcQiqNyaz7Rr3VgMDdfkXYM5YD6s=",
        "Content-Type": "application/json",
    }


def test_the_query_is_in_the_address_and_not_in_what_is_signed() -> None:
    path = portfolio_path("p/1", "orders", "a b", "fills")
    assert path == "/v1/portfolios/p%2F1/orders/a%20b/fills"
    assert str(address("https://h", path, {"cursor": "a&b"})) == f"https://h{path}?cursor=a%26b"


def test_credentials_are_one_and_several_and_never_shown() -> None:
    whole = joined({"one": Secret("secret-1"), "two": Secret("secret-2")})
    assert [part.reveal() for part in parted(whole, "two", "one")] == ["secret-2", "secret-1"]
    for text in ("", "{", "[]", whole.reveal()):
        with pytest.raises(ValueError, match="expected credentials with one, three") as raised:
            parted(Secret(text), "one", "three")
        assert "secret-" not in f"{raised.value!r} {raised.value.__cause__!r}"
    assert "access-key" not in f"{keys_of(TOKEN)!r} {TOKEN!r} {TOKEN}"


ORDER = {
    "portfolio_id": "p-1",
    "product_id": "BTC-USD",
    "side": "BUY",
    "client_order_id": outbound().venue_client_order_id,
    "base_quantity": "0.5",
}


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, {"type": "LIMIT", "limit_price": "100.00", "time_in_force": "IMMEDIATE_OR_CANCEL"}),
        (
            {"time_in_force": TimeInForce.FOK},
            {"type": "LIMIT", "limit_price": "100.00", "time_in_force": "FILL_OR_KILL"},
        ),
        (
            {"time_in_force": TimeInForce.GTC, "side": Side.SELL},
            {
                "type": "LIMIT",
                "side": "SELL",
                "limit_price": "100.00",
                "time_in_force": "GOOD_UNTIL_CANCELLED",
            },
        ),
        (
            {"time_in_force": TimeInForce.GTD, "duration_minutes": 90},
            {
                "type": "LIMIT",
                "limit_price": "100.00",
                "time_in_force": "GOOD_UNTIL_DATE_TIME",
                "expiry_time": "2025-06-15T16:36:40.000000Z",
            },
        ),
        (
            {"type": OrderType.MARKET, "limit_price": None},
            {"type": "MARKET", "time_in_force": "IMMEDIATE_OR_CANCEL"},
        ),
        (
            {"type": OrderType.STOP, "instruction": Stop(D("90.5")), "time_in_force": TimeInForce.GTC},
            {
                "type": "STOP_LIMIT",
                "stop_price": "90.5",
                "limit_price": "100.00",
                "time_in_force": "GOOD_UNTIL_CANCELLED",
            },
        ),
        (
            {"type": OrderType.TWAP, "instruction": Twap(60), "time_in_force": TimeInForce.GTD},
            {
                "type": "TWAP",
                "limit_price": "100.00",
                "time_in_force": "GOOD_UNTIL_DATE_TIME",
                "start_time": "2025-06-15T15:06:40.000000Z",
                "expiry_time": "2025-06-15T16:06:40.000000Z",
            },
        ),
        (
            {
                "type": OrderType.TWAP,
                "instruction": Twap(60, scheduled_at=T0 + 600_000_000_000),
                "time_in_force": TimeInForce.GTD,
            },
            {
                "type": "TWAP",
                "limit_price": "100.00",
                "time_in_force": "GOOD_UNTIL_DATE_TIME",
                "start_time": "2025-06-15T15:16:40.000000Z",
                "expiry_time": "2025-06-15T16:16:40.000000Z",
            },
        ),
    ],
)
def test_each_type_has_its_own_fields(changed: dict[str, Any], body: dict[str, str]) -> None:
    assert json.loads(encode_order(outbound(**changed), "p-1", T0)) == ORDER | body


def test_an_order_in_the_quote_currency_has_its_value_and_no_exponent() -> None:
    body = json.loads(encode_order(outbound(quantity=D("1E+3"), quantity_currency="USD"), "p", T0))
    assert (body["quote_value"], "base_quantity" in body) == ("1000", False)


@pytest.mark.parametrize(
    "changed",
    [
        {"type": OrderType.STEADY_PACE, "instruction": SteadyPace(D(1), 5)},
        {"type": OrderType.STOP, "instruction": Stop(D(90)), "limit_price": None},
        {"type": OrderType.TWAP, "instruction": Twap(60), "limit_price": None},
        {"type": OrderType.TWAP, "instruction": Twap(60, interval_minutes=5)},
        {"type": OrderType.TWAP, "instruction": Twap(60, time_sliced=True)},
        {"type": OrderType.TWAP, "instruction": Twap(60, bounds=Bounds.WIDE)},
        {"limit_price": None},
        {"time_in_force": TimeInForce.GTD},
        {"type": OrderType.MARKET, "limit_price": None, "time_in_force": TimeInForce.FOK},
    ],
)
def test_what_the_wire_has_no_words_for_is_no_request(changed: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOrderError, match=r"expected .*, was"):
        encode_order(outbound(**changed), "p", T0)


def test_an_order_is_worth_its_size_at_its_limit() -> None:
    assert notional_of(outbound()) == D(50)
    assert notional_of(outbound(limit_price=None)) is None
    assert notional_of(outbound(quantity=D(7), quantity_currency="USD", limit_price=None)) == D(7)


def product_row(rfq: dict[str, Any] | None = None, **changed: Any) -> msgspec.Raw:
    row = fixture("products")["products"][0] | changed
    if rfq is not None:
        row["rfq_product_details"] |= rfq
    return msgspec.Raw(json.dumps(row).encode())


def test_a_product_has_the_sizes_within_which_it_is_quoted() -> None:
    found = product_of(product_row())
    assert found is not None
    assert (found.base, found.quote, found.price_increment) == ("BTC", "USD", D("0.01"))
    assert (found.base_size_min, found.base_size_max) == (D("0.0001"), D("8.77"))
    assert (found.quote_size_min, found.quote_size_max) == (D(5), D(900_000))
    assert (found.enabled, found.margin_supported) == (True, True)


def test_bounds_on_the_notional_are_bounds_in_the_quote_currency() -> None:
    found = product_of(product_row({"min_notional_size": "10", "max_notional_size": "500"}))
    assert found is not None
    assert (found.quote_size_min, found.quote_size_max) == (D(10), D(500))


def test_the_products_own_sizes_hold_where_quotes_have_none_or_wider_ones() -> None:
    wider = {
        "min_base_size": "0",
        "max_base_size": "9999",
        "min_quote_size": None,
        "max_quote_size": "0",
    }
    found = product_of(product_row(wider))
    assert found is not None
    assert (found.base_size_min, found.base_size_max) == (D("0.00000001"), D(3400))
    assert (found.quote_size_min, found.quote_size_max) == (D(1), D(150_000_000))


@pytest.mark.parametrize(
    ("row", "enabled"),
    [
        (product_row({"tradable": False}), False),
        (product_row(rfq_product_details=None), False),
        (product_row(permissions=["PRODUCT_PERMISSION_READ"]), False),
        (product_row(permissions="PRODUCT_PERMISSION_READ"), False),
        (product_row(permissions=["product_permission_trade"]), True),
        (product_row(permissions=[]), True),
        (product_row(permissions=None), True),
    ],
)
def test_a_product_is_enabled_if_it_is_quoted_and_may_be_traded(row: msgspec.Raw, *, enabled: bool) -> None:
    found = product_of(row)
    assert found is not None
    assert found.enabled is enabled


def test_a_product_without_a_tick_has_the_quote_increment_for_one() -> None:
    found = product_of(product_row(price_increment="", quote_increment="0.05"))
    assert found is not None
    assert found.price_increment == D("0.05")


def test_a_future_is_no_pair() -> None:
    assert product_of(product_row(id="BIP-20DEC30-CDE")) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "BTCUSD"},
        {"id": "-USD"},
        {"id": "BTC-"},
        {"id": "BTC-\u00e4"},
        {"id": "B" * 64 + "-USD"},
        {"base_increment": "0"},
        {"base_min_size": "3401"},
        {"quote_max_size": "1e9"},
        {"base_max_size": None},
    ],
)
def test_a_product_that_cannot_be_meant_is_off_the_wire(changed: dict[str, Any]) -> None:
    with pytest.raises(OffWireError):
        product_of(product_row(**changed))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PENDING", VenueState.PENDING),
        ("OPEN", VenueState.WORKING),
        ("FILLED", VenueState.DONE),
        ("CANCELLED", VenueState.CANCELED),
        ("EXPIRED", VenueState.EXPIRED),
        ("FAILED", VenueState.FAILED),
    ],
)
def test_every_status_is_a_state(status: str, state: VenueState) -> None:
    report = report_of(wire_order(status=status), SPOT, T0)
    assert (report.state, report.at, report.error is not None) == (state, T0, state is VenueState.FAILED)
    assert (report.filled_base, report.filled_quote, report.average_price) == (D("0.5"), D(50), D(100))


def wire_order(**changed: Any) -> wire.Order:
    return decode(json.dumps(order_row(**changed)).encode(), wire.Order)


def test_an_order_that_has_not_traded_has_no_price() -> None:
    nothing = {"filled_quantity": "", "filled_value": "", "average_filled_price": ""}
    report = report_of(wire_order(status="OPEN", **nothing), SPOT, T0)
    assert (report.filled_base, report.filled_quote, report.average_price) == (D(0), None, None)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "UNKNOWN"},
        {"client_order_id": ""},
        {"client_order_id": None},
        {"id": ""},
        {"id": "i" * 129},
        {"filled_quantity": "-1"},
        {"average_filled_price": "0"},
    ],
)
def test_an_order_that_cannot_be_read_is_off_the_wire(changed: dict[str, Any]) -> None:
    with pytest.raises(OffWireError):
        report_of(wire_order(**changed), SPOT, T0)


def fill_row(**changed: Any) -> wire.Fill:
    return decode(json.dumps(fixture("fills")["fills"][0] | changed).encode(), wire.Fill)


def test_a_fill_has_its_commission() -> None:
    found = fill_of(fill_row(), fill_row().order_id)
    assert (found.price, found.quantity_base, found.quantity_quote) == (D(100), D("0.5"), D(50))
    assert (found.at, found.fee) == (1_750_000_000_600_000_000, D("0.05"))
    rebate = fill_of(fill_row(commission="-0.01", filled_value=""), fill_row().order_id)
    assert (rebate.fee, rebate.quantity_quote) == (D("-0.01"), D(50))
    assert fill_of(fill_row(commission=""), fill_row().order_id).fee is None


@pytest.mark.parametrize(
    "changed", [{"id": ""}, {"order_id": "other"}, {"price": "0"}, {"filled_quantity": "0"}, {"time": "now"}]
)
def test_a_fill_that_cannot_be_meant_is_off_the_wire(changed: dict[str, Any]) -> None:
    with pytest.raises(OffWireError):
        fill_of(fill_row(**changed), fill_row().order_id)


def test_a_credit_line_is_read_whole() -> None:
    line = credit_line_of(decode(json.dumps(fixture("credit")).encode(), wire.CreditAnswer).post_trade_credit)  # type: ignore[arg-type]  # the fixture has one
    assert (line.currency, line.limit, line.utilized) == ("USD", D(500_000), D("120000.50"))
    assert (line.available, line.enabled, line.frozen, line.frozen_reason) == (
        D("379999.50"),
        True,
        False,
        None,
    )
    assert [(due.currency, due.amount, due.due_at) for due in line.amounts_due] == [
        ("USD", D("120000.50"), 1_750_176_000_000_000_000)
    ]
