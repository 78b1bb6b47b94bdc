"""One lane of cycles over one simulator and one store: load, kill, restart, settle, check."""

import asyncio
import contextlib
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.kill.checker import Checker, rests, settled, works
from tests.kill.files import ACCOUNTS
from tests.kill.load import Caller, Wish, faults, wishes
from tests.kill.stage import Command, Event, Stage, ready

SETTLE_S = 45.0
LOOK_EVERY_S = 0.02

Disturb = Callable[[], Awaitable[str]]


class ViolationError(AssertionError):
    """A promise was broken; the message says by which orders, the files say how."""


class Store:
    """Where the router keeps its journal; `disturb` breaks the way to it, and answers how often."""

    def __init__(self, url: str, disturb: Disturb | None = None) -> None:
        self.url = url
        self.disturb = disturb


class Lane:
    """The cycles of one seed in one directory."""

    def __init__(self, directory: Path, seed: int, store: Store, figures: Counter[str]) -> None:
        self.seed = seed
        self._draws = random.Random(seed)  # noqa: S311 - a seed replays the load and the kills
        self._store = store
        self._figures = figures
        self._stage = Stage(directory, store.url)
        self._checker = Checker()
        self._wishes: list[Wish] = []
        self._doubtful: set[str] = set()
        self._router: Command | None = None
        self._caller: Caller | None = None

    async def run(self, cycles: int) -> None:
        """Run so many cycles; raises `ViolationError` at the first that breaks a promise."""
        await self._stage.start()
        cycle = -1
        try:
            await self._revive()
            for cycle in range(cycles):
                await self._cycle(cycle)
                self._figures["cycles"] += 1
            await self._last()
        except (AssertionError, TimeoutError, aiohttp.ClientError) as error:
            raise ViolationError(
                f"seed {self.seed}, begun cycle {cycle}, files in {self._stage.directory}: {error!r}"
            ) from error
        finally:
            if self._caller is not None:
                await self._caller.close()
            await self._stage.stop()

    async def _cycle(self, cycle: int) -> None:
        """Load, a kill in the middle of it, a restart; then what the router says is checked."""
        for connection in ACCOUNTS:
            await self._stage.faults(connection, faults(self._draws))
            answers = self._draws.choice(("final", "final", "pending"))
            await self._stage.control(
                "PUT", f"/accounts/{ACCOUNTS[connection]}/settings", {"order_answer": answers}
            )
        wanted = wishes(self._draws, cycle)
        self._wishes += wanted
        self._figures["orders"] += len(wanted)
        again = [wish for wish in self._wishes if wish.unanswered and self._draws.random() < 0.8]
        assert self._caller is not None
        load = [asyncio.create_task(self._caller.play(wish)) for wish in (*again, *wanted)]
        if self._draws.random() < 0.3:
            load.append(asyncio.create_task(self._cancel_one()))
        if self._store.disturb is not None and self._draws.random() < 0.5:
            await asyncio.sleep(self._draws.random() * 0.15)
            self._figures["connections dropped"] += int(await self._store.disturb())
        await asyncio.sleep(self._draws.random() * self._draws.choice((0.03, 0.1, 0.3)))
        await self._down(signal.SIGKILL, load)
        await self._revive()
        # Now and then the next load, and the next kill, meet orders that are not settled yet.
        if self._draws.random() < 0.7:
            await self._judge(everything=False)

    async def _cancel_one(self) -> None:
        """Take back an order that rests since an earlier cycle, and has seen other processes."""
        assert self._caller is not None
        resting = [wish.answers[-1].order_id for wish in self._wishes if wish.kind == "rest" and wish.answers]
        chosen = self._draws.choice(resting) if resting else None
        if chosen is not None:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await self._caller.cancel(chosen)

    async def _revive(self) -> None:
        """Start the router; now and then it is killed while it starts."""
        while True:
            self._doubtful.clear()
            self._router = await self._stage.router(self._heard)
            self._checker.spawned(self._router.spawned_at)
            if self._draws.random() >= 0.2:
                break
            await asyncio.sleep(self._draws.random() * 0.6)
            if self._router.count("health_changed") >= len(ACCOUNTS):
                break
            self._figures["kills during start-up"] += 1
            await self._down(signal.SIGKILL)
        await self._stage.listening(self._router)
        await ready(self._router)
        self._caller = Caller(self._stage.url, self._draws)

    async def _down(self, number: int, load: Sequence[asyncio.Task[None]] = ()) -> int:
        caller, self._caller = self._caller, None
        router, self._router = self._router, None
        code = 0
        if router is not None:
            code = await router.end(number)
            self._figures["kills"] += number == signal.SIGKILL
        await asyncio.gather(*load)
        if caller is not None:
            await caller.close()
        if router is not None and number == signal.SIGKILL:
            assert code == -signal.SIGKILL, f"ended by itself with {code}: {router.events[-5:]}"
        return code

    async def _judge(self, *, everything: bool) -> None:
        """Wait until nothing is under way, then check."""
        orders = await self._settled(everything=everything)
        ledger = [row for connection in ACCOUNTS for row in await self._stage.ledger(connection)]
        wrong = [
            line
            for connection in ACCOUNTS
            for line in self._checker.requests(await self._stage.new_requests(connection))
        ]
        wrong += self._checker.check(orders, ledger, self._wishes, everything=everything)
        assert not wrong, "\n".join(wrong)

    async def _settled(self, *, everything: bool) -> list[dict[str, Any]]:
        assert self._caller is not None
        orders: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(SETTLE_S):
                while True:
                    orders = await self._caller.orders(everything=everything)
                    resting = {order["venue_order_id"] for order in orders if rests(order)}
                    if all(settled(order) for order in orders) and not await self._ended_there(resting):
                        return orders
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            open_orders = [order for order in orders if not settled(order)]
            raise AssertionError(f"not settled within {SETTLE_S:g} s: {open_orders}") from None

    async def _ended_there(self, resting: set[str]) -> bool:
        """Whether an order that rests here has ended there: a late cancel whose message the feed lost.

        The router finds that out by its next look-up of what rests, within half a minute.
        """
        if not resting:
            return False
        ledgers = [await self._stage.ledger(connection) for connection in ACCOUNTS]
        return any(row["id"] in resting and not works(row) for rows in ledgers for row in rows)

    async def _last(self) -> None:
        """Ask once more for every wish, take every resting order back; then check all that ever was."""
        for connection in ACCOUNTS:
            await self._stage.faults(connection, {})
        assert self._caller is not None
        for wish in self._wishes:
            if wish.unanswered:
                await self._caller.play(wish)
                assert not wish.unanswered, f"{wish.key} was not answered by a router that nobody killed"
        await self._cancel_all()
        await self._judge(everything=True)
        code = await self._down(signal.SIGTERM)
        assert code == 0, f"expected exit code 0 after SIGTERM, was {code}"

    async def _cancel_all(self) -> None:
        """Take back what rests until nothing does; what a killed router left must be taken over first."""
        assert self._caller is not None
        resting: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(SETTLE_S):
                while resting := [order for order in await self._settled(everything=True) if rests(order)]:
                    for order in resting:
                        answer = await self._caller.cancel(order["id"])
                        assert answer.status in (202, 409), answer
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            raise AssertionError(f"cancelled, but rests: {resting}") from None

    def _heard(self, event: Event) -> None:
        """Count what became of orders that a kill left in doubt."""
        match event["event"]:
            case "order_taken_up" if event["phase"] in ("routed", "in_doubt"):
                self._doubtful.add(event["order_id"])
                self._figures["in doubt at a start"] += 1
                self._figures["kills during sends"] += event["phase"] == "routed"
            case "order_taken_up" if event["phase"] == "accepted":
                self._figures["interrupted"] += 1
            case "order_changed" if event["order_id"] in self._doubtful and not event["in_doubt"]:
                self._doubtful.discard(event["order_id"])
                absent = event["event_type"] == "ProvedAbsent"
                self._figures["in doubt, absent" if absent else "in doubt, found"] += 1
            case "text" | "task_failed" | "request_failed":
                self._figures["failures logged"] += 1
