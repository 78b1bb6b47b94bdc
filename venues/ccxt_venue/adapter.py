"""An account at an exchange that ccxt speaks with, as a `Venue`.

What `Venue` leaves open is decided so:

- Orders are told by no feed: after each that was taken it is read a few times, and the router's own look-ups
  follow it from there. So the connection is ready without streams, and a streamed book is a book the more.
- An order's answer says that the exchange has it, and nothing of its fills.
- A connection that does not run never sends: `NeverSent`, or `VenueUnreachableError`.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from router.core.model import Book, Connection, Fill, OrderReport, OrderRequest, OutboundOrder, Product
from router.ports import (
    CancelResult,
    Clock,
    Health,
    Lane,
    OffWireError,
    SubmitResult,
    Taken,
    VenueListener,
    VenueUnreachableError,
)
from router.settings import CcxtSettings, CompetitionSettings
from venues.ccxt_venue.account import CcxtAccount
from venues.ccxt_venue.book import BadBookError
from venues.ccxt_venue.client import Client
from venues.ccxt_venue.making import make
from venues.ccxt_venue.orders import Orders, takes
from venues.ccxt_venue.remote import Remote
from venues.ccxt_venue.streams import Streams
from venues.ccxt_venue.worker import Worker
from venues.transport.backoff import Backoff
from venues.transport.budget import RequestBudget
from venues.transport.ending import see_through, settle
from venues.transport.sending import InTasks, Sending
from venues.transport.standing import Standing
from venues.transport.telling import Telling
from venues.transport.timing import Timing
from venues.transport.upkeep import Upkeep

PAUSES_MS: Final = (0, 50, 100, 200, 400)
"""Before each reading of an order that was just taken."""


class CcxtVenue:
    """One Spot account at one exchange. An instance belongs to one event loop and runs once."""

    def __init__(
        self,
        settings: CcxtSettings,
        competition: CompetitionSettings,
        clock: Clock,
        budget: RequestBudget,
        draws: random.Random,
        timing: Timing,
    ) -> None:
        made = make(settings, clock, timing)
        self._connection = settings.connection
        self._timing = timing
        self._draws = draws
        self._budget = budget
        self._clock = clock
        self._telling = Telling(self._connection.id)
        self._standing = Standing(clock, self._health_changed, streams=False)
        self._worker = Worker(f"ccxt-{self._connection.id}")
        self._remote = Remote(made.known, made.exchange, made.plug, clock)
        self._client = Client(
            self._remote,
            self._worker,
            made.secrets,
            budget,
            clock,
            timing,
            self._standing.score,
            self._recorded,
        )
        self._orders = Orders(self._client, made.known, self._connection, clock, timing)
        self._account = CcxtAccount(self._client)
        self._streams: Streams | None = None
        if made.streaming is not None:
            self._streams = Streams(
                made.streaming,
                self._remote,
                made.known,
                self._worker,
                clock,
                self._new_backoff,
                self._telling.bad_data,
            )
        self._upkeep = Upkeep(
            self._connection,
            competition.balance_refresh_ms,
            self,
            self._standing,
            clock,
            timing,
            self._new_backoff,
        )
        self._products: dict[str, Product] = {}
        self._running = False
        self._sends = InTasks(self._submit)
        self._sending = Sending(budget, self._sends, self._telling.order)
        self._reading: set[asyncio.Task[None]] = set()

    @property
    def connection(self) -> Connection:
        """Who this is."""
        return self._connection

    @property
    def account(self) -> CcxtAccount:
        """The account's books."""
        return self._account

    @property
    def trades(self) -> bool:
        """Whether it can take part in a competition now."""
        return self._standing.trades

    def health(self) -> Health:
        """Its condition now."""
        return self._standing.health(self._budget.left())

    def product(self, name: str) -> Product | None:
        """A product, as last read."""
        return self._products.get(name)

    def products(self) -> Sequence[Product]:
        """All of them, as last read."""
        return tuple(self._products.values())

    def takes(self, request: OrderRequest) -> bool:
        """Whether an exchange is sent such an order."""
        return takes(request)

    def book(self, product: str) -> Book | None:
        """The streamed book, where the exchange streams; the first question subscribes it."""
        known = self._products.get(product)
        if known is None or self._streams is None or not self._running:
            return None
        return self._streams.book(known)

    async def request_book(self, product: str, deadline: int) -> Book:
        """Ask for a book, in the lane that leaves most to orders."""
        if product not in self._products:
            raise VenueUnreachableError("expected a product that is known, was another")
        try:
            return await self._client.read(
                "book", lambda: self._remote.book(product), Lane.REST, deadline=deadline, private=False
            )
        except BadBookError as error:
            self._telling.bad_data(product, f"book_{error.what}")
            raise

    def has_order_budget(self) -> bool:
        """Whether a request for an order could go out now."""
        return self._sending.has_budget()

    def take_order_budget(self) -> bool:
        """Take the request that an order will use."""
        return self._sending.take_budget()

    def return_order_budget(self) -> None:
        """Give back what was taken; nothing happens where nothing was."""
        self._sending.return_budget()

    async def submit(self, order: OutboundOrder) -> SubmitResult:
        """Send one order, once; the caller's cancellation does not end it."""
        return await self._sending.submit(order)

    async def _submit(self, order: OutboundOrder) -> SubmitResult:
        result = await self._orders.submit(order, self._products.get(order.product))
        if isinstance(result, Taken):
            self._read_on(order, result.report.venue_order_id)
        return result

    def _read_on(self, order: OutboundOrder, venue_order_id: str) -> None:
        """Read an order that has just changed, in a task of its own: nothing else tells of it."""
        task = asyncio.create_task(self._read_to_its_end(order, venue_order_id))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read_to_its_end(self, order: OutboundOrder, venue_order_id: str) -> None:
        for pause_ms in PAUSES_MS:
            await asyncio.sleep(pause_ms / 1000)
            try:
                report = await self._orders.look_up(order, venue_order_id)
            except VenueUnreachableError:
                continue
            if report is not None:
                self._telling.order(report)
                if report.state.is_final:
                    return

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        """What the exchange knows of an order."""
        return await self._orders.look_up(order, venue_order_id)

    async def recent_orders(self, since: int) -> Sequence[OrderReport]:
        """Every order that the exchange lists as created at or after `since`; without fills."""
        return await self._orders.recent(since)

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        """Every execution of an order."""
        return await self._orders.fills(venue_order_id)

    async def cancel(self, order: OutboundOrder, venue_order_id: str) -> CancelResult:
        """Ask for an order to be cancelled; one that could not be sent is refused as `venue_unavailable`."""
        return await self._orders.cancel(order, venue_order_id)

    def balances_spoiled(self) -> None:
        """Our own fills moved them: they are read soon, gathered."""
        self._upkeep.balances_spoiled()

    async def read_balances(self) -> None:
        """Read the balances; calls that come while one runs share the next one."""
        await self._upkeep.read_balances()

    async def run(self, listener: VenueListener) -> None:
        """Keep the connection up until cancelled; what is in flight then has `stop_ms` to end."""
        self._telling.listener = listener
        try:
            await self._client.open()
            if self._streams is not None:
                await self._worker.call(self._streams.open)
            self._running = True
            async with asyncio.TaskGroup() as group:
                self._upkeep.start(group, listener)
        finally:
            await see_through(self._end())

    async def _end(self) -> None:
        self._running = False
        await settle(self._sends.running, self._timing.stop_ms)
        await settle(self._reading, 0)
        await self._upkeep.close()
        if self._streams is not None:
            await self._streams.close()
        await self._client.close()
        self._standing.stop()

    # The reads that `Upkeep` decides about.
    async def read_products(self) -> None:
        """Read the markets; one that cannot be read is dropped and told."""
        found, unread = await self._client.read("products", self._remote.products, Lane.REST, private=False)
        if unread:
            self._telling.bad_data("", "product")
        if not found:
            raise OffWireError("expected a product that can be read, was none")
        if self._streams is not None:
            await self._worker.call(self._streams.know)
        self._products = found

    async def state_balances(self, lane: Lane) -> None:
        """Read what can be traded of each asset, and tell it."""
        asked_at = self._clock.now()
        stated, unread = await self._client.read("balances", self._remote.free, lane)
        if unread:
            self._telling.bad_data("", "balance")
        self._telling.balances(stated, asked_at)

    def _new_backoff(self) -> Backoff:
        return Backoff(self._timing.backoff_ms_min, self._timing.backoff_ms_max, self._draws)

    def _health_changed(self) -> None:
        self._telling.health(self.health())

    def _recorded(self, operation: str, result: str, latency_ns: int, request_id: str | None) -> None:
        self._standing.scored()
        self._telling.request(operation, result, latency_ns, request_id)
