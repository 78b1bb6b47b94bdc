"""One HTTP request, sent once, and told apart by how far it came.

    Answered   a whole HTTP answer was read, whatever it says
    NotSent    there was no connection, so not a byte of the request left us
    Lost       it may have arrived: reset, time-out, an answer that broke off or grew too long

aiohttp sends a request of an idempotent method (GET, PUT) again by itself when a pooled connection breaks
(`client.py`, `retry_persistent_connection`; there is no public switch, and POST is never among them). That
second request would be in nobody's budget, so `_once` hides the error from the code that would do it.
"""

from collections.abc import Mapping
from typing import Final

import aiohttp
import msgspec
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from venues.transport.timing import Timing

ANSWER_BYTES_MAX: Final = 256 * 1024
LIST_BYTES_MAX: Final = 4 * 1024 * 1024
SOCKETS_MAX: Final = 200
"""Connections of one account at once: in a burst, opening one more costs both sides more than waiting for one
that comes free. An account of 10 requests a second that answers in 5 s needs 50."""
KEEP_ALIVE_S: Final = 30
NOT_RUNNING: Final = "the connection is not running"
"""Why nothing is sent before a connection is opened, and after it is closed."""


class Answered(msgspec.Struct, frozen=True):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(msgspec.Struct, frozen=True):
    """No connection came about."""

    detail: str


class Lost(msgspec.Struct, frozen=True):
    """No whole answer came. `result`: `timeout`, `reset` or `off_wire`."""

    result: str
    detail: str


Exchange = Answered | NotSent | Lost


class DroppedError(aiohttp.ClientError):
    """The connection broke after the request may have gone out."""


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise DroppedError(type(error).__name__) from error


def open_session(user_agent: str) -> aiohttp.ClientSession:
    """A session of one connection: no proxies from the environment, no cookies, no second request.

    The pool has no limit of its own: the request budget bounds what is in flight, and a request that waits
    in the pool would use up its time unseen.
    """
    return aiohttp.ClientSession(
        # The system's resolver, said: aiohttp takes another one wherever aiodns happens to be installed.
        connector=aiohttp.TCPConnector(
            limit=SOCKETS_MAX, keepalive_timeout=KEEP_ALIVE_S, resolver=aiohttp.ThreadedResolver()
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        middlewares=(_once,),
        headers={"User-Agent": user_agent},
        # Whatever is not a request for an answer (the feed's handshake) states its own.
        timeout=aiohttp.ClientTimeout(total=30, connect=10),
    )


async def exchange(
    session: aiohttp.ClientSession | None,
    method: str,
    url: URL,
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    bytes_max: int,
    timeout_ms: int,
    timing: Timing,
) -> Exchange:
    """Send one request and read its answer; raises nothing but `CancelledError`. No session, no request.

    Redirects are answers. `timeout_ms` is for all of it, and so is at least twice the time for the
    connection, else a connection that hangs could not be told from an answer that does.
    """
    if session is None:
        return NotSent(NOT_RUNNING)
    connect_s = min(timing.connect_ms, timeout_ms / 2) / 1000
    timeout = aiohttp.ClientTimeout(total=timeout_ms / 1000, connect=connect_s, sock_connect=connect_s)
    try:
        async with session.request(
            method, url, headers=headers, data=body, allow_redirects=False, timeout=timeout
        ) as response:
            read = await _read(response, bytes_max)
            if read is None:
                return Lost("off_wire", f"expected at most {bytes_max} bytes, were more")
            return Answered(response.status, response.headers, read)
    # These two, and what descends from the first (DNS, TLS, certificate), come from the connector alone: the
    # request is written after it has handed a connection out.
    except aiohttp.ClientConnectorError as error:
        return NotSent(f"no connection: {type(error.os_error).__name__}")
    except aiohttp.ConnectionTimeoutError:
        return NotSent("no connection: time-out")
    except TimeoutError:
        return Lost("timeout", f"expected an answer within {timeout_ms} ms, none came")
    except aiohttp.ClientPayloadError:
        return Lost("reset", "the answer broke off")
    except aiohttp.ClientConnectionError as error:
        return Lost("reset", f"the connection broke: {type(error).__name__}")
    except DroppedError as error:
        return Lost("reset", f"the connection broke: {error}")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # What is no HTTP (`ClientResponseError`, its `repr` holds our headers), or unknown: named by type.
        return Lost("off_wire", f"no valid HTTP answer: {type(error).__name__}")


async def _read(response: ClientResponse, bytes_max: int) -> bytes | None:
    """The body; None if it is too long."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > bytes_max:
            response.close()
            return None
        chunks.append(chunk)
    return b"".join(chunks)
