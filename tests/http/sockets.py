"""A caller with a socket of its own: every byte that goes out is the test's, and every answer is whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple


class Heard(NamedTuple):
    """An answer: its first line and headers without `Date`, and its body."""

    head: tuple[str, ...]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head[0].split()[1])


class Caller:
    """One connection to a server on loopback."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def hear(self) -> Heard:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        (length,) = (line.partition(": ")[2] for line in lines if line.startswith("Content-Length: "))
        head = tuple(line for line in lines if not line.startswith("Date: "))
        assert len(head) == len(lines) - 1
        return Heard(head, await self._reader.readexactly(int(length)))

    async def ask(self, *pieces: bytes) -> Heard:
        await self.send(*pieces)
        return await self.hear()

    async def rest(self) -> bytes:
        """Whatever comes until the other side closes."""
        return await self._reader.read()

    async def hang_up(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    """A caller for the length of the block."""
    caller = Caller(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield caller
    finally:
        await caller.hang_up()
