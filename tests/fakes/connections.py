"""Connections in memory: a store, adapters that run until they are stopped, a test at the counterparty."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence

from router.core.ledger import Ledger
from router.core.money import ZERO
from router.observe.connecting import ConnectingObserver
from router.ports import Clock, ConnectionState, Health, StoreError, VenueListener
from router.ports.accounts import CustodyAccount, TradingAccount
from router.ports.records import ChangedMeanwhileError, StoredConnection
from router.secrets import SealingKey
from router.service.connecting.accounts import LiveAccounts, Pace
from router.service.connecting.keeping import Keeper
from router.service.connecting.references import References
from router.service.connecting.roster import Accounts
from router.service.connecting.service import Connections
from router.service.desk import Desk
from router.service.ids import IdSource
from router.service.venues import TradingVenue, Venues
from router.settings import AccountSettings, ConnectionSettings, CustodySettings, VaultSettings
from router.vault import Vault
from tests.fakes.journal import MemoryJournal
from tests.fakes.venue import FakeVenue
from tests.fakes.world import MS, PLENTY, Seen, rules
from tests.unit.reports.fakes import FakeCustody, FakeTrading
from tests.virtual_loop import LoopClock

KEY = SealingKey(b"k" * 32)


class MemoryConnections:
    """Implements `router.ports.records.ConnectionStore`; `failing`: every call raises `StoreError`."""

    def __init__(self) -> None:
        self.records: dict[str, StoredConnection] = {}
        self.failing = False

    async def stored_connections(self) -> Sequence[StoredConnection]:
        self._check()
        return sorted(self.records.values(), key=lambda record: record.created_at)

    async def keep_connection(self, record: StoredConnection) -> None:
        self._check()
        before = self.records.get(record.id)
        if record.version != (1 if before is None else before.version + 1):
            raise ChangedMeanwhileError(record.id)
        self.records[record.id] = record

    async def forget_connection(self, connection_id: str, version: int) -> None:
        self._check()
        before = self.records.get(connection_id)
        if before is None or before.version != version:
            raise ChangedMeanwhileError(connection_id)
        del self.records[connection_id]

    def _check(self) -> None:
        if self.failing:
            raise StoreError("the disk is full")


class RunningVenue(FakeVenue):
    """A venue that runs until it is cancelled; `runs` counts how often it does now."""

    def __init__(self, settings: ConnectionSettings, clock: Clock | None = None) -> None:
        super().__init__(settings.connection, clock=clock)
        self.settings = settings
        self.balances = {"BTC": PLENTY, "USD": PLENTY}
        self.runs = 0
        self.streams("99.00", "100.00")

    @property
    def account(self) -> TradingAccount:
        return FakeTrading()

    async def run(self, listener: VenueListener) -> None:
        self.listener = listener
        self.runs += 1
        try:
            await listener.reconcile(self.connection.id)
            await self.read_balances()
            await asyncio.get_running_loop().create_future()
        finally:
            self.runs -= 1


class RunningCustody(FakeCustody):
    """An account in custody that runs until it is cancelled."""

    def __init__(self, settings: CustodySettings) -> None:
        super().__init__(settings.connection)
        self.settings = settings
        self.runs = 0

    def health(self) -> Health:
        state = ConnectionState.READY if self.runs else ConnectionState.CONNECTING
        return Health(state, None, False, None, 0, ZERO, None, 0)

    async def run(self, listener: VenueListener) -> None:
        self.runs += 1
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.runs -= 1


class Counterparty:
    """What makes adapters, and what they would be tested at.

    `built`: each adapter, oldest first; `proved`: the settings of each test; `refusal`: what a test raises;
    `unbuilt`: what making an adapter raises;
    `slow`: a future that tests wait for; `ready`: whether adapters that are built can trade.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock
        self.built: list[RunningVenue] = []
        self.custody: list[RunningCustody] = []
        self.retired: list[TradingVenue | CustodyAccount] = []
        self.proved: list[AccountSettings] = []
        self.refusal: Exception | None = None
        self.unbuilt: Exception | None = None
        self.slow: asyncio.Future[None] | None = None
        self.ready = True

    def build(self, settings: ConnectionSettings) -> RunningVenue:
        if self.unbuilt is not None:
            raise self.unbuilt
        self.built.append(RunningVenue(settings, self.clock))
        if not self.ready:
            self.built[-1].state = ConnectionState.CONNECTING
        return self.built[-1]

    def build_custody(self, settings: CustodySettings) -> RunningCustody:
        self.custody.append(RunningCustody(settings))
        return self.custody[-1]

    def retire(self, venue: TradingVenue) -> None:
        self.retired.append(venue)

    def retire_custody(self, custody: CustodyAccount) -> None:
        self.retired.append(custody)

    async def prove(self, settings: AccountSettings) -> None:
        self.proved.append(settings)
        if self.slow is not None:
            await self.slow
        if self.refusal is not None:
            raise self.refusal

    @property
    def running(self) -> list[str]:
        """The ids of the connections that run now."""
        return [each.connection.id for each in (*self.built, *self.custody) if each.runs]


class Office:
    """One router's connections and the desk over them; the store outlives it."""

    def __init__(
        self,
        store: MemoryConnections,
        journal: MemoryJournal,
        vault: Vault,
        environ: dict[str, str],
        allowed: VaultSettings,
        clock: Clock | None = None,
    ) -> None:
        self.store = store
        self.counterparty = Counterparty(clock)
        self.open: set[str] = set()
        self.seen = Seen()
        self.clock: Clock = LoopClock() if clock is None else clock
        self.journal = journal
        self.accounts = Accounts()
        ledger = Ledger()
        self.venues = Venues((), ledger, self.clock, book_age_ns=10**18, balance_age_ns=10**18)
        self.live = LiveAccounts(
            self.venues, self.accounts, self.counterparty, self._busy, self.seen.observer, Pace()
        )
        keeper = Keeper(store, vault, References(allowed, environ), self.clock)
        self.connections = Connections(
            keeper, self.live, self.counterparty.prove, self._busy, ConnectingObserver(self.seen.observer)
        )
        ids = IdSource(self.clock, bytes)
        self.desk = Desk(self.venues, ledger, journal, self.seen.observer, self.clock, ids, rules())

    async def _busy(self, connection_id: str) -> bool:
        await asyncio.sleep(0)
        return connection_id in self.open


@contextlib.asynccontextmanager
async def office(
    *configured: AccountSettings,
    store: MemoryConnections | None = None,
    vault: Vault | None = None,
    environ: dict[str, str] | None = None,
    allowed: VaultSettings | None = None,
    still_open: Iterable[str] = (),
    clock: Clock | None = None,
) -> AsyncIterator[Office]:
    """A router that was started, stopped at the end with everything that runs in it.

    In virtual time, unless it has a `clock` of its own.
    """
    made = Office(
        MemoryConnections() if store is None else store,
        MemoryJournal(),
        Vault(KEY) if vault is None else vault,
        {} if environ is None else environ,
        VaultSettings() if allowed is None else allowed,
        clock,
    )
    made.open.update(still_open)
    await made.connections.load(configured)
    await made.desk.start()
    running = asyncio.get_running_loop().create_task(made.live.run(made.desk.listener))
    await asyncio.sleep(MS / 1e9)
    try:
        yield made
    finally:
        await made.desk.stop(1.0)
        running.cancel()
        await asyncio.wait((running,))
