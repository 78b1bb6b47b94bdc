"""One running call and at most one that waits, however many ask."""

import asyncio
from collections.abc import Awaitable, Callable


class Coalesced:
    """Calls of `work` that many may ask for at once.

    Who asks while one runs gets the next one, which begins after the question: what it brings is never
    older than that. `close` ends what runs.
    """

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        """Wait for one whole run that begins from now on; raises as `work` does."""
        if self._next is not None:
            # It has not begun: it lets go of this place when it does.
            task = self._next
        elif self._running is None or self._running.done():
            task = self._running = asyncio.create_task(self._run(None))
        else:
            task = self._next = asyncio.create_task(self._run(self._running))
        # One who stops waiting does not end it for the others.
        await asyncio.shield(task)

    async def _run(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait({before})
            self._running, self._next = self._next, None
        await self._work()

    async def close(self) -> None:
        """Cancel what runs, and wait for that."""
        tasks = {task for task in (self._running, self._next) if task is not None}
        self._running = self._next = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                # Who asked has had it, if still there; nobody else is to be told.
                task.exception()
