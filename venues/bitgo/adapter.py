"""BitGo Prime as a `Venue`: what the router calls, answered from what the connection's tasks keep up.

What `Venue` leaves open is decided so:

- Every product that the account can trade has its book subscribed, as far as there is room (64); beyond
  that `book` subscribes a product when it is first asked for, and the first answer is None.
- `OrderReport.at` is the router's own time of arrival. The ledger compares it with the times at which
  balances were asked for, and these are on the router's clock.
- An order that ends in a feed message without a reason is read by REST before it is reported (`explain`).
- A connection that does not run never sends: `NeverSent`, or `VenueUnreachableError`.
"""

import asyncio
import random
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, Final

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
from router.ports.accounts import TradingAccount
from router.settings import CompetitionSettings, ConnectionSettings
from venues.bitgo import wire
from venues.bitgo.account import BitgoAccount
from venues.bitgo.book import Snapshots, book_of
from venues.bitgo.client import Client
from venues.bitgo.encode import socket_url
from venues.bitgo.explain import Explainer
from venues.bitgo.feed import Feed
from venues.bitgo.foreign import foreign_order_of, may_be_ours
from venues.bitgo.levels import BadBookError
from venues.bitgo.orders import Orders
from venues.bitgo.parse import lacks_reason, report_of_message
from venues.bitgo.reads import AccountReads
from venues.bitgo.sends import Sends
from venues.transport.backoff import Backoff
from venues.transport.budget import RequestBudget
from venues.transport.ending import see_through, settle
from venues.transport.sending import Sending
from venues.transport.standing import Standing
from venues.transport.telling import Telling
from venues.transport.timing import Timing
from venues.transport.upkeep import Upkeep

_ORDER: Final = Lane.ORDER


class BitgoPrime:
    """One account at BitGo Prime, Spot or PTS. An instance belongs to one event loop and runs once."""

    def __init__(
        self,
        settings: ConnectionSettings,
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
        self._standing = Standing(clock, self._health_changed)
        self._client = Client(settings, budget, clock, timing, self._standing.score, self._recorded)
        self._orders = Orders(self._client, self._connection, clock, timing)
        self._feed = Feed(
            settings.account_id, socket_url(settings.base_url), self, timing, self._new_backoff()
        )
        self._explainer = Explainer(self._orders.explain, self._telling.order, self._new_backoff())
        self._reads = AccountReads(self._connection, self._client, self._telling, clock, self._feed.offer)
        self._upkeep = Upkeep(
            self._connection,
            competition.balance_refresh_ms,
            self._reads,
            self._standing,
            clock,
            timing,
            self._new_backoff,
            streams=True,
        )
        self._account = BitgoAccount(settings, self._client, self._telling, clock, timing)
        self._books: dict[str, Snapshots] = {}
        sends = Sends(self._client, self._connection, self._explainer, clock)
        self._sending = Sending(budget, sends, self._telling.order)

    @property
    def connection(self) -> Connection:
        """Who this is."""
        return self._connection

    @property
    def account(self) -> TradingAccount:
        """The account's books, and the margin side of a PTS account."""
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
        return self._reads.products.get(name)

    def products(self) -> Sequence[Product]:
        """All of them, as last read."""
        return tuple(self._reads.products.values())

    def takes(self, request: OrderRequest) -> bool:  # noqa: ARG002 - the port's
        """Yes: the order types of this router are BitGo Prime's."""
        return True

    def book(self, product: str) -> Book | None:
        """The streamed book; subscribes it where it is not yet."""
        known = self._reads.products.get(product)
        if known is None:
            return None
        self._feed.want(product)
        snapshots = self._books.get(product)
        return None if snapshots is None else snapshots.book(known)

    async def request_book(self, product: str, deadline: int) -> Book:
        """Ask for a book, in the lane that leaves most to orders."""
        known = self._reads.products.get(product)
        if known is None:
            raise VenueUnreachableError("expected a product that is known, was another")
        found = await self._client.book(product, wire.Level2, deadline)
        try:
            return book_of(found, known, self._clock.now())
        except BadBookError as error:
            self._book_garbled(product, error.what)
            raise

    def has_order_budget(self) -> bool:
        """Whether a request for an order could go out now."""
        return self._budget.can_take(_ORDER)

    def take_order_budget(self) -> bool:
        """Take the request that an order will use."""
        return self._sending.take_budget()

    def return_order_budget(self) -> None:
        """Give back what was taken; nothing happens where nothing was."""
        self._sending.return_budget()

    def submit(self, order: OutboundOrder) -> Coroutine[Any, Any, SubmitResult]:
        """Send one order, once; the caller's cancellation does not end it."""
        return self._sending.submit(order)

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        """What the counterparty knows of an order."""
        report = await self._orders.look_up(order, venue_order_id)
        self._explainer.answered(order.venue_client_order_id, report)
        return report

    async def recent_orders(self, since: int) -> Sequence[OrderReport]:
        """Every order of this account and funding type created at or after `since`; without fills."""
        found = await self._orders.recent(since)
        for report in found:
            if not report.state.is_final:
                # Sent by a process before this one, perhaps: its end on the feed is to be explained too.
                self._explainer.answered(report.venue_client_order_id, report)
        return found

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        """Every execution of an order."""
        return await self._orders.fills(venue_order_id)

    async def cancel(self, order: OutboundOrder, venue_order_id: str) -> CancelResult:
        """Ask for an order to be cancelled; one that could not be sent is refused as `venue_unavailable`."""
        # An order of before this process: its end on the feed is to be explained too.
        self._explainer.answered(order.venue_client_order_id, None)
        return await self._orders.cancel(venue_order_id)

    def balances_spoiled(self) -> None:
        """Our own fills moved them: they are read soon, gathered."""
        self._upkeep.balances_spoiled()

    async def read_balances(self) -> None:
        """Read the balances; calls that come while one runs share the next one."""
        await self._upkeep.read_balances()

    async def run(self, listener: VenueListener) -> None:
        """Keep the connection up until cancelled; what is in flight then has `stop_ms` to end."""
        self._telling.listener = listener
        session = self._client.open()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed.run(session, self._client.authorization))
                group.create_task(self._explainer.run())
                self._upkeep.start(group, listener)
        finally:
            await see_through(self._end())

    async def _end(self) -> None:
        sent = asyncio.ensure_future(self._sending.ended())
        await settle((sent, *self._account.moving()), self._timing.stop_ms)
        self._sending.stop()
        await self._upkeep.close()
        await self._client.close()
        self._standing.stop()

    # What the feed tells.
    def feed_changed(self, up: bool, detail: str | None) -> None:  # noqa: FBT001 - see FeedOwner
        """The feed is up, or down."""
        self._standing.feed_changed(up=up, detail=detail)

    def book_arrived(self, product: str, message: bytes) -> None:
        """A snapshot; read when it is asked for."""
        now = self._clock.now()
        self._standing.feed_at = now
        snapshots = self._books.get(product)
        if snapshots is None:
            snapshots = self._books[product] = Snapshots(partial(self._book_garbled, product))
        snapshots.arrived(message, now)

    def book_broken(self, product: str) -> None:
        """A book is not to be relied on any more."""
        self._books.pop(product, None)

    def order_arrived(self, message: wire.OrderMessage) -> None:
        """Something about an order of the account."""
        now = self._clock.now()
        self._standing.feed_at = now
        try:
            report = report_of_message(message, self._connection, now)
            self._tell_foreign(message, now)
        except OffWireError:
            self._bad_data("", "order_message")
            return
        if report is None or (lacks_reason(message, report) and self._explainer.holds(report)):
            return
        self._telling.order(report)

    def order_garbled(self) -> None:
        """Something about an order of the account that cannot be read."""
        self._standing.feed_at = self._clock.now()
        self._bad_data("", "order_message")

    def _tell_foreign(self, message: wire.OrderMessage, now: int) -> None:
        """Whatever somebody else's order does to the account is not in what we know of its balances."""
        own_id = message.client_order_id
        if own_id and self._explainer.knows(own_id):
            return
        foreign = foreign_order_of(message, self._connection, now)
        if foreign is None:
            return
        if foreign.state.is_final or not own_id:
            # An order with an id like ours may be another router's on the same account.
            self._upkeep.balances_spoiled()
        if not own_id or not may_be_ours(own_id, self._connection.id):
            self._telling.foreign_order(foreign)

    def feed_garbled(self, product: str, what: str) -> None:
        """A message of the feed was dropped."""
        self._bad_data(product, f"feed_{what}")

    def _book_garbled(self, product: str, what: str) -> None:
        self._bad_data(product, f"book_{what}")

    def _new_backoff(self) -> Backoff:
        return Backoff(self._timing.backoff_ms_min, self._timing.backoff_ms_max, self._draws)

    def _bad_data(self, product: str, what: str) -> None:
        self._telling.bad_data(product, what)

    def _health_changed(self) -> None:
        self._telling.health(self.health())

    def _recorded(self, operation: str, result: str, latency_ns: int, request_id: str | None) -> None:
        self._standing.scored()
        self._telling.request(operation, result, latency_ns, request_id)
