"""`report …` against a router that answers as told: what is asked, what is shown, how a download ends."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from router.cli.reports.progress import ROWS_A_LINE, Progress
from tests.unit.cli.conftest import FakeRouter, Run

SPOT = {"id": "spot", "name": "Treasury", "pts": False}
PTS = {"id": "pts", "name": "Credit", "pts": True}
DOWN = {
    "connection": {"id": "cold", "name": "Cold", "pts": False},
    "error": {"code": "venue_unavailable", "title": "t", "status": 503, "detail": "none came"},
}
USD = {"quantity": "5000.00", "currency": "USD"}

PORTFOLIO = {
    "data": [
        {
            "connection": SPOT,
            "as_of": "x",
            "balances": [
                {
                    "asset": "USD",
                    "total": "1000.50",
                    "available": "900.50",
                    "held": "100",
                    "withdrawable": "899.25",
                    "unit": "asset",
                }
            ],
        },
        {"connection": PTS, "as_of": "x", "positions": [{"asset": "ETH", "quantity": "-2.0", "value": USD}]},
        DOWN,
    ],
    "next_cursor": None,
}
BALANCES = {
    "data": [
        {
            "connection": PTS,
            "kind": "position",
            "asset": "ETH",
            "quantity": "-2.0",
            "value_usd": None,
            "unit": "asset",
        },
        {
            "connection": SPOT,
            "kind": "balance",
            "asset": "shib",
            "quantity": "77",
            "value_usd": None,
            "unit": "base_units",
            "wallet_id": "w1",
            "wallet_label": "Cold 1",
        },
        DOWN,
    ],
    "next_cursor": "abc",
}
TRADES = {
    "data": [
        {
            "connection": PTS,
            "id": "t1",
            "time": "2026-01-02T03:04:05.000000Z",
            "product": "BTC-USD",
            "side": "buy",
            "price": "100.00",
            "quantity": "0.5",
            "funding_type": "margin",
            "source": "external",
            "client_order_id": None,
        },
        DOWN,
    ],
    "next_cursor": None,
}
TRANSACTIONS = {
    "data": [
        {
            "connection": SPOT,
            "id": "x",
            "wallet_id": "w1",
            "time": "2026-01-02T03:04:05.000000Z",
            "asset": "BTC",
            "direction": "in",
            "amount": "0.25",
            "unit": "asset",
            "fee": "0.0001",
            "fee_asset": "BTC",
            "state": "confirmed",
            "txid": "ff",
        },
    ],
    "next_cursor": None,
}
SETTLEMENT = {
    "connection": PTS,
    "as_of": "x",
    "assets": [
        {
            "asset": "BTC",
            "position": "-0.5",
            "long_limit": USD,
            "short_limit": USD,
            "used_credit": USD,
            "exposure": USD,
            "exposure_usd": "5000.00",
            "unrealized_pnl": USD,
        }
    ],
    "totals": [],
    "exposure_usd": "5000.00",
    "risk": {
        "net_open_position": USD,
        "collateral": USD,
        "unrealized_pnl": USD,
        "margin_balance": USD,
        "margin_utilization": "0.0510",
        "margin_call_threshold": "0.80",
        "distance_to_margin_call": "0.7490",
    },
}
FIGURES = {
    "joined": 3,
    "won": 2,
    "excluded": 1,
    "failed": 0,
    "orders": 2,
    "filled": 2,
    "credit_failures": 1,
    "slippage_bps": "1.5",
    "price_improvement_bps": "-2",
    "quote_latency_us": 12,
    "excluded_by_reason": {"insufficient_balance": 1},
}
QUALITY = {
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-01-02T00:00:00Z",
    "orders": 2,
    "data": [{"connection": PTS, **FIGURES}],
    "total": FIGURES,
}
SIDE = {"product": "BTC-USD", "side": "buy", "price": "100", "quantity": "0.5", "time": "x"}
RECONCILED: dict[str, Any] = {
    "connection": SPOT,
    "data": [
        {
            "connection": SPOT,
            "kind": "missing_at_venue",
            "trade_id": "t9",
            "ours": SIDE,
            "venue": None,
            "client_order_id": "d-1",
        }
    ],
    "totals": [
        {
            "product": "BTC-USD",
            "side": "buy",
            "ours": {"trades": 1, "quantity": "0.5"},
            "venue": {"trades": 0, "quantity": "0"},
        }
    ],
    "complete": True,
    "orders_in_doubt": 1,
}


@pytest.mark.parametrize(
    ("argv", "path", "answer", "shown"),
    [
        (
            ("portfolio",),
            "/v1/portfolio",
            PORTFOLIO,
            [
                "Treasury",
                "899.25",
                "Credit PTS",
                "-2.0",
                "5000.00 USD",
                "not read: Cold: venue_unavailable: none came",
            ],
        ),
        (
            ("balances", "--limit", "3"),
            "/v1/reports/balances?limit=3",
            BALANCES,
            ["Credit PTS", "shib (base units)", "Cold 1", "more: --cursor abc"],
        ),
        (
            ("trades", "--connection", "pts", "--from", "2026-01-01T00:00:00Z", "--order", "o-1"),
            "/v1/reports/trades?connection=pts&order=o-1&from=2026-01-01T00%3A00%3A00Z",
            TRADES,
            ["buy 0.5 BTC-USD", "margin", "external", "not read: Cold"],
        ),
        (
            ("transactions", "cold", "--wallet", "w1"),
            "/v1/reports/transactions?connection=cold&wallet=w1",
            TRANSACTIONS,
            ["0.25", "confirmed"],
        ),
        (
            ("settlement-summary", "pts"),
            "/v1/reports/settlement-summary?connection=pts",
            SETTLEMENT,
            ["Credit PTS", "-0.5", "0.80, 0.7490 away", "0.0510"],
        ),
        (
            ("execution-quality",),
            "/v1/reports/execution-quality",
            QUALITY,
            ["2 orders", "Credit PTS", "in all", "Credit PTS was left out or failed: insufficient balance 1"],
        ),
    ],
)
async def test_a_report_as_a_table(
    router: FakeRouter,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    argv: tuple[str, ...],
    path: str,
    answer: object,
    shown: list[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    router.answer("GET", path, 200, answer)
    ran = await run("report", *argv)
    unread = isinstance(answer, dict) and DOWN in answer.get("data", [])
    assert ran.code == int(unread), [asked.path for asked in router.asked]
    for text in shown:
        assert text in ran.flat


async def test_no_figure_is_cut_off_where_the_terminal_is_narrow(
    router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    row = FIGURES | {"joined": 1234567, "quote_latency_us": 7654321, "slippage_bps": "12345.67"}
    answer = QUALITY | {"data": [{"connection": PTS, **row}]}
    router.answer("GET", "/v1/reports/execution-quality", 200, answer)
    ran = await run("report", "execution-quality")
    for text in (f"{PTS['name']} PTS", "1234567", "7654321", "12345.67"):
        assert any(text in line for line in ran.out.splitlines())
    assert "\nin all" in ran.out


async def test_json_is_what_the_router_said(router: FakeRouter, run: Run) -> None:
    raw = router.answer("GET", "/v1/portfolio", 200, PORTFOLIO)
    ran = await run("report", "portfolio", "--json")
    assert (ran.code, ran.out) == (1, raw.decode() + "\n")


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        (("portfolio",), "/v1/portfolio"),
        (("balances",), "/v1/reports/balances"),
        (("trades",), "/v1/reports/trades"),
        (("transactions", "cold"), "/v1/reports/transactions?connection=cold"),
    ],
)
async def test_a_connection_that_could_not_be_read_is_an_exit_code(
    router: FakeRouter, run: Run, argv: tuple[str, ...], path: str
) -> None:
    router.answer("GET", path, 200, {"data": [], "next_cursor": None})
    router.answer("GET", path, 200, {"data": [DOWN], "next_cursor": None})
    assert (await run("report", *argv)).code == 0
    ran = await run("report", *argv)
    assert (ran.code, "not read: Cold" in ran.flat) == (1, True)


async def test_differences_are_an_exit_code(router: FakeRouter, run: Run) -> None:
    path = "/v1/reports/reconciliation?connection=spot"
    router.answer("GET", path, 200, RECONCILED)
    router.answer("GET", path, 200, RECONCILED | {"data": []})
    router.answer("GET", path, 200, RECONCILED | {"data": [], "complete": False})
    ran = await run("report", "reconciliation", "spot")
    assert ran.code == 1
    assert "missing at venue" in ran.flat
    assert "orders in doubt: 1" in ran.flat
    assert (await run("report", "reconciliation", "spot")).code == 0
    ran = await run("report", "reconciliation", "spot")
    assert ran.code == 1
    assert "not both sides" in ran.flat


async def test_a_refusal_is_shown(router: FakeRouter, run: Run) -> None:
    refusal = {"code": "not_a_pts_connection", "title": "Not PTS", "status": 409, "detail": "expected PTS"}
    router.answer("GET", "/v1/reports/settlement-summary?connection=spot", 409, refusal)
    for flags in ((), ("--csv",)):
        ran = await run("report", "settlement-summary", "spot", *flags)
        assert ran.code == 1
        assert "not_a_pts_connection" in ran.flat


async def test_csv_beside_json_is_wrong_usage(router: FakeRouter, run: Run) -> None:
    ran = await run("report", "balances", "--csv", "--json")
    assert (ran.code, router.asked) == (2, [])


class CsvRouter:
    """Answers CSV of `rows` rows; `whole` False: the connection ends before the last chunk."""

    def __init__(self, rows: int, *, whole: bool) -> None:
        self.rows = rows
        self.whole = whole
        self.accept = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.accept = request.headers["Accept"]
        response = web.StreamResponse(headers={"Content-Type": "text/csv; charset=utf-8"})
        await response.prepare(request)
        await response.write(b"id,label\r\n")
        for n in range(self.rows):
            await response.write(f'{n},"a ""quoted"" é"\r\n'.encode())
        if not self.whole:
            assert request.transport is not None
            request.transport.close()
        return response


@pytest.mark.parametrize(("whole", "code"), [(True, 0), (False, 4)])
async def test_a_download_is_whole_or_an_error(router: FakeRouter, run: Run, whole: bool, code: int) -> None:
    fake = CsvRouter(30, whole=whole)
    app = web.Application()
    app.router.add_get("/v1/reports/balances", fake.handle)
    async with TestServer(app) as server:
        router.url = str(server.make_url("/")).rstrip("/")
        ran = await run("report", "balances", "--csv")
    assert ran.code == code
    assert fake.accept == "text/csv"
    lines = ran.out.splitlines()
    assert lines[:2] == ["id,label", '0,"a ""quoted"" é"']
    assert len(lines) == 31
    assert ("broke off" in ran.err) is not whole


def test_a_long_download_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(Console(stderr=True)) as progress:
        for _ in range(ROWS_A_LINE * 2 + 1):
            progress.advance()
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        f"caas-router: {ROWS_A_LINE} rows",
        f"caas-router: {ROWS_A_LINE * 2} rows",
    ]
    assert told.out == ""
