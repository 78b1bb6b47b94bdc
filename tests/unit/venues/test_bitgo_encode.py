"""Requests as bytes and addresses."""

import json
from typing import Any

import pytest

from router.core.model import OrderType, OutboundOrder, Side, TimeInForce
from tests.unit.build import D, connection
from venues.bitgo.encode import account_url, encode_order, socket_url, subscription


def outbound(**changed: Any) -> OutboundOrder:
    fields: dict[str, Any] = {
        "connection_id": "bitgo-spot",
        "venue_client_order_id": "ord-1-bitgo-spot",
        "product": "BTC-USD",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": D("0.50"),
        "quantity_currency": "BTC",
        "limit_price": D("10005.00"),
        "time_in_force": TimeInForce.IOC,
    }
    return OutboundOrder(**fields | changed)


def test_a_limit_order_has_its_amounts_as_texts() -> None:
    expected = {
        "clientOrderId": "ord-1-bitgo-spot",
        "product": "BTC-USD",
        "type": "limit",
        "fundingType": "funded",
        "side": "buy",
        "quantity": "0.50",
        "quantityCurrency": "BTC",
        "timeInForce": "IOC",
        "limitPrice": "10005.00",
    }
    assert json.loads(encode_order(outbound(), connection())) == expected


def test_no_amount_has_an_exponent() -> None:
    body = json.loads(encode_order(outbound(quantity=D("1E-8"), limit_price=D("1E+5")), connection()))
    assert (body["quantity"], body["limitPrice"]) == ("0.00000001", "100000")


def test_the_funding_type_is_said_on_both_kinds_of_account() -> None:
    assert b'"fundingType":"margin"' in encode_order(outbound(), connection(pts=True))


def test_a_market_order_has_no_limit() -> None:
    body = json.loads(encode_order(outbound(type=OrderType.MARKET, limit_price=None), connection()))
    assert "limitPrice" not in body
    assert "duration" not in body


def test_a_duration_is_in_minutes() -> None:
    order = outbound(time_in_force=TimeInForce.GTD, duration_minutes=60)
    body = json.loads(encode_order(order, connection()))
    assert (body["timeInForce"], body["duration"]) == ("GTD", 60)


def test_a_test_product_is_percent_encoded_in_a_path_and_a_query() -> None:
    found = account_url("https://h", "acc", "products", "TBTC-TUSD*", "level2", query={"x": "a b*&c"})
    expected = "https://h/api/prime/trading/v1/accounts/acc/products/TBTC-TUSD%2A/level2?x=a%20b%2A%26c"
    assert str(found) == expected


def test_an_id_cannot_climb_out_of_its_path() -> None:
    assert account_url("https://h", "acc", "orders", "../../x?y").raw_path.endswith("/orders/..%2F..%2Fx%3Fy")


@pytest.mark.parametrize(("base", "scheme"), [("http://h:1", "ws"), ("https://h", "wss")])
def test_the_feed_is_at_the_same_host(base: str, scheme: str) -> None:
    assert str(socket_url(base)) == f"{scheme}{base[base.index(':') :]}/api/prime/trading/v1/ws"


def test_subscriptions() -> None:
    book = json.loads(subscription("acc", "level2", "TBTC-TUSD*"))
    assert book == {
        "type": "subscribe",
        "accountId": "acc",
        "channel": "level2",
        "productId": "TBTC-TUSD*",
        "includeCumulative": False,
    }
    assert json.loads(subscription("acc", "orders")) == {
        "type": "subscribe",
        "accountId": "acc",
        "channel": "orders",
    }
    off = json.loads(subscription("acc", "level2", "TBTC-TUSD*", on=False))
    assert off["type"] == "unsubscribe"
    assert "includeCumulative" not in off
