"""Portfolio and reports end to end: Spot, PTS, custody and a long history, over HTTP on both sides.

One system for all tests: what a test adds to an account it looks for by its own ids.
"""

import asyncio
import csv
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.system import CONNECTION, ROUTER, SIMULATOR, Client, Process

SPOT, POOR, PTS, BUSY = "5" * 32, "6" * 32, "7" * 32, "9" * 32
ACCOUNTS = {"spot": SPOT, "pts": PTS, "busy": BUSY}
TOKENS = {f"{name.upper()}_TOKEN": f"simulated-{name}" for name in (*ACCOUNTS, "cold")}
TRADES, WALLETS = 3000, 300
"""Enough for a dozen pages; the measure of constant memory stands in `tests/http/test_reports_stream.py`."""

MORE = f"""
[[accounts]]
id = "{BUSY}"
name = "Busy"
token = "simulated-busy"
balances = {{ USD = "1" }}
trades_generated = {TRADES}
[[custody]]
id = "cold"
token = "simulated-cold"
requests_per_minute = 100000
wallets_generated = {WALLETS}
[[custody.wallets]]
coin = "btc"
label = "=Cold storage"
balance = "250000000"
[[custody.wallets.transfers]]
type = "receive"
value = "250000000"
date = "2026-01-05T00:00:00Z"
"""

CUSTODY = """
[[connections]]
id = "cold"
name = "BitGo cold"
type = "custody"
counterparty = "bitgo"
base_url = "{url}"
token = {{ env = "COLD_TOKEN" }}
requests_per_minute = 60000
"""


class System:
    """A Spot, a PTS and a custody account, and one with a long history; a router over all four."""

    def __init__(self, directory: Path) -> None:
        file = directory / "simulator.toml"
        accounts = {"spot": SPOT, "poor": POOR, "pts": PTS}
        file.write_text(SIMULATOR.format(requests_per_second=1000, minute_ms=60_000, **accounts) + MORE)
        self.simulator = Process("simulate", "--config", str(file), environment={})
        self.simulator_url = f"http://127.0.0.1:{self.simulator.until('listening')['port']}"
        config = directory / "router.toml"
        config.write_text(
            ROUTER.format(store_url=f"sqlite://{directory}/router.db", extra="")
            + "".join(
                CONNECTION.format(
                    id=name,
                    account=account,
                    url=self.simulator_url,
                    token=f"{name.upper()}_TOKEN",
                    pts=str(name == "pts").lower(),
                    requests_per_second=1000,
                )
                for name, account in ACCOUNTS.items()
            )
            + CUSTODY.format(url=self.simulator_url)
        )
        self.router = Process("serve", "--config", str(config), environment=TOKENS)
        try:
            self.url = f"http://127.0.0.1:{self.router.until('listening')['port']}"
            waiting = set(ACCOUNTS)
            while waiting:
                waiting.discard(self.router.until("health_changed", state="ready")["connection"])
        except AssertionError:
            self.stop()
            raise

    def stop(self) -> tuple[int, int]:
        """Stop both; their exit codes."""
        return self.router.stop(), self.simulator.stop()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = System(tmp_path_factory.mktemp("reports"))
    try:
        yield made
    finally:
        codes = made.stop()
    assert codes == (0, 0), (made.router.log[-10:], made.simulator.log[-10:])


@pytest.fixture
async def client(system: System) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(system, session)  # type: ignore[arg-type]  # it has what a client of a system uses


async def read(client: Client, path: str) -> Any:
    status, answer = await client.call("GET", path)
    assert status == 200, answer
    return answer


async def whole(client: Client, path: str) -> list[dict[str, str]]:
    """A report's CSV."""
    async with client.session.get(client.system.url + path, headers={"Accept": "text/csv"}) as answer:
        assert (answer.status, answer.content_type) == (200, "text/csv")
        return list(csv.DictReader(io.StringIO(await answer.text())))


async def pages(client: Client, path: str) -> list[Any]:
    """Every row, page by page."""
    rows: list[Any] = []
    cursor = ""
    while True:
        answer = await read(client, f"{path}{cursor}")
        rows += answer["data"]
        if answer["next_cursor"] is None:
            return rows
        cursor = f"&cursor={answer['next_cursor']}"


async def command(client: Client, *argv: str) -> tuple[int, str]:
    """A command of the desk; its exit code and what it printed."""

    def run() -> tuple[int, str]:
        ran = subprocess.run(
            [sys.executable, "-m", "router", "report", *argv, "--url", client.system.url],
            capture_output=True,
            check=False,
            env={**os.environ, "COLUMNS": "180"},
        )
        return ran.returncode, ran.stdout.decode()

    return await asyncio.to_thread(run)


async def bought(client: Client, name: str, connection: str) -> Any:
    """An order of ours that was filled on a connection, once the journal has its fills."""
    status, order = await client.order(name, connections=[connection], quantity="0.01")
    assert (status, order["status"]) == (200, "filled"), order

    async def recorded() -> Any:
        _, found = await client.call("GET", f"/v1/orders/{order['id']}")
        _, listed = await client.call("GET", f"/v1/reports/trades?order={order['id']}")
        ids = {row["id"] for row in listed.get("data", ())}
        return found if ids and ids == {fill["id"] for fill in found["fills"]} else None

    return await client.eventually(recorded)


async def test_the_portfolio_shows_balances_positions_and_custody(client: Client) -> None:
    await bought(client, "portfolio-1", "pts")
    rows = {row["connection"]["id"]: row for row in (await read(client, "/v1/portfolio"))["data"]}

    spot = {held["asset"]: held for held in rows["spot"]["balances"]}
    assert {"total", "available", "held", "withdrawable"} <= set(spot["BTC"])
    assert Decimal(spot["BTC"]["total"]) >= 10
    assert "positions" not in rows["spot"]
    assert "balances" not in rows["pts"]
    positions = {held["asset"]: Decimal(held["quantity"]) for held in rows["pts"]["positions"]}
    assert positions["BTC"] > 0
    cold = {held["asset"].lower(): held for held in rows["cold"]["balances"]}
    assert Decimal(cold["btc"]["total"]) >= Decimal("2.5")

    code, told = await command(client, "portfolio")
    assert code == 0
    assert "BitGo pts PTS" in told


async def test_the_balance_report_pages_through_every_wallet(client: Client) -> None:
    rows = await pages(client, "/v1/reports/balances?limit=70")
    assert not [row for row in rows if "error" in row]
    wallets = [row["wallet_id"] for row in rows if "wallet_id" in row]
    assert len(set(wallets)) == WALLETS + 1
    assert {row["kind"] for row in rows if row["connection"]["id"] == "pts"} <= {"position"}
    lines = await whole(client, "/v1/reports/balances?connection=cold")
    assert len(lines) == len([row for row in rows if row["connection"]["id"] == "cold"])
    (mine,) = [line for line in lines if "Cold storage" in line["wallet_label"]]
    assert (mine["wallet_label"], mine["quantity"]) == ("'=Cold storage", "2.5")


async def test_trades_are_of_the_connections_kind_and_tell_who_made_them(client: Client) -> None:
    own, credit = await bought(client, "trades-1", "spot"), await bought(client, "trades-2", "pts")
    planted = await client.control(
        "POST",
        f"/accounts/{SPOT}/trades",
        {"product": "BTC-USD", "side": "sell", "price": "101.00", "quantity": "0.25"},
    )
    for connection, kind, order in (("spot", "funded", own), ("pts", "margin", credit)):
        rows = await pages(client, f"/v1/reports/trades?connection={connection}&limit=2")
        assert {row["funding_type"] for row in rows} == {kind}
        ids = [row["id"] for row in rows]
        assert len(set(ids)) == len(ids)
        ours = [row for row in rows if row["order_id"] == order["id"]]
        assert [(row["source"], row["client_order_id"]) for row in ours] == [
            ("router", order["client_order_id"])
        ] * len(order["fills"])
        only = await pages(client, f"/v1/reports/trades?order={order['id']}")
        assert only == ours
    rows = await pages(client, "/v1/reports/trades?connection=spot&limit=50")
    (theirs,) = [row for row in rows if row["id"] == planted["trade"]["id"]]
    assert (theirs["source"], theirs["order_id"], theirs["side"]) == ("external", None, "sell")


async def test_trades_of_all_connections_are_merged_newest_first(client: Client) -> None:
    await bought(client, "merged-1", "spot")
    await bought(client, "merged-2", "pts")
    lines = await whole(client, "/v1/reports/trades")
    times = [line["time"] for line in lines]
    assert times == sorted(times, reverse=True)
    assert sum(line["connection_id"] == "busy" for line in lines) == TRADES
    ids = [(line["connection_id"], line["id"]) for line in lines]
    assert len(set(ids)) == len(ids)
    rows = await pages(client, "/v1/reports/trades?connection=busy&limit=499")
    assert [row["id"] for row in rows] == [line["id"] for line in lines if line["connection_id"] == "busy"]


async def test_the_settlement_summary(client: Client) -> None:
    await bought(client, "settlement-1", "pts")
    answer = await read(client, "/v1/reports/settlement-summary?connection=pts")
    assets = {asset["asset"]: asset for asset in answer["assets"]}
    assert Decimal(assets["BTC"]["position"]) > 0
    assert assets["BTC"]["long_limit"]["quantity"]
    risk = answer["risk"]
    for name in ("margin_call", "liquidation"):
        distance = Decimal(risk[f"distance_to_{name}"])
        assert distance == Decimal(risk[f"{name}_threshold"]) - Decimal(risk["margin_utilization"])
    assert (await whole(client, "/v1/reports/settlement-summary?connection=pts"))[-1]["row"] == "risk"
    status, problem = await client.call("GET", "/v1/reports/settlement-summary?connection=spot")
    assert (status, problem["code"]) == (409, "not_a_pts_connection")


async def test_transactions_of_custody(client: Client) -> None:
    rows = await pages(client, "/v1/reports/transactions?connection=cold&from=2026-01-04T00:00:00Z&limit=5")
    assert [(row["direction"], row["amount"], row["state"]) for row in rows] == [("in", "2.5", "confirmed")]
    assert (
        await pages(client, f"/v1/reports/transactions?connection=cold&wallet={rows[0]['wallet_id']}") == rows
    )
    status, problem = await client.call("GET", "/v1/reports/transactions?connection=spot")
    assert (status, problem["code"]) == (409, "not_a_custody_connection")


async def test_the_execution_quality(client: Client) -> None:
    before = await read(client, "/v1/reports/execution-quality")
    _, order = await client.order("quality-1", quantity="0.01")
    assert order["status"] == "filled", order

    async def counted() -> Any:
        # A fill is answered before it is written down.
        found = await read(client, "/v1/reports/execution-quality")
        return found if found["total"]["filled"] > before["total"]["filled"] else None

    after = await client.eventually(counted)
    assert after["orders"] == before["orders"] + 1
    assert after["competitions"] == before["competitions"] + 1
    assert after["total"]["won"] == before["total"]["won"] + 1
    assert after["total"]["filled"] == before["total"]["filled"] + 1


async def test_reconciliation_finds_what_was_planted_hidden_and_changed(client: Client) -> None:
    path = "/v1/reports/reconciliation?connection=spot"
    known = {row["trade_id"] for row in (await read(client, path))["data"]}
    changed, hidden = (
        await bought(client, "reconciled-1", "spot"),
        await bought(client, "reconciled-2", "spot"),
    )
    planted = await client.control(
        "POST",
        f"/accounts/{SPOT}/trades",
        {"product": "BTC-USD", "side": "buy", "price": "99.00", "quantity": "0.125"},
    )
    changed_id, hidden_id = changed["fills"][0]["id"], hidden["fills"][0]["id"]
    await client.control("PUT", f"/accounts/{SPOT}/trades/{changed_id}", {"price": "100.50"})
    await client.control("DELETE", f"/accounts/{SPOT}/trades/{hidden_id}")

    answer = await read(client, path)

    found = {row["trade_id"]: row for row in answer["data"] if row["trade_id"] not in known}
    assert {name: row["kind"] for name, row in found.items()} == {
        planted["trade"]["id"]: "external",
        changed_id: "changed",
        hidden_id: "missing_at_venue",
    }
    assert found[changed_id]["changed"] == ["price"]
    assert Decimal(found[changed_id]["venue"]["price"]) == Decimal("100.50")
    assert found[changed_id]["client_order_id"] == "reconciled-1"
    assert answer["complete"] is True
    code, told = await command(client, "reconciliation", "spot")
    assert code == 1
    assert "missing at venue" in told


async def test_a_counterparty_that_is_down_is_a_row(client: Client) -> None:
    down = {"rest": [{"kind": "status", "operation": "balances", "status": 503}]}
    await client.control("PUT", f"/accounts/{BUSY}/faults", down)
    try:
        rows = {row["connection"]["id"]: row for row in (await read(client, "/v1/portfolio"))["data"]}
        assert rows["busy"]["error"]["code"] == "venue_unavailable"
        assert rows["spot"]["balances"]
        lines = await whole(client, "/v1/reports/balances")
        assert [line["connection_id"] for line in lines if line["error"]] == ["busy"]
    finally:
        await client.control("DELETE", f"/accounts/{BUSY}/faults")


async def test_a_download_in_the_terminal_is_the_whole_report(client: Client) -> None:
    code, told = await command(client, "trades", "--connection", "busy", "--csv")
    assert code == 0
    assert len(list(csv.DictReader(io.StringIO(told)))) == TRADES
