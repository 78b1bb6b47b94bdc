"""Every documented refusal: by the condition that causes it, and by a fault."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_harness import PREFIX, PTS, SPOT, TOKENS, Client, limit, market, raw_settings, running

from venues.simulator.errors import CATALOGUE, RefusedError
from venues.simulator.validate import parse_order

TWAP = {"type": "twap", "duration": 5}
PACE = {"interval": 1, "intervalUnit": "minute", "subOrderSize": "0.1"}

REFUSED = [
    # what is wrong, the fields, status, errorName, key
    ("unknown field", {"colour": "red"}, 400, "backend:common:invalidArgument", "colour"),
    ("a field of another type", {"limitPrice": "100"}, 400, "backend:common:invalidArgument", "limitPrice"),
    ("a number as quantity", {"quantity": 1}, 400, "backend:common:invalidArgument", "quantity"),
    ("a number as price", limit(100), 400, "backend:common:invalidArgument", "limitPrice"),
    ("an exponent", {"quantity": "1e2"}, 400, "backend:common:invalidArgument", "quantity"),
    ("a sign", {"quantity": "-1"}, 400, "backend:common:invalidArgument", "quantity"),
    ("not a number", {"quantity": "NaN"}, 400, "backend:common:invalidArgument", "quantity"),
    ("digits of another script", {"quantity": "\u0661"}, 400, "backend:common:invalidArgument", "quantity"),
    ("a huge amount", {"quantity": "1" * 60}, 400, "backend:common:invalidArgument", "quantity"),
    ("a null", {"clientOrderId": False}, 400, "backend:common:invalidArgument", "clientOrderId"),
    ("unknown type", {"type": "iceberg"}, 400, "backend:common:invalidArgument", "type"),
    ("unknown side", {"side": "hold"}, 400, "backend:common:invalidArgument", "side"),
    ("unknown funding", {"fundingType": "gift"}, 400, "backend:common:invalidArgument", "fundingType"),
    (
        "a third currency",
        {"quantityCurrency": "EUR"},
        400,
        "backend:common:invalidArgument",
        "quantityCurrency",
    ),
    ("GTC market", {"timeInForce": "GTC"}, 400, "backend:common:invalidArgument", "timeInForce"),
    (
        "GTC and duration",
        limit("99", timeInForce="GTC", duration=5),
        400,
        "backend:common:invalidArgument",
        "timeInForce",
    ),
    ("GTD without duration", limit("99", timeInForce="GTD"), 400, "backend:common:required", "duration"),
    ("duration of zero", limit("99", duration=0), 400, "backend:common:positiveIntegerRequired", "duration"),
    ("duration as text", limit("99", duration="5"), 400, "backend:common:invalidArgument", "duration"),
    ("duration as boolean", limit("99", duration=True), 400, "backend:common:invalidArgument", "duration"),
    ("a price of zero", limit("0"), 400, "backend:common:positiveIntegerRequired", "limitPrice"),
    ("a price too precise", limit("99.001"), 400, "backend:trade:invalidLimitPrice", "limitPrice"),
    ("limit without price", {"type": "limit"}, 400, "backend:common:required", "limitPrice"),
    ("no product", {"product": None}, 400, "backend:common:required", "product"),
    ("no quantity", {"quantity": None}, 400, "backend:common:required", "quantity"),
    ("no type", {"type": None}, 400, "backend:common:required", "type"),
    ("an unknown product", {"product": "XRP-USD"}, 400, "backend:trade:unsupportedProduct", None),
    ("a long client id", {"clientOrderId": "x" * 257}, 400, "backend:trade:invalidClientOrderID", None),
    ("no funds", limit("99999", quantity="11"), 400, "backend:trade:insufficientFunds", None),
    ("nothing to sell", {"side": "sell", "quantity": "10.5"}, 400, "backend:trade:insufficientFunds", None),
    (
        "margin on a funded account",
        {"fundingType": "margin"},
        400,
        "backend:trade:productMarginTradingDisabled",
        None,
    ),
    ("TWAP without duration", {"type": "twap"}, 400, "backend:common:required", "duration"),
    (
        "sliced TWAP without interval",
        {**TWAP, "parameters": {"isTimeSliced": True}},
        400,
        "backend:common:required",
        "interval",
    ),
    (
        "TWAP bounds",
        {**TWAP, "parameters": {"boundsControl": "loose"}},
        400,
        "backend:common:invalidArgument",
        "boundsControl",
    ),
    ("pace without parameters", {"type": "steady_pace"}, 400, "backend:common:required", "parameters"),
    (
        "a sub-order too large",
        {"type": "steady_pace", "parameters": {**PACE, "subOrderSize": "1"}},
        400,
        "backend:common:invalidArgument",
        "subOrderSize",
    ),
    (
        "a unit of pace",
        {"type": "steady_pace", "parameters": {**PACE, "intervalUnit": "day"}},
        400,
        "backend:common:invalidArgument",
        "intervalUnit",
    ),
    (
        "a stop on the wrong side",
        {"type": "stop", "triggerPrice": "101", "limitPrice": "100"},
        400,
        "backend:trade:invalidStopTriggerPrice",
        "triggerPrice",
    ),
    ("a stop without trigger", {"type": "stop"}, 400, "backend:common:required", "triggerPrice"),
]


@pytest.mark.parametrize(
    ("fields", "status", "name", "key"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_an_order_is_refused_by_the_documented_name(
    sim: Client, fields: dict[str, Any], status: int, name: str, key: str | None
) -> None:
    reply = await sim.place(**fields)
    assert (status, name) == (reply.status, reply.error_name)
    assert re.fullmatch(r"unk-[a-z0-9]{20}", reply.json["reqId"])
    expected = {"backend:trade:invalidClientOrderID": name}.get(name, name)
    assert reply.json["error"] == (f"{expected} key={key}" if key else expected)
    if name == "backend:common:invalidArgument":
        assert reply.json["context"]["field"] == key
    assert await sim.ledger() == []


async def test_a_price_too_precise_says_so_in_its_context(sim: Client) -> None:
    reply = await sim.place(**limit("99.001"))
    assert reply.json["context"] == {
        "errorName": "backend:trade:invalidLimitPrice",
        "field": "limitPrice",
        "message": "limitPrice exceeds maximum decimal precision of 2",
    }


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        (
            {"quantity": "0.00001"},
            {
                "currencySymbol": "BTC",
                "message": "Amount must be at least 0.0001 BTC.",
                "minQuantity": "0.0001",
            },
        ),
        (
            {"quantity": "1000.5"},
            {"currencySymbol": "BTC", "message": "Amount must be at most 1000 BTC.", "maxQuantity": "1000"},
        ),
        (
            {"quantity": "0.5", "quantityCurrency": "USD"},
            {"currencySymbol": "USD", "message": "Amount must be at least 1 USD.", "minQuantity": "1"},
        ),
        (
            {"quantity": "1.000000001"},
            {"currencySymbol": "BTC", "message": "Amount must be a multiple of 0.00000001 BTC."},
        ),
        (
            {"quantity": "0"},
            {
                "currencySymbol": "BTC",
                "message": "Amount must be at least 0.0001 BTC.",
                "minQuantity": "0.0001",
            },
        ),
    ],
)
async def test_a_wrong_quantity_is_refused_with_an_object(
    sim: Client, fields: dict[str, Any], detail: dict[str, str]
) -> None:
    reply = await sim.place(**fields)
    assert (reply.status, reply.error_name) == (400, "backend:trade:invalidQuantity")
    assert detail == reply.json["error"]


async def test_a_null_is_refused(sim: Client) -> None:
    reply = await sim.call("POST", "orders", json={**market(), "clientOrderId": None})
    assert (reply.status, reply.error_name) == (400, "backend:common:invalidArgument")


async def test_a_repeated_client_order_id_is_a_conflict_even_for_the_same_order(sim: Client) -> None:
    assert (await sim.place(clientOrderId="a")).status == 200
    reply = await sim.place(clientOrderId="a")
    assert (reply.status, reply.error_name) == (409, "backend:common:inUse")
    assert reply.json["error"] == "backend:common:inUse key=clientOrderId"
    assert len(await sim.ledger()) == 1


async def test_a_client_order_id_of_a_refused_order_is_free(sim: Client) -> None:
    assert (await sim.place(clientOrderId="a", quantity="0")).status == 400
    assert (await sim.place(clientOrderId="a")).status == 200


@pytest.mark.parametrize("body", [b"{", b"", b'{"type":"market"', b"\xff"])
async def test_a_body_that_is_no_json_is_malformed(sim: Client, body: bytes) -> None:
    reply = await sim.call("POST", "orders", data=body)
    assert (reply.status, reply.error_name) == (422, "backend:common:malformedJSON")


async def test_a_body_that_is_no_object_is_an_invalid_request(sim: Client) -> None:
    reply = await sim.call("POST", "orders", data=b"[1]")
    assert (reply.status, reply.error_name) == (400, "backend:common:invalidRequest")


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_a_missing_or_wrong_token_is_unauthorized(sim: Client, token: str | None) -> None:
    reply = await sim.send("GET", f"{PREFIX}/accounts/{SPOT}/balances", token=token)
    assert reply.status == 401
    assert (reply.json["error"], reply.error_name) == ("Unauthorized", "Error")


@pytest.mark.parametrize("account", [PTS, "0" * 32])
async def test_an_account_that_the_token_has_not_is_forbidden(sim: Client, account: str) -> None:
    reply = await sim.send("GET", f"{PREFIX}/accounts/{account}/balances", token=TOKENS[SPOT])
    assert (reply.status, reply.error_name) == (403, "backend:common:forbidden")
    assert reply.json["error"] == f"Forbidden, reqId={reply.json['reqId']}"


async def test_a_token_without_the_scope_is_forbidden() -> None:
    raw = raw_settings()
    raw["accounts"][0]["scopes"] = ["trade_view"]
    async with running(raw) as sim:
        assert (await sim.get("balances")).status == 200
        reply = await sim.place()
        assert (reply.status, reply.error_name) == (403, "backend:common:forbidden")


async def test_an_unknown_path_is_a_json_404(sim: Client) -> None:
    reply = await sim.send("GET", f"{PREFIX}/nowhere")
    assert (reply.status, reply.error_name) == (404, "backend:common:notFound")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("orders?colour=red", "colour"),
        ("balances?limit=1", "limit"),
        ("orders?limit=ten", "limit"),
        ("orders?limit=-1", "limit"),
        ("orders?status=done", "status"),
        ("orders?dateGte=yesterday", "dateGte"),
        ("orders?status=open&status=open", "status"),
        ("trades?orderId=x", "orderId"),
        ("trades?isSettled=yes", "isSettled"),
        ("products/BTC-USD/level2?includeCumulative=1", "includeCumulative"),
    ],
)
async def test_a_wrong_query_parameter_is_refused(sim: Client, path: str, key: str | None) -> None:
    reply = await sim.get(path)
    assert (reply.status, reply.error_name) == (400, "backend:common:invalidArgument")
    assert reply.json["error"] == f"backend:common:invalidArgument key={key}"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"trade_disabled": True}, "backend:trade:productTradingDisabled"),
        ({"disabled_sides": ["buy"]}, "backend:trade:productSideTradingDisabled"),
    ],
)
async def test_a_disabled_product_refuses(sim: Client, change: dict[str, Any], name: str) -> None:
    await sim.control("PUT", "products/BTC-USD", change)
    assert (await sim.place()).error_name == name


async def test_disabled_algorithms_refuse_twap_and_steady_pace(sim: Client) -> None:
    await sim.control("PUT", "products/BTC-USD", {"algo_disabled": True})
    assert (await sim.place(**TWAP)).error_name == "backend:trade:productAlgoStrategyDisabled"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"trading_disabled": True}, "backend:trade:tradingDisabled"),
        ({"kyc_approved": False}, "backend:trade:KYCNotApproved"),
    ],
)
async def test_a_disabled_account_refuses(sim: Client, change: dict[str, Any], name: str) -> None:
    await sim.account("PUT", "settings", change)
    assert (await sim.place()).error_name == name


@pytest.mark.parametrize("name", sorted(CATALOGUE))
async def test_every_documented_refusal_can_be_asked_for(sim: Client, name: str) -> None:
    await sim.faults(rest=[{"kind": "refuse", "error_name": name, "operation": "order", "count": 1}])
    reply = await sim.place(clientOrderId="a")
    assert (CATALOGUE[name].status, name) == (reply.status, reply.error_name)
    assert isinstance(reply.json["error"], dict) == (name == "backend:trade:invalidQuantity")
    assert (await sim.place(clientOrderId="a")).status == 200


async def test_a_refusal_outside_the_catalogue_goes_out_as_it_is(sim: Client) -> None:
    await sim.faults(rest=[{"kind": "refuse", "error_name": "backend:trade:newRule", "http_status": 418}])
    reply = await sim.place()
    assert (reply.status, reply.error_name) == (418, "backend:trade:newRule")


async def test_what_cannot_be_cancelled_or_found_says_so(sim: Client) -> None:
    order = (await sim.place()).json
    refused = await sim.cancel(order["id"])
    assert (refused.status, refused.error_name) == (400, "backend:trade:orderNotCancelable")
    assert (await sim.get("orders/x")).json["error"] == "backend:common:invalidArgument key=orderID"
    unknown = await sim.get("orders/eee68637-6fb2-4ed5-ad8c-04afdb062b60")
    assert (unknown.status, unknown.json["error"]) == (404, "backend:common:notFound key=orderID")
    assert (await sim.get("trades/x")).json["error"] == "backend:common:invalidArgument key=tradeID"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
texts = st.sampled_from(["1", "0", "5.5", "buy", "sell", "BTC", "GTD", "IOC", "", "minute"])
dates = st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
names = st.sampled_from(
    ["product", "quantity", "quantityCurrency", "side", "limitPrice", "triggerPrice", "duration", "interval",
     "timeInForce", "parameters", "scheduledDate", "clientOrderId", "fundingType"]
)  # fmt: skip
paces = st.dictionaries(
    st.sampled_from(
        ["interval", "intervalUnit", "subOrderSize", "variance", "isTimeSliced", "boundsControl"]
    ),
    values | texts | st.integers(-1, 9) | st.floats(),
)


def outcome(body: bytes) -> str:
    """Give the type of the order, or the name of its refusal."""
    try:
        return parse_order(body).type
    except RefusedError as refused:
        return refused.name


@given(
    kind=st.sampled_from(["market", "limit", "twap", "steady_pace", "stop"]),
    body=st.dictionaries(names, texts | texts | dates | st.integers(0, 90) | paces | values),
)
def test_whatever_comes_is_an_order_or_a_documented_refusal(kind: str, body: dict[str, Any]) -> None:
    assert outcome(msgspec.json.encode({**body, "type": kind})) in {kind, *CATALOGUE}


async def test_a_date_at_the_end_of_the_calendar_is_no_date(sim: Client) -> None:
    reply = await sim.place(**TWAP, scheduledDate="0001-01-01T00:00:00+14:00")
    assert (reply.status, reply.error_name) == (400, "backend:common:invalidArgument")
