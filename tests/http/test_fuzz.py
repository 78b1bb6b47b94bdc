"""Whatever is sent, the answer is never a 5xx, and a refusal is always a problem."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from router.core.model import OrderType
from router.http import bodies
from router.http.app import make_app
from router.http.context import Failure
from tests.http import samples
from tests.http.conftest import SETTINGS
from tests.http.fakes import FakeConnections, FakeDesk, FakeRoster

BOUNDED = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
PATHS = ("/v1/orders", "/v1/rfqs", "/v1/rfqs/r-1/accept", "/v1/orders/o-1/cancel")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["0.5", "BTC-USD", "BTC", "USD", "buy", *OrderType, "GTD", "IOC", "bitgo-spot"])
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
FIELDS = [*bodies.OrderBody.__struct_fields__, "connection"]
# Most of an order is right, so that what is wrong is met deep inside and not at the door.
ORDERS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5).map(
    lambda change: samples.BODY | change
)


async def never_fails(send: Callable[[TestClient], Awaitable[Any]]) -> None:
    failures: list[Failure] = []
    app = make_app(
        FakeDesk(),
        SETTINGS,
        metrics=bytes,
        now=int,
        failed=failures.append,
        roster=FakeRoster(),
        connections=FakeConnections(FakeDesk()),
    )
    async with TestClient(TestServer(app)) as client:
        answer = await send(client)
        body = await answer.read()
    assert failures == []
    assert answer.status < 500, body
    if answer.status >= 400:
        assert answer.content_type == "application/problem+json"
        assert json.loads(body)["status"] == answer.status


@BOUNDED
@given(path=st.sampled_from(PATHS), body=ORDERS | VALUES)
async def test_any_json(path: str, body: object) -> None:
    await never_fails(lambda client: client.post(path, json=body))


@BOUNDED
@given(path=st.sampled_from(PATHS), body=st.binary(max_size=200), at=st.integers(0, 300))
async def test_any_bytes(path: str, body: bytes, at: int) -> None:
    good = json.dumps(samples.BODY).encode()
    spoilt = good[:at] + body + good[at:]
    await never_fails(
        lambda client: client.post(path, data=spoilt, headers={"Content-Type": "application/json"})
    )


@BOUNDED
@given(
    resource=st.sampled_from(["orders", "rfqs", "competitions", "connections", "nothing"]),
    own=st.text(alphabet=st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=80),
    query=st.dictionaries(
        st.sampled_from(["limit", "cursor", "client_order_id", "x"]), st.text(max_size=20), max_size=3
    ),
)
async def test_any_path_and_query(resource: str, own: str, query: dict[str, str]) -> None:
    url = URL("/v1").joinpath(resource, own.replace("/", "%")).with_query(query)
    await never_fails(lambda client: client.get(url))
