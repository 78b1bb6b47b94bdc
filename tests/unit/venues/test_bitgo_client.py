"""Calls against recorded answers over a raw socket: what a simulator that keeps to the wire never says."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from router.core.errors import Code
from router.core.model import Connection, OutboundOrder, Side
from router.ports import (
    BudgetSpentError,
    Lane,
    OffWireError,
    Refused,
    Taken,
    Unanswered,
    VenueUnreachableError,
)
from router.secrets import Secret
from router.settings import ConnectionSettings, ConnectionType
from tests.unit.build import D
from tests.unit.venues.support import SECOND, Requests, WallClock, draws, http, payload, raw_server
from tests.unit.venues.test_bitgo_encode import outbound
from venues.bitgo import wire
from venues.bitgo.client import Client
from venues.bitgo.explain import Explainer
from venues.bitgo.orders import PAGE, Orders
from venues.bitgo.sends import Sends
from venues.transport.backoff import Backoff
from venues.transport.budget import RequestBudget
from venues.transport.health import Score
from venues.transport.sending import Sending
from venues.transport.timing import Timing

TOKEN = "v2x-secret-token"
ORDER = outbound(venue_client_order_id="myorderid1", limit_price=None)


class Account:
    """A client and its orders against a raw server, and what was recorded."""

    def __init__(self, port: int, requests_per_second: int = 100) -> None:
        settings = ConnectionSettings(
            connection=Connection("bitgo-spot", "Treasury", False, "bitgo_prime", D(0)),
            type=ConnectionType.EXCHANGE,
            enabled=True,
            account_id="acc",
            token=Secret(TOKEN),
            base_url=f"http://127.0.0.1:{port}",
            requests_per_second=requests_per_second,
            settling_window_ms=1000,
        )
        clock, timing = WallClock(), Timing(order_ms=300, read_ms=300, connect_ms=100)
        self.recorded: list[tuple[str, str, str | None]] = []
        self.budget = RequestBudget(requests_per_second, clock)
        self.score = Score()
        self.client = Client(
            settings,
            self.budget,
            clock,
            timing,
            self.score,
            lambda operation, result, _latency, request_id: self.recorded.append(
                (operation, result, request_id)
            ),
        )
        self.orders = Orders(self.client, settings.connection, clock, timing)
        explainer = Explainer(self.orders.explain, lambda _: None, Backoff(1, 1, draws()))
        sends = Sends(self.client, settings.connection, explainer, clock)
        self.sending = Sending(self.budget, sends, lambda _: None)

    async def submit(self, order: OutboundOrder = ORDER) -> Any:
        assert self.sending.take_budget()
        return await self.sending.submit(order)


@asynccontextmanager
async def account(*steps: bytes | str, **options: Any) -> AsyncIterator[tuple[Account, Requests]]:
    server = Requests(*steps)
    async with raw_server(server.serve) as port:
        found = Account(port, **options)
        found.client.open()
        try:
            yield found, server
        finally:
            await found.client.close()


async def test_the_published_order_is_taken() -> None:
    async with account(http(200, payload("order"))) as (found, server):
        result = await found.submit()
    assert isinstance(result, Taken)
    assert result.report.venue_client_order_id == "myorderid1"
    assert found.recorded == [("order", "ok", None)]
    head = server.heads[0]
    assert head.startswith("POST /api/prime/trading/v1/accounts/acc/orders HTTP/1.1\r\n")
    assert f"Authorization: Bearer {TOKEN}\r\n" in head
    assert "Content-Type: application/json\r\n" in head
    assert json.loads(server.bodies[0])["clientOrderId"] == "myorderid1"


@pytest.mark.parametrize(
    "answer",
    [
        http(200, payload("order", clientOrderId="another")),
        http(200, payload("order", clientOrderId=None)),
        http(200, payload("order", product="ETH-USD")),
        http(200, payload("order", side="sell")),
        http(200, payload("order", status="halted")),
        http(200, payload("order", filledQuantity="NaN")),
        http(200, {"data": [payload("order")]}),
        http(200, b""),
        http(200, b"\xff"),
        http(200, b"[" * 100_000),
        http(201, payload("order")),
        http(204),
        http(307, payload("order"), Location="/api/prime/trading/v1/accounts/other/orders"),
        http(404, b"<html>no such page</html>"),
        http(401, b"<html>log in</html>"),
        http(429, b"<html>slow down</html>"),
        http(400, {"error": "backend:trade:marginLongNOP"}),
        http(409, payload("error_in_use")),
    ],
)
async def test_what_is_no_answer_to_this_order_leaves_it_in_doubt(answer: bytes) -> None:
    async with account(answer) as (found, server):
        result = await found.submit()
    assert isinstance(result, Unanswered)
    assert len(server.heads) == 1
    assert TOKEN not in result.detail


async def test_an_order_that_is_in_use_says_what_came() -> None:
    async with account(http(409, payload("error_in_use"))) as (found, _):
        result = await found.submit()
    assert isinstance(result, Unanswered)
    assert result.venue_error is not None
    assert result.venue_error.name == "backend:common:inUse"
    assert found.recorded == [("order", "refused", "unk-nqo97l23l2ofpvgkbb8z")]


async def test_a_token_that_an_error_repeats_goes_no_further() -> None:
    body = {"errorName": "Error", "error": f"Unauthorized: Bearer {TOKEN}", "reqId": "unk-1"}
    async with account(http(401, body)) as (found, _):
        result = await found.submit()
    assert isinstance(result, Refused)
    assert result.error.code is Code.VENUE_REJECTED
    assert TOKEN not in repr(result)


async def test_a_token_that_is_not_accepted_counts_as_a_failure() -> None:
    async with account(http(401, payload("error_unauthorized"))) as (found, _):
        await found.submit()
        assert found.score.error_rate == 1
        assert found.recorded == [("order", "refused", "unk-nqo97l23l2ofpvgkbb8z")]


async def test_a_429_blocks_the_account_and_is_a_definite_no() -> None:
    body = {"errorName": "backend:common:rateLimitExceeded", "error": "x", "reqId": "unk-1"}
    async with account(http(429, body, Retry_After="7")) as (found, _):
        result = await found.submit()
        assert isinstance(result, Refused)
        assert (result.error.code, result.error.retryable) == (Code.VENUE_UNAVAILABLE, True)
        assert found.budget.left() == 0
        assert found.recorded == [("order", "rate_limited", "unk-1")]


async def test_what_is_left_of_the_limit_is_believed() -> None:
    answer = http(200, payload("order"), X_Ratelimit_Remaining="3", X_Ratelimit_Reset="4000")
    async with account(answer) as (found, _):
        await found.submit()
        assert found.budget.left() == 3


async def test_a_request_that_never_went_out_costs_no_budget() -> None:
    async with account(http(200)) as (found, _):
        pass
    assert found.sending.take_budget()
    before = found.budget.left()
    await found.sending.submit(ORDER)
    assert found.budget.left() == before + 1


async def test_an_order_is_found_by_our_id_and_none_is_none() -> None:
    listed = payload("order", status="open")
    async with account(http(200, {"data": [listed]}), http(200, {"data": []})) as (found, server):
        report = await found.orders.look_up(ORDER, None)
        assert report is not None
        assert report.venue_client_order_id == "myorderid1"
        assert await found.orders.look_up(ORDER, None) is None
    assert server.lines()[0] == (
        "GET /api/prime/trading/v1/accounts/acc/orders?clientOrderId=myorderid1 HTTP/1.1"
    )


@pytest.mark.parametrize(
    "rows",
    [
        [payload("order"), payload("order", id="second")],
        [payload("order", clientOrderId="another")],
    ],
    ids=["several", "foreign"],
)
async def test_a_list_that_answers_another_question_is_quarantined(rows: list[Any]) -> None:
    async with account(http(200, {"data": rows})) as (found, _):
        with pytest.raises(OffWireError):
            await found.orders.look_up(ORDER, None)


async def test_recent_orders_are_paged_until_nothing_new_comes() -> None:
    def rows(*names: int) -> bytes:
        return http(200, {"data": [payload("order", id=f"v{n}", clientOrderId=f"c{n}") for n in names]})

    # The server serves shorter pages than were asked for, and one order slips onto the next page.
    async with account(rows(1, 2), rows(2, 3), rows()) as (found, server):
        reports = await found.orders.recent(1_764_112_338 * SECOND)
    assert [report.venue_client_order_id for report in reports] == ["c1", "c2", "c3"]
    assert [line.split("offset=")[1].split("&")[0] for line in server.lines()] == ["0", "2", "3"]
    assert f"limit={PAGE}" in server.lines()[0]
    assert "dateGte=2025-11-25T23%3A12%3A18.000000Z" in server.lines()[0]
    assert "fundingType=funded" in server.lines()[0]


async def test_a_server_that_ignores_the_offset_does_not_page_for_ever() -> None:
    async with account(http(200, {"data": [payload("order")]})) as (found, server):
        assert len(await found.orders.recent(0)) == 1
    assert len(server.heads) == 2


async def test_orders_of_the_other_funding_type_or_without_our_id_are_left() -> None:
    rows = [
        payload("order", id="v1", fundingType="margin"),
        payload("order", id="v2", clientOrderId=None),
        payload("order", id="v3"),
    ]
    async with account(http(200, {"data": rows}), http(200, {"data": []})) as (found, _):
        assert [report.venue_order_id for report in await found.orders.recent(0)] == ["v3"]


async def test_the_fills_of_a_final_order_are_read_until_they_add_up() -> None:
    order = payload("order", filledQuantity="0.0045")
    trade = payload("trades")["data"][0] | {"orderId": order["id"]}
    async with account(http(200, order), http(200, {"data": [trade]})) as (found, server):
        report = await found.orders.look_up(ORDER, order["id"])
    assert report is not None
    assert [fill.id for fill in report.fills] == [trade["id"]]
    assert len(server.heads) == 2
    assert f"orderId={order['id']}" in server.lines()[1]


async def test_trades_of_another_order_are_quarantined_and_the_order_is_found_without_them() -> None:
    order = payload("order")
    async with account(http(200, order), http(200, payload("trades"))) as (found, _):
        report = await found.orders.look_up(ORDER, order["id"])
    assert report is not None
    assert report.fills == ()


@pytest.mark.parametrize(
    ("step", "result"),
    [
        (
            http(500, {"errorName": "backend:common:internalServerError", "error": "x", "reqId": "r"}),
            "server_error",
        ),
        (http(400, {"errorName": "backend:common:invalidArgument", "error": "x", "reqId": "r"}), "refused"),
        (http(429, b"", Retry_After="1"), "rate_limited"),
        (http(302, b"", Location="/"), "off_wire"),
        (http(400, b"<html>"), "off_wire"),
        (http(200, b"<html>"), "off_wire"),
        ("reset", "reset"),
        ("close", "reset"),
        ("hang", "timeout"),
    ],
)
async def test_every_end_of_a_read_has_its_word(step: bytes | str, result: str) -> None:
    async with account(step) as (found, server):
        with pytest.raises(VenueUnreachableError):
            await found.client.read("trades", "trades", kind=wire.Trades, lane=Lane.LOOK_UP)
    assert [(operation, said) for operation, said, _ in found.recorded] == [("trades", result)]
    assert len(server.heads) == 1


async def test_a_read_without_budget_or_time_sends_nothing() -> None:
    async with account(http(200, {"data": []}), requests_per_second=1) as (found, server):
        assert found.budget.try_take(Lane.CANCEL)
        with pytest.raises(BudgetSpentError):
            await _trades(found)(time.time_ns() + SECOND // 100)
        found.budget.unused()
        with pytest.raises(BudgetSpentError):
            await _trades(found)(time.time_ns() - SECOND)
        assert found.budget.left() == 1
    assert server.heads == []


def _trades(found: Account) -> Callable[[int], Any]:
    return lambda deadline: found.client.read(
        "trades", "trades", kind=wire.Trades, lane=Lane.LOOK_UP, deadline=deadline
    )


async def test_a_sale_of_ours_is_not_taken_for_a_purchase() -> None:
    async with account(http(200, payload("order"))) as (found, _):
        assert isinstance(
            await found.submit(outbound(venue_client_order_id="myorderid1", side=Side.SELL)), Unanswered
        )
