"""What a connection keeps up beside its feed: products, balances, what was missed, whether it answers.

The reads are the adapter's (`Reads`); when they are due is decided here.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, Protocol

from router.core.model import Connection
from router.ports import BudgetSpentError, Clock, Lane, VenueListener, VenueUnreachableError
from venues.transport.backoff import Backoff
from venues.transport.coalesce import Coalesced
from venues.transport.standing import Standing
from venues.transport.timing import Timing

GATHER_MS: Final = 250
"""How long what spoils the balances is gathered before they are read: somebody else's orders may come in
numbers, and each reading takes from the requests that ours need."""


class Reads(Protocol):
    """The reads of one account. Each raises `VenueUnreachableError` and its kin."""

    async def read_products(self) -> None:
        """Read the products and keep them."""

    async def state_balances(self, lane: Lane) -> None:
        """Read the balances and tell them; never called for an account that trades on credit."""


class Upkeep:
    """The tasks that read. Belongs to one event loop.

    `streams`: the counterparty has a feed, which says that it is there while nothing is read.
    """

    def __init__(
        self,
        connection: Connection,
        balance_refresh_ms: int,
        reads: Reads,
        standing: Standing,
        clock: Clock,
        timing: Timing,
        new_backoff: Callable[[], Backoff],
        *,
        streams: bool = False,
    ) -> None:
        self._connection = connection
        self._refresh_ms = balance_refresh_ms
        self._reads = reads
        self._standing = standing
        self._clock = clock
        self._timing = timing
        self._new_backoff = new_backoff
        self._balances = Coalesced(self._read_balances)
        self._streams = streams
        self._stated_at: int | None = None
        self._spoiled = asyncio.Event()

    def start(self, group: asyncio.TaskGroup, listener: VenueListener) -> None:
        """Begin to keep things up, until the group is cancelled."""
        group.create_task(self._keep_products())
        group.create_task(self._keep_synchronous(listener))
        group.create_task(self._probe())
        if self._streams:
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
        """Read the balances; calls that come while one runs share the next one. Nothing on credit."""
        if not self._connection.pts:
            await self._balances()

    async def _read_balances(self) -> None:
        asked_at = self._clock.now()
        # Under a lasting load of orders the balances' own lane may never be served, and an account whose
        # balance is unknown cannot trade: a statement that is overdue goes with the look-ups.
        overdue_ns = 2 * self._refresh_ms * 1_000_000
        overdue = self._stated_at is not None and asked_at - self._stated_at > overdue_ns
        await self._reads.state_balances(Lane.LOOK_UP if overdue else Lane.BALANCES)
        self._stated_at = asked_at

    async def _keep_products(self) -> None:
        backoff = self._new_backoff()
        # A Spot account is read for its balances all the time. One on credit is read for nothing else, and
        # an account that nobody trades on must not pass for one that could be.
        unheard = self._connection.pts and not self._streams
        period_ms = self._timing.probe_ms if unheard else self._timing.products_ms
        while True:
            await self._standing.closed()
            try:
                await self._read_products()
            except VenueUnreachableError as error:
                self._standing.note(f"products: {error.detail}")
                await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()
                await asyncio.sleep(period_ms / 1000)

    async def _read_products(self) -> None:
        await self._reads.read_products()
        self._standing.products_known()

    async def _keep_synchronous(self, listener: VenueListener) -> None:
        """At the start and whenever it has been away: read again what was missed, and only then trade."""
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
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._refresh_ms / 1000):
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
