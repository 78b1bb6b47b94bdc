"""Orders in doubt over HTTP: listed with what an operator needs, and ended by what somebody found out."""

from decimal import Decimal

import pytest
from aiohttp.test_utils import TestClient

from router.core.finding import Finding, Found
from router.core.model import OrderStatus
from tests.http import samples
from tests.http.fakes import FakeDesk

PATH = "/v1/orders/o-1/finding"
ABSENT = {"finding": "absent", "operator": "J. Doe", "reason": "not on the page"}
EXECUTED = {
    "finding": "executed",
    "operator": "J. Doe",
    "reason": "the page shows it",
    "venue_order_id": "v-9",
    "filled_quantity": "0.5",
    "average_price": "100.10",
}


@pytest.fixture
def desk() -> FakeDesk:
    """A desk whose order is in doubt."""
    made = FakeDesk()
    made.answer_with(samples.IN_DOUBT, samples.COMPETITION)
    return made


async def test_the_orders_in_doubt_are_listed_with_what_is_needed_to_find_them(
    client: TestClient, desk: FakeDesk
) -> None:
    desk.doubts.next_cursor = "more"
    answer = await client.get("/v1/orders?in_doubt=true&limit=1&cursor=c")
    page = await answer.json()

    assert (answer.status, page["next_cursor"]) == (200, "more")
    assert desk.calls == [("doubts", 1, "c")]
    (row,) = page["data"]
    assert row["connection"] == {"id": "bitgo-spot", "name": "BitGo Treasury", "pts": False}
    assert row["doubt"] == {
        "since": samples.NOW_TEXT,
        "overdue_ms": 1500,
        "venue_client_order_id": "o-1-1-bitgo-spot",
        "last_look_up": {"time": samples.NOW_TEXT, "answer": "HTTP 503"},
    }


async def test_without_it_or_with_false_the_list_is_the_whole_one(client: TestClient, desk: FakeDesk) -> None:
    await client.get("/v1/orders?in_doubt=false")

    assert desk.calls == [("orders", 50, None)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("in_doubt=yes", "in_doubt"),
        ("in_doubt=true&client_order_id=a", "in_doubt"),
        ("in_doubt=true&cursor=not-ours", "cursor"),
    ],
)
async def test_a_query_that_cannot_be_meant(client: TestClient, query: str, field: str) -> None:
    answer = await client.get(f"/v1/orders?{query}")
    problem = await answer.json()

    assert (answer.status, [error["field"] for error in problem["errors"]]) == (400, [field])


async def test_an_order_in_doubt_tells_of_it_wherever_it_is_read(client: TestClient) -> None:
    read = await (await client.get("/v1/orders/o-1")).json()
    placed = await (await client.post("/v1/orders", json=samples.BODY)).json()

    assert read["doubt"] == placed["doubt"]
    assert read["doubt"]["overdue_ms"] == 1500


async def test_absent_is_recorded_and_the_order_answered_as_it_ended(
    client: TestClient, desk: FakeDesk
) -> None:
    answer = await client.post(PATH, json=ABSENT)
    order = await answer.json()

    assert answer.status == 200
    assert desk.doubts.found == [
        ("o-1", Finding(Found.ABSENT, "J. Doe", "not on the page", samples.NOW)),
    ]
    assert (order["status"], order["in_doubt"], order["doubt"]) == ("rejected", False, None)
    assert order["error"]["code"] == "not_taken"
    assert order["finding"] == {
        "finding": "absent",
        "operator": "J. Doe",
        "reason": "not on the page",
        "recorded_at": samples.NOW_TEXT,
        "venue_order_id": None,
        "filled_quantity": "0",
        "average_price": None,
        "contradicted_at": None,
    }


async def test_executed_is_recorded_with_its_quantities(client: TestClient, desk: FakeDesk) -> None:
    answer = await client.post(PATH, json=EXECUTED)
    order = await answer.json()

    ((_, finding),) = desk.doubts.found
    assert (finding.filled_base, finding.average_price) == (Decimal("0.5"), Decimal("100.10"))
    assert finding.status is OrderStatus.FILLED
    assert (order["status"], order["filled_quantity"], order["average_price"]) == ("filled", "0.5", "100.10")
    assert order["finding"]["venue_order_id"] == order["venue_order_id"] == "v-9"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["finding", "operator", "reason"]),
        (ABSENT | {"finding": "gone"}, ["finding"]),
        (ABSENT | {"operator": " "}, ["operator"]),
        (ABSENT | {"operator": "a\nb"}, ["operator"]),
        (ABSENT | {"reason": "x" * 501}, ["reason"]),
        (ABSENT | {"filled_quantity": "1"}, ["filled_quantity"]),
        (ABSENT | {"by": "me"}, ["by"]),
        (EXECUTED | {"venue_order_id": None}, ["venue_order_id"]),
        (EXECUTED | {"filled_quantity": None}, ["filled_quantity"]),
        (EXECUTED | {"filled_quantity": 0.5}, ["filled_quantity"]),
        (EXECUTED | {"average_price": "0"}, ["average_price"]),
        (EXECUTED | {"average_price": None}, ["average_price"]),
        (EXECUTED | {"filled_quantity": "0.6"}, ["filled_quantity"]),
        (EXECUTED | {"final_status": "rejected"}, ["final_status"]),
        (EXECUTED | {"filled_quantity": "0.1", "final_status": "filled"}, ["final_status"]),
    ],
)
async def test_every_field_that_is_wrong_is_named(
    client: TestClient, desk: FakeDesk, body: dict[str, object], fields: list[str]
) -> None:
    answer = await client.post(PATH, json=body)
    problem = await answer.json()

    assert (answer.status, [error["field"] for error in problem["errors"]]) == (400, fields)
    assert desk.doubts.found == []


async def test_an_order_that_is_not_in_doubt_is_a_conflict(client: TestClient, desk: FakeDesk) -> None:
    desk.answer_with(samples.FILLED)
    answer = await client.post(PATH, json=ABSENT)

    assert (answer.status, (await answer.json())["code"]) == (409, "order_not_in_doubt")


async def test_an_order_that_there_is_not(client: TestClient) -> None:
    assert (await client.post("/v1/orders/o-2/finding", json=ABSENT)).status == 404
