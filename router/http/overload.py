"""How much work is let in at a time, so that what was let in is done in time.

Orders past what a router can do wait in its event loop: every turn of it has a step of each of them to take,
and an order takes some ten turns. So work is bounded twice: by `in_flight_max`, whatever happens, and by less
while the loop has a queue. Whether it has is measured where the queue is: how long something that is let in
now waits for its turn. One long wait says nothing (a collection of garbage, a scrape, a flush), and neither
does a crowd: a basket of some hundred orders, or as many callers who each wait for their answers, make a
queue that does not grow. When every wait has been long for `STANDING_S` and `CROWD_MAX` are at work, more
comes in than goes out (the idea of CoDel, RFC 8289), and the bound is cut to the share of what is at work
that would have waited as long as may be, but not below `QUEUED_MAX`. From there it is lifted slowly while
waits are short. What there is no room for is refused before it is read: that costs next to nothing, and
nothing is lost by it.

A bound that was cut is one on what this process has work with (`at_work`): an order that waits for a
counterparty's answer is in nobody's way. Where counterparties take half a second, hundreds wait for them in a
router that has little to do; a bound on all of them would let in some dozens a second, and on a machine whose
processor others take now and then, waits are long without any fault of theirs.

How much of a queue is worth having depends on what it saves. Where next to nothing is refused, it carries a
burst, and a shorter one would refuse what the router has time for. Where half is refused there is always
more to take up, and a queue only makes those wait who were let in. So both bounds, of the wait and of what is
kept, shrink with the square of the share that was let in.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

LATE_S: Final = 0.0006
"""A wait this long is a long one: an order takes some fourteen turns of the loop, and three dozen orders in
work make turns of this length. In a loop that keeps up they are half as long."""
STANDING_S: Final = 0.05
"""Longer than a loop that keeps up needs to make up for a pause or a burst, where waits are just long; waits
of twice `LATE_S` need half of it. Each more such time lets in what waits as long again."""
CROWD_MAX: Final = 512
"""As many at work are taken up however long they wait: some 120 ms of one core. A load that is too much makes
such a queue once, and short ones from then on."""
TRIED_AGAIN_S: Final = 60.0
"""So long after a bound was cut a crowd is let in again: callers who come back at once when they are refused
keep waits long, and would be refused for ever where they are no more than a crowd."""
QUEUED_MAX: Final = 40
"""Once there was a greater crowd: enough to carry the bursts of a load that the router keeps up with. With a
fifth of it orders were refused from 1,700 a second on, where 4,000 are held with it."""
SHARE_MIN: Final = 0.5
"""The share let in counts as no less than this: a quarter of the queue is left, which keeps the loop and the
store's batches busy. As much was taken up with it as with all of it, in half of the time."""
GROWTH_PER_S: Final = 100.0
"""By how much a bound that was cut is lifted in a second: so slowly that there is no queue again at once, and
all is forgotten within seconds where there is none."""


class Gate:
    """Counts work in and out.

    `at_work` tells how many of it do not wait for a counterparty; `refused` is called for each time that
    there is no room; `now` gives seconds.
    """

    def __init__(
        self,
        in_flight_max: int,
        at_work: Callable[[], int],
        refused: Callable[[], None],
        now: Callable[[], float] = perf_counter,
    ) -> None:
        self.in_flight = 0
        self.bound: float = in_flight_max
        self._max = in_flight_max
        self._queued_max = min(QUEUED_MAX, in_flight_max)
        self._crowd_max = min(CROWD_MAX, in_flight_max)
        self._at_work = at_work
        self._refused = refused
        self._now = now
        self._entered = 0
        """Since the loop last came round: what most of these begin, `at_work` does not know yet."""
        self._let_in = self._turned_away = 0
        self._counted_at = 0.0
        self._patience = 1.0
        self._late_since: float | None = None
        self._late_at = 0.0
        self._grown_at = 0.0
        self._cut_at = 0.0

    def enter(self) -> bool:
        """Whether there is room for one more; who was let in must `leave`."""
        if self.in_flight >= self.bound and self._is_full():
            self._turned_away += 1
            self._refused()
            return False
        if not self._entered:
            asyncio.get_running_loop().call_soon(self._turned, self._now())
        self._entered += 1
        self._let_in += 1
        self.in_flight += 1
        return True

    def _is_full(self) -> bool:
        work = self._work()
        if work >= self.bound:
            self._grow(self._now())
        return self.in_flight >= self._max or work >= self.bound

    def _work(self) -> int:
        return min(self.in_flight, self._at_work() + self._entered)

    def leave(self) -> None:
        """What was let in is done."""
        self.in_flight -= 1

    def _turned(self, since: float) -> None:
        """Has the loop come round: it was asked at `since`, when something was let in."""
        work, self._entered = self._work(), 0
        now = self._now()
        if now - self._counted_at >= STANDING_S:
            self._count(now)
        if self.bound < self._max:
            self._grow(now)
        wait, late = now - since, LATE_S * self._patience
        if wait < late:
            self._late_since = None
            return
        self._late_at = now
        if self._late_since is None:
            self._late_since = now  # and not `since`: a pause of the loop is no queue
        elif (now - self._late_since) * wait >= STANDING_S * late:
            self._cut(now, work, work * late / wait)

    def _cut(self, now: float, work: int, in_time: float) -> None:
        """Lower the bound to what waits `in_time`, if it was cut before or as many are at work as a crowd."""
        if self.bound == self._max:
            if work < self._crowd_max:
                return
            self._cut_at = now
        self.bound = max(self._queued_max * self._patience, in_time)
        self._grown_at = now

    def _count(self, now: float) -> None:
        """Take up what share was let in since the last time; something was, or this were not asked."""
        share = self._let_in / (self._let_in + self._turned_away)
        # What `in_flight_max` refuses waits for counterparties, and says nothing of the loop.
        self._patience = max(share, SHARE_MIN) ** 2 if self.bound < self._max else 1.0
        self._let_in = self._turned_away = 0
        self._counted_at = now

    def _grow(self, now: float) -> None:
        """Lift a bound that was cut, by the time since then, unless there was a long wait just now."""
        if now - self._late_at >= STANDING_S:
            self.bound += GROWTH_PER_S * (now - self._grown_at)
        self._grown_at = now
        if self.bound >= self._crowd_max or now - self._cut_at >= TRIED_AGAIN_S:
            self.bound = self._max
