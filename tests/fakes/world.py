"""A desk over fake counterparties: begun, used, and stopped with nothing left behind."""

import contextlib
import io
import json
import random
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from router.core.groups import RoutingGroups
from router.core.ledger import Ledger
from router.core.model import OnCreditFailure
from router.observe.events import EventBus
from router.observe.logs import make_log
from router.observe.metrics import Metrics
from router.observe.observer import Observer
from router.ports import Clock
from router.service.desk import Desk
from router.service.ids import IdSource
from router.service.rules import DeskRules
from router.service.venues import Member, Venues
from tests.fakes.firm import FirmFake
from tests.fakes.journal import MemoryJournal
from tests.fakes.venue import FakeVenue
from tests.unit import build
from tests.virtual_loop import LoopClock

MS = 1_000_000
SETTLING_WINDOW_MS = 30_000
PLENTY = Decimal(1_000_000)


class StillClock:
    """A clock that stands still."""

    def now(self) -> int:
        """The moment that the tests' orders were made at."""
        return build.T0


class Seen:
    """What an observer wrote and counted; `debugging`: with the single steps of orders."""

    def __init__(
        self, events: EventBus | None = None, *, clock: Clock | None = None, debugging: bool = True
    ) -> None:
        self._stream = io.BytesIO()
        self.metrics = Metrics()
        log = make_log(self._stream, debugging=debugging)
        self.observer = Observer(log, self.metrics, clock or StillClock(), events)

    @property
    def text(self) -> str:
        """Every line of the log."""
        return self._stream.getvalue().decode()

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """The log's entries without their times: all, or those of an event."""
        entries = [json.loads(line) for line in self.text.split("\n") if line]
        for entry in entries:
            del entry["timestamp"]
        return [entry for entry in entries if event is None or entry["event"] == event]

    def value(self, name: str, **labels: str) -> float:
        """A sample of the exposition by name and all its labels; 0 where there is none."""
        for family in text_string_to_metric_families(self.metrics.text().decode()):
            for sample in family.samples:
                if sample.name == f"caas_router_{name}" and sample.labels == labels:
                    return sample.value
        return 0


class World:
    """One router: its desk and everything that it stands on."""

    def __init__(
        self,
        venues: Mapping[str, FakeVenue],
        journal: MemoryJournal,
        rules: DeskRules,
        *,
        disabled: frozenset[str] = frozenset(),
        groups: RoutingGroups | None = None,
        seed: int = 1,
    ) -> None:
        self.clock = LoopClock()
        self.venues = venues
        self.journal = journal
        self.seen = Seen(clock=self.clock)
        self.ledger = Ledger()
        self.members = Venues(
            [_member(venue, enabled=name not in disabled) for name, venue in venues.items()],
            self.ledger,
            self.clock,
            book_age_ns=2000 * MS,
            balance_age_ns=60_000 * MS,
            groups=groups,
        )
        ids = IdSource(self.clock, random.Random(seed).randbytes)  # noqa: S311 - a seed replays a run
        self.desk = Desk(self.members, self.ledger, journal, self.seen.observer, self.clock, ids, rules)

    def __getitem__(self, name: str) -> FakeVenue:
        return self.venues[name]

    def reserved(self, name: str, asset: str = "USD") -> Decimal:
        """What is reserved of an asset on a connection."""
        return self.ledger.reserved(name, asset)


def _member(venue: FakeVenue, *, enabled: bool) -> Member:
    if isinstance(venue, FirmFake):
        return Member(venue, "exchange", enabled, SETTLING_WINDOW_MS * MS, venue, venue.quoting)
    return Member(venue, "exchange", enabled, SETTLING_WINDOW_MS * MS)


def spot(name: str = "spot", *, fee_bps: str = "0", **balances: str) -> FakeVenue:
    """A Spot connection with plenty of BTC and USD, or with the balances named; it streams no book yet."""
    venue = FakeVenue(build.connection(name, fee_bps=fee_bps))
    venue.balances = {k: Decimal(v) for k, v in balances.items()} or {"BTC": PLENTY, "USD": PLENTY}
    return venue


def pts(name: str = "pts", *, fee_bps: str = "0") -> FakeVenue:
    """A PTS connection; it streams no book yet."""
    return FakeVenue(build.connection(name, pts=True, fee_bps=fee_bps))


def rules(**changed: Any) -> DeskRules:
    """The settings' defaults."""
    fields: dict[str, Any] = {
        "quote_deadline_ns": 250 * MS,
        "rfq_ttl_ns": 5000 * MS,
        "collar_bps": Decimal(500),
        "slippage_bps_max": Decimal(50),
        "answer_deadline_ns": 5000 * MS,
        "on_credit_failure": OnCreditFailure.FAIL,
    }
    return DeskRules(**fields | changed)


@contextlib.asynccontextmanager
async def world(
    *venues: FakeVenue,
    journal: MemoryJournal | None = None,
    disabled: frozenset[str] = frozenset(),
    groups: RoutingGroups | None = None,
    seed: int = 1,
    stop_within_s: float = 1.0,
    **changed: Any,
) -> AsyncIterator[World]:
    """A router that was started and read its Spot balances; stopped at the end, whatever was in flight.

    `changed`: fields of `DeskRules`.
    """
    made = World(
        {venue.connection.id: venue for venue in venues},
        journal or MemoryJournal(),
        rules(**changed),
        disabled=disabled,
        groups=groups,
        seed=seed,
    )
    await made.desk.start()
    for venue in venues:
        venue.listener = made.desk.listener
        if not venue.connection.pts:
            await venue.read_balances()
            venue.balance_reads = 0
    try:
        yield made
    finally:
        await made.desk.stop(stop_within_s)
