"""Tern as a `Venue`: Spot, prices asked for, nothing streamed, an order answered with how it stands."""

import asyncio
import random
from collections.abc import Sequence

import msgspec

from router.core.model import Book, Connection, Fill, OrderReport, OrderRequest, OutboundOrder, Product
from router.ports import (
    CancelResult,
    Clock,
    Health,
    Lane,
    OffWireError,
    SubmitResult,
    VenueListener,
    VenueUnreachableError,
)
from router.secrets import Secret
from router.settings import CompetitionSettings
from tests.contract.made_up_venue import wire
from tests.contract.made_up_venue.client import Client
from tests.contract.made_up_venue.orders import Orders
from tests.contract.made_up_venue.parse import balances_of, book_of, product_of, symbol_of
from venues.transport.backoff import Backoff
from venues.transport.budget import RequestBudget
from venues.transport.ending import see_through, settle
from venues.transport.reader import decode
from venues.transport.sending import InTasks, Sending
from venues.transport.standing import Standing
from venues.transport.telling import Telling
from venues.transport.timing import Timing
from venues.transport.upkeep import Upkeep


class TernSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a Tern connection is told, its token resolved."""

    connection: Connection
    token: Secret
    base_url: str
    requests_per_second: int


class TernVenue:
    """One account at Tern. An instance belongs to one event loop and runs once."""

    def __init__(
        self,
        settings: TernSettings,
        competition: CompetitionSettings,
        clock: Clock,
        budget: RequestBudget,
        draws: random.Random,
        timing: Timing,
    ) -> None:
        self._connection = settings.connection
        self._budget, self._clock, self._draws, self._timing = budget, clock, draws, timing
        self._telling = Telling(settings.connection.id)
        self._standing = Standing(clock, lambda: self._telling.health(self.health()), streams=False)
        self._client = Client(
            settings.base_url, settings.token, budget, clock, timing, self._standing.score, self._recorded
        )
        self._orders = Orders(self._client, settings.connection.id, clock, timing.read_ms)
        self._upkeep = Upkeep(
            settings.connection,
            competition.balance_refresh_ms,
            self,
            self._standing,
            clock,
            timing,
            lambda: Backoff(timing.backoff_ms_min, timing.backoff_ms_max, draws),
        )
        self._products: dict[str, Product] = {}
        self._sends = InTasks(self._submit)
        self._sending = Sending(budget, self._sends, self._telling.order)

    @property
    def connection(self) -> Connection:
        return self._connection

    @property
    def trades(self) -> bool:
        return self._standing.trades

    def health(self) -> Health:
        return self._standing.health(self._budget.left())

    def product(self, name: str) -> Product | None:
        return self._products.get(name)

    def products(self) -> Sequence[Product]:
        return tuple(self._products.values())

    def takes(self, request: OrderRequest) -> bool:
        """Limit orders in the base currency, GTC, IOC or FOK."""
        return self._orders.takes(request)

    def book(self, product: str) -> Book | None:
        """None: nothing is streamed."""
        return None

    async def request_book(self, product: str, deadline: int) -> Book:
        if product not in self._products:
            raise VenueUnreachableError("expected a product that is known, was another")
        wait_ms = max(1, (deadline - self._clock.now()) // 1_000_000)
        try:
            async with asyncio.timeout(wait_ms / 1000):
                answer = await self._client.reader.read(
                    "book",
                    self._client.url("depth", symbol=symbol_of(product)),
                    kind=wire.Depth,
                    lane=Lane.REST,
                    wait_ms=wait_ms,
                )
        except TimeoutError:
            raise VenueUnreachableError(f"expected a book within {wait_ms} ms, none came") from None
        try:
            return book_of(answer, product)
        except OffWireError:
            self._telling.bad_data(product, "book")
            raise

    def has_order_budget(self) -> bool:
        return self._sending.has_budget()

    def take_order_budget(self) -> bool:
        return self._sending.take_budget()

    def return_order_budget(self) -> None:
        self._sending.return_budget()

    async def submit(self, order: OutboundOrder) -> SubmitResult:
        """Send one order, once; the caller's cancellation does not end it."""
        return await self._sending.submit(order)

    async def _submit(self, order: OutboundOrder) -> SubmitResult:
        return await self._orders.submit(order, self._products.get(order.product))

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        return await self._orders.look_up(order)

    async def recent_orders(self, since: int) -> Sequence[OrderReport]:
        return await self._orders.recent(since)

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        return await self._orders.fills(venue_order_id)

    async def cancel(self, order: OutboundOrder, venue_order_id: str) -> CancelResult:
        return await self._orders.cancel(venue_order_id)

    def balances_spoiled(self) -> None:
        self._upkeep.balances_spoiled()

    async def read_balances(self) -> None:
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
        await self._upkeep.close()
        await self._client.close()
        self._standing.stop()

    # The reads that `Upkeep` decides about.
    async def read_products(self) -> None:
        answer = await self._client.reader.read(
            "products",
            self._client.url("instruments"),
            kind=wire.Instruments,
            lane=Lane.REST,
            wait_ms=self._timing.read_ms,
        )
        found = {}
        for row in answer.instruments:
            try:
                product = product_of(decode(row, wire.Instrument))
            except OffWireError:
                self._telling.bad_data("", "product")
                continue
            found[product.name] = product
        if not found:
            raise OffWireError("expected a product that can be read, was none")
        self._products = found

    async def state_balances(self, lane: Lane) -> None:
        asked_at = self._clock.now()
        answer = await self._client.reader.read(
            "balances",
            self._client.url("funds"),
            kind=wire.Funds,
            lane=lane,
            wait_ms=self._timing.read_ms,
        )
        self._telling.balances(balances_of(answer), asked_at)

    def _recorded(self, operation: str, result: str, latency_ns: int, request_id: str | None) -> None:
        self._standing.scored()
        self._telling.request(operation, result, latency_ns, request_id)
