"""Coinbase Prime as a `Venue` that quotes on request (`FirmQuoting`).

What the ports leave open is decided so:

- Nothing is streamed and no book is shown over REST: `book` is None, `request_book` refuses.
- An accepted quote, or a placed order, is `Taken` as soon as it has an id; how it stands is read from the
  order in a task of the adapter's own, and told as a feed would.
- `OrderReport.at` is the router's own time of arrival, for the ledger compares it with its own times.
- A connection that does not run never sends: `NeverSent`, or `VenueUnreachableError`.
"""

import asyncio
import random
from collections.abc import Sequence

from router.core.model import Book, Connection, Fill, OrderReport, OrderRequest, OutboundOrder, Product
from router.ports import (
    CancelResult,
    CancelTaken,
    Clock,
    Health,
    Lane,
    OffWireError,
    SubmitResult,
    Taken,
    VenueListener,
    VenueUnreachableError,
)
from router.ports.quotes import FirmQuote, QuoteAsk
from router.settings import CoinbaseSettings, CompetitionSettings
from venues.coinbase import wire
from venues.coinbase.account import CoinbaseAccount
from venues.coinbase.chase import Chase
from venues.coinbase.client import Client, pages
from venues.coinbase.encode import unsupported
from venues.coinbase.finding import PAGES_MAX, Finding
from venues.coinbase.orders import Orders
from venues.coinbase.parse import product_of, tradable_of
from venues.coinbase.quotes import Quotes, SendTime
from venues.transport.backoff import Backoff
from venues.transport.budget import RequestBudget
from venues.transport.ending import see_through, settle
from venues.transport.sending import InTasks, Sending
from venues.transport.standing import Standing
from venues.transport.telling import Telling
from venues.transport.timing import Timing
from venues.transport.upkeep import Upkeep


class CoinbasePrime:
    """One portfolio at Coinbase Prime, Spot or PTS. An instance belongs to one event loop and runs once."""

    def __init__(
        self,
        settings: CoinbaseSettings,
        competition: CompetitionSettings,
        clock: Clock,
        budget: RequestBudget,
        draws: random.Random,
        timing: Timing,
    ) -> None:
        self._connection = settings.connection
        self._clock = clock
        self._timing = timing
        self._draws = draws
        self._budget = budget
        self._telling = Telling(self._connection.id)
        self._standing = Standing(clock, self._health_changed, streams=False)
        self._client = Client(settings, budget, clock, timing, self._standing.score, self._recorded)
        send_time = SendTime()
        self._quotes = Quotes(self._client, clock, send_time)
        self._orders = Orders(self._client, self._connection, self._quotes, send_time, clock, timing)
        self._finding = Finding(self._client, self._connection, self._orders, clock)
        self._chase = Chase(self._finding.look_up, self._telling.order)
        self._account = CoinbaseAccount(
            self._client, self._connection, self._orders, self._finding, self._telling
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
        self._sends = InTasks(self._submit)
        self._sending = Sending(budget, self._sends, self._telling.order)

    @property
    def connection(self) -> Connection:
        """Who this is."""
        return self._connection

    @property
    def account(self) -> CoinbaseAccount:
        """The portfolio's books, and its credit line."""
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
        """Whether Coinbase Prime has such an order."""
        return unsupported(request) is None

    def book(self, product: str) -> Book | None:  # noqa: ARG002 - the port's: no product has one here
        """None: nothing is streamed."""
        return None

    async def request_book(self, product: str, deadline: int) -> Book:  # noqa: ARG002 - the port's
        """Raises `VenueUnreachableError`: a price is had by `request_quote` alone."""
        raise VenueUnreachableError("expected a counterparty with a book, was one that quotes on request")

    async def request_quote(self, ask: QuoteAsk, deadline: int) -> FirmQuote:
        """Ask for a firm price, in the lane that leaves most to orders."""
        return await self._quotes.request(ask, deadline)

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
        result = await self._orders.submit(order)
        if isinstance(result, Taken):
            self._chase.taken(order, result.report.venue_order_id)
        return result

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        """What the counterparty knows of an order."""
        return await self._finding.look_up(order, venue_order_id)

    async def recent_orders(self, since: int) -> Sequence[OrderReport]:
        """Every order of the portfolio made at or after `since`, and all that are open; without fills."""
        return await self._finding.recent(since)

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        """Every execution of an order."""
        return await self._finding.fills(venue_order_id)

    async def cancel(self, order: OutboundOrder, venue_order_id: str) -> CancelResult:
        """Ask for an order to be cancelled; one that could not be sent is refused as `venue_unavailable`."""
        result = await self._orders.cancel(venue_order_id)
        if isinstance(result, CancelTaken):
            self._chase.taken(order, venue_order_id)
        return result

    def balances_spoiled(self) -> None:
        """Our own fills moved them: they are read soon, gathered."""
        self._upkeep.balances_spoiled()

    async def read_balances(self) -> None:
        """Read the balances; calls that come while one runs share the next one."""
        await self._upkeep.read_balances()

    async def run(self, listener: VenueListener) -> None:
        """Keep the connection up until cancelled; what is in flight then has `stop_ms` to end."""
        self._telling.listener = listener
        self._client.open()
        try:
            async with asyncio.TaskGroup() as group:
                self._upkeep.start(group, listener)
        finally:
            await see_through(self._end())

    async def _end(self) -> None:
        await settle(self._sends.running, self._timing.stop_ms)
        await settle(self._chase.running(), 0)
        await self._upkeep.close()
        await self._client.close()
        self._standing.stop()

    # The reads that `Upkeep` decides about.
    async def read_products(self) -> None:
        """Read the products; one that cannot be read is dropped and told."""
        found: dict[str, Product] = {}
        for page in await pages(
            self._client, "products", "products", kind=wire.Products, lane=Lane.REST, pages_max=PAGES_MAX
        ):
            for row in page.products:
                try:
                    product = product_of(row)
                except OffWireError:
                    self._telling.bad_data("", "product")
                    continue
                if product is not None:
                    found[product.name] = product
        if not found:
            raise OffWireError("expected a product that can be read, was none")
        self._products = found

    async def state_balances(self, lane: Lane) -> None:
        """Read what can be traded of each asset, and tell it."""
        asked_at = self._clock.now()
        answer = await self._client.read("balances", "balances", kind=wire.Balances, lane=lane)
        stated = {}
        for row in answer.balances:
            try:
                asset, amount = tradable_of(row)
            except OffWireError:
                # An asset that is not stated counts as zero: the safe side.
                self._telling.bad_data("", "balance")
                continue
            if asset in stated:
                raise OffWireError("expected every currency once, was one twice")
            stated[asset] = amount
        self._telling.balances(stated, asked_at)

    def _new_backoff(self) -> Backoff:
        return Backoff(self._timing.backoff_ms_min, self._timing.backoff_ms_max, self._draws)

    def _health_changed(self) -> None:
        self._telling.health(self.health())

    def _recorded(self, operation: str, result: str, latency_ns: int, request_id: str | None) -> None:
        self._standing.scored()
        self._telling.request(operation, result, latency_ns, request_id)
