"""An order in doubt for good: the alarm, the list, a person's finding, and evidence that denies it.

Everything is followed on the event stream, and done as an operator does it: by the command line.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.e2e.system import PTS, START_S, Client, System, running

IN_DOUBT = {
    "rest": [
        {"kind": "lost_after", "operation": "order", "count": 1},
        {"kind": "status", "status": 503, "operation": "order_lookup", "count": None},
    ],
    "feed": {"kind": "silent", "channel": "orders"},
}
RESTING = {"type": "limit", "limit_price": "90", "quantity": "0.5", "connections": ["pts"]}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A router that raises the alarm a moment after the settling window."""
    yield from running(tmp_path_factory.mktemp("operator"), "in_doubt_alert_ms = 1")


class Events:
    """Reads the event stream."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.last_id = ""

    async def until(self, name: str, **fields: object) -> Any:
        """The data of the next event of this name with these fields."""
        async with asyncio.timeout(START_S):
            block: dict[str, str] = {}
            async for raw in self._answer.content:
                field, _, value = raw.decode().rstrip("\n").partition(": ")
                if field or value:
                    block[field] = value
                    continue
                event, block = block, {}
                self.last_id = event.get("id", self.last_id)
                data = json.loads(event.get("data", "{}"))
                if event.get("event") == name and fields.items() <= data.items():
                    return data
        raise AssertionError(f"the stream ended before {name} {fields}")


@asynccontextmanager
async def following(client: Client, query: str = "", after: str | None = None) -> AsyncIterator[Events]:
    """Follow what happens."""
    headers = {} if after is None else {"Last-Event-ID": after}
    async with client.session.get(f"{client.system.url}/v1/events{query}", headers=headers) as answer:
        assert answer.status == 200
        yield Events(answer)


async def command(client: Client, *argv: str) -> tuple[int, str]:
    """Run the command line against the router; its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "router", *argv, "--url", client.system.url),
        stdout=asyncio.subprocess.PIPE,
        env={"COLUMNS": "200", "PYTHONUTF8": "1"},
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def metric(client: Client, name: str) -> str | None:
    async with client.session.get(client.system.url + "/metrics") as response:
        lines = (await response.text()).splitlines()
    sample = f'caas_router_{name}{{connection="pts"}} '
    return next((line.removeprefix(sample) for line in lines if line.startswith(sample)), None)


async def test_from_the_doubt_to_the_finding_to_what_denies_it(client: Client) -> None:
    await client.control("PUT", f"/accounts/{PTS}/faults", IN_DOUBT)
    async with following(client) as events:
        order_id = await _found_absent(client, events)
        await _denied(client, events, order_id)
    _, read = await client.call("GET", f"/v1/orders/{order_id}")
    assert (read["filled_quantity"], read["finding"]["operator"]) == ("0.5", "J. Doe")
    assert len([o for o in await client.ledger(PTS) if order_id in str(o["client_order_id"])]) == 1


async def _found_absent(client: Client, events: Events) -> str:
    """An order goes into doubt, raises the alarm, is listed, and is found absent; its id."""
    status, order = await client.order("for-good-1", **RESTING)
    assert (status, order["in_doubt"]) == (202, True)
    order_id = order["id"]
    held = await events.until("competition", order_id=order_id)
    assert held["winner"] == {"id": "pts", "name": "BitGo pts", "pts": True}
    assert (await events.until("order", id=order_id, in_doubt=True))["doubt"] is not None

    # Past the settling window and the bound somebody is called, and finds it in the list.
    alarm = await asyncio.to_thread(client.system.router.until, "order_in_doubt_overdue")
    assert (alarm["level"], alarm["order_id"]) == ("error", order_id)
    assert await metric(client, "orders_in_doubt_overdue") == "1.0"
    _, page = await client.call("GET", "/v1/orders?in_doubt=true")
    assert [row["id"] for row in page["data"]] == [order_id]
    code, listed = await command(client, "orders", "--in-doubt")
    assert code == 0
    for part in ("BitGo pts PTS", "for-good-1", f"{order_id}-1-pts", "503"):
        assert part in listed

    said = ("--found", "absent", "--by", "J. Doe", "--reason", "not on their page")
    code, printed = await command(client, "orders", "resolve", "for-good-1", *said)
    assert code == 0
    assert "absent, by J. Doe: not on their page" in printed
    ended = await events.until("order", id=order_id, in_doubt=False)
    assert (ended["status"], ended["error"]["code"]) == ("rejected", "not_taken")
    assert ended["finding"]["contradicted_at"] is None
    assert await metric(client, "orders_in_doubt_overdue") == "0.0"
    again, problem = await client.call("POST", f"/v1/orders/{order_id}/finding", said_again())
    assert (again, problem["code"]) == (409, "order_not_in_doubt")

    return str(order_id)


async def _denied(client: Client, events: Events, order_id: str) -> None:
    """It was there all the time, and trades: what it traded is kept, and cried out."""
    await client.control("DELETE", f"/accounts/{PTS}/faults")
    await client.until_all("ready")
    asks = {"bids": [["88.00", "5"]], "asks": [["89.00", "5"]]}
    await client.control("PUT", f"/accounts/{PTS}/books/BTC-USD", asks)
    cry = await asyncio.to_thread(client.system.router.until, "contradicted", order_id=order_id)
    assert cry["level"] == "error"
    denied = await events.until("order", id=order_id, filled_quantity="0.5")
    assert denied["status"] == "rejected"
    assert denied["finding"]["contradicted_at"] is not None
    assert float(await metric(client, "contradictions_total") or 0) >= 1
    await client.control("DELETE", f"/accounts/{PTS}/books/BTC-USD")


async def test_who_comes_back_gets_what_was_missed_and_after_a_restart_is_told_so(client: Client) -> None:
    async with following(client) as events:
        _, order = await client.order("for-good-0", quantity="0.1", connections=["pts"])
        await events.until("order", id=order["id"], status="filled")
        last_id = events.last_id
    await client.order("for-good-2", quantity="0.1", connections=["pts"])
    async with following(client, "?types=order", after=last_id) as events:
        assert (await events.until("order", client_order_id="for-good-2"))["status"] is not None
    async with following(client) as events:
        assert client.system.router.stop() == 0
        with pytest.raises(AssertionError, match="the stream ended"):
            await events.until("nothing")
    await asyncio.to_thread(client.system.start_router)
    async with following(client, after=last_id) as events:
        assert "detail" in await events.until("reset")


def said_again() -> dict[str, str]:
    return {"finding": "absent", "operator": "J. Doe", "reason": "not on their page"}


async def test_an_execution_that_was_found_ends_it_with_its_quantities(client: Client) -> None:
    await client.control("PUT", f"/accounts/{PTS}/faults", IN_DOUBT)
    status, order = await client.order("for-good-3", quantity="0.5", connections=["pts"])
    assert (status, order["in_doubt"]) == (202, True)
    (taken,) = [o for o in await client.ledger(PTS) if order["id"] in str(o["client_order_id"])]
    found = {
        "finding": "executed",
        "operator": "J. Doe",
        "reason": "on their page",
        "venue_order_id": taken["id"],
        "filled_quantity": "0.5",
        "average_price": "100.10",
    }
    code, ended = await client.call("POST", f"/v1/orders/{order['id']}/finding", found)
    assert (code, ended["status"], ended["average_price"]) == (200, "filled", "100.10")
    await client.control("DELETE", f"/accounts/{PTS}/faults")

    async def detailed() -> Any:
        _, read = await client.call("GET", f"/v1/orders/{order['id']}")
        return read if read["fills"] else None

    # Its look-ups go on for the single executions, which agree.
    read = await client.eventually(detailed)
    assert (read["filled_quantity"], read["finding"]["contradicted_at"]) == ("0.5", None)
