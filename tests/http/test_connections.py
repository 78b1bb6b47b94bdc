"""Connections are made, changed, tested and removed over HTTP, and no answer holds a token."""

import hashlib
import json

import msgspec
import pytest
from aiohttp.test_utils import TestClient

from router.core.errors import (
    AccountRefusedError,
    Code,
    ConflictError,
    ConnectionExistsError,
    UnavailableError,
    VenueError,
)
from router.secrets import Reference
from router.service.connecting.connections import Lifecycle
from router.settings import (
    ApiKey,
    AuthMode,
    AuthSettings,
    CustodyFields,
    MarginDialect,
    Scope,
    Settings,
    TradingFields,
)
from tests.http.account_samples import ACCOUNT, CUSTODY, NEW
from tests.http.conftest import SETTINGS
from tests.http.fakes import FakeConnections

TOKEN = "v2x-the-token-itself"
EXISTS = ConnectionExistsError("expected another, was bitgo-pts", "bitgo-pts", "BitGo Margin", pts=True)


async def post(client: TestClient, body: object, path: str = "") -> tuple[int, dict[str, object]]:
    """Post, and see that no answer holds the token."""
    answer = await client.post(f"/v1/connections{path}", json=body)
    text = await answer.text()
    assert TOKEN not in text
    return answer.status, json.loads(text)


def wrong_fields(body: dict[str, object]) -> dict[str, tuple[str, object]]:
    errors = body["errors"]
    assert isinstance(errors, list)
    return {error["field"]: (error["expected"], error.get("was")) for error in errors}


async def test_a_pts_account_is_connected(client: TestClient, connections: FakeConnections) -> None:
    answer = await client.post("/v1/connections", json=NEW | {"id": "margin", "margin_dialect": "express"})

    assert answer.status == 201
    assert answer.headers["Location"] == "/v1/connections/margin"
    body = await answer.json()
    assert (body["id"], body["name"], body["pts"], body["origin"]) == ("margin", "BitGo Margin", True, "api")
    assert body["credentials"] == "sealed"
    (wanted,) = connections.added
    assert isinstance(wanted.fields, TradingFields)
    assert wanted.token is not None
    assert wanted.token.reveal() == TOKEN
    fields = wanted.fields
    assert (fields.account_id, fields.taker_fee_bps, fields.pts) == (ACCOUNT, "2.5", True)
    assert fields.margin_dialect is MarginDialect.EXPRESS
    assert (fields.requests_per_second, fields.settling_window_ms, fields.enabled) == (10, 30_000, True)


async def test_without_the_switch_it_is_a_spot_account(
    client: TestClient, connections: FakeConnections
) -> None:
    status, body = await post(client, {name: value for name, value in NEW.items() if name != "pts"})

    assert (status, body["pts"]) == (201, False)
    (wanted,) = connections.added
    assert wanted.fields.id == ""


async def test_a_custody_account_is_connected(client: TestClient, connections: FakeConnections) -> None:
    more = {"enterprise_id": "ent", "requests_per_minute": 60, "decimals": {"xyz": 12}}
    status, body = await post(client, CUSTODY | more)

    assert (status, body["type"], body["pts"], body["products"]) == (
        201,
        "custody",
        False,
        ["BTC-USD", "ETH-USD"],
    )
    (wanted,) = connections.added
    assert isinstance(wanted.fields, CustodyFields)
    assert (wanted.fields.enterprise_id, wanted.fields.requests_per_minute) == ("ent", 60)
    assert wanted.fields.decimals == {"xyz": 12}


async def test_a_reference_is_handed_on_as_one(client: TestClient, connections: FakeConnections) -> None:
    await post(client, NEW | {"credentials": {"token": {"file": "/run/secrets/x"}}})
    await post(client, NEW | {"credentials": {"token": {"env": "BITGO_X"}}})

    assert [wanted.reference for wanted in connections.added] == [
        Reference(file="/run/secrets/x"),
        Reference(env="BITGO_X"),
    ]
    assert [wanted.token for wanted in connections.added] == [None, None]


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"name": None}, "name", "1 to 64 printable characters"),
        ({"name": " x"}, "name", "1 to 64 printable characters"),
        ({"counterparty": "bitgo"}, "counterparty", '"bitgo_prime" or "coinbase_prime" or "ccxt"'),
        ({"type": "wallet"}, "type", '"exchange" or "custody"'),
        ({"account_id": "12"}, "account_id", "32 hexadecimal digits in lower case"),
        ({"account_id": None}, "account_id", "32 hexadecimal digits in lower case"),
        ({"taker_fee_bps": None}, "taker_fee_bps", 'a decimal string such as "2.5": no wire states a fee'),
        ({"taker_fee_bps": "1e3"}, "taker_fee_bps", 'a decimal string such as "0.5"'),
        ({"pts": "yes"}, "pts", "true or false"),
        ({"enabled": 1}, "enabled", "true or false"),
        ({"id": "Big"}, "id", "a slug of 1 to 32 of a-z, 0-9 and -"),
        ({"requests_per_second": 0}, "requests_per_second", "a whole number from 1 to 1000"),
        ({"settling_window_ms": "1"}, "settling_window_ms", "a whole number from 1 to 3600000"),
        ({"margin_dialect": "other"}, "margin_dialect", '"platform" or "express"'),
        ({"base_url": "https://a b"}, "base_url", "a URL such as https://app.bitgo.com"),
        ({"decimals": {}}, "decimals", "no such field in a connection of this type"),
        ({"fee": 1}, "fee", "no field of this name"),
    ],
)
async def test_a_field_that_is_wrong_is_named(
    client: TestClient, connections: FakeConnections, change: dict[str, object], field: str, expected: str
) -> None:
    status, body = await post(client, NEW | change)

    assert (status, body["code"]) == (400, "invalid_request")
    assert wrong_fields(body)[field][0] == expected
    assert connections.added == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pts": True}, "pts"),
        ({"account_id": ACCOUNT}, "account_id"),
        ({"taker_fee_bps": "1"}, "taker_fee_bps"),
        ({"counterparty": "bitgo_prime"}, "counterparty"),
        ({"decimals": {"x y": 1}}, "decimals"),
        ({"decimals": {"x": "1"}}, "decimals"),
        ({"decimals": {"x": 37}}, "decimals"),
        ({"decimals": 1}, "decimals"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"enterprise_id": "a b"}, "enterprise_id"),
    ],
)
async def test_a_field_that_custody_does_not_take_is_named(
    client: TestClient, change: dict[str, object], field: str
) -> None:
    status, body = await post(client, CUSTODY | change)

    assert status == 400
    assert list(wrong_fields(body)) == [field]


@pytest.mark.parametrize(
    "credentials",
    [
        None,
        TOKEN,
        [TOKEN],
        {},
        {"key": TOKEN},
        {"token": TOKEN, "more": TOKEN},
        {"token": f"{TOKEN} and more"},
        {"token": f"{TOKEN}\n"},
        {"token": ""},
        {"token": None},
        {"token": [TOKEN]},
        {"token": {"env": TOKEN, "file": TOKEN}},
        {"token": {TOKEN: "x"}},
        {"token": {"env": [TOKEN]}},
        {"token": {"file": ""}},
    ],
)
async def test_credentials_of_another_shape_are_refused_and_not_repeated(
    client: TestClient, connections: FakeConnections, credentials: object
) -> None:
    status, body = await post(client, NEW | {"credentials": credentials})

    assert status == 400
    ((field, (_, was)),) = wrong_fields(body).items()
    assert field.startswith("credentials")
    assert was in (None, "another value (not shown)", "another text (not shown)")
    assert connections.added == []


@pytest.mark.parametrize("where", [{"token": TOKEN}, {"Token": TOKEN}, {TOKEN: 1}, {"api_key": {"x": TOKEN}}])
async def test_a_token_in_the_wrong_place_is_not_repeated(
    client: TestClient, where: dict[str, object]
) -> None:
    status, _ = await post(client, NEW | where)

    assert status == 400


async def test_every_wrong_field_is_named_at_once(client: TestClient) -> None:
    _, body = await post(client, {"type": "exchange", "pts": 1, "credentials": 1})

    assert set(wrong_fields(body)) == {
        "name",
        "counterparty",
        "account_id",
        "taker_fee_bps",
        "pts",
        "credentials",
    }


async def test_what_the_counterparty_said_of_a_test_is_told(
    client: TestClient, connections: FakeConnections
) -> None:
    said = VenueError("Error", "unauthorized", "unk-1", 401)
    connections.error = AccountRefusedError(Code.CREDENTIALS_REFUSED, "expected a token, was another", said)
    status, body = await post(client, NEW)

    assert (status, body["code"], body["retryable"]) == (422, "credentials_refused", False)
    assert body["venue_error"] == {
        "name": "Error",
        "message": "unauthorized",
        "request_id": "unk-1",
        "http_status": 401,
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (EXISTS, 409, "connection_exists"),
        (ConflictError(Code.CONNECTION_IN_SETTINGS, "expected another"), 409, "connection_in_settings"),
        (ConflictError(Code.CONNECTION_BUSY, "expected no order"), 409, "connection_busy"),
        (UnavailableError(Code.VAULT_UNAVAILABLE, "expected a key"), 503, "vault_unavailable"),
        (UnavailableError(Code.VENUE_UNAVAILABLE, "expected an answer"), 503, "venue_unavailable"),
    ],
)
async def test_each_refusal_has_its_status(
    client: TestClient, connections: FakeConnections, error: Exception, status: int, code: str
) -> None:
    connections.error = error

    for method, path, body in (
        ("POST", "", NEW),
        ("PATCH", "/bitgo-pts", {"name": "x"}),
        ("DELETE", "/bitgo-pts", None),
        ("POST", "/bitgo-pts/test", None),
    ):
        answer = await client.request(method, f"/v1/connections{path}", json=body)
        told = await answer.json()
        assert (answer.status, told["code"]) == (status, code), (method, path)


async def test_a_connection_that_is_there_is_named_as_every_answer_names_it(
    client: TestClient, connections: FakeConnections
) -> None:
    connections.error = EXISTS
    _, body = await post(client, NEW)

    assert body["connection"] == {"id": "bitgo-pts", "name": "BitGo Margin", "pts": True}


async def test_a_connection_is_changed(client: TestClient, connections: FakeConnections) -> None:
    body = {
        "name": "Margin 2",
        "taker_fee_bps": "1",
        "enabled": False,
        "margin_dialect": None,
        "base_url": "https://x.example",
        "credentials": {"token": TOKEN},
    }
    answer = await client.patch("/v1/connections/bitgo-pts", json=body)

    assert answer.status == 200
    assert TOKEN not in await answer.text()
    ((name, change),) = connections.changes
    assert name == "bitgo-pts"
    assert change.fields == {
        "name": "Margin 2",
        "taker_fee_bps": "1",
        "enabled": False,
        "margin_dialect": None,
        "base_url": "https://x.example",
    }
    assert change.token is not None
    assert change.token.reveal() == TOKEN


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"id": "other"}, "id"),
        ({"counterparty": "bitgo_prime"}, "counterparty"),
        ({"type": "exchange"}, "type"),
        ({"pts": False}, "pts"),
        ({"account_id": ACCOUNT}, "account_id"),
        ({"decimals": {}}, "decimals"),
        ({"token": TOKEN}, "token"),
        ({}, "body"),
        ({"name": None}, "body"),
        ({"enabled": "no"}, "enabled"),
    ],
)
async def test_what_cannot_be_changed_is_named(
    client: TestClient, connections: FakeConnections, body: dict[str, object], field: str
) -> None:
    answer = await client.patch("/v1/connections/bitgo-pts", json=body)
    told = await answer.json()

    assert answer.status == 400
    assert field in wrong_fields(told)
    assert connections.changes == []


async def test_a_connection_is_removed_and_tested(client: TestClient, connections: FakeConnections) -> None:
    removed = await client.delete("/v1/connections/bitgo-pts")
    tested = await client.post("/v1/connections/bitgo-spot/test")

    assert (removed.status, (await removed.json())["lifecycle"]) == (202, "draining")
    assert (tested.status, (await tested.json())["id"]) == (200, "bitgo-spot")
    assert (connections.removed, connections.tested) == (["bitgo-pts"], ["bitgo-spot"])


@pytest.mark.parametrize(("method", "path"), [("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "")])
async def test_one_that_is_not_there_is_a_404(client: TestClient, method: str, path: str) -> None:
    body = {"name": "x"} if method == "PATCH" else None
    answer = await client.request(method, f"/v1/connections/nobody{path}", json=body)

    assert answer.status == 404


async def test_a_locked_connection_is_shown_as_such(client: TestClient, connections: FakeConnections) -> None:
    connections.lifecycle = Lifecycle.LOCKED
    body = await (await client.get("/v1/connections/bitgo-pts")).json()

    assert body["lifecycle"] == "locked"


class TestScopes:
    """Only a key with the scope `admin` makes, changes, tests or removes."""

    @pytest.fixture
    def settings(self) -> Settings:
        keys = tuple(
            ApiKey(name, hashlib.sha256(f"{name}-key".encode()).digest(), frozenset(scopes))
            for name, scopes in (("desk", {Scope.READ, Scope.TRADE}), ("ops", {Scope.ADMIN}))
        )
        return msgspec.structs.replace(SETTINGS, auth=AuthSettings(AuthMode.KEYS, keys))

    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("POST", "", NEW, 201),
            ("PATCH", "/bitgo-pts", {"name": "x"}, 200),
            ("DELETE", "/bitgo-pts", None, 202),
            ("POST", "/bitgo-pts/test", None, 200),
        ],
    )
    async def test_the_scope_is_admin(
        self, client: TestClient, method: str, path: str, body: object, status: int
    ) -> None:
        url = f"/v1/connections{path}"
        desk = await client.request(method, url, json=body, headers={"Authorization": "Bearer desk-key"})
        ops = await client.request(method, url, json=body, headers={"Authorization": "Bearer ops-key"})

        assert (desk.status, (await desk.json())["code"]) == (403, "forbidden")
        assert ops.status == status
