"""One life of the router: from its start on what the disk holds to its end, in order or by a crash."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from router.core.ledger import Ledger
from router.observe import logs
from router.observe.metrics import Metrics
from router.observe.observer import Observer
from router.ports import StoreError
from router.service.desk import Desk
from router.service.ids import IdSource
from router.service.rules import DeskRules
from router.service.venues import Member, Venues
from tests.sim.counterparty import Counterparty
from tests.sim.line import Line
from tests.sim.loop import SimLoop
from tests.sim.quoter import Quoter
from tests.sim.store import Disk, Store
from tests.sim.world import NS, World

Refit = Callable[[Desk], None]
METRICS = Metrics()
"""One for all: a registry takes longer to make than a schedule to run, and no schedule reads it."""
MS = 1_000_000


class Kill(msgspec.Struct, frozen=True):
    """When a router is killed: `steps` after the `number`th `event`, or after its start."""

    event: str | None
    number: int
    steps: int


class TraceLog:
    """The router's own log, as a part of the trace; what it calls a bug of its own is kept."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.bugs: list[str] = []

    @property
    def debugging(self) -> bool:
        return self._world.tracing

    def debug(self, event: str, **fields: object) -> None:
        self._write(event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write(event, fields)

    def line(self, line: logs.Line) -> None:
        fields = msgspec.structs.asdict(line)
        self._write(fields.pop("event"), {k: v for k, v in fields.items() if k not in ("level", "timestamp")})

    def warning(self, event: str, **fields: object) -> None:
        self._write(event, fields)

    def error(self, event: str, **fields: object) -> None:
        if event == "task_failed":
            self.bugs.append(f"{fields.get('what')}: {fields.get('exc_info')!r}")
        self._write(event, fields)

    def flush(self, within_s: float) -> None:
        """Nothing waits."""

    def _write(self, event: str, fields: dict[str, object]) -> None:
        if self._world.tracing:
            said = (f"{key}={value}" for key, value in fields.items() if value is not None)
            self._world.tell("router", event, *said)


class LifeClock:
    """`router.ports.Clock` of one process: its wall may have been wrong when it started."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def now(self) -> int:
        return self._loop.now()


class Life:
    """A router and the loop that it lives on."""

    def __init__(
        self,
        world: World,
        parties: list[Counterparty],
        disk: Disk,
        rules: DeskRules,
        *,
        wall_offset_ns: int,
        kill: Kill | None,
        refit: Refit,
    ) -> None:
        self.world = world
        self.open = False
        self.loop = SimLoop(world, wall_offset_ns)
        clock = LifeClock(self.loop)
        self.log = TraceLog(world)
        self.store = Store(disk)
        self.lines = [Line(party, clock) for party in parties]
        self.ledger = Ledger()
        venues = Venues(
            [_member(line, clock) for line in self.lines],
            self.ledger,
            clock,
            book_age_ns=2000 * MS,
            balance_age_ns=60_000 * MS,
        )
        ids = IdSource(clock, world.rng.randbytes)
        observer = Observer(self.log, METRICS, clock)
        self.desk = Desk(venues, self.ledger, self.store, observer, clock, ids, rules)
        refit(self.desk)
        self._kill = kill
        self._events = 0
        self._calls: dict[asyncio.Task[None], Callable[[], None]] = {}
        self._stop: asyncio.Future[float] = self.loop.create_future()
        world.happened = self._happened
        if kill is not None and kill.event is None:
            self.loop.kill_in = kill.steps

    def run(self, checks: Callable[["Life"], Awaitable[None]] | None) -> bool:
        """Live; False where it ended by a crash. `checks` run at the end of one that is stopped."""
        ended = self.loop.live(self._main(checks))
        self.open = False
        self.world.happened = lambda _what: None
        self.store.dead = True
        for line in self.lines:
            line.dead = True
        self.loop.bury()
        for lost in list(self._calls.values()):
            lost()
        return ended

    def stop(self, deadline_s: float) -> None:
        """SIGTERM; does nothing where it is stopping, or never began."""
        if not self._stop.done() and not self.store.dead:
            self._stop.set_result(deadline_s)

    def kill(self) -> None:
        """SIGKILL."""
        self.loop.kill_in = 0

    def call(self, work: Callable[[], Awaitable[None]], lost: Callable[[], None]) -> "asyncio.Task[None]":
        """Run a client's call; `lost` when the router dies before its end."""
        task = self.loop.create_task(_finish(work))
        self._calls[task] = lost
        task.add_done_callback(self._ended)
        return task

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way: no order in memory, no call, no write."""
        return not self._calls and not self.desk._orders.all() and not self.desk._orders.unwritten

    @property
    def complaints(self) -> list[str]:
        """What must not be, seen from inside: bugs that were logged, errors that nobody took."""
        unnoticed = [f"{each['message']}: {each.get('exception')!r}" for each in self.loop.unnoticed]
        return [*self.log.bugs, *(line.broken for line in self.lines if line.broken), *unnoticed]

    async def _main(self, checks: Callable[["Life"], Awaitable[None]] | None) -> None:
        try:
            await self.desk.start()
        except StoreError:
            # The process ends, and whoever supervises it starts it again.
            self.world.count("start failed")
            return
        running = [self.loop.create_task(line.run(self.desk.listener)) for line in self.lines]
        self.open = True
        deadline_s = await self._stop
        if checks is not None:
            await checks(self)
        drained = await self.desk.stop(deadline_s)
        self.open = False
        if checks is not None and not drained:
            self.log.bugs.append("expected a quiet router to stop within its deadline")
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await self.store.close()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        lost = self._calls.pop(task)
        if task.cancelled():
            lost()
        elif (error := task.exception()) is not None:
            self.log.bugs.append(f"a call failed: {error!r}")

    def _happened(self, what: str) -> None:
        kill = self._kill
        if kill is not None and kill.event == what:
            self._events += 1
            if self._events == kill.number:
                self.world.count(f"crash after {what}")
                self.loop.kill_in = kill.steps


def _member(line: Line, clock: LifeClock) -> Member:
    firm = Quoter(line, clock) if line.party.quotes_on_request else None
    return Member(line, "exchange", True, int(line.party.window_s * NS), firm=firm)


async def _finish(work: Callable[[], Awaitable[None]]) -> None:
    await work()
