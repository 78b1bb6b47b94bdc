"""Margin over HTTP: what is read is shown as the contract says, and what moves money moves it once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from router.core.errors import Code, OrderError, VenueError
from router.core.movement import ActivityQuery, ActivityType, Move, MoveKind, MoveNeverSent, MoveRefused
from router.core.movement import MoveUnanswered as Unanswered
from router.http.routes.margin import OPERATIONS
from router.http.texts import time_text
from router.ports import VenueUnreachableError
from router.service.moving.service import Moving
from router.settings import Scope
from tests.fakes.margin import FakeMargin, MarginRoster, MemoryMoves, MovingWorld
from tests.http import samples
from tests.unit.build import T0, D

AT = "/v1/connections/pts/margin"
PTS = {"id": "pts", "name": "Account pts", "pts": True}
USD = {"currency": "USD", "quantity": "250.00"}
MOVES = [
    ("/collateral-transfers", USD, Move(MoveKind.COLLATERAL_TRANSFER, "USD", D("250.00")), 200),
    ("/positions/transfer", USD, Move(MoveKind.POSITION_TRANSFER, "USD", D("250.00")), 200),
    ("/positions/cover", {"all": True}, Move(MoveKind.COVER), 200),
    (
        "/positions/cover",
        {"currencies": ["ETH", "BTC"]},
        Move(MoveKind.COVER, None, None, ("BTC", "ETH")),
        200,
    ),
    ("/positions/close", {"all": True, "currencies": None}, Move(MoveKind.CLOSE), 202),
    ("/positions/close", {"currencies": ["BTC"]}, Move(MoveKind.CLOSE, None, None, ("BTC",)), 202),
    ("/collateral-withdrawals", USD, Move(MoveKind.COLLATERAL_WITHDRAWAL, "USD", D("250.00")), 202),
]


class WallClock:
    """Implements `router.ports.Clock` on the running loop: nothing here measures it."""

    def now(self) -> int:
        return T0 + int(asyncio.get_running_loop().time() * 1e9)


@pytest.fixture
def account() -> FakeMargin:
    return FakeMargin()


@pytest.fixture
def store() -> MemoryMoves:
    return MemoryMoves()


@pytest.fixture
async def margin(account: FakeMargin, store: MemoryMoves) -> AsyncIterator[Moving]:
    """The service itself over a fake account: a fake of it would have its rules twice."""
    moving = MovingWorld(store, MarginRoster(pts=account), WallClock()).moving
    await moving.start()
    yield moving
    await moving.stop(5.0)


async def post(client: TestClient, path: str, body: object, key: str | None = "k-1") -> tuple[int, Any, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = await client.post(path if path.startswith("/v1") else AT + path, json=body, headers=headers)
    return answer.status, await answer.json(), answer.headers


async def get(client: TestClient, path: str) -> tuple[int, Any]:
    answer = await client.get(AT + path)
    return answer.status, await answer.json()


# what is read
async def test_the_risk_profile_and_settings_are_as_the_contract_has_them(
    client: TestClient, account: FakeMargin
) -> None:
    assert await get(client, "/risk-profile") == (
        200,
        {
            "connection": PTS,
            "net_open_position": {"quantity": "5000.00", "currency": "USD"},
            "collateral": {"quantity": "10000.00", "currency": "USD"},
            "unrealized_pnl": {"quantity": "-200.00", "currency": "USD"},
            "margin_balance": {"quantity": "9800.00", "currency": "USD"},
            "margin_requirement": {"quantity": "500.00", "currency": "USD"},
            "margin_utilization": "0.0510",
        },
    )
    account.utilization = None
    _, without = await get(client, "/risk-profile")
    assert (without["margin_requirement"], without["margin_utilization"]) == (None, None)
    assert await get(client, "/risk-settings") == (
        200,
        {
            "connection": PTS,
            "total_short_position_limit": {"quantity": "100000.00", "currency": "USD"},
            "margin_call_threshold": "0.80",
            "liquidation_threshold": "0.95",
            "margin_requirement_rate": None,
        },
    )


async def test_positions_are_signed_and_every_row_names_its_connection(client: TestClient) -> None:
    value = {"quantity": "20000.00", "currency": "USD"}
    assert await get(client, "/positions") == (
        200,
        {
            "data": [
                {"connection": PTS, "asset": "BTC", "quantity": "0.5", "value": value},
                {"connection": PTS, "asset": "ETH", "quantity": "-2.0", "value": None},
            ],
            "next_cursor": None,
        },
    )


async def test_collateral_and_what_is_taken_as_such(client: TestClient) -> None:
    _, held = await get(client, "/collateral")
    assert [(row["asset"], row["quantity"], row["value"]["currency"]) for row in held["data"]] == [
        ("USD", "10000.00", "USD")
    ]
    _, taken = await get(client, "/collateral-currencies")
    assert [(row["asset"], row["increment"]) for row in taken["data"]] == [
        ("USD", "0.01"),
        ("BTC", "0.00000001"),
    ]


async def test_requests_to_close_are_followed_to_their_orders(client: TestClient) -> None:
    row = {"connection": PTS, "id": "c-1", "status": "in_progress", "created_at": time_text(T0)}
    assert await get(client, "/close-requests/c-1") == (200, row)
    assert (await get(client, "/close-requests/c-9"))[0] == 404
    _, orders = await get(client, "/close-requests/c-1/orders")
    assert orders["data"] == [
        {
            "connection": PTS,
            "request_id": "c-1",
            "status": "pending",
            "currency": "BTC",
            "target_currency": "USD",
            "venue_order_id": None,
            "created_at": time_text(T0),
            "updated_at": time_text(T0),
        }
    ]


@pytest.mark.parametrize("path", ["/close-requests", "/collateral-withdrawals", "/positions/activity"])
async def test_a_counterpartys_list_is_paged_by_a_cursor_of_ours(
    client: TestClient, account: FakeMargin, path: str
) -> None:
    account.rows = 5
    ids, cursor = [], ""
    for _ in range(3):
        _, page = await get(client, f"{path}?limit=2{cursor}")
        ids += [row["id"] for row in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert len(set(ids)) == 5
    assert page["next_cursor"] is None
    for wrong in ("o-0", "o-9999999", "x", "o-1%0a"):
        status, problem = await get(client, f"{path}?cursor={wrong}")
        assert (status, [error["field"] for error in problem["errors"]]) == (400, ["cursor"])


async def test_a_withdrawal_is_read_and_taken_back(client: TestClient, account: FakeMargin) -> None:
    assert (await get(client, "/collateral-withdrawals/w-9"))[0] == 404
    _, one = await get(client, "/collateral-withdrawals/w-1")
    assert (one["id"], one["quantity"], one["status"]) == ("w-1", "10", "pending")
    for _ in range(2):
        status, taken_back, _ = await post(client, "/collateral-withdrawals/w-1/cancel", {}, key=None)
        assert (status, taken_back["status"]) == (200, "cancelled")
    account.cancel_answer = MoveRefused(OrderError(Code.VENUE_REJECTED, "decided already"))
    status, problem, _ = await post(client, "/collateral-withdrawals/w-1/cancel", {}, key=None)
    assert (status, problem["code"], problem["connection"]) == (422, "venue_rejected", PTS)
    for unclear in (Unanswered("time-out"), MoveNeverSent("no connection")):
        account.cancel_answer = unclear
        status, problem, _ = await post(client, "/collateral-withdrawals/w-1/cancel", {}, key=None)
        assert (status, problem["code"], problem["retryable"]) == (503, "venue_unavailable", True)


async def test_a_snapshot_and_activity_pass_on_what_is_asked_for(
    client: TestClient, account: FakeMargin
) -> None:
    await get(client, "/positions/snapshot")
    _, page = await get(
        client,
        "/positions/snapshot?until=2025-06-15T00:00:00Z&currencies=BTC,ETH&use_future_transfers=true",
    )
    until = 1_749_945_600_000_000_000
    assert account.asked == [
        ("snapshot", samples.NOW, (), False),
        ("snapshot", until, ("BTC", "ETH"), True),
    ]
    assert page["until"] == "2025-06-15T00:00:00.000000Z"
    assert page["data"][0] | {"connection": None} == {
        "connection": None,
        "asset": "BTC",
        "quantity": "-0.5",
        "applied_future_transfers": "0.1",
        "earliest_at": time_text(T0),
        "latest_at": None,
        "latest_future_transfer_at": None,
    }
    account.asked.clear()
    _, listed = await get(
        client,
        "/positions/activity?from=2025-06-15T00:00:00Z&to=2025-06-16T00:00:00Z&currencies=BTC"
        "&types=position-transfer,fill-base-leg",
    )
    day = 86_400_000_000_000
    types = (ActivityType.POSITION_TRANSFER, ActivityType.FILL_BASE_LEG)
    assert account.asked == [("activity", ActivityQuery(until, until + day, ("BTC",), types), 0, 50)]
    assert listed["data"][0] | {"connection": None} == {
        "connection": None,
        "type": "fill-base-leg",
        "id": "a-0",
        "asset": "BTC",
        "quantity": "-0.25",
        "time": time_text(T0),
    }


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/positions/snapshot?until=yesterday", "until"),
        ("/positions/snapshot?use_future_transfers=yes", "use_future_transfers"),
        ("/positions/snapshot?currencies=BTC,,ETH", "currencies"),
        ("/positions/activity?from=2025-06-15", "from"),
        ("/positions/activity?from=2025-06-15T00:00:00Z&to=2025-06-15T00:00:00Z", "to"),
        ("/positions/activity?types=fills", "types"),
        ("/positions/activity?limit=0", "limit"),
        ("/positions?limit=1", "limit"),
    ],
)
async def test_a_query_that_cannot_be_meant_is_refused_by_its_field(
    client: TestClient, path: str, field: str
) -> None:
    status, problem = await get(client, path)
    assert (status, [error["field"] for error in problem["errors"]]) == (400, [field])


READS = [
    "/risk-profile",
    "/risk-settings",
    "/positions",
    "/collateral",
    "/collateral-currencies",
    "/close-requests",
    "/close-requests/c-1",
    "/close-requests/c-1/orders",
    "/collateral-withdrawals",
    "/collateral-withdrawals/w-1",
    "/positions/snapshot",
    "/positions/activity",
]


@pytest.mark.parametrize("path", READS)
async def test_a_reading_is_for_pts_connections_and_says_where_a_counterparty_does_not_answer(
    client: TestClient, account: FakeMargin, path: str
) -> None:
    for connection_id, status, code in (("spot", 409, "not_a_pts_connection"), ("nobody", 404, "not_found")):
        answer = await client.get(f"/v1/connections/{connection_id}/margin{path}")
        assert (answer.status, (await answer.json())["code"]) == (status, code)
    account.down = VenueUnreachableError("HTTP 503", VenueError(request_id="unk-1", http_status=503))
    status, problem = await get(client, path)
    assert (status, problem["code"], problem["retryable"]) == (503, "venue_unavailable", True)
    assert (problem["connection"], problem["venue_error"]["request_id"]) == (PTS, "unk-1")


# what moves money
@pytest.mark.parametrize(("path", "body", "move", "expected"), MOVES)
async def test_a_move_is_made_once_for_a_key_and_answered_the_same_again(
    client: TestClient, account: FakeMargin, path: str, body: object, move: Move, expected: int
) -> None:
    status, first, headers = await post(client, path, body)
    assert (status, account.sends) == (expected, [move])
    operation = first if expected == 200 else first["operation"]
    assert headers["Location"] == f"{AT}/operations/{operation['id']}"
    assert "Idempotent-Replayed" not in headers
    assert (operation["kind"], operation["status"], operation["in_doubt"]) == (move.kind, "done", False)
    assert (operation["connection"], operation["idempotency_key"]) == (PTS, "k-1")
    assert operation["currencies"] == (None if move.currencies is None else list(move.currencies))
    status, again, headers = await post(client, path, body)
    assert (status, again, headers["Idempotent-Replayed"]) == (expected, first, "true")
    assert account.sends == [move]
    assert await get(client, f"/operations/{operation['id']}") == (200, operation)
    assert (await get(client, "/operations"))[1] == {"data": [operation], "next_cursor": None}


async def test_a_transfers_answer_has_what_there_is_now(client: TestClient) -> None:
    _, operation, _ = await post(client, "/collateral-transfers", USD)
    assert operation["balances"] == [
        {
            "asset": "USD",
            "quantity": "250.00",
            "value": {"quantity": "1000.00", "currency": "USD"},
            "transfer_id": "t-1",
        }
    ]
    assert (operation["currency"], operation["quantity"], operation["error"]) == ("USD", "250.00", None)


async def test_closing_is_answered_with_the_request_and_withdrawing_likewise(client: TestClient) -> None:
    _, closed, _ = await post(client, "/positions/close", {"all": True})
    assert (closed["id"], closed["status"], closed["in_doubt"]) == ("t-1", "pending", False)
    assert closed["created_at"] == closed["operation"]["close_request"]["created_at"] == time_text(T0)
    _, asked, _ = await post(client, "/collateral-withdrawals", USD, "k-2")
    assert (asked["id"], asked["status"], asked["currency"], asked["quantity"]) == (
        "t-2",
        "pending",
        "USD",
        "250.00",
    )
    assert asked["operation"]["withdrawal"]["id"] == "t-2"


@pytest.mark.parametrize(
    "key", [None, "", "a b", "a" * 65, "é"], ids=["none", "empty", "space", "long", "not-ascii"]
)
@pytest.mark.parametrize(("path", "body"), [(path, body) for path, body, _, _ in MOVES])
async def test_without_a_key_nothing_is_moved(
    client: TestClient, account: FakeMargin, path: str, body: object, key: str | None
) -> None:
    status, problem, _ = await post(client, path, body, key)
    assert (status, problem["code"]) == (400, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == ["Idempotency-Key"]
    assert account.sends == []


async def test_two_keys_are_none(client: TestClient, account: FakeMargin) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await client.post(AT + "/positions/cover", json={"all": True}, headers=headers)
    problem = await answer.json()
    assert (answer.status, problem["errors"][0]["was"], account.sends) == (400, "more than one", [])


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/collateral-transfers", {"currency": "USD", "quantity": 250}, "quantity"),
        ("/collateral-transfers", {"currency": "USD", "quantity": "0"}, "quantity"),
        ("/collateral-transfers", {"currency": "USD", "quantity": "-1"}, "quantity"),
        ("/collateral-transfers", {"currency": "USD", "quantity": "1E+9"}, "quantity"),
        ("/collateral-transfers", {"currency": "USD", "quantity": "0.001"}, "quantity"),
        ("/collateral-transfers", {"currency": "DOGE", "quantity": "1"}, "currency"),
        ("/collateral-transfers", {"currency": "US D", "quantity": "1"}, "currency"),
        ("/collateral-transfers", {"quantity": "1"}, "currency"),
        ("/collateral-transfers", {"currency": "USD", "quantity": "1", "all": True}, "all"),
        ("/positions/close", {}, "all"),
        ("/positions/close", {"all": False}, "all"),
        ("/positions/close", {"all": 1}, "all"),
        ("/positions/close", {"all": True, "currencies": ["BTC"]}, "currencies"),
        ("/positions/cover", {"currencies": []}, "currencies"),
        ("/positions/cover", {"currencies": "BTC"}, "currencies"),
        ("/positions/cover", {"currencies": ["BTC", "BTC"]}, "currencies[1]"),
        ("/positions/cover", {"currencies": ["BTC", 1]}, "currencies[1]"),
    ],
)
async def test_a_body_that_cannot_be_meant_is_refused_by_its_field(
    client: TestClient, account: FakeMargin, path: str, body: object, field: str
) -> None:
    status, problem, _ = await post(client, path, body)
    assert (status, problem["code"]) == (400, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert account.sends == []


@pytest.mark.parametrize(("path", "body"), [(path, body) for path, body, _, _ in MOVES])
async def test_a_move_is_for_pts_connections_whatever_else_is_wrong(
    client: TestClient, path: str, body: object
) -> None:
    for connection_id, expected, code in (
        ("spot", 409, "not_a_pts_connection"),
        ("nobody", 404, "not_found"),
    ):
        status, problem, _ = await post(client, f"/v1/connections/{connection_id}/margin{path}", body, None)
        assert (status, problem["code"]) == (expected, code)


async def test_another_body_with_the_same_key_names_the_field_that_differs(client: TestClient) -> None:
    await post(client, "/collateral-transfers", USD)
    for path, body, field in (
        ("/collateral-transfers", USD | {"quantity": "251"}, "quantity"),
        ("/positions/transfer", USD, "kind"),
    ):
        status, problem, _ = await post(client, path, body)
        assert (status, problem["code"]) == (409, "idempotency_key_reused")
        assert problem["detail"].startswith(f"{field}: expected")
    status, _, _ = await post(client, "/collateral-transfers", USD | {"quantity": "250"})
    assert status == 200  # the same amount, in other digits


@pytest.mark.parametrize(
    ("answer", "expected", "code", "retryable"),
    [
        (
            MoveRefused(
                OrderError(
                    Code.INSUFFICIENT_FUNDS,
                    "too little",
                    venue_error=VenueError("backend:trade:insufficientFunds", "too little", "unk-1", 400),
                )
            ),
            422,
            "insufficient_funds",
            False,
        ),
        (MoveNeverSent("no connection"), 503, "venue_unavailable", True),
    ],
)
async def test_a_refusal_is_a_problem_and_stays_the_answer(
    client: TestClient,
    account: FakeMargin,
    answer: MoveRefused | MoveNeverSent,
    expected: int,
    code: str,
    *,
    retryable: bool,
) -> None:
    account.answers.append(answer)
    status, problem, headers = await post(client, "/positions/close", {"all": True})
    assert (status, problem["code"], problem["retryable"]) == (expected, code, retryable)
    assert problem["connection"] == PTS
    _, again, replayed = await post(client, "/positions/close", {"all": True})
    assert (again, replayed["Idempotent-Replayed"]) == (problem, "true")
    _, operation = await get(client, headers["Location"].removeprefix(AT))
    assert (operation["status"], operation["error"]) == ("rejected", problem)
    assert len(account.sends) == 1


@pytest.mark.parametrize(("path", "body"), [(path, body) for path, body, _, _ in MOVES])
async def test_what_is_not_answered_is_in_doubt_is_not_sent_again_and_bars_its_like(
    client: TestClient, account: FakeMargin, path: str, body: object
) -> None:
    account.answers.append(Unanswered("time-out"))
    account.later = VenueUnreachableError("HTTP 503")
    status, told, headers = await post(client, path, body)
    assert (status, told["in_doubt"]) == (202, True)
    operation = told.get("operation", told)
    assert (operation["status"], operation["in_doubt"], operation["error"]) == ("pending", True, None)
    assert operation["doubt"]["since"] == operation["sent_at"]
    if "operation" in told:
        assert (told["id"], told["status"], told["created_at"]) == (None, None, None)
    status, again, replayed = await post(client, path, body)
    assert (status, again["in_doubt"], replayed["Idempotent-Replayed"]) == (202, True, "true")
    assert headers["Location"] == replayed["Location"]
    status, problem, _ = await post(client, path, body, "k-2")
    assert (status, problem["code"]) == (409, "operation_in_doubt")
    assert operation["id"] in problem["detail"]
    assert len(account.sends) == 1


@pytest.mark.parametrize(("finding", "status"), [("done", "done"), ("absent", "rejected")])
async def test_a_person_ends_the_doubt(
    client: TestClient, account: FakeMargin, finding: str, status: str
) -> None:
    account.answers.append(Unanswered("time-out"))
    account.later = Unanswered("it leaves no trace")
    _, operation, _ = await post(client, "/collateral-transfers", USD)
    path = f"/operations/{operation['id']}/finding"
    said = {"finding": finding, "operator": "J. Doe", "reason": "on their page"}
    code, ended, _ = await post(client, path, said, None)
    assert (code, ended["status"], ended["in_doubt"], ended["doubt"]) == (200, status, False, None)
    recorded = ended["finding"]
    assert (recorded["finding"], recorded["operator"], recorded["reason"]) == (
        finding,
        "J. Doe",
        "on their page",
    )
    assert (ended["error"] or {}).get("code") == (None if finding == "done" else "not_taken")
    code, problem, _ = await post(client, path, said, None)
    assert (code, problem["code"]) == (409, "operation_not_in_doubt")
    assert (await get(client, f"/operations/{operation['id']}"))[1] == ended


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"finding": "executed"}, "finding"),
        ({"finding": "absent", "venue_id": "v-1"}, "venue_id"),
        ({"operator": ""}, "operator"),
        ({"reason": None}, "reason"),
        ({"more": 1}, "more"),
    ],
)
async def test_a_finding_that_cannot_be_meant_is_refused_by_its_field(
    client: TestClient, changed: dict[str, object], field: str
) -> None:
    said = {"finding": "done", "operator": "J. Doe", "reason": "on their page"} | changed
    code, problem, _ = await post(client, "/operations/op-1/finding", said, None)
    assert (code, [error["field"] for error in problem["errors"]]) == (400, [field])


async def test_an_operation_that_is_not_there(client: TestClient) -> None:
    assert (await get(client, "/operations/op-9"))[0] == 404
    said = {"finding": "done", "operator": "J. Doe", "reason": "on their page"}
    assert (await post(client, "/operations/op-9/finding", said, None))[0] == 404
    status, problem = await get(client, "/operations?cursor=not-ours")
    assert (status, problem["errors"][0]["field"]) == (400, "cursor")


async def test_a_thousand_requests_with_one_key_over_http_are_one_send(
    client: TestClient, account: FakeMargin
) -> None:
    gate = account.hold()
    asked = [asyncio.create_task(post(client, "/positions/close", {"all": True})) for _ in range(1000)]
    await account.sent.get()
    gate.set()
    answers = await asyncio.gather(*asked)
    assert len(account.sends) == 1
    assert {(status, told["id"]) for status, told, _ in answers} == {(202, "t-1")}
    assert sum("Idempotent-Replayed" not in headers for _, _, headers in answers) == 1


def test_only_a_key_that_may_trade_moves_money_or_ends_a_doubt() -> None:
    assert {operation.method: operation.scope for operation in OPERATIONS} == {
        "GET": Scope.READ,
        "POST": Scope.TRADE,
    }
    assert all((o.method == "POST") == (o.scope is Scope.TRADE) for o in OPERATIONS)
