"""What the tests of the adapters share: recorded payloads, a loop with a clock of its own, a raw server."""

import asyncio
import json
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.virtual_loop import LoopClock, run

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bitgo"
SECOND = 1_000_000_000
T = TypeVar("T")

__all__ = [
    "FIXTURES",
    "SECOND",
    "LoopClock",
    "Requests",
    "WallClock",
    "draws",
    "http",
    "payload",
    "raw_server",
    "virtually",
]


def draws() -> random.Random:
    """Seeded: it stands for the randomness that the adapters are handed."""
    return random.Random(7)  # noqa: S311 - spreads waits, keeps no secret


def payload(name: str, **changed: Any) -> Any:
    """A recorded object, with some fields changed; `...` leaves one out."""
    found = json.loads((FIXTURES / f"{name}.json").read_text())
    for field, value in changed.items():
        if value is ...:
            del found[field]
        else:
            found[field] = value
    return found


class WallClock:
    def now(self) -> int:
        return time.time_ns()


def virtually(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine where waiting takes no time."""
    return run(main())


@asynccontextmanager
async def raw_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A TCP server on a free port of loopback; `serve` has one connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


class Requests:
    """What a raw server has read, and how it answers: one step a request, the last one for good.

    A step is the bytes to answer with, or what else to do with the connection.
    """

    def __init__(self, *steps: bytes | str) -> None:
        self.steps = list(steps)
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            length = next(
                (int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:")),
                0,
            )
            self.bodies.append(await reader.readexactly(length))
            self.heads.append(head)
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            if step == "close":
                return
            if step == "reset":
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return
            if step == "hang":
                await reader.read()
                return
            assert isinstance(step, bytes)
            writer.write(step)
            await writer.drain()

    def lines(self) -> list[str]:
        """The request lines."""
        return [head.split("\r\n", 1)[0] for head in self.heads]


def http(status: int, body: Any = b"", **headers: str) -> bytes:
    """A whole HTTP answer; what is no bytes goes out as JSON. `_` in a header's name stands for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw
