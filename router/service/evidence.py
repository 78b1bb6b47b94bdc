"""What counterparties tell of their own accord: the router's side of `ports.VenueListener`."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from router.core.ledger import Ledger
from router.core.model import OrderReport
from router.core.order import Order, Reported
from router.observe.observer import Observer
from router.ports import Clock, ForeignOrder, Health, Journal, StoreError
from router.service.behind import RETRY_FIRST_S, RETRY_MAX_S
from router.service.orders import LiveOrder, Orders
from router.service.venues import Venues

ORDER_ID_LENGTH = 36
RECONCILE_MARGIN_NS = 60_000_000_000
"""How much earlier than our oldest open order the counterparty's list is read from: clocks differ."""

LISTED_NS = 600_000_000_000
"""How old an open order may be to be found in a list of recent ones; an older one is looked up by itself."""


class Evidence:
    """Matches reports with orders, keeps the ledger's statements, reads again after a reconnect."""

    def __init__(
        self,
        venues: Venues,
        orders: Orders,
        ledger: Ledger,
        journal: Journal,
        observer: Observer,
        clock: Clock,
    ) -> None:
        self._venues = venues
        self._orders = orders
        self._ledger = ledger
        self._journal = journal
        self._observer = observer
        self._clock = clock
        self._late: dict[str, list[tuple[str, OrderReport]]] = {}
        # A dict, for its order: a stop cancels them as they began.
        self._tasks: dict[asyncio.Task[None], None] = {}

    def order_reported(self, connection_id: str, report: OrderReport) -> None:
        """The counterparty said something of an order, on its feed: ours, another router's or nobody's."""
        order_id = report.venue_client_order_id[:ORDER_ID_LENGTH]
        live = self._orders.get(order_id)
        if live is not None:
            self._take(live, connection_id, report)
            return
        if order_id in self._late:
            self._late[order_id].append((connection_id, report))
            return
        # Final and gone from memory, or another's: the journal knows. A late execution must not be lost.
        self._late[order_id] = [(connection_id, report)]
        task = asyncio.get_running_loop().create_task(self._take_late(order_id))
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    def balances_stated(self, connection_id: str, balances: Mapping[str, Decimal], asked_at: int) -> None:
        """Tradable balances by asset, as stated to a request sent at `asked_at`."""
        self._ledger.state(connection_id, balances, asked_at)

    def health_changed(self, connection_id: str, health: Health) -> None:
        """The connection's state is another than before."""
        self._observer.health_changed(connection_id, health)

    def request_answered(
        self, connection_id: str, operation: str, result: str, latency_ns: int, request_id: str | None
    ) -> None:
        """One request to the counterparty ended."""
        self._observer.request_answered(connection_id, operation, result, latency_ns, request_id)

    def bad_data(self, connection_id: str, product: str, what: str) -> None:
        """A message was dropped because it cannot be true."""
        self._observer.bad_data(connection_id, product, what)

    def foreign_order(self, connection_id: str, order: ForeignOrder) -> None:
        """The counterparty said something of an order that this router did not send."""
        self._observer.foreign_order(connection_id, order)

    async def reconcile(self, connection_id: str) -> None:
        """Read again what was missed while the connection was away: balances and every order that is open.

        Raises `VenueUnreachableError`; the connection does not trade before this has gone well.
        """
        venue = self._venues[connection_id].venue
        open_orders = []
        listed_from = self._clock.now() - LISTED_NS
        for live in self._orders.of_connection(connection_id):
            if live.order.created_at >= listed_from:
                open_orders.append(live)
                continue
            # A list back to an order that rests for weeks would hold every order since, and never end.
            attempt = live.order.attempts[-1]
            found = await venue.look_up(attempt.outbound, live.order.venue_order_id)
            if found is not None:
                self._take(live, connection_id, found)
        if open_orders:
            since = min(live.order.created_at for live in open_orders) - RECONCILE_MARGIN_NS
            by_id = {report.venue_client_order_id: report for report in await venue.recent_orders(since)}
            for live in open_orders:
                report = by_id.get(live.order.attempts[-1].outbound.venue_client_order_id)
                if report is not None:
                    self._take(live, connection_id, report)
        await venue.read_balances()

    async def flushed(self) -> None:
        """Wait until everything that came late is matched."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """Give up what is not matched yet; counterparties are asked for it at the next start."""
        for task in self._tasks:
            task.cancel()
        await self.flushed()

    def _take(self, live: LiveOrder, connection_id: str, report: OrderReport) -> None:
        order, own_id = live.order, report.venue_client_order_id
        attempt = order.attempts[-1] if order.attempts else None
        if (
            attempt is None
            or attempt.outbound.venue_client_order_id != own_id
            or attempt.connection.id != connection_id
        ):
            if not self._orders.note_earlier(live, report):
                self._observer.evidence_ignored(connection_id, own_id, "not one of its attempts")
            return
        after = self._orders.note(live, Reported(report))
        if attempt.error is not None and after is not order:
            # A definite refusal was contradicted: it is believed to be live from here on.
            self._observer.contradicted(order.id, connection_id, report)

    async def _take_late(self, order_id: str) -> None:
        """Match what came late, all of it with one reading: two would not see each other's fills."""
        order = await self._read(order_id)
        reports = self._late.pop(order_id)
        if order is None:
            for connection_id, report in reports:
                self._observer.evidence_ignored(connection_id, report.venue_client_order_id, "not ours")
            return
        # In memory until it is written, so that what comes meanwhile goes on from here.
        live = self._orders.hold(order)
        for connection_id, report in reports:
            self._take(live, connection_id, report)
        self._orders.let_go(live)

    async def _read(self, order_id: str) -> Order | None:
        pause = RETRY_FIRST_S
        while True:
            try:
                return await self._journal.adopt(order_id)
            except StoreError as error:
                self._observer.store_failed("order", error)
                await asyncio.sleep(pause)
                pause = min(RETRY_MAX_S, 2 * pause)
