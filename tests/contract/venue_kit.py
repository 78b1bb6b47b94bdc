"""What the tests of an adapter with a feed need of BitGo: a simulator, and what can go wrong with its feed.

A `Stage` is one adapter that runs against a counterparty of its own, over real sockets. The suite of all
adapters has kits of its own (`venues/`); the listener and the waits here are theirs too.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp

from router.core.errors import Code
from router.core.model import Connection, OrderReport, OrderType, OutboundOrder, Side, TimeInForce
from router.ports import ConnectionState, ForeignOrder, Health, Venue, VenueUnreachableError
from router.secrets import Secret
from router.settings import CompetitionSettings, ConnectionSettings, ConnectionType
from tests.unit.venues.support import draws
from venues.registry import Registry
from venues.simulator.app import Simulator
from venues.simulator.settings import build as simulated
from venues.transport.timing import Timing

D = Decimal
ACCOUNT = "60e740e7898f7d00064d43769a73dc48"
TOKEN = "v2x-not-a-real-token-0123456789abcdef"
PRODUCT = "BTC-USD"
STARRED = "TBTC-TUSD*"
TIMING = Timing(
    order_ms=600,
    read_ms=600,
    connect_ms=300,
    heartbeat_ms=400,
    feed_silence_ms=400,
    acknowledge_ms=400,
    resubscribe_ms=50,
    backoff_ms_min=5,
    backoff_ms_max=40,
    degraded_probe_ms=50,
    stop_ms=300,
)
WAIT_S = 10


class Clock:
    def now(self) -> int:
        return time.time_ns()


@dataclass
class Recorder:
    """A listener that keeps all it is told.

    `gate` holds `reconcile` back, `meanwhile` is done in it, `moved` is set by every event.
    """

    reports: list[OrderReport] = field(default_factory=list)
    statements: list[tuple[dict[str, Decimal], int]] = field(default_factory=list)
    states: list[ConnectionState] = field(default_factory=list)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    foreign: list[ForeignOrder] = field(default_factory=list)
    reconciled: int = 0
    refuse_reconcile: int = 0
    meanwhile: Callable[[], Awaitable[None]] | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def order_reported(self, connection_id: str, report: OrderReport) -> None:
        self.reports.append(report)
        self.moved.set()

    def balances_stated(self, connection_id: str, balances: Mapping[str, Decimal], asked_at: int) -> None:
        self.statements.append((dict(balances), asked_at))
        self.moved.set()

    def health_changed(self, connection_id: str, health: Health) -> None:
        self.states.append(health.state)
        self.moved.set()

    def request_answered(
        self, connection_id: str, operation: str, result: str, latency_ns: int, request_id: str | None
    ) -> None:
        self.requests.append((operation, result, request_id))
        self.moved.set()

    def bad_data(self, connection_id: str, product: str, what: str) -> None:
        self.bad.append((product, what))
        self.moved.set()

    def foreign_order(self, connection_id: str, order: ForeignOrder) -> None:
        self.foreign.append(order)
        self.moved.set()

    async def reconcile(self, connection_id: str) -> None:
        self.reconciled += 1
        self.moved.set()
        await self.gate.wait()
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.refuse_reconcile:
            self.refuse_reconcile -= 1
            raise VenueUnreachableError("not now")

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something that the adapter tells has come."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                self.moved.clear()
                await self.moved.wait()


@dataclass
class Stage:
    """One adapter that runs, and its counterparty's strings."""

    venue: Venue
    listener: Recorder
    control: Callable[..., Any]
    running: "asyncio.Task[None]"
    base_url: str

    @property
    def pts(self) -> bool:
        return self.venue.connection.pts

    def order(self, name: str = "o-1", **changed: Any) -> OutboundOrder:
        """A buy of 1 BTC that the pinned book fills at once."""
        fields: dict[str, Any] = {
            "connection_id": self.venue.connection.id,
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

    async def submit(self, order: OutboundOrder) -> Any:
        assert self.venue.take_order_budget()
        return await self.venue.submit(order)

    async def rest_fault(self, kind: str, operation: str, **fields: Any) -> None:
        await self.control("PUT", "faults", {"rest": [{"kind": kind, "operation": operation, **fields}]})

    async def order_fault(self, **fields: Any) -> None:
        await self.control("PUT", "faults", {"orders": fields})

    async def feed_fault(self, kind: str, channel: str | None = None) -> None:
        await self.control("PUT", "faults", {"feed": {"kind": kind, "channel": channel}})

    async def heal(self) -> None:
        await self.control("DELETE", "faults")

    async def drop_feed(self) -> None:
        await self.control("POST", "disconnect")

    async def pin(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        await self.control("PUT", f"books/{PRODUCT}", {"bids": bids, "asks": asks})

    async def requests(self) -> list[dict[str, Any]]:
        """Every REST call that reached the counterparty."""
        found: list[dict[str, Any]] = (await self.control("GET", "requests"))["data"]
        return found

    async def arrived(self, method: str, ending: str = "") -> int:
        """How many calls arrived there, those that hang still among them."""
        counted = (await self.control("GET", "/_simulator/state"))["counters"]["requests"]
        return sum(
            count
            for name, count in counted.items()
            if name.startswith(f"{method} ") and name.endswith(ending)
        )

    async def book(self, wanted: Callable[[Any], bool] = bool, product: str = PRODUCT) -> Any:
        """The first streamed book that fulfils a wish. A book has no event, so it is looked at."""
        async with asyncio.timeout(WAIT_S):
            while True:
                found = self.venue.book(product)
                if found is not None and wanted(found):
                    return found
                await asyncio.sleep(0.005)


Start = Callable[..., AbstractAsyncContextManager[Stage]]


@dataclass(frozen=True)
class Kit:
    """An adapter's kit: how to start it, and which refusal means what there."""

    start: Start
    pts: bool
    refusals: Mapping[str, Code]


def _settings(base_url: str, *, pts: bool, **changed: Any) -> ConnectionSettings:
    fields: dict[str, Any] = {
        "connection": Connection(
            "bitgo-pts" if pts else "bitgo-spot", "BitGo", pts, "bitgo_prime", Decimal(0)
        ),
        "type": ConnectionType.EXCHANGE,
        "enabled": True,
        "account_id": ACCOUNT,
        "token": Secret(TOKEN),
        "base_url": base_url,
        "requests_per_second": 1000,
        "settling_window_ms": 1000,
    }
    return ConnectionSettings(**fields | changed)


def _world(*, pts: bool, requests_per_second: int) -> dict[str, Any]:
    account: dict[str, Any] = {
        "id": ACCOUNT,
        "name": "Treasury",
        "token": TOKEN,
        "requests_per_second": requests_per_second,
        "balances": {"USD": "1000000", "BTC": "10"},
    }
    if pts:
        account |= {
            "funded": False,
            "margin": True,
            "balances": {},
            "collateral": {"USD": "500000"},
            "limits": {"BTC": {"long": "1000000", "short": "1000000"}},
        }
    return {
        "seed": 7,
        "products": [
            {
                "name": PRODUCT,
                "base_currency": "BTC",
                "quote_currency": "USD",
                "mid": "100.00",
                "tick_ms": 20,
                "bids": [["99.90", "5"], ["99.80", "5"]],
                "asks": [["100.10", "5"], ["100.20", "5"]],
            },
            {
                "name": STARRED,
                "base_currency": "TBTC",
                "quote_currency": "TUSD*",
                "mid": "100.00",
                "tick_ms": 20,
            },
        ],
        "accounts": [account],
    }


@asynccontextmanager
async def bitgo(
    *, pts: bool, requests_per_second: int = 1000, ready: bool = True, timing: Timing = TIMING
) -> AsyncIterator[Stage]:
    """An adapter for BitGo Prime against a simulator in the same loop, over real sockets."""
    simulator = Simulator(simulated(_world(pts=pts, requests_per_second=requests_per_second)))
    host, port = await simulator.start()
    base_url = f"http://{host}:{port}"
    registry = Registry(CompetitionSettings(), Clock(), draws(), timing)
    venue = registry.build(_settings(base_url, pts=pts, requests_per_second=requests_per_second))
    listener = Recorder()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:

        async def control(method: str, path: str, body: Any = None) -> Any:
            url = base_url + (path if path.startswith("/") else f"/_simulator/accounts/{ACCOUNT}/{path}")
            async with session.request(method, url, json=body) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

        running = asyncio.create_task(venue.run(listener))
        stage = Stage(venue, listener, control, running, base_url)
        try:
            if ready:
                await listener.until(lambda: venue.health().state is ConnectionState.READY)
            yield stage
        finally:
            running.cancel()
            await asyncio.wait({running})
            await simulator.stop()
            # The transports of what was closed are let go of in the loop's next round.
            await asyncio.sleep(0)


_COMMON: dict[str, Code] = {
    "Error": Code.VENUE_REJECTED,
    "backend:common:forbidden": Code.VENUE_REJECTED,
    "backend:common:malformedJSON": Code.VENUE_REJECTED,
    "backend:common:notFound": Code.VENUE_REJECTED,
    "backend:common:invalidRequest": Code.VENUE_REJECTED,
    "backend:common:invalidArgument": Code.VENUE_REJECTED,
    "backend:common:required": Code.VENUE_REJECTED,
    "backend:common:positiveIntegerRequired": Code.VENUE_REJECTED,
    "backend:common:rateLimitExceeded": Code.VENUE_UNAVAILABLE,
    "backend:externalAPI:invalidParameters": Code.VENUE_REJECTED,
    "backend:trade:invalidQuantity": Code.INVALID_QUANTITY,
    "backend:trade:invalidUserIntent": Code.VENUE_REJECTED,
    "backend:trade:invalidClientOrderID": Code.VENUE_REJECTED,
    "backend:trade:unsupportedProduct": Code.VENUE_REJECTED,
    "backend:trade:invalidLimitPrice": Code.INVALID_LIMIT_PRICE,
    "backend:trade:invalidStopTriggerPrice": Code.VENUE_REJECTED,
    "backend:trade:tradingDisabled": Code.TRADING_DISABLED,
    "backend:trade:productTradingDisabled": Code.TRADING_DISABLED,
    "backend:trade:productSideTradingDisabled": Code.TRADING_DISABLED,
    "backend:trade:productAlgoStrategyDisabled": Code.TRADING_DISABLED,
    "backend:trade:KYCNotApproved": Code.KYC_NOT_APPROVED,
    "backend:trade:velocityLimitBreached": Code.VELOCITY_LIMIT,
    "backend:trade:productMarginTradingDisabled": Code.CREDIT_MARGIN_DISABLED,
    "backend:trade:marginShortNOP": Code.CREDIT_SHORT_LIMIT,
    "backend:trade:marginLongNOP": Code.CREDIT_LONG_LIMIT,
    "backend:trade:marginTotalShortNOP": Code.CREDIT_TOTAL_SHORT_LIMIT,
    "backend:trade:marginInsufficientCollateral": Code.CREDIT_INSUFFICIENT_COLLATERAL,
    "backend:trade:willTriggerLiquidation": Code.CREDIT_LIQUIDATION,
}
_FUNDS = "backend:trade:insufficientFunds"


def _bitgo(*, pts: bool) -> Start:
    return lambda **options: bitgo(pts=pts, **options)


KITS: dict[str, Kit] = {
    "bitgo-spot": Kit(_bitgo(pts=False), False, _COMMON | {_FUNDS: Code.INSUFFICIENT_FUNDS}),
    "bitgo-pts": Kit(_bitgo(pts=True), True, _COMMON | {_FUNDS: Code.CREDIT_UNAVAILABLE}),
}
