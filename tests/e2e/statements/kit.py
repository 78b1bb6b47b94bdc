"""What a person at the desk does: requests to the router and commands in the terminal."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count
from typing import Any

import aiohttp

from tests.e2e.statements.world import ACCOUNTS, LIMITS, PRICES, RISK, World
from tests.e2e.system import Client

_numbers = count(1)


class Desk(Client):
    """A desk before a router. What takes a connection's name is for the connections of `world`.

    `control`, `faults`, `ledger` and `requests` are the counterparty's side, by the account's id.
    """

    async def read(self, path: str) -> Any:
        """What is answered; it has to be 200."""
        status, answer = await self.call("GET", path)
        assert status == 200, answer
        return answer

    async def terminal(self, *argv: str, input: str = "") -> tuple[int, str]:  # noqa: A002 - subprocess's word
        """Run `caas-router …` against the router; its exit code and what it printed."""

        def run() -> tuple[int, str]:
            ran = subprocess.run(
                [sys.executable, "-m", "router", *argv, "--url", self.system.url],
                capture_output=True,
                text=True,
                input=input,
                check=False,
                env={**os.environ, "COLUMNS": "200", "PYTHONUTF8": "1"},
            )
            return ran.returncode, ran.stdout + ran.stderr

        return await asyncio.to_thread(run)

    async def margin(self, connection: str, path: str) -> Any:
        """A reading of a PTS connection's margin."""
        return await self.read(f"/v1/connections/{connection}/margin/{path}")

    async def positions(self, connection: str) -> dict[str, Decimal]:
        """The open positions of a PTS connection, by asset; none is zero."""
        rows = (await self.margin(connection, "positions"))["data"]
        return {row["asset"]: amount(row["quantity"]) for row in rows if amount(row["quantity"])}

    async def move(self, connection: str, path: str, body: object) -> tuple[int, Any]:
        """Ask for a move of margin money under a key of its own."""
        url = f"{self.system.url}/v1/connections/{connection}/margin/{path}"
        headers = {"Idempotency-Key": unused("move")}
        async with self.session.post(url, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def on(self, *connections: str, **fields: object) -> tuple[int, Any]:
        """Send an order to these connections alone: by default a market order to buy 1 BTC for USD."""
        return await self.order(unused("order"), connections=list(connections), **fields)

    async def filled(self, *connections: str, **fields: object) -> Any:
        """As `on`; the order has to be filled."""
        status, order = await self.on(*connections, **fields)
        assert (status, order.get("status")) == (200, "filled"), order
        return order

    async def recorded(self, order: Mapping[str, Any]) -> Any:
        """An order with all its fills: it may be answered before they are written down."""

        async def whole() -> Any:
            found = await self.read(f"/v1/orders/{order['id']}")
            filled = sum(amount(fill["quantity"]) for fill in found["fills"])
            return found if filled == amount(found["filled_quantity"]) else None

        return await self.eventually(whole)

    async def rule(self, connection: str, what: str, body: object) -> Any:
        """Set what the counterparty has of an account: `positions`, `prices`, `risk` and so on."""
        return await self.control("PUT", f"/accounts/{ACCOUNTS[connection].id}/{what}", body)

    async def flat(self, connection: str) -> None:
        """Leave a PTS account without positions, at the prices and limits that it began with."""
        account = f"/accounts/{ACCOUNTS[connection].id}"
        for product in PRICES:
            await self.control("DELETE", f"{account}/books/{product}")
        await self.rule(connection, "prices", dict.fromkeys(PRICES))
        await self.rule(connection, "positions", dict.fromkeys(LIMITS, "0"))
        await self.rule(connection, "limits", LIMITS)
        await self.rule(connection, "risk", RISK)
        await self.control("POST", f"{account}/liquidation", {"active": False})

    async def standing(self, connection: str) -> Any:
        """How the counterparty itself has an account: balances, collateral, positions, margin state."""
        accounts = (await self.control("GET", "/state"))["accounts"]
        return next(row for row in accounts if row["id"] == ACCOUNTS[connection].id)

    async def sent(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The one request that the counterparty got for an order."""
        requests = await self.requests(ACCOUNTS[order["connection"]["id"]].id)
        [body] = [
            request["body"]
            for request in requests
            if request["method"] == "POST" and (request["client_order_id"] or "").startswith(order["id"])
        ]
        return dict(body)

    async def wire(self, connection: str, path: str) -> str:
        """What the counterparty itself answers to a reading of an account, as text."""
        account = ACCOUNTS[connection]
        url = f"{self.system.simulator_url}/api/prime/trading/v1/accounts/{account.id}/{path}"
        headers = {"Authorization": f"Bearer {account.token}"}
        async with self.session.get(url, headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.text()


@asynccontextmanager
async def desk_of(world: World) -> AsyncIterator[Desk]:
    """A desk before a world whose counterparty is healthy."""
    async with aiohttp.ClientSession() as session:
        desk = Desk(world, session)
        for account in ACCOUNTS.values():
            await desk.control("DELETE", f"/accounts/{account.id}/faults")
        await desk.until_all("ready")
        yield desk


def unused(kind: str) -> str:
    """A client order id, or a key, that no other test has."""
    return f"{kind}-{next(_numbers)}"


def amount(text: object) -> Decimal:
    """An amount of an answer, which has to be a text: a JSON number is no amount."""
    assert isinstance(text, str), text
    return Decimal(text)
