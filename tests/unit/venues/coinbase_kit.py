"""Coinbase Prime on loopback: it says what a test wants, and refuses what is not signed as it must be."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from router.core.model import Connection, OrderType, OutboundOrder, Product, Side, TimeInForce
from router.ports import Clock
from router.ports.quotes import QuoteAsk
from router.secrets import Secret, joined
from router.settings import CoinbaseSettings, CompetitionSettings, ConnectionType
from tests.contract.venue_kit import Recorder
from tests.unit import build
from tests.unit.build import D
from tests.unit.venues.custody_platform import Asked, Platform, served
from tests.unit.venues.support import WallClock, draws
from venues.coinbase.adapter import CoinbasePrime
from venues.registry import Registry
from venues.transport.timing import Timing

FIXTURES = Path(__file__).parents[2] / "fixtures" / "coinbase"
PORTFOLIO = "e8bbed13-fa33-41de-86d5-4335d8f08166"
BELOW = f"/v1/portfolios/{PORTFOLIO}"
VENUE_ORDER = "82c6919f-6884-4127-95af-11db89b21ed3"
OUR_ORDER = "019075f2-0000-7000-8000-000000000001-1-cb-spot"
ACCESS_KEY, PASSPHRASE, SIGNING_KEY = "access-key-7", "pass-phrase-7", "c2lnbmluZy1rZXktNw=="
TOKEN = joined(
    {
        "access_key": Secret(ACCESS_KEY),
        "passphrase": Secret(PASSPHRASE),
        "signing_key": Secret(SIGNING_KEY),
    }
)
TIMING = Timing(order_ms=1000, read_ms=1000, connect_ms=300, backoff_ms_min=1, backoff_ms_max=5, stop_ms=200)


def fixture(name: str) -> Any:
    """A payload in the style of the documents."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


def order_row(**changed: Any) -> dict[str, Any]:
    """An order as it is listed, with some fields changed."""
    found: dict[str, Any] = fixture("order")["order"] | changed
    return found


def listed(*rows: Any, cursor: str = "", name: str = "orders") -> dict[str, Any]:
    """A page of a list; `cursor`: where it goes on."""
    return {
        name: list(rows),
        "pagination": {"next_cursor": cursor, "sort_direction": "DESC", "has_next": bool(cursor)},
    }


def settings(base_url: str, *, pts: bool = False, **changed: Any) -> CoinbaseSettings:
    fields: dict[str, Any] = {
        "connection": Connection("cb-pts" if pts else "cb-spot", "Coinbase", pts, "coinbase_prime", D(10)),
        "type": ConnectionType.EXCHANGE,
        "enabled": True,
        "portfolio_id": PORTFOLIO,
        "token": TOKEN,
        "base_url": base_url,
        "requests_per_second": 500,
        "settling_window_ms": 1000,
    }
    return CoinbaseSettings(**fields | changed)


def product(**changed: Any) -> Product:
    return build.product(**{"base_size_max": D(100), "quote_size_max": D(900_000)} | changed)


def ask(**changed: Any) -> QuoteAsk:
    """A question for a price to buy half a bitcoin."""
    fields: dict[str, Any] = {
        "id": "competition-1/cb-spot",
        "product": product(),
        "side": Side.BUY,
        "quantity": D("0.5"),
        "quantity_currency": "BTC",
        "reference_price": D("100"),
        "collar_bps": D(500),
    }
    return QuoteAsk(**fields | changed)


def outbound(**changed: Any) -> OutboundOrder:
    """A buy of half a bitcoin at its limit."""
    fields: dict[str, Any] = {
        "connection_id": "cb-spot",
        "venue_client_order_id": OUR_ORDER,
        "product": "BTC-USD",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": D("0.5"),
        "quantity_currency": "BTC",
        "limit_price": D("100.00"),
        "time_in_force": TimeInForce.IOC,
    }
    return OutboundOrder(**fields | changed)


class Prime(Platform):
    """One portfolio. A request that is not signed with its key, over exactly what came, is a 401."""

    def __init__(self) -> None:
        super().__init__()
        self.held = asyncio.Event()
        self._gates: dict[str, asyncio.Event] = {}
        self.says(f"{BELOW}/products", fixture("products"))
        self.says(f"{BELOW}/balances", fixture("balances"))
        self.says(f"{BELOW}/credit", fixture("credit"))
        self.says(f"{BELOW}/orders", listed())
        self.says(f"{BELOW}/open_orders", listed())

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not signed(request.headers, request.method, request.raw_path.partition("?")[0], body):
            self.asked.append(Asked(request, body))
            return web.json_response({"message": "invalid signature"}, status=401)
        gate = self._gates.get(request.path)
        if gate is not None:
            self.held.set()
            await gate.wait()
        return await super().handle(request)

    def hold(self, step: str) -> asyncio.Event:
        """Hold back the answers of a path below the portfolio until this is set; `held`: one waits."""
        gate = self._gates[f"{BELOW}/{step}"] = asyncio.Event()
        return gate

    def posted(self, step: str) -> list[Any]:
        """The bodies that came to a path below the portfolio."""
        line = f"POST {BELOW}/{step}"
        return [json.loads(asked.body) for asked in self.asked if asked.line == line]

    def count(self, line: str) -> int:
        """How often a method and path below the portfolio was asked for."""
        method, step = line.split(" ")
        return self.lines().count(f"{method} {BELOW}/{step}")

    def credit(self, **changed: Any) -> None:
        """How the credit line stands."""
        line = fixture("credit")["post_trade_credit"] | changed
        self.says(f"{BELOW}/credit", {"post_trade_credit": line})

    def refuses(self, step: str, message: str = "order rejected", status: int = 400) -> None:
        self.says(f"{BELOW}/{step}", {"message": message}, status, "POST")


def signed(headers: Mapping[str, str], method: str, path: str, body: bytes) -> bool:
    """Whether a request is signed as documented: written down here apart from the adapter."""
    text = headers.get("X-CB-ACCESS-TIMESTAMP", "") + method + path
    made = hmac.new(SIGNING_KEY.encode(), text.encode() + body, hashlib.sha256).digest()
    return (
        headers.get("X-CB-ACCESS-KEY") == ACCESS_KEY
        and headers.get("X-CB-ACCESS-PASSPHRASE") == PASSPHRASE
        and headers.get("X-CB-ACCESS-SIGNATURE") == base64.b64encode(made).decode()
    )


@dataclass
class Portfolio:
    """An adapter that runs against `prime`."""

    prime: Prime
    venue: CoinbasePrime
    listener: Recorder

    async def submit(self, order: OutboundOrder) -> Any:
        assert self.venue.take_order_budget()
        return await self.venue.submit(order)


@asynccontextmanager
async def portfolio(
    prime: Prime,
    *,
    pts: bool = False,
    timing: Timing = TIMING,
    clock: Clock | None = None,
    **changed: Any,
) -> AsyncIterator[Portfolio]:
    """The adapter over real sockets, once it is ready."""
    async with served(prime) as base_url:
        registry = Registry(CompetitionSettings(), clock or WallClock(), draws(), timing)
        venue = registry.build(settings(base_url, pts=pts, **changed))
        listener = Recorder()
        running = asyncio.create_task(venue.run(listener))
        try:
            await listener.until(lambda: venue.health().trades)
            yield Portfolio(prime, venue, listener)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await asyncio.sleep(0)
