"""One schedule: a world drawn from its seed, routers that live and die in it, and what became of all."""

import asyncio
from decimal import Decimal

import msgspec

from router.core.instruction import Instruction, SteadyPace, Stop, Twap
from router.core.model import OnCreditFailure, OrderRequest, OrderType, Side, TimeInForce
from router.journal.codec import decode_order
from router.service.desk import Desk
from router.service.rules import DeskRules
from tests.sim import checker, faults, firm
from tests.sim.clients import Client, Plan
from tests.sim.counterparty import Counterparty
from tests.sim.life import MS, Kill, Life, Refit
from tests.sim.store import Disk
from tests.sim.world import NS, World
from tests.unit import build

ACCOUNTS = (("spot", False, "0"), ("pts", True, "0"), ("fees", False, "10"), ("credit", True, "5"))
KILLED_AFTER = (
    *("accepted", "intent", "submit", "arrived", "answer", "answer"),
    *("noted", "feed", "told", "cancel", "asked", "quoted"),
)
ENDS_WITHIN_S = 240.0
"""After the faults have stopped: the longest settling window, the pauses between look-ups, and room."""


def as_it_is(_desk: Desk) -> None:
    """The router as it is."""


class Schedule:
    """Runs one; `violations` is empty where all is well."""

    def __init__(self, seed: int, *, tracing: bool = False, refit: Refit = as_it_is) -> None:
        self.world = World(seed, tracing=tracing)
        self.violations: list[str] = []
        self.life: Life | None = None
        self.disk = Disk(self.world)
        self._refit = refit
        self._faults = faults.draw(self.world)
        self.parties = self._draw_parties()
        self._rules = self._draw_rules()
        self._wall_offset_ns = 0
        self.clients = [
            Client(self.world, plan, self._faults, self.disk, self._router) for plan in self._draw_plans()
        ]
        self._draw_troubles()

    def run(self) -> "Schedule":
        """Run it to its end and check it."""
        world = self.world
        lives = world.rng.choice((0, 0, 0, 1, 1, 1, 2, 3))
        try:
            for _ in range(lives):
                self._live_and_die()
            self._live_to_the_end()
        except AssertionError as error:
            # The loop's own: a deadlock, a router that turns in circles.
            self.violations.append(f"{type(error).__name__}: {error}")
            if self.life is not None:
                self.life.loop.bury()
            return self
        for doc in self.disk.orders.values():
            order = decode_order(doc)
            world.count(f"ended {order.status}")
            world.count(f"ended after {len(order.attempts)} attempts")
            if order.error is not None:
                world.count(f"ended as {order.error.code}")
        firm.count_ends(self.disk, self.parties, world)
        self.violations += checker.check(self.disk, self.parties, self.clients)
        self.violations += firm.check_firm(self.disk, self.parties)
        return self

    @property
    def in_doubt(self) -> int:
        """How many orders were in doubt at some time, as far as that was kept."""
        histories = self.disk.events.values()
        return sum(any(b"went_in_doubt" in doc for _, doc in history) for history in histories)

    def _router(self) -> Life | None:
        life = self.life
        return life if life is not None and life.open else None

    def _begin(self, kill: Kill | None) -> Life:
        self.life = Life(
            self.world,
            self.parties,
            self.disk,
            self._rules,
            wall_offset_ns=self._wall_offset_ns,
            kill=kill,
            refit=self._refit,
        )
        self.world.tell("life", "begins", kill or "", f"wall {self._wall_offset_ns / NS:+.0f} s")
        return self.life

    def _live_and_die(self) -> None:
        world, rng = self.world, self.world.rng
        if rng.random() < 0.7:
            kill = Kill(rng.choice(KILLED_AFTER), rng.choice((1, 1, 1, 2, 3, 5)), int(12 * rng.random() ** 2))
        else:
            kill = Kill(None, 0, int(2 ** (3 + 8 * rng.random())))
        life = self._begin(kill)
        lasts_s = world.between(0.5, 12)
        if rng.random() < 0.25:
            deadline_s = world.between(0, 2)
            world.after(lasts_s / 2, lambda: life.stop(deadline_s))
        world.after(lasts_s, life.kill)
        ended = life.run(None)
        world.count("stopped" if ended else "crashed")
        world.tell("life", "ends", "stopped" if ended else "killed")
        self.violations += life.complaints
        world.pass_time(rng.choice((0.01, 0.5, 5.0, 20.0)) * rng.random())
        if rng.random() < 0.3:
            world.count("clock step")
            self._wall_offset_ns += int(rng.choice((-7200, -20, 20, 7200)) * rng.random() * NS)

    def _live_to_the_end(self) -> None:
        world = self.world
        world.after(world.between(4, 14), self._calm)
        while True:
            life = self._begin(None)
            world.after(0, lambda each=life: self._stop_when_quiet(each, None))
            life.run(self._last_checks)
            self.violations += life.complaints
            if life._stop.done():
                return
            world.pass_time(0.5)

    def _stop_when_quiet(self, life: Life, calm_at: int | None) -> None:
        """Look every half second whether all is done, once the faults have stopped."""
        world = self.world
        if life is not self.life or life.store.dead:
            return
        if calm_at is None and self._is_calm:
            calm_at = world.now
        late = calm_at is not None and world.now - calm_at > ENDS_WITHIN_S * NS
        if late:
            left = [f"{live.order.id} {live.order.phase}" for live in life.desk._orders.all()]
            self.violations.append(f"never ended: {left}")
        if late or (calm_at is not None and world.now - calm_at > 10 * NS and life.quiet):
            life.stop(5.0)
        else:
            world.after(0.5, lambda: self._stop_when_quiet(life, calm_at))

    async def _last_checks(self, life: Life) -> None:
        """Everybody reads once more how it ended; nothing is reserved any more."""
        for client in self.clients:
            client.read()
        while life._calls:
            await asyncio.wait(list(life._calls))
        self.violations += checker.check_quiet(life.desk, life.ledger, life.lines)

    _is_calm = False

    def _calm(self) -> None:
        """The faults stop; what rests at a counterparty ends a while later."""
        self.world.tell("world", "is calm")
        self._is_calm = True
        for kind in faults.KINDS:
            setattr(self._faults, kind, 0.0)
        disk = self.disk
        disk.full, disk.failing, disk.failing_reads, disk.slow = False, 0.0, 0.0, 0.0
        for party in self.parties:
            party.down = False
            for times in range(1, 11):
                # What arrives later than the last order of a client may rest, too.
                self.world.after(8 * times, party.expire)

    # what the seed decides
    def _draw_parties(self) -> list[Counterparty]:
        rng, world = self.world.rng, self.world
        chosen = sorted(rng.sample(range(len(ACCOUNTS)), rng.choice((1, 2, 2, 3, 4))))
        self._crowded = rng.random() < 0.15
        if self._crowded:
            chosen = [0]
            # Many orders for one small balance, and answers that come too late to tell whose it is.
            self._faults.late = self._faults.leaves = 0.5
        parties = []
        for number in chosen:
            name, pts, fee_bps = ACCOUNTS[number]
            party = Counterparty(
                world,
                build.connection(name, pts=pts, fee_bps=fee_bps),
                self._faults,
                window_s=rng.choice((8.0, 15.0, 30.0)),
                dedupes=rng.random() < 0.5,
                quotes_on_request=rng.random() < (0.1 if self._crowded else 0.35),
                careful=rng.random() < 0.5,
            )
            if self._crowded:
                party.total["USD"], party.total["BTC"] = Decimal(102), Decimal(1)
            elif not pts:
                party.total["USD"] = Decimal(rng.choice((60, 60, 110, 180, 1000)))
                party.total["BTC"] = Decimal(rng.choice(("0.5", "0.5", "1.1", "2", "10")))
            parties.append(party)
        return parties

    def _draw_rules(self) -> DeskRules:
        rng = self.world.rng
        return DeskRules(
            quote_deadline_ns=250 * MS,
            rfq_ttl_ns=5000 * MS,
            collar_bps=Decimal(500),
            slippage_bps_max=Decimal(50),
            answer_deadline_ns=rng.choice((500, 5000)) * MS,
            on_credit_failure=rng.choice((OnCreditFailure.FAIL, OnCreditFailure.NEXT_BEST)),
        )

    def _draw_plans(self) -> list[Plan]:
        rng = self.world.rng
        within_s = 6.0 if self._crowded else rng.choice((0.005, 0.5, 3.0))
        orders = 4 if self._crowded else rng.choice((1, 1, 1, 2, 2, 3, 4))
        return [self._draw_plan(number, within_s) for number in range(orders)]

    def _draw_plan(self, number: int, within_s: float) -> Plan:
        rng = self.world.rng
        in_quote = rng.random() < 0.12
        request = OrderRequest(
            client_order_id=f"o-{number}",
            product="BTC-USD",
            side=rng.choice((Side.BUY, Side.BUY, Side.SELL)),
            type=OrderType.MARKET,
            quantity=Decimal(rng.randrange(20, 90)) if in_quote else Decimal(rng.randrange(20, 100)) / 100,
            quantity_currency="USD" if in_quote else "BTC",
            on_credit_failure=rng.choice((None, OnCreditFailure.NEXT_BEST)),
        )
        rfq = rng.random() < 0.2
        if not rfq and not in_quote and rng.random() < 0.4:
            request = msgspec.structs.replace(
                request,
                type=OrderType.LIMIT,
                limit_price=Decimal(rng.choice((99, 100, 102))),
                time_in_force=rng.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC)),
            )
            if request.works:
                request = _of_some_type(request)
        return Plan(
            request=request,
            at_s=0.4 + within_s * rng.random(),
            rfq=rfq,
            copies=rng.choice((1, 1, 1, 1, 2, 3)),
            cancels_in_s=rng.choice((None, 0.0, 0.2, 2.0)),
            patience_s=rng.choice((None, 0.01, 0.5, 3.0)),
        )

    def _draw_troubles(self) -> None:
        world, rng, disk = self.world, self.world.rng, self.disk
        disk.commit_s = rng.choice((0.001, 0.005, 0.05))
        if rng.random() < 0.25:
            disk.failing = rng.choice((0.05, 0.3))
        if rng.random() < 0.1:
            disk.failing_reads = 0.2
        if rng.random() < 0.25:
            disk.slow = rng.choice((0.1, 0.5))
        if rng.random() < 0.15:
            begins_s, lasts_s = world.between(0, 4), world.between(0.1, 6)
            world.after(begins_s, lambda: setattr(disk, "full", True))
            world.after(begins_s + lasts_s, lambda: setattr(disk, "full", False))
        for party in self.parties:
            for _ in range(rng.choice((0, 0, 0, 1, 2))):
                world.after(world.between(0.3, 8), lambda each=party: self._end_feed(each))
            if rng.random() < 0.15:
                begins_s, lasts_s = world.between(0, 5), world.between(0.2, 6)
                world.after(begins_s, lambda each=party: self._go_down(each))
                world.after(begins_s + lasts_s, lambda each=party: setattr(each, "down", False))

    def _go_down(self, party: Counterparty) -> None:
        if self._is_calm:
            return
        self.world.count("counterparty down")
        party.down = True
        if self.world.rng.random() < 0.5:
            self._end_feed(party)

    def _end_feed(self, party: Counterparty) -> None:
        life = self._router()
        if life is None or self._is_calm:
            return
        self.world.count("feed broken off")
        for line in life.lines:
            if line.party is party:
                line.end_feed()


def _of_some_type(request: OrderRequest) -> OrderRequest:
    """A resting limit order, or the same as another type that works; its size says which."""
    limit = request.limit_price or Decimal(100)
    types: tuple[tuple[OrderType, Instruction | None], ...] = (
        (OrderType.LIMIT, None),
        (OrderType.TWAP, Twap(5)),
        (OrderType.STEADY_PACE, SteadyPace(Decimal("0.01"), 1)),
        (OrderType.STOP, Stop(limit)),
    )
    kind, instruction = types[int(request.quantity * 100) % len(types)]
    time_in_force = None if instruction is not None else request.time_in_force
    return msgspec.structs.replace(request, type=kind, instruction=instruction, time_in_force=time_in_force)
