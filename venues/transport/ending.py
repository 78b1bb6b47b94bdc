"""Ending cleanly: what is in flight gets a moment, what must be closed is closed whatever is cancelled."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def settle(tasks: Iterable["asyncio.Task[Any]"], grace_ms: int) -> None:
    """Let tasks end by themselves for a while, then cancel them and wait for that."""
    left = set(tasks)
    if left:
        _, left = await asyncio.wait(left, timeout=grace_ms / 1000)
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)


async def see_through(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end, which must be bounded; a cancellation that comes meanwhile is raised after it.

    Who stops a connection may lose patience and cancel a second time, and a session would stay open.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
