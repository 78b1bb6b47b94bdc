"""Requests, their orders, snapshots and activity of a PTS account."""

from typing import Any

import pytest

from router.core.movement import (
    Activity,
    ActivityQuery,
    ActivityType,
    CloseOrder,
    CloseRequest,
    CloseStatus,
    Snapshot,
    Withdrawal,
    WithdrawalStatus,
)
from router.ports import OffWireError, VenueUnreachableError
from tests.unit.build import D
from tests.unit.venues.support import payload
from tests.unit.venues.test_bitgo_account import Answer, books
from venues.transport.times import parse_time

CLOSE_ID = "b2c3d4e5-f6g7-8901-bcde-f23456789012"
WITHDRAWAL_ID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
REQUESTS = "margin/positions/close/requests"
WITHDRAWALS = "margin/collateral/withdrawalrequests"
CLOSING = CloseRequest(CLOSE_ID, CloseStatus.PENDING, parse_time("2024-01-15T11:00:00Z"))
WITHDRAWING = Withdrawal(
    WITHDRAWAL_ID,
    "BTC",
    D("0.5"),
    WithdrawalStatus.PENDING,
    parse_time("2024-01-15T10:30:00Z"),
    parse_time("2024-01-15T10:30:00Z"),
)
NOT_FOUND = (404, {"error": "none", "errorName": "backend:common:notFound", "reqId": "unk-1"})


async def test_requests_to_close_without_those_of_other_accounts() -> None:
    rows = [
        payload("margin_close_request", accountId="acc"),
        payload("margin_close_request", closePositionsRequestId="of-another"),
        payload("margin_close_request", accountId=..., closePositionsRequestId="b", status="cancelled"),
        payload("margin_close_request", accountId="acc", status="unheard-of"),
    ]
    async with books({REQUESTS: {"data": rows}}, pts=True) as (found, there):
        assert await found.margin.close_requests(5, 20) == [
            CLOSING,
            CloseRequest("b", CloseStatus.CANCELLED, CLOSING.at),
        ]
        assert found.listener.bad == [("", "close_request")] * 2
        assert there.query() == [("offset", "5"), ("limit", "20")]


async def test_one_request_to_close() -> None:
    async with books({f"{REQUESTS}/{CLOSE_ID}": payload("margin_close_request")}, pts=True) as (found, _):
        assert await found.margin.close_request(CLOSE_ID) == CLOSING


async def test_the_orders_of_a_request_to_close() -> None:
    rows = [payload("margin_close_order"), payload("margin_close_order", orderId=..., status="in_progress")]
    async with books({f"{REQUESTS}/{CLOSE_ID}/orders": {"orders": rows}}, pts=True) as (found, _):
        done, begun = await found.margin.close_orders(CLOSE_ID)
        assert done == CloseOrder(
            request_id=CLOSE_ID,
            status=CloseStatus.COMPLETED,
            currency="BTC",
            target_currency="USD",
            venue_order_id="c3d4e5f6-g7h8-9012-cdef-345678901234",
            at=parse_time("2024-01-15T11:05:00Z"),
            modified_at=parse_time("2024-01-15T11:06:00Z"),
        )
        assert (begun.status, begun.venue_order_id) == (CloseStatus.IN_PROGRESS, None)


async def test_withdrawals_and_one_of_them() -> None:
    row = payload("margin_withdrawal", accountId="acc", canceledBy=None)
    answers: dict[str, Answer] = {WITHDRAWALS: {"data": [row]}, f"{WITHDRAWALS}/{WITHDRAWAL_ID}": row}
    async with books(answers, pts=True) as (found, _):
        assert await found.margin.withdrawals(0, 10) == [WITHDRAWING]
        assert await found.margin.withdrawal(WITHDRAWAL_ID) == WITHDRAWING


@pytest.mark.parametrize(
    "said",
    [
        NOT_FOUND,
        (400, {"error": "invalid UUID", "errorName": "backend:externalAPI:invalidParameters", "reqId": "u"}),
        (400, {"error": "invalid", "errorName": "backend:common:invalidArgument", "reqId": "u"}),
    ],
)
async def test_what_is_not_there_is_none(said: Answer) -> None:
    answers = {f"{REQUESTS}/x-1": said, f"{REQUESTS}/x-1/orders": said, f"{WITHDRAWALS}/x-1": said}
    async with books(answers, pts=True) as (found, _):
        assert await found.margin.close_request("x-1") is None
        assert await found.margin.close_orders("x-1") == []
        assert await found.margin.withdrawal("x-1") is None


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "é", "x" * 129])
async def test_what_could_be_no_id_is_not_asked_for(name: str) -> None:
    async with books(pts=True) as (found, there):
        assert await found.margin.close_request(name) is None
        assert await found.margin.close_orders(name) == []
        assert await found.margin.withdrawal(name) is None
        assert there.requests == []


@pytest.mark.parametrize(
    ("status", "name"),
    [(403, "backend:common:forbidden"), (400, "backend:common:required"), (500, "backend:common:notFound")],
)
async def test_a_failure_is_not_taken_for_none(status: int, name: str) -> None:
    said = (status, {"error": "no", "errorName": name, "reqId": "unk-1"})
    async with books({f"{REQUESTS}/x-1": said}, pts=True) as (found, _):
        with pytest.raises(VenueUnreachableError, match=name):
            await found.margin.close_request("x-1")


async def test_another_request_than_the_one_asked_for_is_off_the_wire() -> None:
    answers = {
        f"{REQUESTS}/x-1": payload("margin_close_request"),
        f"{WITHDRAWALS}/x-1": payload("margin_withdrawal"),
    }
    async with books(answers, pts=True) as (found, _):
        with pytest.raises(OffWireError):
            await found.margin.close_request("x-1")
        with pytest.raises(OffWireError):
            await found.margin.withdrawal("x-1")


async def test_a_snapshot() -> None:
    long = payload(
        "margin_snapshot", netOpenPosition="3", appliedFutureTransfers="0", latestFutureTransferDate=...
    )
    rows = {"netOpenPositions": [payload("margin_snapshot"), long]}
    async with books({"margin/netopenpositions/snapshot": rows}, pts=True) as (found, there):
        until = parse_time("2025-12-02T00:00:00Z")
        short, other = await found.margin.snapshot(until, ["BTC", "ETH"], use_future_transfers=True)
        assert short == Snapshot(
            asset="BTC",
            quantity=D("-2.5"),
            applied_future_transfers=D("1.5"),
            earliest_at=parse_time("2025-12-01T01:30:00Z"),
            latest_at=parse_time("2025-12-01T23:45:00Z"),
            latest_future_transfer_at=parse_time("2025-12-02T10:00:00Z"),
        )
        assert (other.quantity, other.latest_future_transfer_at) == (D(3), None)
        assert sorted(there.query()) == [
            ("currency", "BTC"),
            ("currency", "ETH"),
            ("transactionDateLt", "2025-12-02T00:00:00.000000Z"),
            ("useFutureTransfers", "true"),
        ]
        await found.margin.snapshot(until, [], use_future_transfers=False)
        assert dict(there.query())["useFutureTransfers"] == "false"


async def test_activity() -> None:
    rows: list[Any] = [
        payload("margin_activity", accountId="acc"),
        payload("margin_activity", type="of-a-new-kind", accountId="acc"),
    ]
    async with books({"margin/positions/activity": {"positionsActivity": rows}}, pts=True) as (found, there):
        query = ActivityQuery(
            since=parse_time("2025-12-01T00:00:00Z"),
            until=parse_time("2025-12-02T00:00:00Z"),
            currencies=("BTC", "ETH"),
            types=(ActivityType.FILL_BASE_LEG, ActivityType.POSITION_TRANSFER),
        )
        assert await found.margin.activity(query, 40, 1000) == [
            Activity(
                ActivityType.FILL_BASE_LEG,
                "0d674606-431b-428f-83d1-b9199a6feb7d",
                "BTC",
                D("-2.5"),
                parse_time("2025-07-29T21:13:09Z"),
            )
        ]
        assert found.listener.bad == [("", "position_activity")]
        assert there.query() == [
            ("transactionDateGte", "2025-12-01T00:00:00.000000Z"),
            ("transactionDateLt", "2025-12-02T00:00:00.000000Z"),
            ("currency", "BTC"),
            ("currency", "ETH"),
            ("type", "fill-base-leg"),
            ("type", "position-transfer"),
            ("offset", "40"),
            ("limit", "500"),
        ]
