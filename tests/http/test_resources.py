"""RFQs, competitions, connections and what operators ask for."""

import pytest
from aiohttp.test_utils import TestClient
from yarl import URL

from router.core.errors import FieldError, InvalidRequestError, RfqExpiredError
from router.core.model import OnCreditFailure, OrderType
from tests.http import samples
from tests.http.account_samples import ACCOUNT
from tests.http.fakes import FakeDesk

SPOT = {"id": "bitgo-spot", "name": "BitGo Treasury", "pts": False}
PTS = {"id": "bitgo-pts", "name": "BitGo Margin", "pts": True}
BEST = {
    "connection": SPOT,
    "outcome": "lost",
    "reason": None,
    "price": "100.00",
    "all_in_price": "100.10",
    "quantity": "0.5",
    "source": "book",
    "latency_us": 12,
}


async def test_an_rfq(client: TestClient, desk: FakeDesk) -> None:
    answer = await client.post("/v1/rfqs", json=samples.RFQ_BODY | {"connections": ["bitgo-spot"]})

    assert answer.status == 201
    assert answer.headers["Location"] == "/v1/rfqs/r-1"
    body = await answer.json()
    assert {name: body[name] for name in body if name != "entries"} == {
        "id": "r-1",
        "product": "BTC-USD",
        "side": "buy",
        "quantity": "0.5",
        "quantity_currency": "BTC",
        "connections": None,
        "created_at": samples.NOW_TEXT,
        "valid_until": "2026-01-02T03:04:10.678901Z",
        "competition_id": "c-1",
        "best": BEST,
    }
    assert [entry["outcome"] for entry in body["entries"]] == ["lost", "lost", "excluded"]
    (asked,) = desk.requests
    assert (asked.client_order_id, asked.type) == ("", OrderType.MARKET)
    assert asked.connections == ("bitgo-spot",)
    assert await (await client.get("/v1/rfqs/r-1")).json() == body


async def test_an_rfq_is_accepted(client: TestClient, desk: FakeDesk) -> None:
    body = {"client_order_id": "a-1", "connection": "bitgo-pts", "on_credit_failure": "next_best"}
    answer = await client.post("/v1/rfqs/r-1/accept", json=body)
    assert (answer.status, answer.headers["Location"]) == (200, "/v1/orders/o-1")
    assert (await answer.json())["status"] == "filled"

    await client.post("/v1/rfqs/r-1/accept", json={"client_order_id": "a-2"})
    assert desk.calls == [
        ("accept", "r-1", "a-1", "bitgo-pts", OnCreditFailure.NEXT_BEST),
        ("accept", "r-1", "a-2", None, None),
    ]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RfqExpiredError("expected an accept before its valid_until"), 410, "rfq_expired"),
        (InvalidRequestError(FieldError("connection", "one with a quote", '"x"')), 400, "invalid_request"),
    ],
)
async def test_an_rfq_that_cannot_be_accepted(
    client: TestClient, desk: FakeDesk, error: Exception, status: int, code: str
) -> None:
    desk.error = error
    answer = await client.post("/v1/rfqs/r-1/accept", json={"client_order_id": "a-1"})
    assert (answer.status, (await answer.json())["code"]) == (status, code)


async def test_a_competitions_whole_record(client: TestClient) -> None:
    body = await (await client.get("/v1/competitions/c-1")).json()

    entries = body.pop("entries")
    assert body == {
        "id": "c-1",
        "order_id": "o-1",
        "rfq_id": None,
        "product": "BTC-USD",
        "side": "buy",
        "type": "market",
        "quantity": "0.5",
        "quantity_currency": "BTC",
        "indicative": False,
        "opened_at": samples.NOW_TEXT,
        "deadline_at": "2026-01-02T03:04:05.928901Z",
        "closed_at": "2026-01-02T03:04:05.678921Z",
        "arrival_price": "99.90",
        "cover_price": "100.40",
        "winner": SPOT,
        "slippage_bps_max": "50",
        "collar_bps": "500",
    }
    assert [entry["outcome"] for entry in entries] == ["won", "lost", "excluded"]
    assert entries[2] == {
        "connection": {"id": "cb-spot", "name": "Coinbase Spot", "pts": False},
        "outcome": "excluded",
        "reason": "insufficient_balance",
        "price": "100.05",
        "all_in_price": "100.10",
        "quantity": "0.5",
        "source": "book",
        "latency_us": 12,
        "fee": "0.05",
        "price_worst": "100.05",
        "firm": False,
        "complete": True,
        "rank": None,
        "late": False,
        "asked_at": samples.NOW_TEXT,
        "answered_at": "2026-01-02T03:04:05.678913Z",
        "valid_until": None,
        "quote_id": None,
        "detail": None,
    }


def of_the_settings(fee_bps: str) -> dict[str, object]:
    """What is told of a connection of the settings file besides its condition."""
    return {
        "origin": "settings",
        "lifecycle": "active",
        "credentials": "reference",
        "settings": {
            "base_url": "https://app.bitgo.com",
            "account_id": ACCOUNT,
            "portfolio_id": None,
            "exchange": None,
            "accept_risk": None,
            "taker_fee_bps": fee_bps,
            "requests_per_second": 10,
            "settling_window_ms": 30_000,
            "quote_notional_min": None,
            "quotes_per_minute": None,
            "margin_dialect": None,
            "enterprise_id": None,
            "requests_per_minute": None,
            "decimals": None,
        },
        "created_at": None,
        "updated_at": None,
    }


async def test_connections(client: TestClient) -> None:
    body = await (await client.get("/v1/connections")).json()

    assert body == {
        "data": [
            SPOT
            | {
                "counterparty": "bitgo_prime",
                "type": "exchange",
                "enabled": True,
                "state": "ready",
                "health": {
                    "state": "ready",
                    "detail": None,
                    "feed_up": True,
                    "feed_age_ms": 12,
                    "budget_left": 9,
                    "error_rate": "0.1",
                    "latency_us": 2500,
                    "changed_at": samples.NOW_TEXT,
                },
                "products": ["BTC-USD", "ETH-USD"],
            }
            | of_the_settings("10"),
            PTS
            | {
                "counterparty": "bitgo_prime",
                "type": "exchange",
                "enabled": True,
                "state": "down",
                "health": {
                    "state": "down",
                    "detail": "no answer",
                    "feed_up": False,
                    "feed_age_ms": None,
                    "budget_left": 9,
                    "error_rate": "0.1",
                    "latency_us": None,
                    "changed_at": samples.NOW_TEXT,
                },
                "products": ["BTC-USD", "ETH-USD"],
            }
            | of_the_settings("20"),
        ],
        "next_cursor": None,
    }
    one = await client.get("/v1/connections/bitgo-pts")
    assert await one.json() == body["data"][1]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/orders/o-2",
        "/v1/rfqs/r-2",
        "/v1/competitions/c-2",
        "/v1/connections/cb-spot",
        "/v1/orders/" + "x" * 65,
        "/v1/orders/%00",
        "/v1/orders/%F0%9F",
        "/v1/orders/o-1%2Fcancel",
        "/v1/orders/o%201",
        "/v1/orders/",
        "/v1/orders/o-1/",
        "/v1",
        "/",
        "/v1/reports/trades",
        "/v1/portfolio",
        "/v1/events/1",
        "/docs/index.html",
        "/docs/..%2Fapp.py",
        "/favicon.ico",
    ],
)
async def test_what_is_not_there_is_a_404(client: TestClient, path: str) -> None:
    answer = await client.get(URL(path, encoded=True))
    assert answer.status == 404
    assert (await answer.json())["code"] == "not_found"
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("own", ["x" * 65, "%00", "o%201", "%C3%A9", "a%0A"])
async def test_what_could_be_no_id_is_not_looked_up(client: TestClient, desk: FakeDesk, own: str) -> None:
    for resource in ("orders", "rfqs", "competitions", "connections"):
        answer = await client.get(URL(f"/v1/{resource}/{own}", encoded=True))
        assert answer.status == 404
    assert desk.looked_up == []


async def test_posts_to_what_is_not_there(client: TestClient) -> None:
    accept = await client.post("/v1/rfqs/r-2/accept", json={"client_order_id": "a-1"})
    cancel = await client.post("/v1/orders/o-2/cancel")
    assert (accept.status, cancel.status) == (404, 404)


async def test_liveness_and_readiness(client: TestClient, desk: FakeDesk) -> None:
    assert await (await client.get("/healthz")).json() == {"status": "ok"}
    ready = await client.get("/readyz")
    assert (ready.status, await ready.json()) == (
        200,
        {"ready": True, "checks": {"store": None, "connections": None}},
    )
    desk.checks["store"] = "read-only"
    unready = await client.get("/readyz")
    assert (unready.status, await unready.json()) == (
        503,
        {"ready": False, "checks": {"store": "read-only", "connections": None}},
    )


async def test_metrics(client: TestClient) -> None:
    answer = await client.get("/metrics?name[]=caas_orders_total")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert await answer.text() == "caas_orders_total 1.0\n"


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/orders/o-1", "/healthz", "/openapi.json", "/docs"])
async def test_head_is_get_without_a_body(client: TestClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)
    assert head.status == get.status == 200
    assert await head.read() == b""
    assert head.headers["Content-Length"] == str(len(await get.read()))


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/orders", "GET, HEAD, OPTIONS, POST"),
        ("PUT", "/v1/orders/o-1", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/orders/o-1/cancel", "OPTIONS, POST"),
        ("HEAD", "/v1/rfqs", "OPTIONS, POST"),
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
        ("PATCH", "/docs/start.js", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_method_that_is_not_taken(client: TestClient, method: str, path: str, allow: str) -> None:
    answer = await client.request(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)
    assert answer.headers["Content-Type"] == "application/problem+json"
    if method != "HEAD":
        assert (await answer.json())["code"] == "method_not_allowed"


async def test_options_tells_the_methods(client: TestClient) -> None:
    answer = await client.options("/v1/orders")
    assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await client.options("/nothing")).status == 404


async def test_the_documentation_is_all_our_own(client: TestClient) -> None:
    page = await client.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    text = await page.text()
    for name, content_type, sign in (
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8", b"SwaggerUIBundle"),
        ("swagger-ui.css", "text/css; charset=utf-8", b".swagger-ui"),
        ("start.js", "text/javascript; charset=utf-8", b'url: "openapi.json"'),
    ):
        assert f'"docs/{name}"' in text
        asset = await client.get(f"/docs/{name}")
        assert asset.status == 200
        assert asset.headers["Content-Type"] == content_type
        assert asset.headers["X-Content-Type-Options"] == "nosniff"
        assert sign in await asset.read()
    assert "http" not in text.replace("HTTP", "")
