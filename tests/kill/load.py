"""The load: a few clients at once that ask again, with the same id, after a broken answer."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import aiohttp
import msgspec

KINDS: Final = (
    *("market", "market", "market_spot", "limit_ioc", "rest", "rest_and_cancel", "rest_and_cancel"),
    *("rfq", "next_best", "twins"),
)
ANSWER_S: Final = 20.0
FINAL: Final = ("filled", "canceled", "rejected", "expired")


class Answer(msgspec.Struct, frozen=True):
    """What a client was told: an order as it was then, or why there is none."""

    status: int
    body: dict[str, Any]
    retry_after: str | None = None

    @property
    def order_id(self) -> str | None:
        """The order that was told of; None where nothing was accepted."""
        if self.status < 300:
            return str(self.body["id"])
        order_id = self.body.get("order_id")
        return None if order_id is None else str(order_id)

    @property
    def end(self) -> dict[str, Any] | None:
        """What was said to be final; None where nothing was."""
        if self.order_id is None:
            return None
        if self.status >= 300:
            return {"status": "rejected", "code": self.body["code"]}
        if self.body["status"] not in FINAL:
            return None
        return end_of(self.body)


def end_of(order: Mapping[str, Any]) -> dict[str, Any]:
    """What of a final order never changes."""
    error = order["error"]
    said = {"status": order["status"], "code": None if error is None else error["code"]}
    if order["status"] == "rejected":
        return said
    names = ("filled_quantity", "leaves_quantity", "average_price", "venue_order_id", "fee")
    return said | {name: order[name] for name in names}


class Wish(msgspec.Struct):
    """One order that a client wants, under one idempotency key, whatever happens to the router meanwhile."""

    key: str
    kind: str
    body: dict[str, Any]
    rfq_id: str | None = None
    answers: list[Answer] = []
    unanswered: bool = False


def wishes(draws: random.Random, cycle: int) -> list[Wish]:
    """What is wanted in one cycle; every quantity has digits of its own."""
    return [_wish(draws, f"c{cycle}-{number}") for number in range(draws.randint(3, 7))]


def _wish(draws: random.Random, key: str) -> Wish:
    kind = draws.choice(KINDS)
    side = draws.choice(("buy", "sell"))
    body: dict[str, Any] = {
        "client_order_id": key,
        "product": "BTC-USD",
        "side": side,
        "type": "market",
        "quantity": f"{Decimal(draws.randint(100_000, 90_000_000)).scaleb(-8):f}",
        "quantity_currency": "BTC",
    }
    if kind == "market_spot":
        body["connections"] = ["spot"]
    elif kind == "limit_ioc":
        body |= {"type": "limit", "limit_price": "101" if side == "buy" else "99", "time_in_force": "IOC"}
    elif kind in ("rest", "rest_and_cancel"):
        body |= {"type": "limit", "limit_price": "60" if side == "buy" else "140"}
    elif kind == "next_best":
        body["on_credit_failure"] = "next_best"
    return Wish(key, kind, body)


class Caller:
    """Speaks to one run of the router. What breaks a connection is the kill, and leaves a wish unanswered."""

    def __init__(self, url: str, draws: random.Random) -> None:
        self._url = url
        self._draws = draws
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_S))
        self.rate_limited = 0

    async def close(self) -> None:
        """End every connection."""
        await self._session.close()

    async def play(self, wish: Wish) -> None:
        """Ask for what is wished, at a moment of its own; one that was never answered is asked again."""
        await asyncio.sleep(self._draws.random() * 0.05)
        try:
            await self._play(wish)
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            wish.unanswered = True

    async def _play(self, wish: Wish) -> None:
        wish.unanswered = False
        if wish.kind == "rfq":
            await self._accept(wish)
        elif wish.kind == "twins":
            await asyncio.gather(self._order(wish), self._order(wish))
        else:
            await self._order(wish)
        told = wish.answers[-1]
        if wish.kind == "rest_and_cancel" and told.status == 200 and told.body["status"] == "new":
            await self.cancel(told.body["id"])

    async def _order(self, wish: Wish) -> None:
        wish.answers.append(await self.call("POST", "/v1/orders", wish.body))

    async def _accept(self, wish: Wish) -> None:
        if wish.rfq_id is None:
            asked = {k: wish.body[k] for k in ("product", "side", "quantity", "quantity_currency")}
            answer = await self.call("POST", "/v1/rfqs", asked)
            if answer.status != 201:
                wish.answers.append(answer)
                return
            wish.rfq_id = answer.body["id"]
        path = f"/v1/rfqs/{wish.rfq_id}/accept"
        wish.answers.append(await self.call("POST", path, {"client_order_id": wish.key}))

    async def cancel(self, order_id: str) -> Answer:
        """Ask for an order to be cancelled."""
        return await self.call("POST", f"/v1/orders/{order_id}/cancel")

    async def orders(self, *, everything: bool) -> list[dict[str, Any]]:
        """The newest orders, or all of them, as the router tells them."""
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await self.call("GET", "/v1/orders?limit=100" + (f"&cursor={cursor}" if cursor else ""))
            found += page.body["data"]
            cursor = page.body["next_cursor"] if everything else None
        return found

    async def call(self, method: str, path: str, body: object = None) -> Answer:
        """Call the router."""
        async with self._session.request(method, self._url + path, json=body) as response:
            answered = await response.json(content_type=None)
            return Answer(response.status, answered, response.headers.get("Retry-After"))


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[Caller]:
    """A client of one run of the router, for the length of the block."""
    caller = Caller(url, random.Random(1))  # noqa: S311 - only `play` draws
    try:
        yield caller
    finally:
        await caller.close()


_ASKED: Final[Mapping[str, object]] = {
    "feed": {"kind": "stale", "channel": "level2"},
    "latency": [
        {"operation": "order", "distribution": "uniform", "min_ms": 1, "max_ms": 20},
        {"operation": "book", "distribution": "uniform", "min_ms": 5, "max_ms": 100},
    ],
}
"""Its prices must be asked for, and take time: kills meet orders that are accepted and not decided."""
FAULTS: Final[tuple[Mapping[str, object], ...]] = (
    {},
    {},
    {"rest": [{"kind": "lost_after", "operation": "order", "probability": 0.3}]},
    {"rest": [{"kind": "lost_before", "operation": "order", "probability": 0.3}]},
    {"rest": [{"kind": "hang_after", "operation": "order", "probability": 0.3, "ms": 150}]},
    {"rest": [{"kind": "late_before", "operation": "order", "probability": 0.3, "ms": 60}]},
    {"rest": [{"kind": "status", "operation": "order", "count": 1, "status": 503, "processed": True}]},
    {"rest": [{"kind": "lost_after", "operation": "cancel", "probability": 0.5}]},
    {"orders": {"partial_fill": "0.37"}},
    {"orders": {"duplicate_messages": True, "reorder_messages": True}},
    {"orders": {"drop_messages": True}},
    {"orders": {"delay_ms": 40}},
    {"orders": {"delay_ms": 80, "drop_messages": True}},
    {"credit": {"exhausted": True}},
    {"credit": {"exhausted": True}, "orders": {"partial_fill": "0.5"}},
    _ASKED,
    _ASKED,
)
"""How a counterparty may behave during a cycle. What it takes, it takes within the settling window."""


def faults(draws: random.Random) -> Mapping[str, object]:
    """A counterparty's behaviour for one cycle: slow at least, so that kills meet orders under way."""
    latency = {"operation": "order", "distribution": "uniform", "min_ms": 1, "max_ms": draws.choice((10, 80))}
    return {"latency": latency, **draws.choice(FAULTS)}
