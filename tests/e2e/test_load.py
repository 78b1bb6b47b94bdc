"""200 orders at once against accounts of 10 requests a second: none lost, none twice, no 429 drawn."""

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp

from tests.e2e.system import ACCOUNTS, Client, System


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
