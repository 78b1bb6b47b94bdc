"""A router that is killed at any moment while it moves margin money: each move once, and every end is true.

Transfers onto a position, each of an amount of its own, show in the counterparty's activity: what is there
once was done once, and what is not there was not.
"""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.system import PTS, Client, System, running

AT = "/v1/connections/pts/margin"
CYCLES = 5
MOVES = 6
DELAY_S_MAX = 0.2


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A system whose router may be killed."""
    yield from running(tmp_path)


async def test_moves_survive_kills(system: System) -> None:
    draw = random.Random(5)  # noqa: S311 - a seed replays the delays
    wanted: dict[str, str] = {}
    async with aiohttp.ClientSession() as session:
        client = Client(system, session)
        await client.control("PUT", f"/accounts/{PTS}/balances", {"BTC": "100"})
        await client.control("PUT", f"/accounts/{PTS}/positions", {"BTC": "-50"})
        # A round trip that takes its time: most kills hit while a move is out.
        slow = {"distribution": "uniform", "operation": "position_transfer", "min_ms": 10, "max_ms": 80}
        await client.faults(PTS, latency=[slow])

        async def move(key: str) -> Any:
            body = {"currency": "BTC", "quantity": wanted[key]}
            url, headers = system.url + AT + "/positions/transfer", {"Idempotency-Key": key}
            async with session.post(url, json=body, headers=headers) as response:
                return await response.json(content_type=None)

        for cycle in range(CYCLES):
            fresh = [f"k-{cycle}-{number}" for number in range(MOVES)]
            for key in fresh:
                wanted[key] = f"{Decimal(len(wanted) + 1) / 1000}"
            asked = [asyncio.create_task(move(key)) for key in fresh]
            await asyncio.wait(asked, timeout=draw.uniform(0, DELAY_S_MAX))
            await asyncio.to_thread(system.router.stop, signal.SIGKILL)
            await asyncio.gather(*asked, return_exceptions=True)
            await asyncio.to_thread(system.start_router)
            for key in wanted:
                await _settled(client, move, key)
        ended = {key: await _settled(client, move, key) for key in wanted}
        page = await client.call("GET", f"{AT}/positions/activity?types=position-transfer&limit=100")
        done = Counter(row["quantity"] for row in page[1]["data"])
    assert all(times == 1 for times in done.values()), done
    for key, quantity in wanted.items():
        assert (ended[key]["status"] == "done") == (quantity in done), (key, ended[key])
    assert "done" in {operation["status"] for operation in ended.values()}


async def _settled(client: Client, move: Any, key: str) -> Any:
    """The operation of a key as it ended; a move that was never accepted is made now."""

    async def look() -> Any:
        await move(key)
        _, page = await client.call("GET", f"{AT}/operations?limit=100")
        found = next((row for row in page["data"] if row["idempotency_key"] == key), None)
        return found if found is not None and found["status"] != "pending" else None

    return await client.eventually(look)
