"""Orders on their way out: the request that each takes from the budget, and the task that it is sent in.

The caller's cancellation does not end a send: it goes on in a task of the adapter's own, and what it brings
is told to the listener. An adapter has one of these and hands its port's methods on to it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection

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
        send: Callable[[OutboundOrder], Awaitable[SubmitResult]],
        tell: Callable[[OrderReport], None],
    ) -> None:
        self._budget = budget
        self._send = send
        self._tell = tell
        self._taken = 0
        self._tasks: set[asyncio.Task[SubmitResult]] = set()

    @property
    def in_flight(self) -> Collection[asyncio.Task[SubmitResult]]:
        """Sends that have not ended."""
        return self._tasks

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
        task = asyncio.create_task(self._submit(order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._tell_orphan)
            raise

    async def _submit(self, order: OutboundOrder) -> SubmitResult:
        try:
            return await self._send(order)
        except asyncio.CancelledError:
            # Only the adapter's own end cancels this task, before the answer.
            return Unanswered("the connection was stopped before the answer came")

    def _tell_orphan(self, task: "asyncio.Task[SubmitResult]") -> None:
        result = None if task.cancelled() else task.result()
        if isinstance(result, Taken):
            self._tell(result.report)
