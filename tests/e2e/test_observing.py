"""What a router's log says of an order, and that nobody has to read it."""

import asyncio
import os
import re
import select
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.system import PTS, TOKENS, Client, order_body

STAGES = ("accepted_us", "quoted_us", "intended_us", "sent_us", "answered_us", "ended_us")
END_S = 15.0


async def test_an_order_that_went_as_it_should_is_one_line(client: Client) -> None:
    _, order = await client.order("one-line-1")
    router = client.system.router
    line = await asyncio.to_thread(router.until, "order", order_id=order["id"])
    assert [each for each in router.log if order["id"] in str(each.values())] == [line]
    assert {name: line[name] for name in ("client_order_id", "status", "connection", "venue_order_id")} == {
        "client_order_id": "one-line-1",
        "status": "filled",
        "connection": order["connection"]["id"],
        "venue_order_id": order["venue_order_id"],
    }
    assert (line["quotes"], line["out"]) == (2, {"insufficient_balance": 1})
    stages = {name: line[name] for name in STAGES}
    assert all(took is not None for took in stages.values()), stages
    assert stages["quoted_us"] <= stages["intended_us"] <= stages["sent_us"] <= stages["answered_us"], stages


async def test_an_order_that_was_refused_says_so_at_once_and_when_it_ended(client: Client) -> None:
    fault = {
        "kind": "refuse",
        "operation": "order",
        "error_name": "backend:trade:marginLongNOP",
        "count": 1,
    }
    await client.faults(PTS, rest=[fault])
    status, problem = await client.order("refused-1", connections=["pts"])
    assert (status, problem["code"]) == (422, "credit_long_limit")
    router = client.system.router
    warning = await asyncio.to_thread(router.until, "order_changed", order_id=problem["order_id"])
    line = await asyncio.to_thread(router.until, "order", order_id=problem["order_id"])
    assert (warning["level"], warning["code"]) == ("warning", "credit_long_limit")
    assert (line["status"], line["code"]) == ("rejected", "credit_long_limit")


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that takes no more, and that nobody reads."""
    reader, writer = os.pipe()
    poll = select.poll()
    poll.register(writer, select.POLLOUT)
    while poll.poll(0):
        os.write(writer, b"." * select.PIPE_BUF)
    yield writer
    os.close(reader)
    os.close(writer)


async def test_a_log_that_nobody_reads_stops_no_order(client: Client, tmp_path: Path, full_pipe: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "router.toml"
    text = client.system.config.read_text().replace("port = 0", f"port = {port}")
    config.write_text(re.sub(r'url = "sqlite://[^"]*"', f'url = "sqlite://{tmp_path}/router.db"', text))
    url = f"http://127.0.0.1:{port}"
    router = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "router", "serve", "--config", str(config)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=full_pipe,
        env={**os.environ, **TOKENS},
    )
    try:

        async def ready() -> bool:
            try:
                async with client.session.get(f"{url}/v1/connections") as answer:
                    connections: dict[str, Any] = await answer.json()
            except aiohttp.ClientConnectionError:
                return False
            return all(each["state"] == "ready" for each in connections["data"])

        await client.eventually(ready)
        async with client.session.post(f"{url}/v1/orders", json=order_body("unread-1")) as answer:
            assert (answer.status, (await answer.json())["status"]) == (200, "filled")
        router.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END_S):
            assert await router.wait() == 0
    finally:
        if router.returncode is None:
            router.kill()
            await router.wait()
