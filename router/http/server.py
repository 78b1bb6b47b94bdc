"""The socket: serves an application, and answers as a problem what never became a request.

aiohttp refuses what its parser cannot read (a broken request line, a header too long) before any application
sees it, as plain text, and logs the offending bytes, among which a caller's key may be. Here it is a problem
like every other, and nothing of what came is repeated or logged.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from router.http.connection import KNOWN_S, Connection, Lane

BACKLOG: Final = 1024
"""Connections that wait to be accepted: a burst of callers must not be refused by the kernel."""


LANE: Final = web.AppKey("lane", Lane)
"""Where an application takes the bodies whose heads are known; without it aiohttp reads every head."""


class ListenError(OSError):
    """The address cannot be listened on: it is taken, not ours, or not known."""


@asynccontextmanager
async def serving(
    app: web.Application, host: str, port: int, shutdown_s: float, known_s: float = KNOWN_S
) -> AsyncIterator[int]:
    """Serve `app` for the length of the block; gives the port. Raises `ListenError` if it cannot listen.

    `known_s`: for how many seconds a connection remembers the heads of its requests.

    On the way out no connection is accepted any more, and requests under way have `shutdown_s` seconds.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=shutdown_s)
    await runner.setup()
    try:
        manager = runner.server
        if manager is None:
            raise RuntimeError("expected a server after the runner's setup, was none")
        loop = asyncio.get_running_loop()

        lane = app.get(LANE)

        def connection() -> Connection:
            return Connection(manager, lane, loop=loop, known_s=known_s)

        server = await _listen(connection, host, port)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def _listen(connection: Callable[[], Connection], host: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(connection, host, port, backlog=BACKLOG)
    except OSError as error:
        raise ListenError(error.errno, error.strerror) from error
