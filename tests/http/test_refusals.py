"""What an order was refused with, and what the desk would not take, as problems."""

import pytest
from aiohttp.test_utils import TestClient
from msgspec.structs import replace

from router.core.errors import Code, ConflictError, OrderError, RouterError, UnavailableError
from router.core.model import OrderStatus
from router.core.record import CompetitionRecord, Submission
from tests.http import samples
from tests.http.fakes import FakeDesk


async def test_a_credit_failure_is_a_problem_with_all_that_was_said(
    client: TestClient, desk: FakeDesk
) -> None:
    desk.answer_with(samples.refused(samples.CREDIT_ERROR), samples.COMPETITION)
    answer = await client.post("/v1/orders", json=samples.BODY)

    expected = {
        "type": "urn:caas-router:problem:credit_long_limit",
        "title": "No credit: long limit",
        "status": 422,
        "detail": "expected credit for the order, was refused",
        "code": "credit_long_limit",
        "retryable": False,
        "order_id": "o-1",
        "connection": {"id": "bitgo-pts", "name": "BitGo Margin", "pts": True},
        "venue_error": {
            "name": "backend:trade:marginLongNOP",
            "message": "Long limit",
            "request_id": "unk-1",
            "http_status": 400,
        },
    }
    assert answer.status == 422
    assert await answer.json() == expected
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Location"] == "/v1/orders/o-1"
    read = await (await client.get("/v1/orders/o-1")).json()
    assert read["status"] == "rejected"
    assert read["error"] == expected
    assert read["competition"]["id"] == "c-1"


@pytest.mark.parametrize("code", [Code.NO_ELIGIBLE_COUNTERPARTY, Code.NO_QUOTES])
async def test_without_a_winner_the_problem_tells_the_competition(
    client: TestClient, desk: FakeDesk, code: Code
) -> None:
    desk.answer_with(samples.refused(OrderError(code, "nobody")), samples.NOBODY)
    answer = await client.post("/v1/orders", json=samples.BODY)

    assert answer.status == 422
    body = await answer.json()
    assert body["code"] == code
    assert body["order_id"] == "o-1"
    assert body["competition"] == {
        "id": "c-1",
        "indicative": False,
        "entries": [samples.FILLED_ANSWER["competition"]["entries"][2]],
    }
    assert "connection" not in body
    assert (await (await client.get("/v1/orders/o-1")).json())["error"] == body


async def test_a_replayed_refusal_is_the_same_refusal(client: TestClient, desk: FakeDesk) -> None:
    desk.submission = Submission(samples.refused(samples.CREDIT_ERROR), None, replayed=True)
    answer = await client.post("/v1/orders", json=samples.BODY)

    assert (answer.status, answer.headers["Idempotent-Replayed"]) == (422, "true")


async def test_an_error_that_came_after_fills_is_no_refusal(client: TestClient, desk: FakeDesk) -> None:
    desk.answer_with(replace(samples.FILLED, status=OrderStatus.CANCELED, error=samples.CREDIT_ERROR), None)
    answer = await client.post("/v1/orders", json=samples.BODY)

    assert answer.status == 200
    body = await answer.json()
    assert (body["status"], body["error"]["code"]) == ("canceled", "credit_long_limit")


@pytest.mark.parametrize(
    ("error", "status", "retryable"),
    [
        (ConflictError(Code.CLIENT_ORDER_ID_REUSED, "quantity: expected 1, was 2"), 409, False),
        (UnavailableError(Code.SHUTTING_DOWN, "the router is stopping"), 503, True),
        (RouterError(Code.TOO_MANY_REQUESTS, "slower", retryable=True), 429, True),
        (RouterError(Code.TRADING_HALTED, "halted"), 422, False),
    ],
)
async def test_what_the_desk_refuses_is_a_problem(
    client: TestClient, desk: FakeDesk, error: RouterError, status: int, retryable: bool
) -> None:
    desk.error = error
    answer = await client.post("/v1/orders", json=samples.BODY)

    assert answer.status == status
    body = await answer.json()
    assert (body["code"], body["detail"]) == (error.code, error.detail)
    assert (body["status"], body["retryable"]) == (status, retryable)
    assert ("Retry-After" in answer.headers) == (status in (429, 503))
    assert "Location" not in answer.headers


@pytest.mark.parametrize("competition", [samples.COMPETITION, None])
async def test_the_connection_of_an_error_is_named_from_whatever_knows_it(
    client: TestClient, desk: FakeDesk, competition: CompetitionRecord | None
) -> None:
    order = replace(samples.refused(replace(samples.CREDIT_ERROR, connection_id="cb-spot")), attempts=())
    desk.answer_with(order, competition)
    error = (await (await client.get("/v1/orders/o-1")).json())["error"]

    named = {"id": "cb-spot", "name": "Coinbase Spot", "pts": False}
    assert error.get("connection") == (None if competition is None else named)
