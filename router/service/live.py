"""One order in memory: what is known of it beside its record, and who waits for it."""

import asyncio
from collections.abc import Callable

from router.core.order import Event, Order
from router.core.record import CompetitionRecord, LookUp
from router.service.behind import Line


class LiveOrder:
    """An order that is in memory: not final yet, or final and still waiting for detail.

    `accepting`: the write that makes it durable, until an answer needs it no more; `record`: its competition.
    `events` and `records` are written behind. `intent`: an intent is being written, and events wait in
    `deferred`. `cancel_unanswered`: a cancel was asked for and may never have arrived, as with one from
    before a restart. `taken_up_at`: when it was read from the journal at start, on the clock of this process.
    `looked_up`: what came of the last look-up that did not find it. `parked`: it rests, and this is told of
    each change.
    """

    __slots__ = (
        *("_callers", "_waiting", "accepting", "cancel_unanswered", "deferred", "events", "intent"),
        *("looked_up", "order", "parked", "record", "records", "taken_up_at"),
    )

    def __init__(self, order: Order) -> None:
        self.order = order
        self.accepting: asyncio.Future[None] | None = None
        self.record: CompetitionRecord | None = None
        self.events = Line()
        self.records = Line()
        self.intent = False
        self.cancel_unanswered = order.cancel_requested
        # Lists are made when there is something to put in: of most orders that rest, never.
        self.deferred: list[Event] | None = None
        self.taken_up_at: int | None = None
        self.looked_up: LookUp | None = None
        self.parked: Callable[[], None] | None = None
        self._callers: list[_Waiter] | None = None
        self._waiting: list[_Waiter] | None = None

    async def changed(self, timeout_s: float | None) -> bool:
        """Wait for the next change; False if none came in time."""
        loop = asyncio.get_running_loop()
        waiter: _Waiter = loop.create_future()
        if self._waiting is None:
            self._waiting = [waiter]
        else:
            self._waiting.append(waiter)
        timer = None if timeout_s is None else loop.call_later(timeout_s, _time_out, waiter)
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()
            self._waiting = _without(self._waiting, waiter)

    async def answerable(self, timeout_s: float) -> None:
        """Wait until the order is settled, or will not be by us; at most so long."""
        loop = asyncio.get_running_loop()
        waiter: _Waiter = loop.create_future()
        if self._callers is None:
            self._callers = [waiter]
        else:
            self._callers.append(waiter)
        timer = loop.call_later(timeout_s, _time_out, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._callers = _without(self._callers, waiter)

    def answer(self) -> None:
        """Let those go who wait for an answer: it is settled, or nobody here will settle it."""
        callers, self._callers = self._callers, None
        for waiter in callers or ():
            _wake(waiter)

    def wake(self) -> None:
        """Tell whoever waits that the order is another."""
        if self._callers is not None and self.order.is_settled:
            self.answer()
        waiting, self._waiting = self._waiting, None
        for waiter in waiting or ():
            _wake(waiter)
        if self.parked is not None:
            self.parked()


_Waiter = asyncio.Future[bool]
"""Answers whether what was waited for came in time."""


def _wake(waiter: _Waiter) -> None:
    if not waiter.done():
        waiter.set_result(True)


def _time_out(waiter: _Waiter) -> None:
    if not waiter.done():
        waiter.set_result(False)


def _without(waiters: list[_Waiter] | None, waiter: _Waiter) -> list[_Waiter] | None:
    """The waiters but one; None where nobody is left, or all were woken."""
    if waiters is not None and waiter in waiters:
        waiters.remove(waiter)
    return waiters or None
