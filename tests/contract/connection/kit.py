"""Both sides of an order's connection on real sockets: the other one does what a test wants."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from router.secrets import Secret
from venues.transport.http1.pool import Pool
from venues.transport.http1.request import Origin, Template
from venues.transport.reader import bearer
from venues.transport.session import Exchange
from venues.transport.timing import Timing

WAIT_S = 5
SECRET = "v2x-secret-token"
BODY_MAX = 1000
TIMING = Timing(connect_ms=5000)
QUICK = Timing(connect_ms=100)
"""Where no connection comes about."""
Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Step = bytes | str | Act
"""Bytes to answer with, one of the words below, or whatever else."""


class OtherSide:
    """A server whose steps are taken one a request, the last one for good.

        bytes    the answer
        close    an end in good order
        reset    an end in none
        hang     nothing, until the other one leaves

    `greets`: what it does with a connection before any request.
    """

    def __init__(self, *steps: Step, greets: Step | None = None) -> None:
        self.steps: list[Step] = list(steps)
        self.greets = greets
        self.requests: list[bytes] = []
        self.by_connection: list[list[bytes]] = []
        self.open = 0
        self.port = 0
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def connections(self) -> int:
        """How many there have been."""
        return len(self.by_connection)

    @property
    def heads(self) -> list[str]:
        return [request.partition(b"\r\n\r\n")[0].decode() for request in self.requests]

    @property
    def bodies(self) -> list[bytes]:
        return [request.partition(b"\r\n\r\n")[2] for request in self.requests]

    async def until(self, wanted: Callable[[], bool]) -> None:
        """Wait for something that this side sees: a connection, a request, an end."""
        async with asyncio.timeout(WAIT_S):
            while not wanted():
                self._changed.clear()
                await self._changed.wait()

    def leave(self) -> None:
        """Close every connection in good order."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen: list[bytes] = []
        self.by_connection.append(seen)
        self._writers.add(writer)
        self.open += 1
        self._changed.set()
        try:
            if self.greets is not None and not await self._take(self.greets, reader, writer):
                return
            while await self._request(reader, seen):
                step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
                if not await self._take(step, reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            return
        finally:
            self._writers.discard(writer)
            writer.transport.abort()
            self.open -= 1
            self._changed.set()

    async def _request(self, reader: asyncio.StreamReader, seen: list[bytes]) -> bool:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self.requests.append(error.partial)
            return False
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        request = head + await reader.readexactly(int(lengths[0]) if lengths else 0)
        seen.append(request)
        self.requests.append(request)
        self._changed.set()
        return True

    async def _take(self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
            return True
        if step == "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if step == "close":
            writer.close()
            await writer.wait_closed()
            return False
        if step == "hang":
            await reader.read()
            return False
        assert callable(step)
        await step(reader, writer)
        return True


@asynccontextmanager
async def listening(other: OtherSide, context: ssl.SSLContext | None = None) -> AsyncIterator[OtherSide]:
    """Let it listen on a free port of loopback, with TLS where a context is given."""
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0, ssl=context)
    other.port = server.sockets[0].getsockname()[1]
    try:
        yield other
    finally:
        server.close()
        for writer in tuple(other._writers):
            writer.transport.abort()
        await other.until(lambda: other.open == 0)
        await server.wait_closed()


def said(status: int, body: bytes = b"", *fields: str) -> bytes:
    """A whole answer with a length."""
    lines = (f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *fields)
    return "\r\n".join((*lines, "", "")).encode() + body


class Certified:
    """An authority of one run's: a server's context with its certificate, and a client's that trusts it."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "caas-router test authority")])
        now = dt.datetime.now(dt.UTC)
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=True,
                    crl_sign=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        (folder / "certificate.pem").write_bytes(pem)
        (folder / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        self.client = ssl.create_default_context(cadata=pem.decode())


@dataclass
class Ours:
    """Our side: a pool, and a request with a credential in it."""

    pool: Pool
    origin: Origin

    async def ask(
        self, method: str = "POST", *, body: bytes = b'{"a":1}', timeout_ms: int = 10_000
    ) -> Exchange:
        return await self.pool.exchange(self._request(method, body), BODY_MAX, timeout_ms)

    def sends(self, *, body: bytes = b'{"a":1}', timeout_ms: int = 10_000) -> "asyncio.Future[Exchange]":
        """The same request by the way that waits for nothing; told twice, the future would say so."""
        ended: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        self.pool.send(self._request("POST", body), BODY_MAX, timeout_ms, ended.set_result)
        return ended

    def _request(self, method: str, body: bytes) -> bytes:
        template = Template(method, self.origin, "/x?y=z", "caas-router/test", json=method == "POST")
        return template.render(bearer(Secret(SECRET)), body if method == "POST" else b"")


@asynccontextmanager
async def ours(
    port: int, context: ssl.SSLContext | None = None, *, timing: Timing = TIMING, **options: Any
) -> AsyncIterator[Ours]:
    origin = Origin("127.0.0.1", port, tls=context is not None)
    pool = Pool(origin, timing, context=context, **{"warm": 0} | options)
    pool.open()
    try:
        yield Ours(pool, origin)
    finally:
        await pool.close()
        assert pool.sockets == 0


@asynccontextmanager
async def facing(
    *steps: Step, tls: Certified | None = None, greets: Step | None = None, **options: Any
) -> AsyncIterator[tuple[Ours, OtherSide]]:
    """Both sides of a connection."""
    async with (
        listening(OtherSide(*steps, greets=greets), tls and tls.server) as other,
        ours(other.port, tls and tls.client, **options) as found,
    ):
        yield found, other


async def settled(pool: Pool, resting: int) -> None:
    """Wait for so many connections at rest; a pool has no event for it."""
    async with asyncio.timeout(WAIT_S):
        while pool.resting != resting:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
