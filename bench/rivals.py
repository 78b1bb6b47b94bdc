"""What rivals cost the loop: a quote of each kind of adapter, and a competition of five against their sum.

The adapters are real, over sockets, against the simulated counterparties in a process of their own. Counted
is the processor time of the loop's thread, so waiting is not in it, and ccxt's own thread is not either: what
it takes stands in the last column of its line. A competition does what the parts do and the rest besides:
admission, collar, ranking, the record's events.
"""

import asyncio
import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import uvloop

from router.cli.demo.processes import Process
from router.cli.demo.stage import PRODUCT, cast, draw_secrets, write_router, write_simulator
from router.core.competition import Contender, Rules
from router.core.ledger import Ledger
from router.core.model import OrderReport, OrderRequest, OrderType, Side, Source
from router.core.routing import Terms
from router.observe.logs import make_log
from router.observe.metrics import Metrics
from router.observe.observer import Observer
from router.ports import Clock, ForeignOrder, Health
from router.ports.quotes import FirmQuoting, QuoteAsk
from router.service.clock import SystemClock
from router.service.competing import Competing
from router.service.venues import Member, Venues
from router.settings import CustodySettings, load
from venues.registry import Registry

SIZE: Final = Decimal("0.2")
REQUEST: Final = OrderRequest("bench-1", PRODUCT, Side.BUY, OrderType.MARKET, SIZE, "BTC")
PAUSE_S: Final = 0.25
"""Between two questions: an exchange that allows five requests a second is asked four times."""
QUOTES_A_ROUND: Final = 4
RULES: Final = Rules(2_000_000_000, Decimal(500), Terms(Decimal(50)))
START_S_MAX: Final = 30.0
NS: Final = 1_000_000_000


class Listener:
    """Implements `router.ports.VenueListener`: keeps the balances, which admission reads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.changed = asyncio.Event()

    def order_reported(self, connection_id: str, report: OrderReport) -> None:
        """No order is sent."""

    def balances_stated(self, connection_id: str, balances: Mapping[str, Decimal], asked_at: int) -> None:
        """What admission goes by."""
        self._ledger.state(connection_id, balances, asked_at)

    def health_changed(self, connection_id: str, health: Health) -> None:  # noqa: ARG002 - the port's
        """Who waits for all to trade looks again."""
        self.changed.set()

    def request_answered(
        self, connection_id: str, operation: str, result: str, latency_ns: int, request_id: str | None
    ) -> None:
        """Nobody counts."""

    def bad_data(self, connection_id: str, product: str, what: str) -> None:
        """The simulator sends none here."""

    def foreign_order(self, connection_id: str, order: ForeignOrder) -> None:
        """There is nobody else."""

    async def reconcile(self, connection_id: str) -> None:
        """There is nothing to find again."""


class Rivals:
    """The members of a competition, and what each of them does for it."""

    def __init__(self, members: list[Member], venues: Venues, competing: Competing, clock: Clock) -> None:
        self.members = members
        self._venues = venues
        self._competing = competing
        self._clock = clock
        self._asked = 0

    def kind(self, member: Member) -> str:
        """How it takes part."""
        if member.firm is not None:
            return "firm quote, request to parsed answer"
        if member.connection.counterparty == "ccxt":
            return "book, streamed while young, else asked"
        return "streamed book, walked"

    async def quote(self, member: Member) -> None:
        """One quote, as a competition has it from this member."""
        if member.firm is not None:
            await self._firm(member.firm, member)
            return
        book = member.venue.book(PRODUCT)
        source = Source.BOOK
        if book is None or not self._venues.fresh(book, self._clock.now()):
            book, source = (
                await member.venue.request_book(PRODUCT, self._clock.now() + 2 * NS),
                Source.REQUEST,
            )
        contender = Contender(member.connection, member.venue.product(PRODUCT))
        now = self._clock.now()
        found = self._competing.price_of_book(contender, REQUEST, RULES.terms, book, source, now)
        if not isinstance(found, tuple):
            raise TypeError(f"expected a price of {member.connection.id}, was {found}")

    async def asked_book(self, member: Member) -> None:
        """A book over REST, whatever is streamed."""
        await member.venue.request_book(PRODUCT, self._clock.now() + 2 * NS)

    async def _firm(self, quoting: FirmQuoting, member: Member) -> None:
        self._asked += 1
        product = member.venue.product(PRODUCT)
        if product is None:
            raise LookupError(f"expected {member.connection.id} to have {PRODUCT}, was none")
        reference = self._venues.arrival_price(PRODUCT, self._clock.now())
        ask = QuoteAsk(f"bench-{self._asked}", product, Side.BUY, SIZE, "BTC", reference, RULES.collar_bps)
        await quoting.request_quote(ask, self._clock.now() + 2 * NS)

    async def compete(self) -> None:
        """One competition of all."""
        self._asked += 1
        held = await self._competing.hold(
            REQUEST,
            RULES,
            f"competition-{self._asked}",
            to_trade=False,
            ready=None,
            late=lambda _held, _name: None,
        )
        counted = sum(1 for _ in held.competition.ranking.quotes)
        if counted != len(self.members):
            raise AssertionError(f"expected {len(self.members)} quotes that count, were {counted}")


async def loop_us(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Microseconds of the loop's thread, and of all other threads, that a piece of work takes."""
    loop, every = 0.0, 0.0
    for _ in range(QUOTES_A_ROUND):
        await asyncio.sleep(PAUSE_S)
        thread, process = time.thread_time(), time.process_time()
        await work()
        loop += time.thread_time() - thread
        every += time.process_time() - process
    return loop / QUOTES_A_ROUND * 1e6, max(0.0, every - loop) / QUOTES_A_ROUND * 1e6


@contextlib.asynccontextmanager
async def rivals(folder: Path) -> AsyncIterator[Rivals]:
    """Every account of the demonstration, running against its simulator."""
    accounts = cast()
    drawn = draw_secrets(accounts)
    write_simulator(folder / "simulator.toml", accounts, drawn)
    simulator = Process("simulate", folder / "simulator.toml", folder / "simulator.log", drawn)
    try:
        port = await asyncio.to_thread(simulator.port)
        write_router(folder / "router.toml", folder / "router.db", accounts, port)
        settings = load(str(folder / "router.toml"), {**os.environ, **drawn})
        clock, ledger = SystemClock(), Ledger()
        listener = Listener(ledger)
        registry = Registry(settings.competition, clock)
        observer = Observer(make_log(io.BytesIO()), Metrics(), clock)
        members = []
        for each in settings.connections:
            if not isinstance(each, CustodySettings):
                venue = registry.build(each)
                firm = venue if isinstance(venue, FirmQuoting) else None
                members.append(Member(venue, each.type.value, True, 30 * NS, firm))  # noqa: FBT003 - enabled
        found = Venues(members, ledger, clock, book_age_ns=2 * NS, balance_age_ns=60 * NS)
        competing = Competing(found, ledger, observer, clock)
        tasks = [asyncio.create_task(member.venue.run(listener)) for member in members]
        made = Rivals(members, found, competing, clock)
        try:
            async with asyncio.timeout(START_S_MAX):
                while not all(member.venue.health().trades for member in members):
                    listener.changed.clear()
                    await listener.changed.wait()
            # The first question subscribes a book; then it comes.
            for member in members:
                member.venue.book(PRODUCT)
            await asyncio.sleep(1)
            yield made
        finally:
            await competing.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await asyncio.to_thread(simulator.stop)


async def measure(rounds: int) -> None:
    """Print the medians of the rounds."""
    with tempfile.TemporaryDirectory() as folder:
        async with rivals(Path(folder)) as made:
            for member in made.members:
                await made.quote(member)
            await made.compete()
            parts: dict[str, list[float]] = {member.connection.id: [] for member in made.members}
            others: dict[str, list[float]] = {member.connection.id: [] for member in made.members}
            asked: list[tuple[float, float]] = []
            ratios, wholes = [], []
            kraken = [m for m in made.members if m.connection.counterparty == "ccxt"]
            for _ in range(rounds):
                for member in made.members:
                    mine, theirs = await loop_us(partial(made.quote, member))
                    parts[member.connection.id].append(mine)
                    others[member.connection.id].append(theirs)
                asked += [await loop_us(partial(made.asked_book, member)) for member in kraken]
                whole, _ = await loop_us(made.compete)
                wholes.append(whole)
                ratios.append(whole / sum(costs[-1] for costs in parts.values()))
            print(f"{'connection':<18}{'what':<40}{'loop µs':>9}{'other threads µs':>18}")
            for member in made.members:
                name = member.connection.id
                loop, other = statistics.median(parts[name]), statistics.median(others[name])
                print(f"{name:<18}{made.kind(member):<40}{loop:>9.0f}{other:>18.0f}")
            for member in kraken:
                loop = statistics.median(cost for cost, _ in asked)
                other = statistics.median(cost for _, cost in asked)
                line = f"{member.connection.id:<18}{'book asked for over REST':<40}"
                print(f"{line}{loop:>9.0f}{other:>18.0f}")
            print(
                f"competition of {len(parts)}: {statistics.median(wholes):.0f} µs, to the sum of its parts: "
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )


def main() -> int:
    """Measure; 0."""
    uvloop.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
