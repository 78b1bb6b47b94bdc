"""What one call of the library pays of the request budget: a request for each that goes out.

How many a call makes is the library's business (the markets are two at one exchange and six at another). The
first was taken before the call, since an order goes out at once or not at all; each further one is taken when
it is due, in the router's loop, from the thread that waits for it.
"""

import asyncio
from collections.abc import Callable

from router.ports import Lane
from venues.transport.budget import RequestBudget
from venues.transport.session import Answered, Exchange, NotSent


class Toll:
    """The requests of one call. Made and settled in the router's loop; `admit` is for the thread."""

    def __init__(self, budget: RequestBudget, lane: Lane, until: int) -> None:
        self._budget = budget
        self._lane = lane
        self._until = until
        self._loop = asyncio.get_running_loop()
        self._settled: set[int] = set()
        self._asked = 0

    async def admit(self) -> Callable[[Exchange | None], None]:
        """A request is due: returns what is to be called with how it ended, None where it was cancelled.

        Raises `BudgetSpentError`.
        """
        step, self._asked = self._asked, self._asked + 1
        if step:
            # What has begun is not left half done for want of the rest: that would waste what was paid.
            taking = self._budget.take(min(self._lane, Lane.LOOK_UP), self._until)
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(taking, self._loop))

        def told(got: Exchange | None) -> None:
            self._loop.call_soon_threadsafe(self._settle, step, got)

        return told

    def close(self, *, cancelled: bool = False) -> None:
        """The call is over. A cancelled one may have sent its request all the same."""
        if cancelled:
            self._settle(0, None)
        elif not self._asked:
            self._settle(0, NotSent("nothing was asked"))

    def _settle(self, step: int, got: Exchange | None) -> None:
        if step in self._settled:
            return
        self._settled.add(step)
        match got:
            case NotSent():
                self._budget.unused()
            case Answered():
                self._budget.answered(got.headers, got.status)
            case _:
                self._budget.answered({}, None)
