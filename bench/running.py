"""Runs the bench's coroutines on uvloop, so that what they started ends with them, also by SIGTERM."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it; a SIGTERM cancels it, and `asyncio.CancelledError` is raised once it has cleaned up."""

    async def cancelled_by_signal() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    return uvloop.run(cancelled_by_signal())
