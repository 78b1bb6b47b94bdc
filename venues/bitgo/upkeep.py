"""What a connection keeps up beside its feed: products, balances, what was missed, and whether it answers."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from router.core.model import Connection, Product
from router.ports import BudgetSpentError, Clock, Lane, OffWireError, VenueListener, VenueUnreachableError
from router.settings import CompetitionSettings
from venues.bitgo import wire
from venues.bitgo.client import Client
from venues.bitgo.parse import balance_of, readable
from venues.bitgo.telling import Telling
from venues.transport.backoff import Backoff
from venues.transport.coalesce import Coalesced
from venues.transport.standing import Standing
from venues.transport.timing import Timing

GATHER_MS: Final = 250
"""How long what spoils the balances is gathered before they are read: somebody else's orders may come in
numbers, and each reading takes from the requests that ours need."""


class Upkeep:
    """Products and balances as last read, and the tasks that read them. Belongs to one event loop.

    `offered` is handed the products whose books are worth having, whenever they were read.
    """

    def __init__(
        self,
        connection: Connection,
        competition: CompetitionSettings,
        client: Client,
        standing: Standing,
        telling: Telling,
        clock: Clock,
        timing: Timing,
        new_backoff: Callable[[], Backoff],
        offered: Callable[[Sequence[str]], None],
    ) -> None:
        self._connection = connection
        self._competition = competition
        self._client = client
        self._standing = standing
        self._telling = telling
        self._clock = clock
        self._timing = timing
        self._new_backoff = new_backoff
        self._offered = offered
        self._balances = Coalesced(self._read_balances)
        self._stated_at: int | None = None
        self._spoiled = asyncio.Event()
        self.products: dict[str, Product] = {}

    def start(self, group: asyncio.TaskGroup, listener: VenueListener) -> None:
        """Begin to keep things up, until the group is cancelled."""
        group.create_task(self._keep_products())
        group.create_task(self._keep_synchronous(listener))
        group.create_task(self._probe())
        group.create_task(self._watch_degraded())
        if not self._connection.pts:
            group.create_task(self._keep_balances())

    async def close(self) -> None:
        """End what callers began."""
        await self._balances.close()

    def balances_spoiled(self) -> None:
        """Something moved them that this router did not send: they are read again soon."""
        self._spoiled.set()

    async def read_balances(self) -> None:
        """Read the balances; calls that come while one runs share the next one."""
        if not self._connection.pts:
            await self._balances()

    async def _read_balances(self) -> None:
        asked_at = self._clock.now()
        overdue_ns = 2 * self._competition.balance_refresh_ms * 1_000_000
        # Under a lasting load of orders the balances' own lane may never be served, and an account whose
        # balance is unknown cannot trade: a statement that is overdue goes with the look-ups.
        overdue = self._stated_at is not None and asked_at - self._stated_at > overdue_ns
        lane = Lane.LOOK_UP if overdue else Lane.BALANCES
        rows = await self._client.read("balances", "balances", kind=wire.Rows, lane=lane)
        stated: dict[str, Decimal] = {}
        for row in rows.data:
            try:
                asset, amount = balance_of(row)
            except OffWireError:
                # An asset that is not stated counts as zero: the safe side.
                self._telling.bad_data("", "balance")
                continue
            if asset in stated:
                raise OffWireError("expected every currency once, was one twice")
            stated[asset] = amount
        self._stated_at = asked_at
        self._telling.balances(stated, asked_at)

    async def _keep_products(self) -> None:
        backoff = self._new_backoff()
        while True:
            await self._standing.closed()
            try:
                await self._read_products()
            except VenueUnreachableError as error:
                self._standing.note(f"products: {error.detail}")
                await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()
                await asyncio.sleep(self._timing.products_ms / 1000)

    async def _read_products(self) -> None:
        rows = await self._client.read("products", "products", kind=wire.Rows, lane=Lane.REST)
        found: dict[str, Product] = {}
        for product in readable(rows.data):
            if isinstance(product, OffWireError):
                self._telling.bad_data("", "product")
            else:
                found[product.name] = product
        if not found:
            raise OffWireError("expected a product that can be read, was none")
        self.products = found
        pts = self._connection.pts
        self._offered(
            sorted(name for name, p in found.items() if p.enabled and (p.margin_supported or not pts))
        )
        self._standing.products_known()

    async def _keep_synchronous(self, listener: VenueListener) -> None:
        """After every (re)connection, read again what was missed, and only then trade."""
        backoff = self._new_backoff()
        while True:
            generation = await self._standing.sync_wanted()
            try:
                began = self._clock.now()
                await listener.reconcile(self._connection.id)
                # Who reconciles may have read them on the way.
                if self._stated_at is None or self._stated_at < began:
                    await self.read_balances()
            except VenueUnreachableError as error:
                self._standing.note(f"reconciling: {error.detail}")
                await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()
                self._standing.synchronous(generation)

    async def _keep_balances(self) -> None:
        refresh_s = self._competition.balance_refresh_ms / 1000
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(refresh_s):
                    await self._spoiled.wait()
                    await asyncio.sleep(GATHER_MS / 1000)
            await self._standing.closed()
            # What spoils them from here on may not be in what is read now.
            self._spoiled.clear()
            # A failure is counted where it happened; the statement ages until one succeeds.
            with contextlib.suppress(VenueUnreachableError):
                await self.read_balances()

    async def _probe(self) -> None:
        """While the breaker is open, try one read at a time."""
        backoff = self._new_backoff()
        while True:
            await self._standing.opened()
            await asyncio.sleep(backoff.next_s())
            try:
                await self._read_products()
            except BudgetSpentError:
                continue
            except VenueUnreachableError as error:
                self._standing.note(error.detail)
            else:
                backoff.reset()
                self._standing.close()

    async def _watch_degraded(self) -> None:
        """While the feed is down, read something now and then, to know whether it answers at all."""
        while True:
            await asyncio.sleep(self._timing.degraded_probe_ms / 1000)
            if self._standing.is_degraded:
                # A failure is counted where it happened; enough of them open the breaker.
                with contextlib.suppress(VenueUnreachableError):
                    await self._read_products()
