"""The accounts that run: each connection's adapter in a task of its own, put in, replaced and taken out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from router.observe.observer import Observer
from router.ports import ConnectionState, ConnectionView, Health, StoreError, Venue, VenueListener
from router.ports.accounts import AccountEntry, CustodyAccount
from router.ports.quotes import FirmQuoting
from router.service.connecting.roster import Accounts
from router.service.connecting.withdrawn import Withdrawn
from router.service.venues import Member, QuotingRules, TradingVenue, Venues
from router.settings import AccountSettings, CoinbaseSettings, CustodySettings, TradingSettings

MS = 1_000_000


class Builder(Protocol):
    """Makes adapters; what connections to one account share is its business."""

    def build(self, settings: TradingSettings) -> TradingVenue:
        """The adapter of an account that trades; it does nothing until it runs."""

    def build_custody(self, settings: CustodySettings) -> CustodyAccount:
        """The adapter of an account in custody; it does nothing until it runs."""

    def retire(self, venue: TradingVenue) -> None:
        """An adapter has ended: give back what it took and did not use of what others share."""

    def retire_custody(self, custody: CustodyAccount) -> None:
        """An adapter in custody has ended."""


class Pace(msgspec.Struct, frozen=True):
    """How long things are waited for, in seconds.

    `grace_s`: from the moment that a connection gets no new orders until it is asked whether it has some:
    what was decided before is written by then, and on a shared store every router has heard of it.
    `ready_s`: for a changed connection to be ready, before it takes its predecessor's place all the same.
    `retire_s`: what a predecessor still has to send. `pause_s`, `pause_s_max`: between questions.
    """

    grace_s: float = 0.5
    ready_s: float = 5.0
    retire_s: float = 2.0
    pause_s: float = 0.05
    pause_s_max: float = 5.0


class Live:
    """One account in memory. `withdrawn`: why it gets no new orders."""

    def __init__(
        self, settings: AccountSettings, venue: TradingVenue | None, custody: CustodyAccount | None
    ) -> None:
        self.settings = settings
        self.venue = venue
        self.custody = custody
        self.withdrawn: str | None = None
        self.task: asyncio.Task[None] | None = None

    def health(self) -> Health:
        """The adapter's own condition."""
        account = self.custody if self.venue is None else self.venue
        if account is None:
            raise LookupError(f"expected an adapter of {self.settings.connection.id}, was none")
        return account.health()

    def view(self) -> ConnectionView:
        """As operators see it."""
        health = self.health()
        if self.withdrawn is not None:
            health = msgspec.structs.replace(health, state=ConnectionState.STOPPED, detail=self.withdrawn)
        products = () if self.venue is None else tuple(each.name for each in self.venue.products())
        settings = self.settings
        return ConnectionView(settings.connection, settings.type.value, settings.enabled, health, products)


class LiveAccounts:
    """Every account that there is an adapter of. An instance belongs to one event loop."""

    def __init__(
        self,
        venues: Venues,
        accounts: Accounts,
        builder: Builder,
        busy: Callable[[str], Awaitable[bool]],
        observer: Observer,
        pace: Pace,
    ) -> None:
        self._venues = venues
        self._accounts = accounts
        self._builder = builder
        self._busy = busy
        self._observer = observer
        self._pace = pace
        self._live: dict[str, Live] = {}
        self._group: asyncio.TaskGroup | None = None
        self._listener: VenueListener | None = None
        self._waiting: list[Coroutine[object, object, None]] = []

    def get(self, connection_id: str) -> Live | None:
        """One of them."""
        return self._live.get(connection_id)

    async def run(self, listener: VenueListener) -> None:
        """Run them all, and those that come, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group, self._listener = group, listener
                for live in self._live.values():
                    if live.settings.enabled or live.withdrawn is not None:
                        self._start(live)
                waiting, self._waiting = self._waiting, []
                for job in waiting:
                    group.create_task(job)
                await asyncio.get_running_loop().create_future()
        finally:
            self._group = None

    def spawn(self, job: Coroutine[object, object, None]) -> None:
        """Run something as long as the accounts run; before they do, it waits for them."""
        if self._group is None:
            self._waiting.append(job)
        else:
            self._group.create_task(job)

    def close(self) -> None:
        """Give up what waited for a run that never came."""
        waiting, self._waiting = self._waiting, []
        for job in waiting:
            job.close()

    def put(self, settings: AccountSettings, withdrawn: str | None = None) -> None:
        """Add an account; where they run, it runs, unless it is disabled. `withdrawn`: it only ends."""
        live = self._make(settings)
        live.withdrawn = withdrawn
        self._live[settings.connection.id] = live
        self._show(live)
        if settings.enabled or withdrawn is not None:
            self._start(live)

    async def replace(self, settings: AccountSettings) -> None:
        """Put a changed account in the place of the one with its id; one that is disabled ends its orders."""
        name = settings.connection.id
        before, live = self._live[name], self._make(settings)
        runs = settings.enabled or before.task is not None
        if not settings.enabled:
            live.withdrawn = "it is disabled"
        if runs:
            self._start(live)
        if settings.enabled and live.venue is not None and before.task is not None:
            await self._until_ready(live.venue)
        self._live[name] = live
        self._show(live)
        if before.task is None:
            self._give_back(before)
        else:
            self.spawn(self._retire(before))
        if runs and not settings.enabled:
            self.spawn(self._rest(live))

    def withdraw(self, connection_id: str, why: str) -> None:
        """Give an account no new orders from now on."""
        live = self._live[connection_id]
        live.withdrawn = why
        self._show(live)

    @asynccontextmanager
    async def withheld(self, connection_id: str, why: str) -> AsyncIterator[None]:
        """An account that gets nothing new for the length of the block, unless another took its place.

        What was decided before is written by the time the block begins.
        """
        live = self._live.get(connection_id)
        already = None if live is None else live.withdrawn
        if live is None or already is not None:
            yield
            return
        self.withdraw(connection_id, why)
        try:
            await asyncio.sleep(self._pace.grace_s)
            yield
        finally:
            if self._live.get(connection_id) is live and live.withdrawn == why:
                live.withdrawn = None
                self._show(live)

    def take_up(self, connection_id: str) -> None:
        """Let a disabled account end the orders that it has from before a restart."""
        self.spawn(self._take_up(self._live[connection_id]))

    async def end(self, connection_id: str) -> None:
        """Stop an account and take it out."""
        live = self._live.pop(connection_id, None)
        self._venues.drop(connection_id)
        self._accounts.drop(connection_id)
        if live is not None:
            await self._stop(live)

    async def quiet(self, connection_id: str) -> None:
        """Wait until an account that gets no new orders has none."""
        pause = self._pace.grace_s
        while True:
            await asyncio.sleep(pause)
            pause = min(self._pace.pause_s_max, max(self._pace.pause_s, 2 * pause))
            try:
                if not await self._busy(connection_id):
                    return
            except StoreError as error:
                self._observer.store_failed("orders", error)

    def _make(self, settings: AccountSettings) -> Live:
        if isinstance(settings, CustodySettings):
            return Live(settings, None, self._builder.build_custody(settings))
        return Live(settings, self._builder.build(settings), None)

    def _start(self, live: Live) -> None:
        if self._group is None or self._listener is None or live.task is not None:
            return
        account = live.custody if live.venue is None else live.venue
        if account is not None:
            live.task = self._group.create_task(account.run(self._listener))

    async def _stop(self, live: Live) -> None:
        task, live.task = live.task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        self._give_back(live)

    def _give_back(self, live: Live) -> None:
        if live.venue is not None:
            self._builder.retire(live.venue)
        elif live.custody is not None:
            self._builder.retire_custody(live.custody)

    def _show(self, live: Live) -> None:
        settings, venue = live.settings, live.venue
        window_ns = 0
        if not isinstance(settings, CustodySettings) and venue is not None:
            window_ns = settings.settling_window_ms * MS
            shown: Venue = venue if live.withdrawn is None else Withdrawn(venue, live.withdrawn)
            enabled = settings.enabled and live.withdrawn is None
            firm = venue if isinstance(venue, FirmQuoting) else None
            self._venues.put(
                Member(shown, settings.type.value, enabled, window_ns, firm, _quoting_rules(settings))
            )
        self._accounts.put(
            AccountEntry(
                connection=settings.connection,
                type=settings.type.value,
                enabled=settings.enabled,
                trading=None if venue is None else venue.account,
                custody=live.custody,
                settling_window_ns=window_ns,
            )
        )

    async def _until_ready(self, venue: TradingVenue) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._pace.ready_s
        while loop.time() < until:
            if venue.health().trades:
                return
            await asyncio.sleep(self._pace.pause_s)

    async def _retire(self, before: Live) -> None:
        await asyncio.sleep(self._pace.retire_s)
        await self._stop(before)

    async def _rest(self, live: Live) -> None:
        """Stop a disabled account once its orders have ended, unless it was changed again."""
        name = live.settings.connection.id
        await self.quiet(name)
        if self._live.get(name) is live:
            self._live[name] = self._make(live.settings)
            self._show(self._live[name])
            await self._stop(live)

    async def _take_up(self, live: Live) -> None:
        name = live.settings.connection.id
        try:
            busy = await self._busy(name)
        except StoreError as error:
            self._observer.store_failed("orders", error)
            busy = True
        if busy and self._live.get(name) is live and not live.settings.enabled:
            live.withdrawn = "it is disabled"
            self._show(live)
            self._start(live)
            await self._rest(live)


def _quoting_rules(settings: TradingSettings) -> QuotingRules:
    """When the account is asked for firm prices; one that streams books has no rules."""
    if not isinstance(settings, CoinbaseSettings):
        return QuotingRules()
    return QuotingRules(settings.quote_notional_min, settings.quotes_per_minute)
