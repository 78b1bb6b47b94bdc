"""How late the event loop runs: the first thing to look at when everything is slow at once."""

import asyncio

from router.observe.observer import Observer

PERIOD_S = 0.1


async def watch_lag(observer: Observer) -> None:
    """Measure, ten times a second, how late the loop wakes a sleeper; until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        before = loop.time()
        await asyncio.sleep(PERIOD_S)
        observer.loop_lagged(int((loop.time() - before - PERIOD_S) * 1e9))
