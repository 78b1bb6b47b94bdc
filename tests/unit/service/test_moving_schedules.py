"""Thousands of schedules of crashes, lost answers and failing stores: no move twice, none done and unknown.

A seed makes a schedule: a counterparty that does, refuses, loses or never answers moves; a store whose writes
take time and fail at times; a router that is killed at any instant and started again; callers who repeat
themselves. The counterparty's own ledger says what is true, by a key that it is told by the schedule alone:
as in life, the wire carries none.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Coroutine
from contextvars import ContextVar
from typing import Any

import msgspec
import pytest

from router.core.errors import Code, OrderError, RouterError
from router.core.movement import (
    Move,
    Moved,
    MoveKind,
    MoveNeverSent,
    MoveOutcome,
    MoveRefused,
    MoveUnanswered,
)
from router.core.moving import MoveFinding, MoveFound, MovePhase, Operation, step
from router.ports import VenueUnreachableError
from router.service.moving.codec import decode_event
from router.service.moving.service import Moving
from tests.fakes.margin import WINDOW_NS, FakeMargin, MarginRoster, MemoryMoves, MovingWorld
from tests.unit.build import D
from tests.virtual_loop import LoopClock, pass_time, run

SEEDS = 2000
KEYS = 6
LIVES = 3
LIFE_S_MAX = 90.0
EFFECT_S_MAX = 5.0
CLOCKS_NS = 60_000_000_000
"""How far clocks may be apart: as much earlier may what was done be dated, so an older move's shows too."""
KEY: ContextVar[str] = ContextVar("KEY")
MOVES = (
    Move(MoveKind.COLLATERAL_TRANSFER, "USD", D(100)),
    Move(MoveKind.COLLATERAL_WITHDRAWAL, "USD", D(10)),
    Move(MoveKind.POSITION_TRANSFER, "BTC", D("0.5")),
    Move(MoveKind.COVER, currencies=("BTC",)),
    Move(MoveKind.CLOSE),
)
SHOWN_AS = {MoveKind.COVER: MoveKind.POSITION_TRANSFER}
"""What a cover of half a bitcoin cannot be told from."""


class Done(msgspec.Struct, frozen=True):
    """An entry of the counterparty's ledger."""

    id: str
    key: str
    kind: MoveKind
    at: int


class Bank(FakeMargin):
    """A counterparty whose work goes on when the router is gone; it does with each move what is drawn."""

    def __init__(self, draw: random.Random, clock: LoopClock) -> None:
        super().__init__()
        self.ledger: list[Done] = []
        self.received: Counter[str] = Counter()
        self.reachable = True
        self.work: set[asyncio.Task[None]] = set()
        self._draw = draw
        self._clock = clock

    async def send(self, move: Move) -> MoveOutcome:
        draw, key = self._draw, KEY.get()
        if draw.random() < 0.1:
            return MoveNeverSent("no connection")
        self.received[key] += 1
        fate = draw.choice(("done", "done", "refused", "lost"))
        if fate == "done":
            effect = asyncio.create_task(self._do(move, key, draw.uniform(0, EFFECT_S_MAX)))
            self.work.add(effect)
            effect.add_done_callback(self.work.discard)
            await asyncio.shield(effect)
        await asyncio.sleep(draw.uniform(0, 2))
        answer = draw.choice(("answer", "answer", "unanswered", "never"))
        if answer == "never":
            await asyncio.get_running_loop().create_future()
        if fate == "lost" or answer == "unanswered":
            return MoveUnanswered("time-out")
        if fate == "refused":
            return MoveRefused(OrderError(Code.VENUE_REJECTED, "no"))
        return Moved(venue_ids=tuple(done.id for done in self.ledger if done.key == key))

    async def find(self, move: Move, sent_at: int, known: Collection[str]) -> MoveOutcome | None:
        await asyncio.sleep(self._draw.uniform(0, 1))
        if not self.reachable and self._draw.random() < 0.5:
            raise VenueUnreachableError("HTTP 503")
        if move.kind is MoveKind.COLLATERAL_TRANSFER:
            return MoveUnanswered("it leaves no trace")
        kind = SHOWN_AS.get(move.kind, move.kind)
        for done in self.ledger:
            shown = SHOWN_AS.get(done.kind, done.kind) is kind and done.at >= sent_at - CLOCKS_NS
            if shown and done.id not in known:
                return Moved(venue_ids=(done.id,))
        return None

    async def _do(self, move: Move, key: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.ledger.append(Done(f"v-{len(self.ledger)}", key, move.kind, self._clock.now()))


class Schedule:
    """One seed's world, and what its callers were told."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - a seed replays a schedule
        self.clock = LoopClock()
        self.bank = Bank(self.draw, self.clock)
        self.store = MemoryMoves()
        self.store.pause = self._pause
        self.wanted = {f"k-{n}": self.draw.choice(MOVES) for n in range(KEYS)}
        self.told: dict[str, Operation] = {}
        self.callers: set[asyncio.Task[None]] = set()

    async def play(self) -> None:
        """Lives that end by a kill, then one in which all is well; then what must hold."""
        self.bank.reachable = False
        for life in range(LIVES):
            moving = self._router(life)
            await moving.start()
            self._begin(self._trouble())
            for key in self.wanted:
                for _ in range(2):
                    self._begin(self._caller(moving, key, self.draw.uniform(0, LIFE_S_MAX)))
            await pass_time(self.draw.choice((self.draw.uniform(0, 10), self.draw.uniform(0, LIFE_S_MAX))))
            await self._kill(moving)
        await self._in_peace()
        while self.bank.work:
            await asyncio.wait(set(self.bank.work))
        self._judge()

    async def _in_peace(self) -> None:
        self.bank.reachable = True
        moving = self._router(LIVES)
        await moving.start()
        await pass_time(2 * WINDOW_NS / 1e9 + 60)
        for operation in self.store.kept():
            if operation.in_doubt:
                assert operation.move.kind is MoveKind.COLLATERAL_TRANSFER, operation
                await moving.record("pts", operation.id, self._found)
        for key in self.wanted:
            await self._caller(moving, key, 0)
        await pass_time(2 * WINDOW_NS / 1e9 + 120)
        for operation in self.store.kept():
            if operation.in_doubt:
                await moving.record("pts", operation.id, self._found)
        assert await moving.stop(10.0)

    def _judge(self) -> None:
        kept = {operation.key: operation for operation in self.store.kept()}
        assert all(times == 1 for times in self.bank.received.values()), self.bank.received
        truth = {done.key: done for done in self.bank.ledger}
        assert len(truth) == len(self.bank.ledger)
        for done in self.bank.ledger:
            assert done.key in kept, f"{done} was done and is known to nobody"
        for key, operation in kept.items():
            assert operation.is_final, operation
            assert (operation.phase is MovePhase.DONE) == (key in truth), operation
            if operation.venue_ids:
                assert operation.venue_ids == (truth[key].id,), f"another's evidence: {operation}"
        for key, told in self.told.items():
            assert told.is_final
            assert told == kept[key], f"told as {told}, was {kept[key]}"

    async def replay(self) -> None:
        """What the store holds of each move makes it again, event by event."""
        for operation in self.store.kept():
            again = Operation(
                operation.id,
                operation.connection,
                operation.key,
                operation.move,
                operation.created_at,
                operation.created_at,
            )
            for at, event in await self.store.move_events(operation.id):
                again = step(again, decode_event(event), at)
            assert again == operation

    def _router(self, life: int) -> Moving:
        return MovingWorld(self.store, MarginRoster(pts=self.bank), self.clock, seed=life).moving

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.callers.add(task)
        task.add_done_callback(self.callers.discard)

    async def _caller(self, moving: Moving, key: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        KEY.set(key)
        try:
            operation = (await moving.submit("pts", key, self.wanted[key])).operation
        except RouterError:
            return
        if operation.is_final:
            assert self.told.setdefault(key, operation) == operation

    async def _trouble(self) -> None:
        """The store fails for a while, now and then."""
        while True:
            await asyncio.sleep(self.draw.uniform(0, 30))
            self.store.failing = {"accept", "append"}
            await asyncio.sleep(self.draw.uniform(0, 5))
            self.store.failing = set()

    async def _kill(self, moving: Moving) -> None:
        """End a router as SIGKILL does: what is not durable at this instant never will be."""
        moving._moves.close()
        tasks = set(self.callers)
        for task in tasks:
            task.cancel()
        await moving._tasks.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.store.failing = set()

    async def _pause(self) -> None:
        await asyncio.sleep(self.draw.choice((0, self.draw.uniform(0, 0.05), self.draw.uniform(0, 2))))

    def _found(self, operation: Operation, at: int) -> MoveFinding:
        """What a person reads off the counterparty's page, which is the truth."""
        done = next((done for done in self.bank.ledger if done.key == operation.key), None)
        found = MoveFound.ABSENT if done is None else MoveFound.DONE
        return MoveFinding(found, "J. Doe", "their page", at, None if done is None else done.id)


async def _play(seed: int, seen: Counter[str]) -> None:
    schedule = Schedule(seed)
    await schedule.play()
    await schedule.replay()
    for operation in schedule.store.kept():
        code = "" if operation.error is None else f" {operation.error.code}"
        doubtful = "" if operation.doubtful_since is None else ", after a doubt"
        seen[f"{operation.phase}{code}{doubtful}"] += 1


@pytest.mark.parametrize("block", range(10))
def test_no_schedule_makes_a_move_twice_or_loses_one(block: int) -> None:
    seen: Counter[str] = Counter()
    size = SEEDS // 10
    for seed in range(block * size, (block + 1) * size):
        try:
            run(_play(seed, seen))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    # What is not reached is not tested.
    for ending in (
        "done",
        "done, after a doubt",
        "rejected venue_rejected",
        "rejected venue_unavailable",
        "rejected interrupted",
        "rejected not_taken, after a doubt",
    ):
        assert seen[ending] > 0, seen
