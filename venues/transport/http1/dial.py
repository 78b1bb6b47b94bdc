"""A socket to a counterparty, and TLS: everything that happens before a request could be written."""

import asyncio
import functools
import socket
import ssl
from collections.abc import Callable
from typing import Final, TypeVar

import aiohappyeyeballs

from venues.transport.http1.request import Origin
from venues.transport.session import NotSent

P = TypeVar("P", bound=asyncio.Protocol)

FAMILY_DELAY_S: Final = 0.25
"""How long one address may take before the next is tried beside it (RFC 8305 recommends this)."""
GOODBYE_S: Final = 1.0
"""How long the other side may take to close TLS; what is closed has nothing left to say."""


@functools.cache
def default_context() -> ssl.SSLContext:
    """The system's authorities, the host's name checked; made once, since reading them is slow."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


async def dial(
    origin: Origin, new_protocol: Callable[[], P], context: ssl.SSLContext | None, limit_s: float
) -> P | NotSent:
    """Connect within `limit_s`; raises nothing but `CancelledError`. `context`: where the origin has TLS."""
    try:
        async with asyncio.timeout(limit_s):
            return await _dial(origin, new_protocol, context, limit_s)
    except TimeoutError:
        return NotSent("no connection: time-out")
    # DNS, the socket, TLS and certificates are `OSError`s; a name that cannot be encoded is a `ValueError`.
    except (OSError, ValueError) as error:
        return NotSent(f"no connection: {type(error).__name__}")


async def _dial(
    origin: Origin, new_protocol: Callable[[], P], context: ssl.SSLContext | None, limit_s: float
) -> P:
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    made = await aiohappyeyeballs.start_connection(
        addresses,
        happy_eyeballs_delay=FAMILY_DELAY_S,
        interleave=1,
        loop=loop,
        socket_factory=_new_socket,
    )
    # From here on the socket is the loop's, whatever happens: closing it here too could close another that
    # was given its number meanwhile.
    if origin.tls:
        _, protocol = await loop.create_connection(
            new_protocol,
            sock=made,
            ssl=context or default_context(),
            server_hostname=origin.host,
            ssl_handshake_timeout=limit_s,
            ssl_shutdown_timeout=GOODBYE_S,
        )
    else:
        _, protocol = await loop.create_connection(new_protocol, sock=made)
    return protocol


def _new_socket(address: aiohappyeyeballs.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    # A request is one write: there is nothing to gather more for.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
