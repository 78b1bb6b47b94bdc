"""`caas-router margin …`: a person is asked before money moves, the key is shown first, exits as ever."""

import asyncio
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.unit.cli import samples
from tests.unit.cli.conftest import HANG_UP, FakeRouter, Run

AT = "/v1/connections/bitgo-pts/margin"
TIME = "2026-01-02T03:04:05.678901Z"
MARGIN = samples.MARGIN
USD = {"quantity": "5000.00", "currency": "USD"}
OPERATION = {
    "id": "op-1",
    "connection": MARGIN,
    "kind": "collateral_transfer",
    "idempotency_key": "k-1",
    "status": "done",
    "in_doubt": False,
    "currency": "USD",
    "quantity": "250.00",
    "currencies": None,
    "balances": [{"asset": "USD", "quantity": "10250.00", "value": USD, "transfer_id": "t-1"}],
    "close_request": None,
    "withdrawal": None,
    "venue_ids": ["t-1"],
    "created_at": TIME,
    "updated_at": TIME,
    "sent_at": TIME,
    "doubt": None,
    "finding": None,
    "error": None,
}
DOUBTFUL = OPERATION | {
    "status": "pending",
    "in_doubt": True,
    "balances": [],
    "doubt": {
        "since": TIME,
        "overdue_ms": 61_500,
        "last_look_up": {"time": TIME, "answer": "it leaves no trace"},
    },
}
CLOSE_REQUEST = {"connection": MARGIN, "id": "c-1", "status": "in_progress", "created_at": TIME}
CLOSED = {
    "connection": MARGIN,
    "id": "c-1",
    "status": "pending",
    "in_doubt": False,
    "created_at": TIME,
    "operation": OPERATION
    | {"kind": "close", "quantity": None, "currency": None, "balances": [], "close_request": CLOSE_REQUEST},
}
WITHDRAWAL = {
    "connection": MARGIN,
    "id": "w-1",
    "currency": "USD",
    "quantity": "10",
    "status": "pending",
    "created_at": TIME,
    "updated_at": TIME,
}
PROBLEM = {
    "type": "urn:caas-router:problem:operation_in_doubt",
    "title": "Another is in doubt",
    "status": 409,
    "detail": "expected no other",
    "code": "operation_in_doubt",
    "retryable": False,
}
TRANSFER = ("margin", "transfer", "bitgo-pts", "USD", "250.00")


class KeyedRouter(FakeRouter):
    """Remembers the idempotency keys that came, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.keys += request.headers.getall("Idempotency-Key", [])
        return await super().handle(request)


@pytest.fixture
async def router() -> AsyncIterator[KeyedRouter]:
    fake = KeyedRouter()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", fake.handle)
    server = TestServer(app)
    await server.start_server()
    fake.url = str(server.make_url("/")).rstrip("/")
    yield fake
    await server.close()


def page(*rows: object, **more: object) -> dict[str, object]:
    return {"data": list(rows), "next_cursor": None, **more}


@pytest.mark.parametrize(
    ("command", "path", "answer", "parts"),
    [
        (
            ("profile",),
            "/risk-profile",
            {
                "connection": MARGIN,
                "net_open_position": USD,
                "collateral": USD,
                "unrealized_pnl": {"quantity": "-200.00", "currency": "USD"},
                "margin_balance": USD,
                "margin_requirement": None,
                "margin_utilization": "0.0510",
            },
            ["BitGo Margin PTS", "-200.00 USD", "0.0510 (5.1", "margin requirement -"],
        ),
        (
            ("settings",),
            "/risk-settings",
            {"connection": MARGIN, "margin_call_threshold": "0.80", "liquidation_threshold": None},
            ["margin call at 0.80 (80", "liquidation at -"],
        ),
        (
            ("positions",),
            "/positions",
            page({"connection": MARGIN, "asset": "ETH", "quantity": "-2.0", "value": None}),
            ["BitGo Margin PTS", "ETH", "-2.0"],
        ),
        (
            # To the last digit, and a short position never smaller than it is.
            ("positions",),
            "/positions",
            page(
                {
                    "connection": MARGIN,
                    "asset": "BTC",
                    "quantity": "-12.34567891",
                    "value": {"quantity": "-1234567.8915", "currency": "USD"},
                }
            ),
            ["-12.34567891", "-1234567.8915 USD"],
        ),
        (
            ("collateral",),
            "/collateral",
            page({"connection": MARGIN, "asset": "USD", "quantity": "10000.00", "value": USD}),
            ["collateral of BitGo Margin PTS", "USD"],
        ),
        (
            ("collateral", "--currencies"),
            "/collateral-currencies",
            page({"connection": MARGIN, "asset": "BTC", "name": "Bitcoin", "increment": "0.00000001"}),
            ["Bitcoin", "0.00000001"],
        ),
        (
            ("close-requests", "--limit", "1", "--cursor", "o-1"),
            "/close-requests?limit=1&cursor=o-1",
            page(CLOSE_REQUEST) | {"next_cursor": "o-2"},
            ["in progress", "c-1", "more: --cursor o-2", "2026-01-02 03:04:05"],
        ),
        (
            ("close-requests", "c-1"),
            "/close-requests/c-1/orders",
            page(
                {
                    "status": "pending",
                    "currency": "BTC",
                    "target_currency": "USD",
                    "created_at": TIME,
                    "venue_order_id": None,
                }
            ),
            ["BTC into USD", "pending"],
        ),
        (("withdrawals",), "/collateral-withdrawals?limit=20", page(WITHDRAWAL), ["w-1", "10", "pending"]),
        (
            ("snapshot", "--until", TIME, "--currency", "BTC", "--currency", "ETH", "--use-future-transfers"),
            "/positions/snapshot?"
            + urlencode({"currencies": "BTC,ETH", "until": TIME, "use_future_transfers": "true"}),
            page(
                {"connection": MARGIN, "asset": "BTC", "quantity": "-0.5", "applied_future_transfers": "0.1"},
                until=TIME,
            ),
            ["-0.5", "0.1", "until 2026-01-02 03:04:05"],
        ),
        (
            ("activity", "--from", TIME, "--to", TIME, "--type", "position-transfer"),
            "/positions/activity?"
            + urlencode({"limit": "20", "types": "position-transfer", "from": TIME, "to": TIME}),
            page(
                {
                    "connection": MARGIN,
                    "type": "position-transfer",
                    "id": "a-1",
                    "asset": "BTC",
                    "quantity": "-0.25",
                    "time": TIME,
                }
            ),
            ["position-transfer", "-0.25", "a-1"],
        ),
        (
            ("operations",),
            "/operations?limit=20",
            page(OPERATION, DOUBTFUL),
            ["collateral transfer 250.00 USD", "done", "pending, in doubt", "k-1", "op-1"],
        ),
    ],
)
async def test_what_is_read_is_shown(
    router: KeyedRouter,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    path: str,
    answer: object,
    parts: list[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    router.answer("GET", AT + path, 200, answer)
    ran = await run("margin", command[0], "bitgo-pts", *command[1:])
    assert (ran.code, ran.err) == (0, "")
    for part in parts:
        assert part in ran.flat
    raw = await run("margin", command[0], "bitgo-pts", *command[1:], "--json")
    assert (raw.code, raw.out.encode()) == (0, samples.encoded(answer) + b"\n")


@pytest.mark.parametrize(
    ("command", "path", "body"),
    [
        (TRANSFER, "/collateral-transfers", {"currency": "USD", "quantity": "250.00"}),
        (
            ("margin", "position-transfer", "bitgo-pts", "BTC", "0.5"),
            "/positions/transfer",
            {"currency": "BTC", "quantity": "0.5"},
        ),
        (("margin", "cover", "bitgo-pts", "--all"), "/positions/cover", {"all": True}),
        (("margin", "cover", "bitgo-pts", "BTC", "ETH"), "/positions/cover", {"currencies": ["BTC", "ETH"]}),
        (("margin", "close", "bitgo-pts", "BTC"), "/positions/close", {"currencies": ["BTC"]}),
        (
            ("margin", "withdraw", "bitgo-pts", "USD", "10"),
            "/collateral-withdrawals",
            {"currency": "USD", "quantity": "10"},
        ),
    ],
)
async def test_a_move_is_sent_with_its_key_which_is_shown(
    router: KeyedRouter, run: Run, command: tuple[str, ...], path: str, body: object
) -> None:
    status, answer = (202, CLOSED) if "close" in path else (200, OPERATION)
    router.answer("POST", AT + path, status, answer)
    ran = await run(*command, "--yes", "--key", "k-1")
    assert ran.code == 0
    assert (router.asked[-1].body, router.keys) == (body, ["k-1"])
    assert "Idempotency-Key: k-1" in " ".join(ran.err.split())
    assert "done" in ran.out
    if answer is CLOSED:
        assert "operation done, request in progress" in ran.flat
        assert "close-requests bitgo-pts c-1" in " ".join(ran.err.split())


async def test_a_key_is_made_up_shown_and_another_one_each_time(router: KeyedRouter, run: Run) -> None:
    router.answer("POST", AT + "/collateral-transfers", 200, OPERATION)
    for _ in range(2):
        ran = await run(*TRANSFER, "--yes")
        assert f"Idempotency-Key: {router.keys[-1]}" in " ".join(ran.err.split())
    assert len(set(router.keys)) == 2


async def test_nothing_is_sent_where_nobody_can_be_asked(router: KeyedRouter, run: Run) -> None:
    ran = await run(*TRANSFER)
    assert (ran.code, router.asked) == (2, [])
    assert "transfer 250.00 USD as collateral, where it is locked, on bitgo-pts: is this meant?" in ran.flat


@pytest.mark.parametrize(("said", "code"), [("yes\n", 0), ("no\n", 2), ("", 2)])
async def test_a_person_is_asked_and_only_yes_sends(router: KeyedRouter, said: str, code: int) -> None:
    router.answer("POST", AT + "/collateral-transfers", 200, OPERATION)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "router", *TRANSFER, "--url", router.url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.communicate(said.encode())
    assert (process.returncode, len(router.asked)) == (code, 1 if code == 0 else 0)


@pytest.mark.parametrize("command", ["cover", "close"])
@pytest.mark.parametrize("which", [(), ("BTC", "--all")])
async def test_positions_are_all_or_named(
    router: KeyedRouter, run: Run, command: str, which: tuple[str, ...]
) -> None:
    ran = await run("margin", command, "bitgo-pts", *which, "--yes")
    assert (ran.code, router.asked) == (2, [])
    assert "expected currencies or --all" in ran.flat


async def test_a_doubt_is_told_with_where_to_look_and_ends_as_unknown(router: KeyedRouter, run: Run) -> None:
    router.answer("POST", AT + "/collateral-transfers", 202, DOUBTFUL)
    ran = await run(*TRANSFER, "--yes", "--key", "k-1")
    assert ran.code == 3
    for part in (
        "pending, in doubt",
        "caas-router margin operations bitgo-pts op-1",
        "61 s",
        "it leaves no trace",
    ):
        assert part in ran.flat


@pytest.mark.parametrize(
    ("status", "body"), [(200, HANG_UP), (500, PROBLEM | {"status": 500}), (200, b"<html>")]
)
async def test_an_answer_that_is_none_is_unknown_and_says_how_to_repeat(
    router: KeyedRouter, run: Run, status: int, body: object
) -> None:
    router.answer("POST", AT + "/collateral-transfers", status, body)
    ran = await run(*TRANSFER, "--yes", "--key", "k-1")
    assert ran.code == 3
    assert "It is safe to repeat the command with its key" in ran.flat


async def test_a_refusal_is_shown_and_a_router_that_is_not_there_is_unreachable(
    router: KeyedRouter, run: Run
) -> None:
    router.answer("POST", AT + "/collateral-transfers", 409, PROBLEM)
    refused = await run(*TRANSFER, "--yes")
    assert (refused.code, "operation_in_doubt" in refused.flat) == (1, True)
    router.url = "http://127.0.0.1:1"
    assert (await run(*TRANSFER, "--yes")).code == 4


async def test_a_withdrawal_is_taken_back(router: KeyedRouter, run: Run) -> None:
    path = AT + "/collateral-withdrawals/w-1/cancel"
    router.answer("POST", path, 200, WITHDRAWAL | {"status": "cancelled"})
    ran = await run("margin", "withdrawals", "bitgo-pts", "--cancel", "w-1")
    assert (ran.code, "cancelled" in ran.out) == (0, True)


async def test_an_operation_is_shown_and_resolved(router: KeyedRouter, run: Run) -> None:
    router.answer("GET", AT + "/operations/op-1", 200, DOUBTFUL)
    assert (await run("margin", "operations", "bitgo-pts", "op-1")).code == 3
    finding = {"finding": "done", "operator": "J. Doe", "reason": "their page", "contradicted_at": TIME}
    ended = OPERATION | {"balances": [], "finding": finding}
    router.answer("POST", AT + "/operations/op-1/finding", 200, ended)
    said = ("--found", "done", "--by", "J. Doe", "--reason", "their page", "--venue-id", "v-1")
    ran = await run("margin", "resolve", "bitgo-pts", "op-1", *said)
    assert ran.code == 0
    assert router.asked[-1].body == {
        "finding": "done",
        "operator": "J. Doe",
        "reason": "their page",
        "venue_id": "v-1",
    }
    assert "done, by J. Doe: their page" in ran.flat
    assert "the counterparty says otherwise, since 2026-01-02 03:04:05 UTC" in ran.flat
