"""Two routers on one PostgreSQL: one order a key, and what a killed one left is found by the other."""

import asyncio
import signal
from pathlib import Path

import aiohttp

from tests.e2e.system import PTS, Client, System


async def test_a_router_goes_on_with_what_a_killed_one_left(tmp_path: Path, database_url: str) -> None:
    system = await asyncio.to_thread(System, tmp_path, store_url=database_url)
    other, other_url = await asyncio.to_thread(system.another_router)
    try:
        async with aiohttp.ClientSession() as session:
            client = Client(system, session)
            status, filled = await client.order("two-1")
            assert (status, filled["status"], filled["connection"]["id"]) == (200, "filled", "spot")
            hang = {"kind": "hang_after", "operation": "order", "count": 1}
            blind = {"kind": "status", "status": 503, "operation": "order_lookup"}
            await client.faults(PTS, rest=[hang, blind], orders={"drop_messages": True})
            status, doubtful = await client.order("two-2", quantity="0.5", connections=["pts"])
            assert (status, doubtful["status"]) == (202, "pending_new")

            assert await asyncio.to_thread(system.router.stop, signal.SIGKILL) == -signal.SIGKILL
            system.url = other_url
            again, same = await client.order("two-1")
            assert (again, same["id"], same["status"]) == (200, filled["id"], "filled")
            again, same = await client.order("two-2", quantity="0.5", connections=["pts"])
            assert (again, same["id"]) == (202, doubtful["id"])
            await client.control("DELETE", f"/accounts/{PTS}/faults")

            found = await client.eventually_final(doubtful["id"])

            assert (found["status"], found["filled_quantity"]) == ("filled", "0.5")
            posts = [request for request in await client.requests(PTS) if request["method"] == "POST"]
            assert len(posts) == 1
            await asyncio.to_thread(system.start_router)  # and the killed one comes back beside it
            status, third = await client.order("two-3")
            assert (status, third["status"]) == (200, "filled")
    finally:
        assert await asyncio.to_thread(other.stop) == 0
        assert await asyncio.to_thread(system.stop) == (0, 0)
