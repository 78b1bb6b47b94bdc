"""A simulator with custody users beside its trading accounts, spoken to over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sim_harness import Client, Reply, raw_settings, running

TOKEN = "simulated-custody-token"
OTHER_TOKEN = "simulated-custody-token-of-another"
ETH = "a1" * 16
BTC = "b2" * 16
OTHERS = "c3" * 16
ENTERPRISE = "e5" * 16
# One more than doubles hold exactly, and one that JavaScript prints with an exponent.
ODD = 2**53 + 1
HUGE = 123_456_789_012_345_678_901_234
NEVER_MANY = 1_000_000

WALLETS: list[dict[str, Any]] = [
    {
        "id": ETH,
        "coin": "eth",
        "label": "Cold Ether",
        "type": "cold",
        "balance": str(HUGE),
        "confirmed": str(HUGE - 5),
        "spendable": str(ODD),
        "tokens": {"usdc": {"balance": "1500000"}, "usdt": {"balance": str(ODD), "spendable": "1"}},
    },
    {"id": BTC, "coin": "btc", "label": "Vault", "balance": "250000000", "spendable": "200000000"},
]


def user(**changes: Any) -> dict[str, Any]:
    return {
        "id": "fund",
        "token": TOKEN,
        "enterprise": ENTERPRISE,
        "requests_per_minute": NEVER_MANY,
        "wallets": WALLETS,
        **changes,
    }


def with_custody(*users: dict[str, Any]) -> dict[str, Any]:
    other = {
        "id": "other",
        "token": OTHER_TOKEN,
        "wallets": [{"id": OTHERS, "coin": "btc", "label": "Theirs"}],
    }
    return {**raw_settings(), "custody": [*(users or (user(),)), other]}


class Custody:
    """The custody API and its control endpoint, as the user `fund` unless another token is given."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def get(self, path: str, token: str | None = TOKEN) -> Reply:
        return await self.client.send("GET", f"/api/v2/{path}", token=token)

    async def ok(self, path: str) -> dict[str, Any]:
        reply = await self.get(path)
        assert reply.status == 200, reply.text
        return reply.json

    async def pages(self, path: str, rows: str) -> list[list[str]]:
        """Follow `nextBatchPrevId` to the end; give the ids page by page."""
        found: list[list[str]] = []
        after = ""
        while True:
            answer = await self.ok(path + after)
            found.append([row["id"] for row in answer[rows]])
            if "nextBatchPrevId" not in answer:
                return found
            assert answer["nextBatchPrevId"] == found[-1][-1]
            after = f"&prevId={answer['nextBatchPrevId']}"

    async def control(self, method: str, path: str, body: Any = None, expect: int = 200) -> dict[str, Any]:
        return await self.client.control(method, f"custody/fund/{path}".rstrip("/"), body, expect)

    async def transfer(self, wallet: str = ETH, **fields: Any) -> dict[str, Any]:
        body = {"type": "receive", "value": "1000", **fields}
        return await self.control("POST", f"wallets/{wallet}/transfers", body)

    async def move(self, transfer: str, state: str, wallet: str = ETH, **fields: Any) -> dict[str, Any]:
        return await self.control("PUT", f"wallets/{wallet}/transfers/{transfer}", {"state": state, **fields})


@asynccontextmanager
async def custody(*users: dict[str, Any]) -> AsyncIterator[Custody]:
    async with running(with_custody(*users)) as client:
        yield Custody(client)
