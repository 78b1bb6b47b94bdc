"""API keys: who is let in, and with what."""

import hashlib

import pytest
from aiohttp.test_utils import TestClient

from router.core.errors import Code
from router.http.auth import KEY_LENGTH_MAX
from router.http.routes import OPERATIONS
from router.http.routes.operation import Operation
from router.settings import ApiKey, AuthMode, AuthSettings, Scope, Settings
from tests.http import samples
from tests.http.conftest import SETTINGS
from tests.http.fakes import FakeDesk


def key(value: str, *scopes: Scope) -> ApiKey:
    return ApiKey(value, hashlib.sha256(value.encode()).digest(), frozenset(scopes))


@pytest.fixture
def settings() -> Settings:
    keys = (
        key("reader", Scope.READ),
        key("trader", Scope.TRADE),
        key("both", Scope.READ, Scope.TRADE, Scope.ADMIN),
    )
    return Settings(
        SETTINGS.server,
        SETTINGS.store,
        SETTINGS.competition,
        SETTINGS.execution,
        AuthSettings(AuthMode.KEYS, keys),
        (),
    )


def path_of(operation: Operation) -> str:
    values = {"order_id": "o-1", "rfq_id": "r-1", "competition_id": "c-1", "connection_id": "bitgo-spot"}
    others = dict.fromkeys(operation.path_parameters, "x-1")
    return operation.path.format(**others | values | {"asset": "start.js"})


def scope_of(operation: Operation) -> Scope:
    """What reads, what moves money or asks for prices, and what says where money and tokens may go."""
    if operation.method == "GET":
        return Scope.READ
    makes = operation.path.removesuffix("/test").removesuffix("/{connection_id}")
    return Scope.ADMIN if makes == "/v1/connections" else Scope.TRADE


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
async def test_each_route_wants_its_scope(client: TestClient, desk: FakeDesk, operation: Operation) -> None:
    path = path_of(operation)
    if operation.scope is None:
        assert operation.path in ("/healthz", "/readyz", "/openapi.json", "/docs", "/docs/{asset}")
        assert (await client.request(operation.method, path)).status == 200
        return
    assert operation.scope is scope_of(operation)

    none = await client.request(operation.method, path)
    assert (none.status, (await none.json())["code"]) == (401, "unauthenticated")
    assert none.headers["WWW-Authenticate"] == 'Bearer realm="caas-router"'
    assert none.headers["Content-Type"] == "application/problem+json"

    other = "trader" if operation.scope is Scope.READ else "reader"
    wrong = await client.request(operation.method, path, headers={"Authorization": f"Bearer {other}"})
    assert (wrong.status, (await wrong.json())["code"]) == (403, "forbidden")
    assert f'scope="{operation.scope}"' in wrong.headers["WWW-Authenticate"]
    assert (desk.requests, desk.calls) == ([], [])

    right = await client.request(operation.method, path, headers={"Authorization": "Bearer both"})
    # The bodies are missing, or the resource is, which is seen only by who was let in.
    assert right.status in (200, 202, 400, 404, 409, 415)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer another",
        "Bearer reader2",
        "Bearer reade",
        "Bearer READER",
        "Basic reader",
        "reader",
        "Bearer reader, Bearer both",
        "Bearer é",
        "Bearer " + "r" * (KEY_LENGTH_MAX + 1),
    ],
)
async def test_what_is_no_key(client: TestClient, header: str) -> None:
    answer = await client.get("/v1/orders", headers={"Authorization": header})
    assert answer.status == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]
    problem = await answer.text()
    assert "reade" not in problem


async def test_a_header_that_stands_twice_is_no_key(client: TestClient) -> None:
    twice = [("Authorization", "Bearer reader"), ("Authorization", "Bearer reader")]
    assert (await client.get("/v1/orders", headers=twice)).status in (400, 401)


@pytest.mark.parametrize("header", ["Bearer reader", "bearer reader", "Bearer  reader"])
async def test_a_key(client: TestClient, header: str) -> None:
    answer = await client.get("/v1/orders", headers={"Authorization": header})
    assert answer.status == 200


async def test_strangers_learn_nothing_of_the_paths(client: TestClient) -> None:
    for method, path in (("GET", "/nothing"), ("DELETE", "/v1/orders"), ("OPTIONS", "/v1/orders")):
        answer = await client.request(method, path)
        assert (answer.status, (await answer.json())["code"]) == (401, Code.UNAUTHENTICATED)
    known = await client.get("/nothing", headers={"Authorization": "Bearer reader"})
    assert known.status == 404


async def test_the_description_tells_of_the_keys(client: TestClient) -> None:
    document = await (await client.get("/openapi.json", headers={"Authorization": "Bearer reader"})).json()
    assert document["components"]["securitySchemes"]["api_key"]["scheme"] == "bearer"
    assert document["paths"]["/v1/orders"]["post"]["security"] == [{"api_key": ["trade"]}]
    assert document["paths"]["/v1/orders"]["get"]["security"] == [{"api_key": ["read"]}]
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert "401" in document["paths"]["/v1/orders"]["get"]["responses"]


async def test_an_order_with_a_key(client: TestClient, desk: FakeDesk) -> None:
    answer = await client.post("/v1/orders", json=samples.BODY, headers={"Authorization": "Bearer trader"})
    assert answer.status == 200
    assert desk.requests == [samples.REQUEST]
