"""A report as it is read: rows go out page by page, and a report that breaks off never looks whole.

The answer has begun when a read fails in a way that no row can tell (the journal, a bug, the router's own
end), so its status cannot change any more. What can is its end: the connection is cut without the last
chunk, and every HTTP client takes that for an error. A caller who takes nothing is cut off as well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

from aiohttp import hdrs, web

from router.http.context import CONTEXT, Failure
from router.http.respond import API_HEADERS
from router.reports.rows import Failed
from router.reports.scroll import Reading, Row

CHUNK_BYTES: Final = 32 * 1024
"""What is gathered before it is sent: a few hundred rows."""


class CallerGoneError(Exception):
    """Nobody listens any more."""


class Download:
    """An answer under way."""

    def __init__(self, request: web.Request, response: web.StreamResponse, write_deadline_s: float) -> None:
        self._request = request
        self._response = response
        self._write_deadline_s = write_deadline_s
        self._pending: list[bytes] = []
        self._size = 0

    async def write(self, text: bytes) -> None:
        """Send this, together with more. Raises `CallerGoneError`."""
        self._pending.append(text)
        self._size += len(text)
        if self._size >= CHUNK_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Send what there is, so that a caller sees it grow. Raises `CallerGoneError`."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise CallerGoneError
        if not self._pending:
            return
        chunk = b"".join(self._pending)
        self._pending.clear()
        self._size = 0
        try:
            async with asyncio.timeout(self._write_deadline_s):
                await self._response.write(chunk)
        except (ConnectionError, TimeoutError) as error:
            raise CallerGoneError from error

    async def rows(self, scroll: Reading[Row], line: Callable[[Row | Failed], bytes]) -> None:
        """Send a report to its end. Raises what its reads raise, and `CallerGoneError`."""
        while not scroll.done:
            row = scroll.take()
            if row is None:
                await self.flush()
                await scroll.read()
            else:
                await self.write(line(row))


@asynccontextmanager
async def downloading(request: web.Request, response: web.StreamResponse) -> AsyncIterator[Download | None]:
    """Begin an answer and end it in order, or not at all; None where only its head is asked for."""
    context = request.app[CONTEXT]
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        yield None
        return
    download = Download(request, response, context.streaming.write_deadline_s)
    try:
        yield download
        await download.flush()
        await response.write_eof()
    except (CallerGoneError, ConnectionError):
        _cut(request)
    except Exception as error:  # noqa: BLE001 - the answer has begun: its end is all that can tell
        _cut(request)
        resource = request.match_info.route.resource
        route = "" if resource is None else resource.canonical
        context.failed(Failure(uuid4().hex, request.method, route, error))
    except BaseException:
        _cut(request)
        raise


def response_of(content_type: str, headers: Mapping[str, str]) -> web.StreamResponse:
    """An answer whose length nobody knows."""
    return web.StreamResponse(headers={**API_HEADERS, "Content-Type": content_type, **headers})


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def first_read(scroll: Reading[Row]) -> None:
    """Read before the answer begins: what is wrong with the request, or the journal, is then a problem."""
    if not scroll.done:
        await scroll.read()


def joined(lines: Sequence[str]) -> bytes:
    """Lines as they are sent."""
    return "".join(lines).encode()
