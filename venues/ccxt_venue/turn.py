"""One at a time, in order of importance: for an exchange whose nonce must grow from call to call.

Two private calls under way at once can overtake each other, and the one with the lower nonce is refused. An
order that waits behind a read that hangs is not sent late: it gives up its turn at its deadline.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from router.ports import Lane


class Turn:
    """The turn. An instance belongs to one event loop."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[Lane, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @asynccontextmanager
    async def hold(self, lane: Lane, wait_s: float) -> AsyncIterator[None]:
        """Have the turn; raises `TimeoutError` where it does not come in time."""
        if self._taken:
            mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (lane, next(self._order), mine))
            try:
                async with asyncio.timeout(wait_s):
                    await mine
            except BaseException:
                if mine.done() and not mine.cancelled():
                    self._pass_on()
                mine.cancel()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, following = heapq.heappop(self._waiting)
            if not following.done():
                # It stays taken: who waited has it from here on.
                following.set_result(None)
                return
        self._taken = False
