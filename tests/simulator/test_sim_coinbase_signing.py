"""Signed requests: what is let in, and that all else is 401."""

import time

import pytest
from test_sim_coinbase_kit import CB_PTS, CB_SPOT, KEYS, Prime, message, prime, sign, signed

OPEN_ORDERS = f"/v1/portfolios/{CB_SPOT}/open_orders"
RFQ = f"/v1/portfolios/{CB_SPOT}/rfq"


async def test_a_signed_request_is_let_in_with_and_without_a_query() -> None:
    async with prime() as api:
        assert (await api.send("GET", OPEN_ORDERS)).status == 200
        assert (await api.send("GET", OPEN_ORDERS + "?order_type=LIMIT&product_ids=BTC-USD")).status == 200


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-CB-ACCESS-KEY", "another"),
        ("X-CB-ACCESS-PASSPHRASE", "another"),
        ("X-CB-ACCESS-PASSPHRASE", "simulated-passphrase-pts"),
        ("X-CB-ACCESS-SIGNATURE", "bm8="),
        ("X-CB-ACCESS-SIGNATURE", "no\u00e9"),
        ("X-CB-ACCESS-KEY", ""),
        ("X-CB-ACCESS-PASSPHRASE", ""),
        ("X-CB-ACCESS-SIGNATURE", ""),
        ("X-CB-ACCESS-TIMESTAMP", ""),
        ("X-CB-ACCESS-TIMESTAMP", "1.5"),
    ],
)
async def test_a_header_that_is_wrong_or_missing_is_401(header: str, value: str) -> None:
    async with prime() as api:
        refused = await api.send("GET", OPEN_ORDERS, **{header: value})
        assert refused.status == 401
        assert all(secret not in refused.text for secrets in KEYS.values() for secret in secrets)
        assert message(refused)


@pytest.mark.parametrize(
    ("age_s", "status", "says"),
    [
        (-60, 401, "future"),
        (-3, 401, "future"),
        (0, 200, ""),
        (28, 200, ""),
        (32, 401, "old"),
        (90, 401, "old"),
    ],
)
async def test_a_timestamp_is_of_the_last_thirty_seconds(age_s: int, status: int, says: str) -> None:
    async with prime() as api:
        headers = signed("GET", OPEN_ORDERS, b"", at=str(int(time.time()) - age_s))
        reply = await api.send("GET", OPEN_ORDERS, **headers)
    assert (reply.status, says in reply.text) == (status, True)


async def test_a_timestamp_in_milliseconds_is_in_the_future() -> None:
    async with prime() as api:
        headers = signed("GET", OPEN_ORDERS, b"", at=str(int(time.time() * 1000))[:12])
        reply = await api.send("GET", OPEN_ORDERS, **headers)
    assert (reply.status, message(reply)) == (401, "The timestamp is in the future.")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", RFQ, b'{"a":1}'),
        ("POST", RFQ, b""),
        ("POST", RFQ.removeprefix("/v1"), b'{"a": 1}'),
        ("POST", RFQ + "?x=1", b'{"a": 1}'),
        ("post", RFQ, b'{"a": 1}'),
        ("GET", RFQ, b'{"a": 1}'),
        ("POST", OPEN_ORDERS, b'{"a": 1}'),
    ],
)
async def test_the_signature_is_over_method_path_and_the_very_bytes_of_the_body(
    method: str, path: str, body: bytes
) -> None:
    """Each of these signs something else than what is sent: POST of `{"a": 1}` to rfq."""
    key = KEYS[CB_SPOT][2]
    now = str(int(time.time()))
    async with prime() as api:
        wrong = {
            "X-CB-ACCESS-TIMESTAMP": now,
            "X-CB-ACCESS-SIGNATURE": sign(key, now, method, path, body),
        }
        assert (await api.send("POST", RFQ + "?x=1", b'{"a": 1}', **wrong)).status == 401
        right = {**wrong, "X-CB-ACCESS-SIGNATURE": sign(key, now, "POST", RFQ, b'{"a": 1}')}
        # Let in, and refused for what it asks.
        assert (await api.send("POST", RFQ + "?x=1", b'{"a": 1}', **right)).status == 400


async def test_a_key_is_good_for_its_own_portfolio_alone() -> None:
    async with prime() as api:
        other = await api.send("GET", f"/v1/portfolios/{CB_PTS}/balances")
        unknown = await api.send("GET", "/v1/portfolios/none/balances")
    assert (other.status, unknown.status) == (403, 403)


async def test_what_the_description_has_not_is_404_with_a_message() -> None:
    async with prime() as api:
        reply = await api.call("GET", "nothing")
        assert (reply.status, message(reply)) == (404, "There is no such operation.")
        reply = await api.call("DELETE", "orders")
        assert (reply.status, message(reply)) == (405, "There is no such operation.")


async def test_the_log_has_every_call_and_no_secret() -> None:
    async with prime() as api:
        await api.rfq()
        await api.send("GET", OPEN_ORDERS + "?limit=5", **{"X-CB-ACCESS-PASSPHRASE": "wrong"})
        await api.accept("none", client_order_id="mine")
        log = (await api.control("GET", "requests"))["data"]
        shown = [str(log), str(await api.control("GET", "")), str(await api.client.control("GET", "state"))]
        await api.control("POST", "requests/clear")
        assert (await api.control("GET", "requests"))["data"] == []
    assert [(call["method"], call["path"], call["query"], call["status"]) for call in log] == [
        ("POST", RFQ, "", 200),
        ("GET", OPEN_ORDERS, "limit=5", 401),
        ("POST", RFQ.replace("rfq", "accept_quote"), "", 404),
    ]
    assert [call["client_order_id"] for call in log] == [None, None, "mine"]
    assert log[0]["body"]["product_id"] == "BTC-USD"
    assert all(secret not in text for text in shown for secret in KEYS[CB_SPOT])


async def test_the_control_endpoint_knows_its_portfolios() -> None:
    async with prime() as api:
        await Prime(api.client, "none").control("GET", "", expect=404)
        await api.control("PUT", "settings", {"portfolio_id": "x"}, expect=400)
        assert (await api.client.control("GET", "state"))["coinbase"] == [
            {"portfolio_id": CB_SPOT, "name": "Coinbase"},
            {"portfolio_id": CB_PTS, "name": "Coinbase"},
        ]
