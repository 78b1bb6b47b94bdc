"""What every handler works with, and how a request's body is read."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from router.core.errors import Code, RouterError
from router.http.auth import Authenticator
from router.http.connections.ports import ConnectionsPort
from router.http.decode import malformed
from router.http.margin.port import MarginPort
from router.http.overload import Gate
from router.http.ports import DeskPort
from router.http.reports.port import ReportsPort
from router.observe.events import EventBus
from router.ports.accounts import Roster

BODY_DEADLINE_S: Final = 10.0
"""Seconds that a body may take to come: a slow line's 64 KiB do; who sends nothing must not hold a task."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Failure(msgspec.Struct, frozen=True):
    """An exception that nobody meant. `id` is what the caller was told; `route` is the path's template."""

    id: str
    method: str
    route: str
    error: Exception


class Streaming(msgspec.Struct, frozen=True):
    """What callers can follow, and how they are told. Times in seconds.

    `keep_alive_s`: proxies close a connection that is silent for a minute, and a caller notices a dead one
    within two of these. `write_deadline_s`: how long a caller may take to make room before being cut off.
    """

    events: EventBus
    keep_alive_s: float = 15.0
    write_deadline_s: float = 30.0


class Context(msgspec.Struct, frozen=True):
    """The application's own. `now` gives nanoseconds since the epoch, `metrics` the exposition text."""

    desk: DeskPort
    authenticator: Authenticator
    metrics: Callable[[], bytes]
    now: Callable[[], int]
    failed: Callable[[Failure], None]
    streaming: Streaming
    gate: Gate
    request_bytes_max: int
    body_deadline_s: float
    slippage_bps_max: int
    description: bytes
    roster: Roster
    connections: ConnectionsPort
    margin: MarginPort | None
    reports: ReportsPort | None = None

    def connection_ids(self) -> frozenset[str]:
        """The ids that a request may name."""
        return frozenset(view.connection.id for view in self.desk.connections())


CONTEXT: Final = web.AppKey("context", Context)


async def read_json(request: web.Request) -> bytes:
    """The body of a request that must be JSON. Raises `RouterError`.

    The content type is insisted on: a browser sends a page's `text/plain` to loopback without asking, but
    asks first for `application/json`, and is not answered.
    """
    charset = (request.charset or "utf-8").lower()
    if request.content_type != "application/json" or charset not in ("utf-8", "utf8"):
        raise _unsupported("expected Content-Type: application/json")
    return await read_body(request)


async def read_body(request: web.Request) -> bytes:
    """The body's bytes, no more than the setting allows, said or not beforehand. Raises `RouterError`."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        # What is small when packed need not be when unpacked; no order needs packing.
        raise _unsupported("expected a body without Content-Encoding")
    context = request.app[CONTEXT]
    if (request.content_length or 0) > context.request_bytes_max:
        raise too_large(context.request_bytes_max)
    try:
        if request.content.is_eof():
            # All of it is here already, as nearly always: there is nothing to wait for.
            return await request.read()
        async with asyncio.timeout(context.body_deadline_s):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise too_large(context.request_bytes_max) from error
    except TimeoutError as error:
        # Also a body whose framing breaks half-way: the parser says nothing of it to who waits for the rest.
        raise malformed(f"expected a whole body within {context.body_deadline_s:g} s, was a part") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise malformed("expected a whole body, was one that ends early") from error


def too_large(bytes_max: int) -> RouterError:
    """What is said of a body past the limit."""
    return RouterError(
        Code.REQUEST_TOO_LARGE, f"expected a body of at most {bytes_max} bytes, was a larger one"
    )


def _unsupported(detail: str) -> RouterError:
    return RouterError(Code.UNSUPPORTED_MEDIA_TYPE, detail)
