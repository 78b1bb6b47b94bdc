"""Orders on their way out: the request that each takes from the budget, and the task that it is sent in.

The caller's cancellation does not end a send: it goes on in a task of the adapter's own, and what it brings
is told to the listener. An adapter has one of these and hands its port's methods on to it.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from router.core.model import OrderReport, OutboundOrder
from router.ports import Lane, NeverSent, SubmitResult, Taken, Unanswered
from venues.transport.budget import RequestBudget


class Sending:
    """The sends of one connection. An instance belongs to one event loop.

    `send` sends one order, once, its request being taken; `tell` is told of an order whose caller is gone.
    """

    def __init__(
        self,
        budget: RequestBudget,
        send: Callable[[OutboundOrder], Coroutine[Any, Any, SubmitResult]],
        tell: Callable[[OrderReport], None],
    ) -> None:
        self._budget = budget
        self._send = send
        self._tell = tell
        self._taken = 0
        self._sends: dict[asyncio.Task[SubmitResult], asyncio.Future[SubmitResult]] = {}
        """Those that have not ended, each with what its caller waits for."""

    @property
    def in_flight(self) -> Collection["asyncio.Task[SubmitResult]"]:
        """Sends that have not ended."""
        return self._sends.keys()

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
        loop = asyncio.get_running_loop()
        # What `asyncio.shield` does, with one callback in the place of its three.
        waited: asyncio.Future[SubmitResult] = loop.create_future()
        task = loop.create_task(self._send(order))
        self._sends[task] = waited
        task.add_done_callback(self._sent)
        try:
            return await waited
        except asyncio.CancelledError:
            if waited.done() and not waited.cancelled():
                # The answer and the cancellation came in one round of the loop.
                self._tell_orphan(waited.result())
            raise

    def _sent(self, task: "asyncio.Task[SubmitResult]") -> None:
        waited = self._sends.pop(task)
        if task.cancelled():
            # Only the adapter's own end cancels this task, before the answer.
            result: SubmitResult = Unanswered("the connection was stopped before the answer came")
        elif (error := task.exception()) is not None and not waited.done():
            waited.set_exception(error)
            return
        else:
            # With nobody there to take it, an error is the loop's to report.
            result = task.result()
        if waited.done():
            self._tell_orphan(result)
        else:
            waited.set_result(result)

    def _tell_orphan(self, result: SubmitResult) -> None:
        if isinstance(result, Taken):
            self._tell(result.report)
