"""`caas-router load` against the real router and the simulator: what it reports is what they have."""

import asyncio
import json
import os
import resource
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.system import ACCOUNTS, FEW_FILES, Client, System, few_files

PLAN = """
[target]
hosts = ["127.0.0.1"]
key = {{ env = "LOAD_KEY" }}
[run]
arrivals = "poisson"
client_order_id_prefix = "{prefix}"
[expect]
unanswered_max = 0
[[stages]]
name = "warm-up"
rate = 20
duration_s = 0.5
measured = false
[[stages]]
name = "ramp"
rate = 20
ramp_to = 60
duration_s = {duration_s}
[[mix]]
kind = "order"
weight = 6
product = "BTC-USD"
quantity = {{ min = "0.01", max = "0.05", step = "0.01" }}
[[mix]]
kind = "order"
weight = 2
product = "BTC-USD"
sides = ["buy"]
quantity = "0.01"
limit = {{ offset_bps = 100 }}
fields = {{ time_in_force = "IOC", connections = ["spot", "pts"] }}
[[mix]]
kind = "rfq"
weight = 1
product = "BTC-USD"
quantity = "0.02"
[[mix]]
kind = "accept"
weight = 2
product = "BTC-USD"
quantity = "0.02"
"""
END_S = 60.0
ENDED = ("filled", "canceled", "rejected", "expired")


async def begun(plan: str, url: str, folder: Path, *options: str) -> Process:
    """The command as a user starts it."""
    (folder / "plan.toml").write_text(plan)
    arguments = ["load", "--plan", str(folder / "plan.toml"), "--url", url, *options]
    environment = {**os.environ, "LOAD_KEY": "a-key"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router", *arguments, stdout=PIPE, stderr=PIPE, env=environment
    )


async def ended(process: Process) -> tuple[int, str, str]:
    """The exit code, and what was said on either side."""
    out, err = await asyncio.wait_for(process.communicate(), END_S)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def orders_of(client: Client, prefix: str) -> list[dict[str, Any]]:
    """Every order of the router whose client order id begins so."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        _, page = await client.call("GET", "/v1/orders?limit=100" + (cursor and f"&cursor={cursor}"))
        found += [order for order in page["data"] if order["client_order_id"].startswith(prefix)]
        cursor = page["next_cursor"]
    return found


async def test_what_is_reported_is_what_the_router_and_the_counterparties_have(
    system: System, client: Client, tmp_path: Path
) -> None:
    report_file, page_file = tmp_path / "report.json", tmp_path / "report.html"
    plan = PLAN.format(prefix="planned", duration_s=2)
    process = await begun(plan, system.url, tmp_path, "--json", str(report_file), "--html", str(page_file))
    code, out, err = await ended(process)
    assert code == 0, out + err
    assert "ran as planned" in out
    assert "Traceback" not in err
    report = json.loads(report_file.read_bytes())
    assert page_file.read_text("utf-8").startswith("<!doctype html>")
    assert "a-key" not in out + err + page_file.read_text("utf-8") + report_file.read_text("utf-8")

    # 10 in the warm-up and 80 in the ramp, on average.
    assert 60 < report["due"] < 120
    counted: Counter[tuple[str, str | None]] = Counter()
    for row in report["outcomes"]:
        counted[row["operation"], row["result"]] += row["count"]
    assert counted["order", "filled"] > 0
    assert counted["rfq", "priced"] > 0
    assert counted["accept", "filled"] > 0

    orders = await orders_of(client, report["client_order_ids"])
    assert {order["client_order_id"] for order in orders} == {
        order["client_order_id"] for order in await orders_of(client, "planned-")
    }
    assert all(order["status"] in ENDED for order in orders)
    limits = [order["terms"]["limit_price"] for order in orders if order["type"] == "limit"]
    assert limits
    # A hundredth above what the router last said of a market that stands at 100, bid, middle or ask.
    assert all(abs(Decimal(limit) - 101) < Decimal("0.5") for limit in limits), limits

    # Every order that the router has was sent by the run, and every one that it took or refused is there; one
    # that a busy machine made it shed is not.
    made = sum(
        row["count"]
        for row in report["outcomes"]
        if row["operation"] != "rfq" and row["verdict"] in ("taken", "refused")
    )
    warm, measured = report["stages"]
    assert len(orders) >= made
    assert len(orders) <= made + warm["sent"] + warm["followed"]
    assert sum(measured["verdicts"].values()) == measured["sent"] + measured["followed"]

    # At the counterparties each filled order is there once.
    ledgers = [await client.ledger(account) for account in ACCOUNTS.values()]
    there = Counter(order["client_order_id"][:36] for ledger in ledgers for order in ledger)
    assert all(there[order["id"]] == 1 for order in orders if order["status"] == "filled")


async def test_interrupted_it_ends_orderly_with_a_report_and_leaves_nothing_under_way(
    system: System, client: Client, tmp_path: Path
) -> None:
    report_file = tmp_path / "report.json"
    plan = PLAN.format(prefix="interrupted", duration_s=600)
    with few_files():
        process = await begun(plan, system.url, tmp_path, "--json", str(report_file))
    await client.eventually(lambda: orders_of(client, "interrupted-"))
    # Each request under way needs a socket.
    assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0] > FEW_FILES
    process.send_signal(signal.SIGINT)
    code, out, err = await ended(process)
    assert code == 130, out + err
    assert "ended before its time" in out
    assert "Traceback" not in err
    report = json.loads(report_file.read_bytes())
    assert report["interrupted"]
    assert 0 < report["due"] < report["due_planned"]
    sent = sum(stage["sent"] + stage["followed"] for stage in report["stages"])
    answered = sum(report["verdicts"].values()) - report["verdicts"].get("never_sent", 0)
    assert sent == answered
    orders = await orders_of(client, "interrupted-")
    assert all(order["status"] in ENDED for order in orders)


async def test_a_host_that_the_plan_does_not_name_hears_nothing(
    system: System, client: Client, tmp_path: Path
) -> None:
    plan = PLAN.format(prefix="elsewhere", duration_s=1).replace(
        '["127.0.0.1"]', '["router.staging.example"]'
    )
    code, out, err = await ended(await begun(plan, system.url, tmp_path))
    assert code == 2
    assert "--url: expected a host that target.hosts" in " ".join(err.split())
    assert out == ""
    assert await orders_of(client, "elsewhere-") == []


async def test_where_nobody_listens_it_ends_with_4(tmp_path: Path) -> None:
    plan = PLAN.format(prefix="nobody", duration_s=1)
    code, out, err = await ended(await begun(plan, "http://127.0.0.1:9", tmp_path))
    assert (code, out) == (4, "")
    assert "GET /readyz: expected an answer" in " ".join(err.split())
