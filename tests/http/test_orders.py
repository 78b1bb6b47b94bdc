"""Orders over HTTP: what is asked of the desk, and what each of its answers looks like."""

from decimal import Decimal

import pytest
from aiohttp.test_utils import TestClient
from msgspec.structs import replace

from router.core.errors import (
    Code,
    ConflictError,
)
from router.core.model import Fill, OnCreditFailure, OrderStatus, OrderType, Side, TimeInForce
from router.core.order import Order, Phase
from router.core.record import Submission
from router.ports import RecordPage
from tests.http import samples
from tests.http.fakes import FakeDesk


async def test_the_contracts_sample_order(client: TestClient, desk: FakeDesk) -> None:
    answer = await client.post("/v1/orders", json=samples.BODY)

    assert answer.status == 200
    body = await answer.json()
    assert body == samples.FILLED_ANSWER
    assert list(body) == list(samples.FILLED_ANSWER)
    assert answer.headers["Location"] == "/v1/orders/o-1"
    assert "Idempotent-Replayed" not in answer.headers
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert desk.requests == [samples.REQUEST]


async def test_every_field_reaches_the_desk(client: TestClient, desk: FakeDesk) -> None:
    body = samples.BODY | {
        "side": "sell",
        "type": "limit",
        "quantity": "1000.50",
        "quantity_currency": "USD",
        "limit_price": "101.25",
        "time_in_force": "GTD",
        "duration_minutes": 525_600,
        "connections": ["bitgo-pts", "bitgo-spot"],
        "on_credit_failure": "next_best",
    }
    answer = await client.post("/v1/orders", json=body)

    assert answer.status == 200, await answer.text()
    assert desk.requests == [
        replace(
            samples.REQUEST,
            side=Side.SELL,
            type=OrderType.LIMIT,
            quantity=Decimal("1000.50"),
            quantity_currency="USD",
            limit_price=Decimal("101.25"),
            time_in_force=TimeInForce.GTD,
            duration_minutes=525_600,
            connections=("bitgo-pts", "bitgo-spot"),
            on_credit_failure=OnCreditFailure.NEXT_BEST,
        )
    ]


@pytest.mark.parametrize(
    ("order", "status"),
    [
        (samples.FILLED, 200),
        (replace(samples.FILLED, status=OrderStatus.CANCELED), 200),
        (replace(samples.FILLED, status=OrderStatus.EXPIRED), 200),
        (samples.RESTING, 200),
        (replace(samples.RESTING, status=OrderStatus.PARTIALLY_FILLED), 200),
        # An order that was not meant to rest has no outcome while it is merely with the counterparty.
        (replace(samples.ROUTED, phase=Phase.WORKING, status=OrderStatus.NEW), 202),
        (replace(samples.RESTING, status=OrderStatus.PENDING_CANCEL, cancel_requested=True), 202),
        (samples.ACCEPTED, 202),
        (samples.ROUTED, 202),
        (samples.IN_DOUBT, 202),
    ],
)
async def test_200_where_the_outcome_is_known_else_202(
    client: TestClient, desk: FakeDesk, order: Order, status: int
) -> None:
    desk.answer_with(order)
    answer = await client.post("/v1/orders", json=samples.BODY)

    assert answer.status == status
    assert answer.headers["Location"] == "/v1/orders/o-1"
    assert (await answer.json())["status"] == order.status


async def test_what_an_attempt_traded_that_had_been_refused_is_shown_with_it(
    client: TestClient, desk: FakeDesk
) -> None:
    traded = samples.FILLED.fills
    denied = replace(
        samples.attempt_on(samples.PTS),
        error=samples.CREDIT_ERROR,
        executed_base=Decimal("0.20"),
        executed_quote=Decimal("20.04"),
        executed_fills=(replace(traded[0], id="t-9", price=Decimal("100.20"), quantity_base=Decimal("0.2")),),
    )
    desk.answer_with(replace(samples.FILLED, attempts=(denied, replace(samples.attempt_on(), number=2))))
    body = await (await client.get("/v1/orders/o-1")).json()

    first, last = body["attempts"]
    assert first["connection"]["id"] == "bitgo-pts"
    assert (first["error"]["code"], first["error"]["order_id"]) == ("credit_long_limit", "o-1")
    assert (first["executed_quantity"], first["average_price"]) == ("0.2", "100.20")
    assert [(fill["id"], fill["quantity"]) for fill in first["fills"]] == [("t-9", "0.2")]
    assert (last["connection"], last["error"]) == (body["connection"], None)
    assert (last["executed_quantity"], last["fills"]) == (body["filled_quantity"], body["fills"])
    assert body["filled_quantity"] == "0.5"


async def test_an_order_that_was_sent_to_nobody_has_no_attempt(client: TestClient, desk: FakeDesk) -> None:
    desk.answer_with(samples.ACCEPTED)
    assert (await (await client.get("/v1/orders/o-1")).json())["attempts"] == []


async def test_an_order_in_doubt_says_so(client: TestClient, desk: FakeDesk) -> None:
    desk.answer_with(samples.IN_DOUBT, samples.COMPETITION)
    body = await (await client.get("/v1/orders/o-1")).json()

    assert (body["status"], body["in_doubt"]) == ("pending_new", True)
    assert (body["filled_quantity"], body["leaves_quantity"], body["fee"]) == ("0", "0.5", "0")
    for name in ("average_price", "all_in_price", "slippage_bps", "price_improvement_bps"):
        assert body[name] is None, name
    assert body["quoted_price"] == "100.00"


async def test_an_order_without_a_winner_has_no_connection(client: TestClient, desk: FakeDesk) -> None:
    desk.answer_with(samples.ACCEPTED)
    body = await (await client.get("/v1/orders/o-1")).json()

    for name in (
        "connection",
        "quoted_price",
        "arrival_price",
        "cover_price",
        "competition_id",
        "competition",
    ):
        assert body[name] is None, name
    assert body["fee_currency"] == "USD"


async def test_a_replay_is_marked(client: TestClient, desk: FakeDesk) -> None:
    desk.submission = Submission(samples.FILLED, samples.COMPETITION, replayed=True)
    answer = await client.post("/v1/orders", json=samples.BODY)

    assert answer.status == 200
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert await answer.json() == samples.FILLED_ANSWER


@pytest.mark.parametrize(
    ("quantity", "currency", "base", "quote", "leaves"),
    [
        ("1.5", "BTC", "0.50", "50", "1"),
        ("120.00", "USD", "0.50", "50.00", "70"),
        # A sale that had to reach its target sold a little more than asked.
        ("49.99", "USD", "0.50", "50.00", "0"),
    ],
)
async def test_what_is_left_is_in_the_quantitys_currency(
    client: TestClient, desk: FakeDesk, quantity: str, currency: str, base: str, quote: str, leaves: str
) -> None:
    request = replace(samples.RESTING.request, quantity=Decimal(quantity), quantity_currency=currency)
    desk.answer_with(
        replace(samples.RESTING, request=request, filled_base=Decimal(base), filled_quote=Decimal(quote))
    )
    body = await (await client.get("/v1/orders/o-1")).json()

    assert (body["quantity"], body["filled_quantity"], body["leaves_quantity"]) == (quantity, "0.5", leaves)


async def test_a_final_order_leaves_nothing_whatever_was_filled(client: TestClient, desk: FakeDesk) -> None:
    desk.answer_with(
        replace(
            samples.FILLED, status=OrderStatus.CANCELED, filled_base=Decimal("0.2"), filled_quote=Decimal(20)
        )
    )
    body = await (await client.get("/v1/orders/o-1")).json()

    assert (body["filled_quantity"], body["leaves_quantity"]) == ("0.2", "0")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (samples.NOW // 10**9 * 10**9 + 1_999, "2026-01-02T03:04:05.000001Z"),
    ],
)
async def test_times_have_six_decimals(client: TestClient, desk: FakeDesk, at: int, text: str) -> None:
    desk.answer_with(replace(samples.FILLED, created_at=at))
    assert (await (await client.get("/v1/orders/o-1")).json())["created_at"] == text


async def test_an_average_is_rounded_against_the_caller(client: TestClient, desk: FakeDesk) -> None:
    request = replace(samples.REQUEST, side=Side.SELL)
    desk.answer_with(
        replace(samples.FILLED, request=request, filled_base=Decimal(3), filled_quote=Decimal(200))
    )
    body = await (await client.get("/v1/orders/o-1")).json()

    assert body["average_price"] == "66.6666666666"
    assert body["slippage_bps"] == "3333.34"
    assert body["price_improvement_bps"] == "-3366.54"


async def test_quantities_and_prices_are_told_without_the_zeros_of_their_reckoning(
    client: TestClient, desk: FakeDesk
) -> None:
    fills = (Fill("t-1", Decimal(100), Decimal("0.50000000"), Decimal("50.00"), samples.NOW),)
    entries = tuple(
        replace(entry, quantity_base=None if entry.quantity_base is None else Decimal("0.500"))
        for entry in samples.COMPETITION.entries
    )
    desk.answer_with(replace(samples.FILLED, fills=fills), replace(samples.COMPETITION, entries=entries))
    body = await (await client.post("/v1/orders", json=samples.BODY)).json()
    assert (body["fills"][0]["price"], body["fills"][0]["quantity"]) == ("100.00", "0.5")
    quantities = {entry["quantity"] for entry in body["competition"]["entries"]}
    assert quantities == {"0.5", None}


async def test_fills_of_unknown_value_have_no_price(client: TestClient, desk: FakeDesk) -> None:
    desk.answer_with(replace(samples.FILLED, filled_quote=Decimal(0)))
    body = await (await client.get("/v1/orders/o-1")).json()

    assert (body["filled_quantity"], body["average_price"], body["fee"]) == ("0.5", None, "0")


async def test_without_a_second_quote_there_is_no_improvement(client: TestClient, desk: FakeDesk) -> None:
    attempt = replace(samples.attempt_on(), cover_price=None)
    desk.answer_with(replace(samples.FILLED, attempts=(attempt,)))
    body = await (await client.get("/v1/orders/o-1")).json()

    assert (body["cover_price"], body["price_improvement_bps"]) == (None, None)
    assert body["all_in_price"] == "100.10"


async def test_a_page(client: TestClient, desk: FakeDesk) -> None:
    desk.page = RecordPage((samples.FILLED, samples.ACCEPTED), "next")
    answer = await client.get("/v1/orders", params={"limit": "2", "cursor": "c"})

    body = await answer.json()
    assert body == {
        "data": [samples.FILLED_ANSWER | {"competition": None}, body["data"][1]],
        "next_cursor": "next",
    }
    assert body["data"][1]["status"] == "pending_new"
    await client.get("/v1/orders")
    assert desk.calls == [("orders", 2, "c"), ("orders", 50, None)]


async def test_one_order_is_found_by_its_client_order_id(client: TestClient, desk: FakeDesk) -> None:
    found = await client.get("/v1/orders", params={"client_order_id": "desk-7-000123"})
    assert await found.json() == {"data": [samples.FILLED_ANSWER], "next_cursor": None}

    none = await client.get("/v1/orders", params={"client_order_id": "another"})
    assert (none.status, await none.json()) == (200, {"data": [], "next_cursor": None})


async def test_a_cancel_is_taken(client: TestClient, desk: FakeDesk) -> None:
    desk.answer_with(replace(samples.RESTING, status=OrderStatus.PENDING_CANCEL, cancel_requested=True))
    for body in (b"", b"{}", b" "):
        answer = await client.post("/v1/orders/o-1/cancel", data=body)
        assert answer.status == 202
        assert (await answer.json())["status"] == "pending_cancel"
        assert answer.headers["Location"] == "/v1/orders/o-1"
    assert desk.calls == [("cancel", "o-1")] * 3


async def test_a_cancel_that_cannot_be(client: TestClient, desk: FakeDesk) -> None:
    refused = await client.post("/v1/orders/o-1/cancel", json={"force": True})
    assert (refused.status, (await refused.json())["errors"][0]["field"]) == (400, "force")
    assert desk.calls == []

    desk.error = ConflictError(Code.ORDER_NOT_CANCELABLE, "it is filled")
    answer = await client.post("/v1/orders/o-1/cancel")
    assert (answer.status, (await answer.json())["code"]) == (409, "order_not_cancelable")
