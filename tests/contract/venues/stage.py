"""One adapter that runs against its simulated counterparty, and a kit: all that the suite is told of it.

The suite speaks its own words: operations (`Call`), situations (`Situation`) and abilities (`Can`). A kit
says how its simulator names them; the control endpoints themselves are alike.
"""

import asyncio
import enum
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import aiohttp
import msgspec

from router.core.errors import Code
from router.core.model import Book, OrderReport, OrderType, OutboundOrder, Quote, Side, Source, TimeInForce
from router.core.pricing import quote_from_levels
from router.ports import ConnectionState, Taken, Venue
from router.ports.quotes import FirmQuoting, QuoteAsk
from tests.contract.venue_kit import WAIT_S, Recorder
from venues.transport.timing import Timing

D = Decimal
ONE = D(1)
PRODUCT, OTHER = "BTC-USD", "ETH-USD"
SECOND = 1_000_000_000
USD, BTC = D("1000000.12"), D("10.00000001")
"""What a Spot account has: every digit of it must arrive."""
BIDS, ASKS = [["99.90", "5"], ["99.80", "5"]], [["100.10", "5"], ["100.20", "5"]]
PATIENT = Timing(
    order_ms=300,
    read_ms=600,
    connect_ms=300,
    heartbeat_ms=400,
    feed_silence_ms=2000,
    acknowledge_ms=400,
    resubscribe_ms=50,
    backoff_ms_min=5,
    backoff_ms_max=40,
    degraded_probe_ms=50,
    stop_ms=200,
)


class Can(enum.Enum):
    """What a kind of venue may have or not; each is declared, and the suite holds the adapter to it."""

    STREAM = "streams books"
    ASK = "shows a book when asked"
    FIRM = "quotes a firm price when asked"
    FEED = "has a feed without which it is degraded"
    MARKET = "takes market orders"
    GTD = "takes orders that last for minutes"


class Call(enum.Enum):
    """What is asked of a counterparty."""

    PRICE = "price"
    ORDER = "order"
    LOOK_UP = "look_up"
    CANCEL = "cancel"
    BALANCES = "balances"


class Situation(enum.Enum):
    """What a market, or a counterparty, can be brought into."""

    FALLEN = "asks at 94.00 or below"
    CROSSED = "a price that cannot be true"
    OVER = "a firm price that is over when it comes"


@dataclass(frozen=True)
class Wire:
    """An operation at a counterparty: the simulator's words for it, its method and how its paths end."""

    faults: tuple[str, ...]
    method: str
    endings: tuple[str, ...]

    def fits(self, line: str) -> bool:
        """Whether a request, `METHOD path`, is one of these."""
        return line.startswith(f"{self.method} ") and line.endswith(self.endings)


@dataclass(frozen=True)
class No:
    """A refusal of an order: what the counterparty says, and what the router must make of it."""

    says: Mapping[str, Any]
    code: Code
    retryable: bool = False


Step = tuple[str, str, Any]
"""A request to the control endpoint: method, path (from `/`, else below the kit's root), body."""


@dataclass(frozen=True)
class Kit:
    """An adapter's kit. `start` runs its counterparty and yields the address with an adapter, not yet run.

    `refusals`: definite refusals of an order. `doubts`: answers that look like one and are none. `credit`: on
    PTS, what takes the credit away, and the code that an order then ends with.
    """

    start: "Start"
    root: str
    pts: bool
    can: frozenset[Can]
    calls: Mapping[Call, Wire]
    situations: Mapping[Situation, Step]
    refusals: tuple[No, ...]
    doubts: tuple[Mapping[str, Any], ...]
    secrets: tuple[str, ...]
    credit: Mapping[str, tuple[Step, Code]] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """How a counterparty and its adapter are to be set up."""

    requests_per_second: int = 1000
    timing: Timing = PATIENT


Start = Callable[[Options], AbstractAsyncContextManager[tuple[Venue, str]]]


@dataclass
class Stage:
    """The adapter, what it tells, and its counterparty's strings."""

    kit: Kit
    venue: Venue
    listener: Recorder
    running: "asyncio.Task[None]"
    base_url: str
    session: aiohttp.ClientSession

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        url = self.base_url + (path if path.startswith("/") else f"{self.kit.root}/{path}")
        async with self.session.request(method, url, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def fault(self, kind: str, call: Call | None, **fields: Any) -> None:
        """Let calls of one kind, or all, go wrong; once with `count=1`, else until `heal`."""
        names = ("any",) if call is None else self.kit.calls[call].faults
        await self.control(
            "PUT", "faults", {"rest": [{"kind": kind, "operation": name, **fields} for name in names]}
        )

    async def heal(self) -> None:
        await self.control("DELETE", "faults")

    async def bring(self, situation: Situation) -> None:
        await self.control(*self.kit.situations[situation])

    async def arrived(self, call: Call) -> int:
        """How many requests of a kind reached the counterparty, those that hang still among them."""
        counted = (await self.control("GET", "/_simulator/state"))["counters"]["requests"]
        return sum(count for line, count in counted.items() if self.kit.calls[call].fits(line))

    async def all_arrived(self) -> int:
        counted = (await self.control("GET", "/_simulator/state"))["counters"]["requests"]
        return sum(counted.values())

    async def limited(self) -> int:
        """How often the counterparty refused for the rate."""
        return int((await self.control("GET", "/_simulator/state"))["counters"]["rate_limited"])

    async def bodies(self, call: Call) -> list[Any]:
        """What the requests of a kind said, as the counterparty logged it."""
        rows = (await self.control("GET", "requests"))["data"]
        return [row["body"] for row in rows if self.kit.calls[call].fits(f"{row['method']} {row['path']}")]

    # Prices and orders

    async def price(
        self, side: Side = Side.BUY, quantity: Decimal = ONE, currency: str = "BTC", wait_ms: int = 1000
    ) -> Quote | None:
        """A price for a size, as the router asks this kind of venue for one."""
        product = self.venue.product(PRODUCT)
        assert product is not None
        deadline = time.time_ns() + wait_ms * 1_000_000
        connection_id = self.venue.connection.id
        if Can.FIRM in self.kit.can:
            name = f"ask-{time.time_ns()}/{connection_id}"
            ask = QuoteAsk(name, product, side, quantity, currency, D(100), D(500))
            firm = await self.firm.request_quote(ask, deadline)
            return Quote(
                connection_id,
                Source.RFQ,
                True,
                firm.price,
                firm.price,
                firm.quantity_base,
                firm.quantity_quote,
                True,
                firm.quote_id,
                firm.valid_until,
                firm.all_in_price,
            )
        book = await self.venue.request_book(PRODUCT, deadline)
        levels = book.asks if side is Side.BUY else book.bids
        in_base = currency == product.base
        return quote_from_levels(
            connection_id, Source.REQUEST, levels, product, side, quantity, in_base=in_base
        )

    async def book(self, wanted: Callable[[Book], bool] = bool) -> Book:
        """The first streamed book that fulfils a wish. A book has no event, so it is looked at."""
        async with asyncio.timeout(WAIT_S):
            while True:
                found = self.venue.book(PRODUCT)
                if found is not None and wanted(found):
                    return found
                await asyncio.sleep(0.005)

    @property
    def firm(self) -> FirmQuoting:
        assert isinstance(self.venue, FirmQuoting)
        return self.venue

    def order(self, name: str = "o-1", **changed: Any) -> OutboundOrder:
        """A buy of 1 BTC that the market fills at once."""
        return self.order_of(self.venue, name, **changed)

    @staticmethod
    def order_of(venue: Venue, name: str = "o-1", **changed: Any) -> OutboundOrder:
        """The same, for an adapter that is on no stage."""
        fields: dict[str, Any] = {
            "connection_id": venue.connection.id,
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

    async def winning(self, name: str = "o-1") -> OutboundOrder:
        """The order that goes out after a competition: on the quote's own id where it is firm."""
        quote = await self.price()
        assert quote is not None
        return self.order(name, quote_id=quote.quote_id)

    async def submit(self, order: OutboundOrder) -> Any:
        assert self.venue.take_order_budget()
        return await self.venue.submit(order)

    async def taken(self, order: OutboundOrder) -> OrderReport:
        result = await self.submit(order)
        assert isinstance(result, Taken), result
        return result.report

    async def ended(self, report: OrderReport) -> OrderReport:
        """How an order that was taken ended, by its answer or by what the adapter tells of it."""
        name = report.venue_client_order_id

        def last() -> OrderReport | None:
            told = (report, *self.listener.reports)
            return next(
                (one for one in told if one.venue_client_order_id == name and one.state.is_final), None
            )

        await self.listener.until(lambda: last() is not None)
        return cast("OrderReport", last())

    async def found(self, order: OutboundOrder, wanted: Callable[[OrderReport], bool]) -> OrderReport:
        """Look an order up until it stands as wished; a look-up has no event, so it is repeated."""
        async with asyncio.timeout(WAIT_S):
            while True:
                report = await self.venue.look_up(order, None)
                if report is not None and wanted(report):
                    return report
                await asyncio.sleep(0.005)


@asynccontextmanager
async def staged(kit: Kit, *, ready: bool = True, **options: Any) -> AsyncIterator[Stage]:
    """Run a kit's adapter against its counterparty."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        kit.start(Options(**options)) as (venue, base_url),
        aiohttp.ClientSession(connector=connector) as session,
    ):
        listener = Recorder()
        running = asyncio.create_task(venue.run(listener))
        try:
            if ready:
                await listener.until(lambda: venue.health().state is ConnectionState.READY)
            yield Stage(kit, venue, listener, running, base_url, session)
        finally:
            running.cancel()
            await asyncio.wait({running})
    # The transports of what was closed are let go of in the loop's next round.
    await asyncio.sleep(0)


def tight(**changed: int) -> Timing:
    """The suite's waits with some changed, milliseconds."""
    return msgspec.structs.replace(PATIENT, **changed)
