"""What is refused of a request: every field error, each named, none of them reaching the desk."""

import json

import pytest
from aiohttp.test_utils import TestClient

from router.core.errors import RouterError, shown
from router.http.bodies import OrderBody
from router.http.decode import ERRORS_MAX, decode_object
from tests.http import samples
from tests.http.fakes import FakeDesk

MARKET = samples.BODY
LIMIT = MARKET | {"type": "limit", "limit_price": "100.00"}
ID_EXPECTED = "1 to 64 of A-Za-z0-9._:-"
AMOUNT_EXPECTED = 'a decimal string such as "0.5"'
MINUTES_EXPECTED = "a whole number from 1 to 525600"
TYPES_EXPECTED = '"market" or "limit" or "twap" or "steady_pace" or "stop"'
CONNECTION_EXPECTED = "the id of a connection"

# base body, what is changed in it, the field that is named, what was expected
WRONG = [
    (MARKET, {"client_order_id": ""}, "client_order_id", ID_EXPECTED),
    (MARKET, {"client_order_id": "x" * 65}, "client_order_id", ID_EXPECTED),
    (MARKET, {"client_order_id": "a b"}, "client_order_id", ID_EXPECTED),
    (MARKET, {"client_order_id": "a\n"}, "client_order_id", ID_EXPECTED),
    (MARKET, {"client_order_id": "é"}, "client_order_id", ID_EXPECTED),
    (MARKET, {"client_order_id": 7}, "client_order_id", ID_EXPECTED),
    (MARKET, {"product": "BTCUSD"}, "product", "base and quote currency, such as BTC-USD"),
    (MARKET, {"product": "BTC-USD-EUR"}, "product", "base and quote currency, such as BTC-USD"),
    (MARKET, {"product": "X" * 21 + "-USD"}, "product", "base and quote currency, such as BTC-USD"),
    (MARKET, {"product": "BTC-BTC"}, "product", "two currencies"),
    (MARKET, {"side": "BUY"}, "side", '"buy" or "sell"'),
    (MARKET, {"side": ["buy"]}, "side", '"buy" or "sell"'),
    (MARKET, {"type": "vwap"}, "type", TYPES_EXPECTED),
    (MARKET, {"quantity": 0.5}, "quantity", "a decimal string"),
    (MARKET, {"quantity": 1}, "quantity", "a decimal string"),
    (MARKET, {"quantity": True}, "quantity", "a decimal string"),
    (MARKET, {"quantity": "0"}, "quantity", "a decimal string greater than zero"),
    (MARKET, {"quantity": "0.000"}, "quantity", "a decimal string greater than zero"),
    (MARKET, {"quantity": "-1"}, "quantity", AMOUNT_EXPECTED),
    (MARKET, {"quantity": "1e5"}, "quantity", AMOUNT_EXPECTED),
    (MARKET, {"quantity": "NaN"}, "quantity", AMOUNT_EXPECTED),
    (MARKET, {"quantity": "1_000"}, "quantity", AMOUNT_EXPECTED),
    (MARKET, {"quantity": "٣"}, "quantity", AMOUNT_EXPECTED),
    (MARKET, {"quantity": ""}, "quantity", AMOUNT_EXPECTED),
    (MARKET, {"quantity": "9" * 65}, "quantity", "at most 64 characters"),
    (MARKET, {"quantity_currency": "EUR"}, "quantity_currency", '"BTC" or "USD"'),
    (MARKET, {"quantity_currency": 1}, "quantity_currency", '"BTC" or "USD"'),
    (MARKET, {"limit_price": "100"}, "limit_price", "null in a market order"),
    (LIMIT, {"limit_price": "0"}, "limit_price", "a decimal string greater than zero"),
    (LIMIT, {"limit_price": 100}, "limit_price", "a decimal string"),
    (MARKET, {"time_in_force": "GTC"}, "time_in_force", '"IOC" or "FOK"'),
    (MARKET, {"time_in_force": "GTD"}, "time_in_force", '"IOC" or "FOK"'),
    (LIMIT, {"time_in_force": "DAY"}, "time_in_force", '"GTC" or "IOC" or "FOK" or "GTD"'),
    (MARKET, {"duration_minutes": 5}, "duration_minutes", "null in a market order"),
    (LIMIT, {"duration_minutes": 0}, "duration_minutes", MINUTES_EXPECTED),
    (LIMIT, {"duration_minutes": 525_601}, "duration_minutes", MINUTES_EXPECTED),
    (LIMIT, {"duration_minutes": 1.0}, "duration_minutes", MINUTES_EXPECTED),
    (LIMIT, {"duration_minutes": True}, "duration_minutes", MINUTES_EXPECTED),
    (LIMIT, {"duration_minutes": "5"}, "duration_minutes", MINUTES_EXPECTED),
    (
        LIMIT,
        {"duration_minutes": 5, "time_in_force": "IOC"},
        "duration_minutes",
        "null with time_in_force IOC",
    ),
    (LIMIT, {"slippage_bps_max": "5"}, "slippage_bps_max", "null in a limit order"),
    (MARKET, {"slippage_bps_max": "50.01"}, "slippage_bps_max", "at most 50, the router's setting"),
    (MARKET, {"slippage_bps_max": 5}, "slippage_bps_max", "a decimal string"),
    (MARKET, {"slippage_bps_max": "-1"}, "slippage_bps_max", AMOUNT_EXPECTED),
    (MARKET, {"connections": []}, "connections", "null or a list of connection ids"),
    (MARKET, {"connections": "bitgo-spot"}, "connections", "null or a list of connection ids"),
    (MARKET, {"connections": ["bitgo-spot", "nobody"]}, "connections[1]", CONNECTION_EXPECTED),
    (MARKET, {"connections": [1]}, "connections[0]", CONNECTION_EXPECTED),
    (MARKET, {"connections": [["bitgo-spot"]]}, "connections[0]", CONNECTION_EXPECTED),
    (MARKET, {"connections": ["bitgo-pts", "bitgo-pts"]}, "connections[1]", "an id once"),
    (MARKET, {"on_credit_failure": "retry"}, "on_credit_failure", '"fail" or "next_best"'),
    (MARKET, {"clientOrderId": "x"}, "clientOrderId", "no field of this name"),
    (MARKET, {"": 1}, "", "no field of this name"),
]


async def errors_of(client: TestClient, path: str, body: object) -> list[dict[str, str | None]]:
    answer = await client.post(path, json=body)
    assert answer.status == 400, await answer.text()
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = await answer.json()
    assert (problem["code"], problem["retryable"]) == ("invalid_request", False)
    assert problem["type"] == "urn:caas-router:problem:invalid_request"
    for error in problem["errors"]:
        assert f"{error['field']}: expected {error['expected']}" in problem["detail"]
    return problem["errors"]


@pytest.mark.parametrize(("body", "change", "field", "expected"), WRONG)
async def test_a_field_that_is_not_as_it_should_be(
    client: TestClient, desk: FakeDesk, body: dict, change: dict, field: str, expected: str
) -> None:
    errors = await errors_of(client, "/v1/orders", body | change)

    value = change["connections"] if field.startswith("connections") else change[field]
    if "[" in field:
        value = value[int(field[-2])]
    assert {"field": field, "expected": expected, "was": shown(value)} in errors
    if change.keys() == {field}:
        assert len(errors) == 1
    assert desk.requests == []


@pytest.mark.parametrize(
    "field", ["client_order_id", "product", "side", "type", "quantity", "quantity_currency"]
)
async def test_a_required_field(client: TestClient, field: str) -> None:
    null = await errors_of(client, "/v1/orders", MARKET | {field: None})
    absent = await errors_of(client, "/v1/orders", {k: v for k, v in MARKET.items() if k != field})

    assert [(e["field"], e["was"]) for e in null] == [(field, "null")]
    assert [(e["field"], e["was"]) for e in absent] == [(field, None)]


async def test_a_field_that_the_type_must_have(client: TestClient) -> None:
    without_price = await errors_of(client, "/v1/orders", MARKET | {"type": "limit"})
    assert [e["field"] for e in without_price] == ["limit_price"]
    without_end = await errors_of(client, "/v1/orders", LIMIT | {"time_in_force": "GTD"})
    assert [e["field"] for e in without_end] == ["duration_minutes"]


async def test_every_error_is_told_at_once(client: TestClient, desk: FakeDesk) -> None:
    body = {name: {"not": ["this"]} for name in OrderBody.__struct_fields__} | {"more": 1}
    errors = await errors_of(client, "/v1/orders", body)

    assert [error["field"] for error in errors] == ["more", *OrderBody.__struct_fields__]
    assert desk.requests == []


async def test_errors_are_bounded_in_number_and_length(client: TestClient) -> None:
    many = await errors_of(client, "/v1/orders", MARKET | {f"f{n}": n for n in range(ERRORS_MAX * 2)})
    assert len(many) == ERRORS_MAX
    (long,) = await errors_of(client, "/v1/orders", MARKET | {"n" * 2000: "v" * 1000})
    assert len(long["field"]) == len(long["was"]) == 80


async def test_repeated_fields_are_bounded_in_number(client: TestClient) -> None:
    pairs = ",".join(f'"f{n}":1' for n in range(ERRORS_MAX + 1))
    raw = f"{{{pairs},{pairs}}}".encode()
    answer = await client.post("/v1/orders", data=raw, headers={"Content-Type": "application/json"})
    assert len((await answer.json())["errors"]) == ERRORS_MAX


@pytest.mark.parametrize(
    "body",
    [
        MARKET | {"time_in_force": "FOK", "slippage_bps_max": "0"},
        MARKET | {"slippage_bps_max": "50", "quantity": "0." + "0" * 61 + "1"},
        {k: v for k, v in MARKET.items() if v is not None},
        MARKET | {"client_order_id": "A" * 64, "product": "USDT*-1INCH.e", "quantity_currency": "1INCH.e"},
        LIMIT | {"duration_minutes": 1},
        LIMIT | {"duration_minutes": 1, "time_in_force": "GTD"},
        LIMIT | {"time_in_force": "GTC"},
    ],
)
async def test_what_is_right_reaches_the_desk(client: TestClient, desk: FakeDesk, body: dict) -> None:
    answer = await client.post("/v1/orders", json=body)
    assert answer.status == 200, await answer.text()
    (asked,) = desk.requests
    assert f"{asked.quantity:f}" == body["quantity"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": 1}, "quantity"),
        ({"side": None}, "side"),
        ({"product": "X"}, "product"),
        ({"quantity_currency": "EUR"}, "quantity_currency"),
        ({"connections": ["nobody"]}, "connections[0]"),
        ({"client_order_id": "x"}, "client_order_id"),
        ({"type": "market"}, "type"),
    ],
)
async def test_an_rfqs_fields(client: TestClient, desk: FakeDesk, change: dict, field: str) -> None:
    errors = await errors_of(client, "/v1/rfqs", samples.RFQ_BODY | change)
    assert [error["field"] for error in errors] == [field]
    assert desk.requests == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "client_order_id"),
        ({"client_order_id": "a", "connection": 1}, "connection"),
        ({"client_order_id": "a", "connection": "a/b"}, "connection"),
        ({"client_order_id": "a", "on_credit_failure": ""}, "on_credit_failure"),
        ({"client_order_id": "a", "quantity": "1"}, "quantity"),
    ],
)
async def test_an_acceptances_fields(client: TestClient, desk: FakeDesk, body: dict, field: str) -> None:
    errors = await errors_of(client, "/v1/rfqs/r-1/accept", body)
    assert [error["field"] for error in errors] == [field]
    assert desk.calls == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.0", "limit"),
        ("limit=", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=" + "9" * 3000, "limit"),
        ("cursor=", "cursor"),
        ("cursor=" + "c" * 513, "cursor"),
        ("cursor=not-ours", "cursor"),
        ("client_order_id=", "client_order_id"),
        ("client_order_id=a%20b", "client_order_id"),
        ("client_order_id=a&cursor=c", "cursor"),
        ("limit=1&limit=2", "limit"),
        ("offset=1", "offset"),
        ("%ED%A0%80=1", "\ufffd" * 3),
    ],
)
async def test_a_query_that_is_not_as_it_should_be(client: TestClient, query: str, field: str | None) -> None:
    answer = await client.get(f"/v1/orders?{query}")
    assert answer.status == 400
    (error,) = (await answer.json())["errors"]
    assert error["field"] == field


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/orders"),
        ("GET", "/v1/orders/o-1"),
        ("POST", "/v1/orders/o-1/cancel"),
        ("POST", "/v1/rfqs"),
        ("GET", "/v1/connections"),
    ],
)
async def test_a_parameter_that_a_route_does_not_take(
    client: TestClient, desk: FakeDesk, method: str, path: str
) -> None:
    answer = await client.request(method, f"{path}?dry_run=true", json=MARKET if method == "POST" else None)
    assert answer.status == 400
    assert (await answer.json())["errors"] == [
        {"field": "dry_run", "expected": "no parameter of this name", "was": '"true"'}
    ]
    assert (desk.requests, desk.calls) == ([], [])


GOOD = json.dumps(MARKET).encode()

# body, code, a part of the detail
UNREADABLE = [
    (b"", "malformed_json", "empty body"),
    (b" \r\n\t", "malformed_json", "empty body"),
    (GOOD[:-1], "malformed_json", "expected JSON"),
    (GOOD + b"x", "malformed_json", "expected JSON"),
    (GOOD.replace(b"null", b"NaN"), "malformed_json", "expected JSON"),
    (b"\xef\xbb\xbf" + GOOD, "malformed_json", "expected JSON"),
    (GOOD.decode().encode("utf-16"), "malformed_json", "expected"),
    (GOOD.replace(b"desk-7", b"\xff"), "malformed_json", "UTF-8"),
    (GOOD.replace(b"desk-7", b"\xed\xa0\x80"), "malformed_json", "UTF-8"),
    (GOOD.replace(b"desk-7", b"\\ud800"), "malformed_json", "expected JSON"),
    (GOOD.replace(b"desk-7", b"\\udc00"), "malformed_json", "expected JSON"),
    (GOOD.replace(b'"0.5"', b"1" * 2000), "invalid_request", "quantity: expected a decimal string, was 1111"),
    (GOOD.replace(b'"0.5"', b"1e999"), "malformed_json", "expected JSON"),
    # Too deep for some interpreters, and cut off for the others.
    (b"[" * 4000, "malformed_json", "JSON"),
    (b'{"a":' * 800, "malformed_json", "expected"),
    (b"[]", "invalid_request", "body: expected a JSON object, was []"),
    (b'"order"', "invalid_request", 'body: expected a JSON object, was "order"'),
    (b"null", "invalid_request", "body: expected a JSON object, was null"),
    (GOOD[:-1] + b', "side": "sell"}', "invalid_request", "side: expected a field once, was more than once"),
    (GOOD[:-1] + b', "s\\u0069de": "sell"}', "invalid_request", "side: expected a field once"),
    (GOOD[:-1] + b', "quantity": 7}', "invalid_request", "quantity: expected a field once"),
]


@pytest.mark.parametrize(("raw", "code", "detail"), UNREADABLE)
async def test_a_body_that_cannot_be_read(
    client: TestClient, desk: FakeDesk, raw: bytes, code: str, detail: str
) -> None:
    answer = await client.post("/v1/orders", data=raw, headers={"Content-Type": "application/json"})

    assert answer.status == 400, await answer.text()
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = await answer.json()
    assert problem["code"] == code
    assert detail in problem["detail"]
    assert desk.requests == []


@pytest.mark.parametrize("own", [b"desk\\u002d7", b"desk-7"])
async def test_an_escape_is_no_repetition(client: TestClient, desk: FakeDesk, own: bytes) -> None:
    raw = GOOD.replace(b"desk-7", own)
    answer = await client.post("/v1/orders", data=raw, headers={"Content-Type": "application/json"})
    assert answer.status == 200
    assert desk.requests == [samples.REQUEST]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/octet-stream"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_that_is_not_plain_json(
    client: TestClient, desk: FakeDesk, headers: dict[str, str]
) -> None:
    answer = await client.post("/v1/orders", data=GOOD, headers=headers)
    assert answer.status == 415
    assert (await answer.json())["code"] == "unsupported_media_type"
    assert desk.requests == []


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "Application/JSON"])
async def test_other_ways_to_say_json(client: TestClient, content_type: str) -> None:
    answer = await client.post("/v1/orders", data=GOOD, headers={"Content-Type": content_type})
    assert answer.status == 200


def test_a_body_nested_deeper_than_any_interpreter_goes_is_refused() -> None:
    with pytest.raises(RouterError, match="nested too deep"):
        decode_object(b"[" * 100_000)
