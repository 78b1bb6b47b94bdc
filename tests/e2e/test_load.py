"""200 orders at once against accounts of 10 requests a second: none lost, none twice, no 429 drawn.

And as many callers at a router that a shell gave few files.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from tests.e2e.system import ACCOUNTS, FEW_FILES, Client, System, few_files
from tests.http.sockets import calling


async def test_two_hundred_orders_at_once_are_all_accounted_for(tmp_path: Path) -> None:
    system = await asyncio.to_thread(System, tmp_path, requests_per_second=10)
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            client = Client(system, session)
            answers = await asyncio.gather(
                *(client.order(f"load-{number}", quantity="0.01") for number in range(200))
            )
            results = Counter(answer.get("code") or answer["status"] for _, answer in answers)
            assert set(results) <= {"filled", "no_eligible_counterparty"}, results
            assert results["filled"] > 0
            for _, answer in answers:
                if answer.get("code"):
                    reasons = {entry["reason"] for entry in answer["competition"]["entries"]}
                    assert "rate_limited" in reasons
                    assert reasons <= {"rate_limited", "insufficient_balance"}
            ledgers = [await client.ledger(account) for account in ACCOUNTS.values()]
            taken = Counter(order["client_order_id"][:36] for ledger in ledgers for order in ledger)
            filled = {answer["id"] for _, answer in answers if answer.get("status") == "filled"}
            assert set(taken) == filled
            assert set(taken.values()) == {1}
            drawn = [
                request
                for account in ACCOUNTS.values()
                for request in await client.requests(account)
                if request["status"] == 429
            ]
            assert drawn == []
            listed, cursor = 0, ""
            while cursor is not None:
                _, page = await client.call("GET", "/v1/orders?limit=100" + (cursor and f"&cursor={cursor}"))
                listed, cursor = listed + len(page["data"]), page["next_cursor"]
            assert listed == 200
    finally:
        assert await asyncio.to_thread(system.stop) == (0, 0)


async def test_more_callers_than_a_shell_gives_files_are_all_answered(tmp_path: Path) -> None:
    with few_files():
        system = await asyncio.to_thread(System, tmp_path)
    try:
        async with AsyncExitStack() as stack:
            port = int(system.url.rpartition(":")[2])
            callers = [await stack.enter_async_context(calling(port)) for _ in range(2 * FEW_FILES)]
            for caller in callers:
                assert (await caller.ask(b"GET /healthz HTTP/1.1\r\nHost: router\r\n\r\n")).status == 200
    finally:
        assert await asyncio.to_thread(system.stop) == (0, 0)
