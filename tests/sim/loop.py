"""The loop that one router lives on: one callback at a time, in the world's time, until it ends or is killed.

A crash abandons it between two callbacks: any two, since a step is a single callback. Each step costs a
microsecond, so that what comes later happens later.
"""

import asyncio
import heapq
import math
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, cast

from tests.sim.world import EPOCH_NS, NS, World
from tests.virtual_loop import DeadlockError, TimeLimitError, VirtualLoop

STEP_NS = 1_000
STEPS_MAX = 400_000
"""Far above any schedule: a router that turns in circles is found out."""


class Crash(BaseException):
    """The process was killed; nothing in it may catch that."""


class SimLoop(VirtualLoop):
    """A virtual loop whose time is the world's; `wall_offset_ns`: how wrong the wall is in this life."""

    def __init__(self, world: World, wall_offset_ns: int) -> None:
        self._world = world
        self._wall_offset_ns = wall_offset_ns
        self.steps = 0
        self.kill_in: int | None = None
        super().__init__()

    def time(self) -> float:
        """Seconds since the schedule began."""
        return self._world.now / NS

    def now(self) -> int:
        """What the clock of the process says: nanoseconds since the epoch."""
        return EPOCH_NS + self._world.now + self._wall_offset_ns

    def _run_once(self) -> None:
        # The base's fields have had these names since Python 3.4; a change would fail every schedule.
        base = cast("Any", self)
        ready, scheduled, world = base._ready, base._scheduled, self._world
        if not ready:
            self._wait(scheduled, ready, world)
        if ready:
            handle = ready.popleft()
            if handle._cancelled:
                return
            world.now += STEP_NS
            handle._run()
        self.steps += 1
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in < 0:
                raise Crash
        if self.steps > STEPS_MAX:
            raise TimeLimitError(f"expected an end within {STEPS_MAX} steps")

    def _wait(self, scheduled: list[Any], ready: Any, world: World) -> None:
        """Go on to what is due next: something in the world, or timers of the router."""
        base = cast("Any", self)
        while scheduled and scheduled[0]._cancelled:
            base._timer_cancelled_count -= 1
            heapq.heappop(scheduled)._scheduled = False
        timer_at = math.ceil(scheduled[0]._when * NS) if scheduled else None
        world_at = world.next_at
        if world_at is not None and (timer_at is None or world_at <= timer_at):
            world.do_next()
            return
        if timer_at is None:
            raise DeadlockError("nothing can run, no timer is set, and nothing happens in the world")
        world.now = max(world.now, timer_at)
        due = world.now / NS + 1e-9
        while scheduled and scheduled[0]._when <= due:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)

    def live(self, main: Coroutine[Any, Any, None]) -> bool:
        """Run a router to its end; False if it was killed."""
        try:
            self.run_until_complete(main)
        except Crash:
            return False
        else:
            return True

    def bury(self) -> None:
        """Forget what was running: none of it may do anything any more, or complain about that."""
        # An error that was just about to be told to a task that is no more is nobody's fault.
        self.set_exception_handler(lambda _loop, _context: None)
        for task in asyncio.all_tasks(self):
            cast("Any", task)._log_destroy_pending = False
            coroutine = task.get_coro()
            with suppress(BaseException):
                cast("Any", coroutine).close()
        cast("Any", self)._ready.clear()
        cast("Any", self)._scheduled.clear()
        self.close()
