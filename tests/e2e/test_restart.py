"""A router that is killed takes up its orders again; one that is stopped hands them over."""

import asyncio
import signal
from pathlib import Path

import aiohttp

from tests.e2e.system import PTS, Client, System


async def test_an_order_in_doubt_at_a_kill_is_found_after_the_restart(tmp_path: Path) -> None:
    system = await asyncio.to_thread(System, tmp_path)
    try:
        async with aiohttp.ClientSession() as session:
            client = Client(system, session)
            fault = {"kind": "hang_after", "operation": "order", "count": 1}
            blind = {"kind": "status", "status": 503, "operation": "order_lookup"}
            await client.control(
                "PUT",
                f"/accounts/{PTS}/faults",
                {"rest": [fault, blind], "orders": {"drop_messages": True}},
            )
            _, resting = await client.order(
                "kill-rest", type="limit", limit_price="90.00", connections=["spot"], quantity="0.5"
            )
            status, order = await client.order("kill-1", quantity="0.5", connections=["pts"])
            assert (status, order["status"]) == (202, "pending_new")
            assert await asyncio.to_thread(system.router.stop, signal.SIGKILL) == -signal.SIGKILL
            await client.control("DELETE", f"/accounts/{PTS}/faults")
            await asyncio.to_thread(system.start_router)
            found = await client.eventually_final(order["id"])
            assert (found["status"], found["filled_quantity"]) == ("filled", "0.5")
            _, still = await client.call("GET", f"/v1/orders/{resting['id']}")
            assert still["status"] == "new"
            assert (await client.call("GET", "/v1/orders?client_order_id=kill-1"))[1]["data"][0][
                "id"
            ] == order["id"]
            again, same = await client.order("kill-1", quantity="0.5", connections=["pts"])
            assert (again, same["id"]) == (200, order["id"])
            posts = [r for r in await client.requests(PTS) if r["method"] == "POST"]
            assert len(posts) == 1
    finally:
        assert await asyncio.to_thread(system.stop) == (0, 0)
