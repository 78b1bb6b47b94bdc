"""The socket: serves an application, and answers as a problem what never became a request.

aiohttp refuses what its parser cannot read (a broken request line, a header too long) before any application
sees it, as plain text, and logs the offending bytes, among which a caller's key may be. Here it is a problem
like every other, and nothing of what came is repeated or logged.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from router.core.errors import Code
from router.http.problems import problem
from router.http.respond import problem_response

BACKLOG: Final = 1024
"""Connections that wait to be accepted: a burst of callers must not be refused by the kernel."""


class ListenError(OSError):
    """The address cannot be listened on: it is taken, not ours, or not known."""


class _Connection(web.RequestHandler):
    """One caller's connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp's parser refused; the connection is closed after it."""
        del request, exc, message
        if status >= 500:
            refused = problem(Code.INTERNAL_ERROR, "expected an answer, was a failure of the router")
        else:
            refused = problem(Code.INVALID_REQUEST, "expected an HTTP/1.1 request that can be read")
        response = problem_response(refused)
        response.force_close()
        return response


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int, shutdown_s: float) -> AsyncIterator[int]:
    """Serve `app` for the length of the block; gives the port. Raises `ListenError` if it cannot listen.

    On the way out no connection is accepted any more, and requests under way have `shutdown_s` seconds.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=shutdown_s)
    await runner.setup()
    try:
        manager = runner.server
        if manager is None:
            raise RuntimeError("expected a server after the runner's setup, was none")
        loop = asyncio.get_running_loop()

        def connection() -> _Connection:
            return _Connection(manager, loop=loop, access_log=_silent, logger=_silent)

        server = await _listen(connection, host, port)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def _listen(connection: Callable[[], _Connection], host: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(connection, host, port, backlog=BACKLOG)
    except OSError as error:
        raise ListenError(error.errno, error.strerror) from error


_silent: Final = logging.getLogger("router.http.silent")
_silent.disabled = True
