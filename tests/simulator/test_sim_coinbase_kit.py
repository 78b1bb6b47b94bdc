"""Portfolios of a simulated Coinbase Prime, spoken to with signed requests over real sockets."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from sim_harness import NEVER_MS, Client, Reply, raw_settings, running

CB_SPOT = "e8bbed13-fa33-41de-86d5-4335d8f08166"
CB_PTS = "85874114-c465-4df7-a1bd-e4b17b4d3ddf"
KEYS = {
    CB_SPOT: ("simulated-key-spot", "simulated-passphrase-spot", "c2ltdWxhdGVkIHNwb3Q="),
    CB_PTS: ("simulated-key-pts", "simulated-passphrase-pts", "c2ltdWxhdGVkIHB0cw=="),
}
MANY = 100_000
GIVE_UP_S = 20
# Far enough from every book here to be marketable.
LIMITS = {"BUY": "120", "SELL": "80"}


def portfolio(identity: str = CB_SPOT, **changes: Any) -> dict[str, Any]:
    key, passphrase, signing_key = KEYS[identity]
    return {
        "portfolio_id": identity,
        "name": "Coinbase",
        "access_key": key,
        "passphrase": passphrase,
        "signing_key": signing_key,
        "requests_per_second": MANY,
        "burst": MANY,
        **changes,
    }


def spot(**changes: Any) -> dict[str, Any]:
    return portfolio(CB_SPOT, **{"balances": {"USD": "100000", "BTC": "10"}, **changes})


def pts(**changes: Any) -> dict[str, Any]:
    return portfolio(CB_PTS, **{"credit": {"limit": "1000"}, **changes})


def with_coinbase(*portfolios: dict[str, Any], **server: Any) -> dict[str, Any]:
    """Give settings in which BTC-USD is pinned at 99.90/100.10 and ETH-USD stands at 50."""
    raw = raw_settings(**server)
    raw["products"].append(
        {
            "name": "ETH-USD",
            "base_currency": "ETH",
            "quote_currency": "USD",
            "mid": "50",
            "tick_ms": NEVER_MS,
            "spread_bps": "20",
        }
    )
    raw["coinbase"] = list(portfolios or (spot(), pts()))
    raw["coinbase_address"] = {"requests_per_second": 1_000_000}
    return raw


def sign(signing_key: str, timestamp: str, method: str, path: str, body: bytes) -> str:
    digest = hmac.new(signing_key.encode(), f"{timestamp}{method}{path}".encode() + body, hashlib.sha256)
    return base64.b64encode(digest.digest()).decode()


def signed(
    method: str, path: str, body: bytes, identity: str = CB_SPOT, at: str | None = None
) -> dict[str, str]:
    key, passphrase, signing_key = KEYS[identity]
    timestamp = str(int(time.time())) if at is None else at
    return {
        "X-CB-ACCESS-KEY": key,
        "X-CB-ACCESS-PASSPHRASE": passphrase,
        "X-CB-ACCESS-TIMESTAMP": timestamp,
        "X-CB-ACCESS-SIGNATURE": sign(signing_key, timestamp, method, path.partition("?")[0], body),
    }


class Prime:
    """One portfolio and its part of the control endpoint."""

    def __init__(self, client: Client, identity: str = CB_SPOT) -> None:
        self.client = client
        self.identity = identity

    def of(self, identity: str) -> "Prime":
        return Prime(self.client, identity)

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Send exactly this; `headers` go in the place of those that are signed with."""
        given = {**signed(method, path, body, self.identity), **headers}
        url = self.client.base + path
        async with self.client.session.request(method, url, data=body or None, headers=given) as reply:
            return Reply(reply.status, await reply.text(), reply.headers)

    async def call(self, method: str, path: str, body: Any = None) -> Reply:
        raw = b"" if body is None else json.dumps(body).encode()
        return await self.send(method, f"/v1/portfolios/{self.identity}/{path}", raw)

    async def get(self, path: str) -> Any:
        reply = await self.call("GET", path)
        assert reply.status == 200, reply.text
        return reply.json

    async def rfq(self, **fields: Any) -> Reply:
        return await self.call("POST", "rfq", quote_body(**fields))

    async def quote(self, **fields: Any) -> dict[str, Any]:
        reply = await self.rfq(**fields)
        assert reply.status == 200, reply.text
        return reply.json

    async def accept(self, quote_id: str, **fields: Any) -> Reply:
        body = {"product_id": "BTC-USD", "side": "BUY", "client_order_id": str(uuid4()), **fields}
        return await self.call("POST", "accept_quote", {**body, "quote_id": quote_id})

    async def accepted(self, quote_id: str, **fields: Any) -> str:
        reply = await self.accept(quote_id, **fields)
        assert reply.status == 200, reply.text
        return reply.json["order_id"]

    async def place(self, **fields: Any) -> Reply:
        return await self.call("POST", "order", order_body(**fields))

    async def placed(self, **fields: Any) -> dict[str, Any]:
        reply = await self.place(**fields)
        assert reply.status == 200, reply.text
        return await self.order(reply.json["order_id"])

    async def order(self, order_id: str) -> dict[str, Any]:
        return (await self.get(f"orders/{order_id}"))["order"]

    async def until(self, order_id: str, *statuses: str) -> dict[str, Any]:
        """Read an order until it has one of these statuses; what never comes is an error."""
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                order = await self.order(order_id)
                if order["status"] in statuses:
                    return order

    async def listed(self) -> list[dict[str, Any]]:
        """Read the orders that are over until there are any; what never comes is an error."""
        async with asyncio.timeout(GIVE_UP_S):
            while not (found := (await self.get("orders"))["orders"]):
                pass
        return found

    async def balance(self, asset: str) -> tuple[str, str]:
        rows = {row["symbol"]: row for row in (await self.get("balances"))["balances"]}
        return rows[asset]["amount"], rows[asset]["holds"]

    async def credit(self) -> dict[str, Any]:
        return (await self.get("credit"))["post_trade_credit"]

    async def control(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        return await self.client.control(method, f"coinbase/{self.identity}/{path}".rstrip("/"), body, expect)

    async def faults(self, **faults: Any) -> None:
        await self.control("PUT", "faults", faults)


def quote_body(**fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "product_id": "BTC-USD",
        "side": "BUY",
        "client_quote_id": str(uuid4()),
        "base_quantity": "0.5",
        **fields,
    }
    body.setdefault("limit_price", LIMITS.get(body["side"], "120"))
    # None stands for a field that is left out.
    return {name: value for name, value in body.items() if value is not None}


def order_body(**fields: Any) -> dict[str, Any]:
    body = {
        "product_id": "BTC-USD",
        "side": "BUY",
        "client_order_id": str(uuid4()),
        "type": "MARKET",
        "base_quantity": "1",
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


def message(reply: Reply) -> str:
    """Give the sentence of a refusal, whose body has nothing else."""
    assert list(reply.json) == ["message"], reply.text
    return reply.json["message"]


@asynccontextmanager
async def prime(*portfolios: dict[str, Any], **server: Any) -> AsyncIterator[Prime]:
    async with running(with_coinbase(*portfolios, **server)) as client:
        yield Prime(client)


def test_the_kit_signs_as_published() -> None:
    """The vector was made with openssl: printf '%s' MESSAGE | openssl dgst -sha256 -hmac KEY -binary."""
    given = sign("key", "1700000000", "POST", "/v1/portfolios/x/rfq", b'{"a": "1"}')
    assert given == "Ui6lmU9TKRMLHjN9FWkwzeXpJ4BkxY0AkYa6PsAo3qM="


async def test_ids_follow_from_the_seed() -> None:
    async def ids() -> tuple[str, str]:
        async with prime() as api:
            quote = await api.quote()
            return quote["quote_id"], await api.accepted(quote["quote_id"])

    first = await ids()
    assert first == await ids()
    assert all(UUID(one).version == 4 for one in first)
