"""Margin operations end to end: over HTTP to the router, over HTTP to the counterparty, each move once."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import aiohttp
import pytest

from tests.e2e.system import PTS, Client, System, running

AT = "/v1/connections/pts/margin"
MOVES: dict[str, tuple[str, dict[str, object], str]] = {
    "position_transfer": (
        "/positions/transfer",
        {"currency": "BTC", "quantity": "0.25"},
        "margin/positions/transfer",
    ),
    "cover": ("/positions/cover", {"currencies": ["BTC"]}, "margin/positions/cover"),
    "close": ("/positions/close", {"currencies": ["BTC"]}, "margin/positions/close"),
    "withdrawal": (
        "/collateral-withdrawals",
        {"currency": "USD", "quantity": "10"},
        "margin/collateral/withdrawalrequests",
    ),
}
"""By the name of the operation at the simulator: path and body at the router, path at the counterparty."""
LOST: list[dict[str, object]] = [
    {"kind": "lost_after"},
    {"kind": "truncated"},
    {"kind": "garbage"},
    {"kind": "status", "status": 502, "processed": True},
]
keys = (f"key-{number}" for number in count())


@pytest.fixture
async def margin(client: Client) -> AsyncIterator["Margin"]:
    """The account with funds, collateral and a short position, and no fault; closing is quick."""
    made = Margin(client)
    await made.closes_over()
    await client.control("PUT", f"/accounts/{PTS}/balances", {"USD": "100000", "BTC": "100"})
    await client.control("PUT", f"/accounts/{PTS}/positions", {"BTC": "-1"})
    await client.control("PUT", f"/accounts/{PTS}/margin", {"close_step_ms": 20})
    await made.withdrawals_decided()
    yield made
    await client.control("DELETE", f"/accounts/{PTS}/faults")
    await made.all_decided()


class Margin:
    """A PTS account over the router, and what its counterparty was sent."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def move(self, path: str, body: object, key: str) -> tuple[int, Any, bool]:
        """Ask for a move; status, answer, and whether it was known already."""
        url, headers = self.client.system.url + AT + path, {"Idempotency-Key": key}
        async with self.client.session.post(url, json=body, headers=headers) as response:
            return (
                response.status,
                await response.json(content_type=None),
                "Idempotent-Replayed" in response.headers,
            )

    async def read(self, path: str) -> tuple[int, Any]:
        return await self.client.call("GET", AT + path)

    async def sends(self, path: str) -> int:
        """How many requests to move money the counterparty got at a path, answered or not."""
        requests = await self.client.requests(PTS)
        return sum(r["method"] == "POST" and r["path"].endswith(path) for r in requests)

    async def fault(self, operation: str, **fault: object) -> None:
        await self.client.faults(PTS, rest=[{"operation": operation, "count": 1, **fault}])

    async def ended(self, operation_id: str) -> Any:
        async def look() -> Any:
            _, operation = await self.read(f"/operations/{operation_id}")
            return None if operation["status"] == "pending" else operation

        return await self.client.eventually(look)

    async def withdrawals_decided(self) -> None:
        """Let people at the counterparty refuse what is asked for: only one may be pending for a currency."""
        listed = await self.client.control("GET", f"/accounts/{PTS}/withdrawals")
        for row in listed["data"]:
            if row["status"] == "pending":
                await self.client.call("POST", f"{AT}/collateral-withdrawals/{row['id']}/cancel", {})

    async def closes_over(self) -> None:
        """Wait until nothing is being closed: meanwhile the counterparty refuses to close more."""

        async def look() -> bool:
            _, page = await self.read("/close-requests?limit=100")
            return all(row["status"] not in ("pending", "in_progress") for row in page["data"])

        await self.client.eventually(look)

    async def all_decided(self) -> None:
        """Wait for what can be decided, so that no test bars the next one; people decide the rest."""

        async def look() -> bool:
            _, page = await self.read("/operations?limit=100")
            for operation in page["data"]:
                if operation["status"] == "pending" and operation["kind"] == "collateral_transfer":
                    said = {"finding": "done", "operator": "J. Doe", "reason": "the test is over"}
                    await self.client.call("POST", f"{AT}/operations/{operation['id']}/finding", said)
            return all(operation["status"] != "pending" for operation in page["data"])

        await self.client.eventually(look)


async def test_how_the_account_stands_is_read(margin: Margin) -> None:
    _, profile = await margin.read("/risk-profile")
    assert profile["connection"] == {"id": "pts", "name": "BitGo pts", "pts": True}
    assert profile["collateral"]["currency"] == "USD"
    _, settings = await margin.read("/risk-settings")
    assert settings["margin_call_threshold"] is not None
    _, positions = await margin.read("/positions")
    assert {row["asset"]: row["quantity"] for row in positions["data"]}["BTC"] == "-1"
    _, taken = await margin.read("/collateral-currencies")
    assert {"USD", "USDT", "USDC", "BTC"} <= {row["asset"] for row in taken["data"]}
    for path in ("/collateral", "/positions/snapshot", "/positions/activity", "/close-requests"):
        status, page = await margin.read(path)
        assert (status, isinstance(page["data"], list)) == (200, True)


async def test_a_connection_without_margin_says_so(client: Client) -> None:
    for connection_id, expected, code in (
        ("spot", 409, "not_a_pts_connection"),
        ("nobody", 404, "not_found"),
    ):
        status, problem = await client.call("GET", f"/v1/connections/{connection_id}/margin/risk-profile")
        assert (status, problem["code"]) == (expected, code)


async def test_collateral_is_transferred_once_however_often_it_is_asked_for(margin: Margin) -> None:
    _, before = await margin.read("/collateral")
    had = {row["asset"]: float(row["quantity"]) for row in before["data"]}["USD"]
    key, body = next(keys), {"currency": "USD", "quantity": "250.00"}
    sent = await margin.sends("margin/collateral/transfer")
    answers = await asyncio.gather(*(margin.move("/collateral-transfers", body, key) for _ in range(50)))
    assert await margin.sends("margin/collateral/transfer") == sent + 1
    assert {(status, answer["id"], answer["status"]) for status, answer, _ in answers} == {
        (200, answers[0][1]["id"], "done")
    }
    assert sum(not replayed for _, _, replayed in answers) == 1
    _, after = await margin.read("/collateral")
    assert {row["asset"]: float(row["quantity"]) for row in after["data"]}["USD"] == had + 250
    status, problem, _ = await margin.move("/collateral-transfers", body | {"quantity": "251"}, key)
    assert (status, problem["code"]) == (409, "idempotency_key_reused")


async def test_a_refusal_is_typed_and_nothing_is_moved(margin: Margin) -> None:
    key, body = next(keys), {"currency": "USD", "quantity": "1000000000"}
    status, problem, _ = await margin.move("/collateral-transfers", body, key)
    assert status == 422, problem
    assert problem["venue_error"]["request_id"]
    again = await margin.move("/collateral-transfers", body, key)
    assert again == (422, problem, True)
    unlisted = {"currency": "DOGE", "quantity": "1"}
    status, problem, _ = await margin.move("/collateral-transfers", unlisted, next(keys))
    assert (status, [error["field"] for error in problem["errors"]]) == (400, ["currency"])


async def test_a_short_position_is_covered(margin: Margin) -> None:
    status, operation, _ = await margin.move("/positions/cover", {"all": True}, next(keys))
    assert (status, operation["status"]) == (200, "done"), operation
    _, positions = await margin.read("/positions")
    assert {row["asset"]: row["quantity"] for row in positions["data"]}.get("BTC", "0") == "0"


async def test_closing_is_followed_to_its_end(margin: Margin) -> None:
    status, asked, _ = await margin.move("/positions/close", {"all": True}, next(keys))
    assert (status, asked["in_doubt"]) == (202, False), asked

    async def completed() -> Any:
        _, request = await margin.read(f"/close-requests/{asked['id']}")
        return request if request["status"] in ("completed", "failed") else None

    assert (await margin.client.eventually(completed))["status"] == "completed"
    _, orders = await margin.read(f"/close-requests/{asked['id']}/orders")
    assert [(row["currency"], row["status"]) for row in orders["data"]] == [("BTC", "completed")]
    assert orders["data"][0]["venue_order_id"]
    _, listed = await margin.read("/close-requests?limit=100")
    assert asked["id"] in {row["id"] for row in listed["data"]}


async def test_a_withdrawal_is_asked_for_and_taken_back(margin: Margin) -> None:
    body = {"currency": "USD", "quantity": "10"}
    status, asked, _ = await margin.move("/collateral-withdrawals", body, next(keys))
    assert (status, asked["status"]) == (202, "pending"), asked
    _, one = await margin.read(f"/collateral-withdrawals/{asked['id']}")
    assert (one["quantity"], one["currency"]) == ("10", "USD")
    status, problem, _ = await margin.move("/collateral-withdrawals", body, next(keys))
    assert status == 422, problem
    for _ in range(2):
        status, one = await margin.client.call(
            "POST", f"{AT}/collateral-withdrawals/{asked['id']}/cancel", {}
        )
        assert (status, one["status"]) == (200, "cancelled")


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault["kind"])
@pytest.mark.parametrize("operation", MOVES)
async def test_a_move_whose_answer_was_lost_is_found_and_was_sent_once(
    margin: Margin, operation: str, fault: dict[str, object]
) -> None:
    path, body, there = MOVES[operation]
    sent = await margin.sends(there)
    await margin.fault(operation, **fault)
    key = next(keys)
    status, answer, _ = await margin.move(path, body, key)
    assert (status, answer["in_doubt"]) == (202, True), answer
    told = answer.get("operation", answer)
    ended = await margin.ended(told["id"])
    assert (ended["status"], ended["in_doubt"]) == ("done", False), ended
    _, again, replayed = await margin.move(path, body, key)
    assert (again.get("operation", again), replayed) == (ended, True)
    assert await margin.sends(there) == sent + 1


@pytest.mark.parametrize("operation", MOVES)
async def test_a_move_that_never_arrived_is_proved_absent_by_time_and_may_be_made_anew(
    margin: Margin, operation: str
) -> None:
    path, body, there = MOVES[operation]
    sent = await margin.sends(there)
    await margin.fault(operation, kind="lost_before")
    key = next(keys)
    status, answer, _ = await margin.move(path, body, key)
    assert (status, answer["in_doubt"]) == (202, True), answer
    status, problem, _ = await margin.move(path, body, next(keys))
    assert (status, problem["code"]) == (409, "operation_in_doubt")
    ended = await margin.ended(answer.get("operation", answer)["id"])
    assert (ended["status"], ended["error"]["code"]) == ("rejected", "not_taken")
    assert await margin.sends(there) == sent + 1
    status, done, _ = await margin.move(path, body, next(keys))
    assert done.get("operation", done)["status"] == "done", done


async def test_a_transfer_of_collateral_in_doubt_waits_for_a_person_and_bars_its_like_alone(
    margin: Margin,
) -> None:
    await margin.fault("collateral_transfer", kind="lost_after")
    body = {"currency": "USD", "quantity": "5"}
    status, operation, _ = await margin.move("/collateral-transfers", body, next(keys))
    assert (status, operation["in_doubt"]) == (202, True)
    status, problem, _ = await margin.move("/collateral-transfers", body, next(keys))
    assert (status, problem["code"]) == (409, "operation_in_doubt")
    other = {"currency": "BTC", "quantity": "0.1"}
    assert (await margin.move("/collateral-transfers", other, next(keys)))[0] == 200
    async with margin.client.session.get(margin.client.system.url + "/metrics") as response:
        text = await response.text()
    series = 'caas_router_margin_operations_in_doubt{connection="pts",kind="collateral_transfer"} 1.0'
    assert series in text
    run = await asyncio.to_thread(
        subprocess.run,
        [
            *(sys.executable, "-m", "router", "margin", "resolve", "pts", operation["id"], "--json"),
            *("--found", "done", "--by", "J. Doe", "--reason", "on their page"),
            *("--url", margin.client.system.url),
        ],
        capture_output=True,
        check=True,
    )
    ended = json.loads(run.stdout)
    assert (ended["status"], ended["finding"]["operator"]) == ("done", "J. Doe")
    assert (await margin.move("/collateral-transfers", body, next(keys)))[0] == 200


async def test_the_terminal_moves_and_shows(margin: Margin) -> None:
    def command(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "router", "margin", *argv, "--url", margin.client.system.url],
            capture_output=True,
            text=True,
            check=False,
        )

    key = next(keys)
    for _ in range(2):
        argv = ("transfer", "pts", "USD", "1.00", "--yes", "--key", key)
        ran = await asyncio.to_thread(command, *argv)
        assert (ran.returncode, key in ran.stderr, "done" in ran.stdout) == (0, True, True), ran
    for name in ("profile", "settings", "positions", "collateral", "operations", "activity", "snapshot"):
        ran = await asyncio.to_thread(command, name, "pts")
        assert (ran.returncode, "PTS" in ran.stdout) == (0, True), ran


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose router may be killed."""
    yield from running(tmp_path_factory.mktemp("killed"))


@pytest.mark.parametrize(("kind", "status"), [("hang_after", "done"), ("lost_before", "rejected")])
async def test_a_router_that_is_killed_while_a_move_is_out_finds_what_became_of_it(
    killed: System, kind: str, status: str
) -> None:
    async with aiohttp.ClientSession() as session:
        margin = Margin(Client(killed, session))
        await margin.client.control("PUT", f"/accounts/{PTS}/balances", {"USD": "100000", "BTC": "100"})
        await margin.client.control("PUT", f"/accounts/{PTS}/positions", {"BTC": "-1"})
        hidden = {"operation": "margin_read", "kind": "status", "status": 503, "count": None}
        await margin.client.faults(PTS, rest=[{"operation": "close", "count": 1, "kind": kind}, hidden])
        there, key, body = "margin/positions/close", next(keys), {"all": True}
        sent = await margin.sends(there)
        asked = asyncio.create_task(margin.move("/positions/close", body, key))

        async def durable() -> Any:
            _, page = await margin.read("/operations")
            return any(row["idempotency_key"] == key and row["sent_at"] for row in page.get("data", []))

        await margin.client.eventually(durable)
        killed.router.stop(signal.SIGKILL)
        await asyncio.wait((asked,))
        asked.exception()
        await margin.client.control("DELETE", f"/accounts/{PTS}/faults")
        await asyncio.to_thread(killed.start_router)
        _, page = await margin.read("/operations")
        operation = next(row for row in page["data"] if row["idempotency_key"] == key)
        ended = await margin.ended(operation["id"])
        assert ended["status"] == status, ended
        _, again, replayed = await margin.move("/positions/close", body, key)
        assert replayed
        assert (again.get("code") == "not_taken") == (status == "rejected")
        assert await margin.sends(there) <= sent + 1
