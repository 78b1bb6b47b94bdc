"""An adapter through ccxt for Kraken, against the simulated exchange in the same loop, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp

from router.core.model import Connection, OrderType, OutboundOrder, Side, TimeInForce
from router.ports import ConnectionState
from router.secrets import Secret, joined
from router.settings import CcxtSettings, CompetitionSettings, ConnectionType
from tests.contract.venue_kit import TIMING, Clock, Recorder
from tests.unit.venues.support import draws
from venues.ccxt_venue.adapter import CcxtVenue
from venues.registry import Registry
from venues.simulator.app import Simulator
from venues.simulator.settings import build
from venues.transport.timing import Timing

D = Decimal
API_KEY = "kraken-key-0123456789"
SECRET = "bm90LWEtcmVhbC1zZWNyZXQtMDEyMzQ1Njc4OQ=="
PRODUCT = "BTC-USD"
ACCOUNT = "desk"


def world(**kraken: Any) -> dict[str, Any]:
    return {
        "seed": 7,
        "products": [
            {
                "name": PRODUCT,
                "base_currency": "BTC",
                "quote_currency": "USD",
                "mid": "100.00",
                "tick_ms": 3_600_000,
                "bids": [["99.90", "5"], ["99.80", "5"]],
                "asks": [["100.10", "5"], ["100.20", "5"]],
            }
        ],
        "accounts": [{"id": "unused", "name": "Unused", "token": "unused"}],
        "kraken": {
            "requests_per_second": 1000,
            "accounts": [
                {
                    "id": ACCOUNT,
                    "api_key": API_KEY,
                    "secret": SECRET,
                    "balances": {"USD": "10000", "BTC": "3"},
                }
            ],
            **kraken,
        },
    }


def settings(base_url: str, **changed: Any) -> CcxtSettings:
    fields: dict[str, Any] = {
        "connection": Connection("kraken-spot", "Kraken", False, "ccxt", Decimal(26)),
        "type": ConnectionType.EXCHANGE,
        "enabled": True,
        "account_id": "kraken-0123456789abcdef",
        "token": joined({"api_key": Secret(API_KEY), "secret": Secret(SECRET)}),
        "base_url": base_url,
        "requests_per_second": 1000,
        "settling_window_ms": 1000,
        "exchange": "kraken",
        "has_password": False,
    }
    return CcxtSettings(**fields | changed)


def order(name: str = "o-1", **changed: Any) -> OutboundOrder:
    """A buy of 1 BTC that the pinned book fills at once."""
    fields: dict[str, Any] = {
        "connection_id": "kraken-spot",
        "venue_client_order_id": name,
        "product": PRODUCT,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": D(1),
        "quantity_currency": "BTC",
        "limit_price": D("100.20"),
        "time_in_force": TimeInForce.IOC,
    }
    return OutboundOrder(**fields | changed)


@dataclass
class Stage:
    venue: CcxtVenue
    listener: Recorder
    base_url: str
    session: aiohttp.ClientSession
    simulator: Simulator

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.base_url}/_simulator/kraken/{path}"
        async with self.session.request(method, url, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def submit(self, wanted: OutboundOrder) -> Any:
        assert self.venue.take_order_budget()
        return await self.venue.submit(wanted)

    async def fault(self, kind: str, operation: str, **fields: Any) -> None:
        await self.control("PUT", "faults", {"rest": [{"kind": kind, "operation": operation, **fields}]})

    async def arrived(self, path: str) -> int:
        """How many calls of a name arrived there."""
        # Those that hang still are in no log yet.
        counted = (await self.control("GET", "../state"))["counters"]["requests"]
        return sum(count for name, count in counted.items() if name.endswith(f"/{path}"))

    async def orders(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.control("GET", f"accounts/{ACCOUNT}/orders"))["data"]
        return found


@asynccontextmanager
async def kraken(
    *, ready: bool = True, timing: Timing = TIMING, requests_per_second: int = 1000, **exchange: Any
) -> AsyncIterator[Stage]:
    simulator = Simulator(build(world(**exchange)))
    host, port = await simulator.start()
    base_url = f"http://{host}:{port}"
    registry = Registry(CompetitionSettings(), Clock(), draws(), timing)
    venue = registry.build(settings(base_url, requests_per_second=requests_per_second))
    listener = Recorder()
    running = asyncio.create_task(venue.run(listener))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        try:
            if ready:
                await listener.until(lambda: venue.health().state is ConnectionState.READY)
            yield Stage(venue, listener, base_url, session, simulator)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await simulator.stop()
            # The transports of what was closed are let go of in the loop's next round.
            await asyncio.sleep(0)
