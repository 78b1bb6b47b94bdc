"""The description is valid, tells of every route and no other, and what is really answered fits it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from router.core.errors import Code, OrderError
from router.core.movement import MoveUnanswered
from router.core.record import Submission
from router.http.app import make_app
from router.http.problems import PROBLEMS
from router.http.routes import OPERATIONS
from router.http.routes.operation import Operation
from router.service.moving.service import Moving
from tests.fakes.margin import FakeMargin, MarginRoster, MemoryMoves, MovingWorld
from tests.http import samples
from tests.http.conftest import SETTINGS
from tests.http.fakes import FakeConnections, FakeDesk, FakeRoster
from tests.http.test_margin import WallClock

Document = dict[str, Any]


@pytest.fixture
def account() -> FakeMargin:
    return FakeMargin()


@pytest.fixture
async def margin(account: FakeMargin) -> AsyncIterator[Moving]:
    moving = MovingWorld(MemoryMoves(), MarginRoster(pts=account), WallClock()).moving
    yield moving
    await moving.stop(5.0)


@pytest.fixture
async def document(client: TestClient) -> Document:
    answer = await client.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    return await answer.json()


def declared(document: Document, operation_id: str, status: int, media_type: str) -> Draft202012Validator:
    """A validator of what the document says of one answer."""
    for item in document["paths"].values():
        for described in item.values():
            if described["operationId"] == operation_id:
                schema = described["responses"][str(status)]["content"][media_type]["schema"]
                whole = {**schema, "components": document["components"]}
                return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    raise AssertionError(operation_id)


async def test_the_document_is_valid_openapi(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "/"}]
    assert "securitySchemes" not in document["components"]
    OpenAPIV31SpecValidator(document).validate()


async def test_every_route_is_described_and_no_other(document: Document) -> None:
    described = {
        (method.upper(), path, operation["operationId"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert described == {(o.method, o.path, o.id) for o in OPERATIONS}
    assert len({o.id for o in OPERATIONS}) == len(OPERATIONS)

    app = make_app(
        FakeDesk(),
        SETTINGS,
        metrics=bytes,
        now=int,
        failed=print,
        roster=FakeRoster(),
        connections=FakeConnections(FakeDesk()),
    )
    routed = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert routed == {(method, path) for method, path, _ in described}


async def test_the_documents_order_is_the_contracts(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["OrderBody"]["required"] == list(samples.BODY)[:6]
    assert schemas["OrderBody"]["additionalProperties"] is False
    assert schemas["Order"]["required"] == list(schemas["Order"]["properties"])
    Draft202012Validator({**schemas["OrderBody"], "components": document["components"]}).validate(
        samples.BODY
    )


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.body], ids=lambda o: o.path)
async def test_the_documents_examples_are_taken(
    client: TestClient, desk: FakeDesk, account: FakeMargin, operation: Operation
) -> None:
    assert operation.example is not None
    ids = {"rfq_id": "r-1", "order_id": "o-1", "connection_id": "bitgo-pts", "operation_id": "none"}
    if operation.tag == "margin":
        ids["connection_id"] = "pts"
    if operation.id == "record_finding":
        desk.answer_with(samples.IN_DOUBT)
    if operation.id == "record_margin_finding":
        account.answers.append(MoveUnanswered("time-out"))
        account.later = MoveUnanswered("it leaves no trace")
        key = {"Idempotency-Key": "k-1"}
        covered = await client.post(
            "/v1/connections/pts/margin/positions/cover", json={"all": True}, headers=key
        )
        ids["operation_id"] = (await covered.json())["id"]
    path = operation.path.format(**ids)
    headers = {parameter.name: "k-2" for parameter in operation.headers}
    answer = await client.request(operation.method, path, json=operation.example, headers=headers)
    assert answer.status in operation.answers, await answer.text()
    assert answer.status < 300


async def test_what_is_read_of_a_requests_headers_is_described(document: Document) -> None:
    described = {
        (item["operationId"], parameter["name"], parameter.get("required", False))
        for methods in document["paths"].values()
        for item in methods.values()
        for parameter in item.get("parameters", ())
        if parameter["in"] == "header"
    }
    assert described == {("follow_events", "Last-Event-ID", False)} | {
        (operation_id, "Idempotency-Key", True)
        for operation_id in (
            "transfer_collateral",
            "transfer_position",
            "cover_positions",
            "close_positions",
            "withdraw_collateral",
        )
    }


def test_every_code_has_its_row() -> None:
    assert set(PROBLEMS) == set(Code)


READS = [
    ("get_order", "/v1/orders/o-1"),
    ("list_orders", "/v1/orders"),
    ("list_orders", "/v1/orders?client_order_id=desk-7-000123"),
    ("list_orders", "/v1/orders?in_doubt=true"),
    ("get_rfq", "/v1/rfqs/r-1"),
    ("get_competition", "/v1/competitions/c-1"),
    ("list_connections", "/v1/connections"),
    ("get_connection", "/v1/connections/bitgo-pts"),
    ("healthz", "/healthz"),
    ("readyz", "/readyz"),
    ("openapi_document", "/openapi.json"),
]


@pytest.mark.parametrize(("operation_id", "path"), READS)
async def test_what_is_read_fits_the_document(
    client: TestClient, document: Document, operation_id: str, path: str
) -> None:
    answer = await client.get(path)
    assert answer.status == 200
    declared(document, operation_id, 200, "application/json").validate(await answer.json())


@pytest.mark.parametrize(
    "submission",
    [
        Submission(samples.FILLED, samples.COMPETITION),
        Submission(samples.RESTING, samples.COMPETITION),
        Submission(samples.IN_DOUBT, samples.COMPETITION),
        Submission(samples.ACCEPTED, None),
        Submission(samples.refused(samples.CREDIT_ERROR), samples.COMPETITION),
        Submission(samples.refused(OrderError(Code.NO_QUOTES, "none")), samples.NOBODY),
    ],
)
async def test_what_an_order_is_answered_with_fits_the_document(
    client: TestClient, desk: FakeDesk, document: Document, submission: Submission
) -> None:
    desk.submission = submission
    for operation_id, path, body in (
        ("submit_order", "/v1/orders", samples.BODY),
        ("accept_rfq", "/v1/rfqs/r-1/accept", {"client_order_id": "a-1"}),
    ):
        answer = await client.post(path, json=body)
        validator = declared(document, operation_id, answer.status, answer.content_type)
        validator.validate(await answer.json())
    read = await client.get("/v1/orders/o-1")
    declared(document, "get_order", 200, "application/json").validate(await read.json())


async def test_other_answers_fit_the_document(client: TestClient, document: Document) -> None:
    for operation_id, path, body, status in (
        ("request_quotes", "/v1/rfqs", samples.RFQ_BODY, 201),
        ("request_quotes", "/v1/rfqs", {"side": 1}, 400),
        ("cancel_order", "/v1/orders/o-1/cancel", {}, 202),
        ("cancel_order", "/v1/orders/o-2/cancel", {}, 404),
        ("submit_order", "/v1/orders", [], 400),
        ("accept_rfq", "/v1/rfqs/r-2/accept", {"client_order_id": "a-1"}, 404),
    ):
        answer = await client.post(path, json=body)
        assert answer.status == status
        validator = declared(document, operation_id, status, answer.content_type)
        validator.validate(await answer.json())


async def test_a_wrong_answer_does_not_fit_the_document(document: Document) -> None:
    validator = declared(document, "get_order", 200, "application/json")
    assert not validator.is_valid({"id": "o-1"})
    assert not declared(document, "healthz", 200, "application/json").is_valid({"status": 1})
