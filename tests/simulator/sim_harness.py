"""A simulator in the test's own loop, spoken to over real sockets."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from venues.simulator.app import Simulator
from venues.simulator.settings import build

PREFIX = "/api/prime/trading/v1"
SPOT = "60e740e7898f7d00064d43769a73dc48"
PTS = "60e740e7898f7d00064d43769a73dc49"
TOKENS = {SPOT: "simulated-spot-token", PTS: "simulated-pts-token"}
NEVER_MS = 3_600_000

_RAW: dict[str, Any] = {
    "seed": 7,
    "server": {"minute_ms": 40},
    "products": [
        {
            "name": "BTC-USD",
            "base_currency": "BTC",
            "quote_currency": "USD",
            "mid": "100.00",
            "tick_ms": NEVER_MS,
            "bids": [["99.90", "5"], ["99.80", "5"]],
            "asks": [["100.10", "5"], ["100.20", "5"]],
        },
        {
            "name": "TBTC-TUSD*",
            "base_currency": "TBTC",
            "quote_currency": "TUSD*",
            "mid": "100.00",
            "tick_ms": NEVER_MS,
        },
    ],
    "accounts": [
        {
            "id": SPOT,
            "name": "Treasury",
            "token": TOKENS[SPOT],
            "requests_per_second": 100_000,
            "balances": {"USD": "1000000", "BTC": "10", "TUSD*": "1000"},
        },
        {
            "id": PTS,
            "name": "Margin",
            "token": TOKENS[PTS],
            "requests_per_second": 100_000,
            "funded": False,
            "margin": True,
            "price_offset_bps": "20",
            "collateral": {"USD": "500000"},
            "limits": {"BTC": {"long": "1000000", "short": "1000000"}},
        },
    ],
}


def raw_settings(**server: Any) -> dict[str, Any]:
    raw: dict[str, Any] = copy.deepcopy(_RAW)
    raw["server"].update(server)
    return raw


class Reply:
    def __init__(self, status: int, text: str, headers: CIMultiDictProxy[str]) -> None:
        self.status, self.text, self.headers = status, text, headers

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error_name(self) -> str:
        return self.json["errorName"]


class Client:
    def __init__(self, session: aiohttp.ClientSession, base: str, simulator: Simulator) -> None:
        self.session, self.base, self.simulator = session, base, simulator

    async def send(self, method: str, path: str, token: str | None = None, **options: Any) -> Reply:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = URL(self.base + path, encoded=True)
        async with self.session.request(method, url, headers=headers, **options) as reply:
            return Reply(reply.status, await reply.text(), reply.headers)

    async def call(self, method: str, path: str, account: str = SPOT, **options: Any) -> Reply:
        return await self.send(
            method, f"{PREFIX}/accounts/{account}/{path}", token=TOKENS[account], **options
        )

    async def get(self, path: str, account: str = SPOT) -> Reply:
        return await self.call("GET", path, account)

    async def place(self, account: str = SPOT, **fields: Any) -> Reply:
        body = market(**fields)
        if account == PTS:
            body.setdefault("fundingType", "margin")
        return await self.call("POST", "orders", account, json=body)

    async def cancel(self, order_id: str, account: str = SPOT) -> Reply:
        return await self.call("PUT", f"orders/{order_id}/cancel", account)

    async def order(self, order_id: str, account: str = SPOT) -> dict[str, Any]:
        return (await self.get(f"orders/{order_id}", account)).json

    async def balances(self, account: str = SPOT) -> dict[str, Any]:
        rows = (await self.get("balances", account)).json["data"]
        return {row["currency"]: row for row in rows}

    async def control(self, method: str, path: str, body: Any = None, expect: int = 200) -> dict[str, Any]:
        reply = await self.send(method, f"/_simulator/{path}", json=body)
        assert reply.status == expect, reply.text
        return reply.json

    async def account(
        self, method: str, path: str, body: Any = None, account: str = SPOT, expect: int = 200
    ) -> dict[str, Any]:
        return await self.control(method, f"accounts/{account}/{path}", body, expect)

    async def faults(self, account: str = SPOT, **faults: Any) -> dict[str, Any]:
        return await self.account("PUT", "faults", faults, account)

    async def ledger(self, account: str = SPOT) -> list[dict[str, Any]]:
        return (await self.account("GET", "orders", account=account))["data"]

    @asynccontextmanager
    async def feed(self, token: str | None = TOKENS[SPOT]) -> AsyncIterator["Feed"]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.ws_connect(f"{self.base}{PREFIX}/ws", headers=headers) as socket:
            yield Feed(socket)


class Feed:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def ask(self, kind: str, channel: str, account: str = SPOT, **fields: Any) -> dict[str, Any]:
        await self.socket.send_json({"type": kind, "accountId": account, "channel": channel, **fields})
        return await self.next()

    async def next(self) -> dict[str, Any]:
        return await self.socket.receive_json(timeout=5)

    async def until(self, **wanted: Any) -> list[dict[str, Any]]:
        """Give the messages up to the first that has these values."""
        seen = []
        while True:
            seen.append(await self.next())
            if all(seen[-1].get(name) == value for name, value in wanted.items()):
                return seen


def market(**fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "product": "BTC-USD",
        "type": "market",
        "side": "buy",
        "quantity": "1",
        "quantityCurrency": "BTC",
    }
    body.update(fields)
    return {name: value for name, value in body.items() if value is not None}


def limit(price: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "limit", "limitPrice": price, **fields}


def dec(text: object) -> Decimal:
    assert isinstance(text, str), text
    return Decimal(text)


@asynccontextmanager
async def running(raw: dict[str, Any] | None = None) -> AsyncIterator[Client]:
    simulator = Simulator(build(raw if raw is not None else raw_settings()))
    host, port = await simulator.start()
    try:
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Client(session, f"http://{host}:{port}", simulator)
    finally:
        await simulator.stop()
        # The transports of the closed connector are let go of in the loop's next round.
        await asyncio.sleep(0)
