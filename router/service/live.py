"""One order in memory: what is known of it beside its record, and who waits for it."""

import asyncio
from collections.abc import Callable

import msgspec

from router.core.order import Event, Order
from router.core.record import CompetitionRecord, LookUp
from router.service.behind import Line

Waiter = asyncio.Future[bool]
"""Answers whether what was waited for came in time."""


class LiveOrder(msgspec.Struct, eq=False):
    """An order that is in memory: not final yet, or final and still waiting for detail.

    `accepting`: the write that makes it durable, until it is. `record`: its competition; `closed`: the same,
    where it was over before the order was durable, and is to be told of then.
    `events` and `records` are written behind. `intent`: an intent is being written, and events wait in
    `deferred`. `cancel_unanswered`: a cancel was asked for and may never have arrived, as with one from
    before a restart. `taken_up_at`: when it was read from the journal at start, on the clock of this process.
    `looked_up`: what came of the last look-up that did not find it. `parked`: it rests, and this is told of
    each change. `place`: the orders of the connection that it is, or may be, at until it is final. `callers`
    wait for an answer, `waiting` for the next change: lists are made when there is something to put in, of
    most orders that rest never.
    """

    order: Order
    cancel_unanswered: bool = False
    accepting: asyncio.Future[None] | None = None
    record: CompetitionRecord | None = None
    closed: CompetitionRecord | None = None
    events: Line = msgspec.field(default_factory=Line)
    records: Line = msgspec.field(default_factory=Line)
    intent: bool = False
    deferred: list[Event] | None = None
    taken_up_at: int | None = None
    looked_up: LookUp | None = None
    parked: Callable[[], None] | None = None
    place: "dict[str, LiveOrder] | None" = None
    callers: list[Waiter] | None = None
    waiting: list[Waiter] | None = None

    async def changed(self, timeout_s: float | None) -> bool:
        """Wait for the next change; False if none came in time."""
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        if self.waiting is None:
            self.waiting = [waiter]
        else:
            self.waiting.append(waiter)
        timer = None if timeout_s is None else loop.call_later(timeout_s, time_out, waiter)
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()
            self.waiting = _without(self.waiting, waiter)

    def call(self, waiter: Waiter) -> None:
        """Have somebody told once it is settled, or will not be by us."""
        if self.callers is None:
            self.callers = [waiter]
        else:
            self.callers.append(waiter)

    def hang_up(self, waiter: Waiter) -> None:
        """They wait no more, whether they were told or not."""
        self.callers = _without(self.callers, waiter)

    def answer(self) -> None:
        """Let those go who wait for an answer: it is settled, or nobody here will settle it."""
        callers, self.callers = self.callers, None
        for waiter in callers or ():
            _wake(waiter)

    def wake(self) -> None:
        """Tell whoever waits that the order is another."""
        if self.callers is not None and self.order.is_settled:
            self.answer()
        if self.waiting is not None:
            waiting, self.waiting = self.waiting, None
            for waiter in waiting:
                _wake(waiter)
        if self.parked is not None:
            self.parked()


def _wake(waiter: Waiter) -> None:
    if not waiter.done():
        waiter.set_result(True)


def time_out(waiter: Waiter) -> None:
    """Let somebody go, unless they left: what they waited for did not come in time."""
    if not waiter.done():
        waiter.set_result(False)


def _without(waiters: list[Waiter] | None, waiter: Waiter) -> list[Waiter] | None:
    """The waiters but one; None where nobody is left, or all were woken."""
    if waiters is not None and waiter in waiters:
        waiters.remove(waiter)
    return waiters or None
