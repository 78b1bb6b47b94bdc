"""Orders on their way out: the request that each takes from the budget, and who is told how it ended.

The caller's cancellation does not end a send: it goes on, and what it brings is told to the listener. An
adapter has one of these and hands its port's methods on to it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from router.core.model import OrderReport, OutboundOrder
from router.ports import Lane, NeverSent, SubmitResult, Taken, Unanswered
from venues.transport.budget import RequestBudget

T = TypeVar("T")
_STOPPED: Final = Unanswered("the connection was stopped before the answer came")


class Way(Protocol[T]):
    """How the orders of a connection go out."""

    def send(self, order: OutboundOrder, told: Callable[[T], None]) -> int:
        """Send one order, once, its request being taken; `told` hears what came of it, perhaps at once.

        Returns what `judge` is to have of it: when it was sent, in nanoseconds since the epoch.
        """

    def judge(self, order: OutboundOrder, sent_at: int, came: T) -> SubmitResult:
        """What it means for the order; called once for each that was not stopped."""


class Sending(Generic[T]):
    """The sends of one connection. An instance belongs to one event loop.

    `tell` is told of an order whose caller is gone.
    """

    def __init__(self, budget: RequestBudget, way: Way[T], tell: Callable[[OrderReport], None]) -> None:
        self._budget = budget
        self._way = way
        self._tell = tell
        self._taken = 0
        self._sends: dict[asyncio.Future[T | None], tuple[OutboundOrder, int]] = {}
        """What has not ended, by what its caller waits for."""
        self._emptied: asyncio.Future[None] | None = None

    @property
    def in_flight(self) -> int:
        """Sends that have not ended."""
        return len(self._sends)

    def has_budget(self) -> bool:
        """See `Venue.has_order_budget`."""
        return self._budget.can_take(Lane.ORDER)

    def take_budget(self) -> bool:
        """See `Venue.take_order_budget`."""
        if not self._budget.try_take(Lane.ORDER):
            return False
        self._taken += 1
        return True

    def return_budget(self) -> None:
        """See `Venue.return_order_budget`; nothing happens where nothing was taken."""
        if self._taken:
            self._taken -= 1
            self._budget.unused()

    async def submit(self, order: OutboundOrder) -> SubmitResult:
        """See `Venue.submit`."""
        if self._taken:
            self._taken -= 1
        elif not self._budget.try_take(Lane.ORDER):
            return NeverSent("the request budget was not taken, and has nothing left")
        waited: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        sent_at = self._way.send(order, partial(self._came, waited))
        self._sends[waited] = (order, sent_at)
        try:
            came = await waited
        except asyncio.CancelledError:
            # Else the answer and the cancellation came in one round of the loop.
            if not waited.cancel() and not waited.cancelled():
                self._orphaned(waited, waited.result())
            raise
        self._sends.pop(waited, None)
        if self._emptied is not None:
            self._tell_emptied(self._emptied)
        return _STOPPED if came is None else self._way.judge(order, sent_at, came)

    async def ended(self) -> None:
        """Wait until nothing is in flight."""
        while self._sends:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    def stop(self) -> None:
        """Wait no more for what is in flight: it is in doubt. The line that it went over is to be closed."""
        for waited in tuple(self._sends):
            if waited.cancelled() or not waited.done():
                # It may have arrived all the same.
                self._budget.answered({}, None)
                del self._sends[waited]
            if not waited.done():
                waited.set_result(None)

    def _came(self, waited: "asyncio.Future[T | None]", came: T) -> None:
        if not waited.done():
            waited.set_result(came)
        elif waited in self._sends:
            # With nobody there to take it, an error is the loop's to report.
            waited.get_loop().call_soon(self._orphaned, waited, came)

    def _orphaned(self, waited: "asyncio.Future[T | None]", came: T | None) -> None:
        """It ended, and its caller is gone."""
        sent = self._sends.pop(waited, None)
        if self._emptied is not None:
            self._tell_emptied(self._emptied)
        if sent is not None and came is not None:
            result = self._way.judge(*sent, came)
            if isinstance(result, Taken):
                self._tell(result.report)

    def _tell_emptied(self, emptied: "asyncio.Future[None]") -> None:
        if not self._sends and not emptied.done():
            emptied.set_result(None)


class InTasks:
    """A way for orders whose sending takes several steps: each is a coroutine in a task of its own."""

    def __init__(self, send: Callable[[OutboundOrder], Coroutine[Any, Any, SubmitResult]]) -> None:
        self._send = send
        self.running: set[asyncio.Task[SubmitResult]] = set()
        """Those that have not ended; only the adapter's own end cancels them."""

    def send(self, order: OutboundOrder, told: Callable[["asyncio.Task[SubmitResult]"], None]) -> int:
        """See `Way`."""
        task = asyncio.get_running_loop().create_task(self._send(order))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        task.add_done_callback(told)
        return 0

    def judge(self, _order: OutboundOrder, _sent_at: int, came: "asyncio.Task[SubmitResult]") -> SubmitResult:
        """See `Way`."""
        return _STOPPED if came.cancelled() else came.result()
