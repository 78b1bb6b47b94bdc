"""Who owns the tasks of moves: executions, which a stop waits for, and the rest, which it cancels."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class MoveTasks:
    """The tasks that are not done. Dicts, for their order: a stop cancels them as they began."""

    def __init__(self) -> None:
        self._executions: dict[asyncio.Task[Any], None] = {}
        self._others: dict[asyncio.Task[Any], None] = {}

    def execute(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin what a stop waits for."""
        self._begin(self._executions, work)

    def own(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin what a stop may cancel."""
        return self._begin(self._others, work)

    async def drain(self, timeout_s: float) -> bool:
        """Wait for the executions; False if time ran out."""
        if self._executions:
            await asyncio.wait(set(self._executions), timeout=timeout_s)
        return not self._executions

    async def cancel(self) -> None:
        """End everything that is left."""
        leftover = (*self._executions, *self._others)
        for task in leftover:
            task.cancel()
        if leftover:
            await asyncio.wait(leftover)

    @staticmethod
    def _begin(among: dict[asyncio.Task[Any], None], work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        among[task] = None

        def ended(task: asyncio.Task[T]) -> None:
            del among[task]
            if not task.cancelled():
                # Whoever waited for it was told; a caller that left was not, and nobody else need be.
                task.exception()

        task.add_done_callback(ended)
        return task
