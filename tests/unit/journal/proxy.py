"""A proxy before a PostgreSQL server that loses a connection at a chosen point of a commit."""

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator

_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""What a client sends to commit: one simple query, in one piece."""


class Loss(enum.Enum):
    """Where a connection is lost."""

    BEFORE_COMMIT = enum.auto()
    """The server never sees the COMMIT."""
    BEFORE_ANSWER = enum.auto()
    """The server commits; the client never hears of it."""


class Proxy:
    """`lose` arms it for the next commit; while it is `shut` nobody gets through any more."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.lose: Loss | None = None
        self.shut_with_it = False
        self.shut = False
        self.lost = 0
        self.turned_away = 0
        self._server_port = server_port
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        if self.shut:
            self.turned_away += 1
            writer.close()
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        ends = {writer, up_writer}
        self._open |= ends
        answers = asyncio.create_task(self._pump(up_reader, writer))
        try:
            while data := await reader.read(65_536):
                if data.endswith(_COMMIT) and self.lose is not None:
                    await self._lose(data, up_writer, answers)
                    break
                up_writer.write(data)
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            for end in ends:
                end.close()
            self._open -= ends

    async def _lose(self, data: bytes, up_writer: asyncio.StreamWriter, answers: asyncio.Task[None]) -> None:
        loss, self.lose = self.lose, None
        self.shut = self.shut_with_it
        self.lost += 1
        if loss is Loss.BEFORE_ANSWER:
            answers.cancel()
            await asyncio.wait((answers,))
            up_writer.write(data)
            # Its goodbye is handled after the commit: the server takes one message after the other.
            up_writer.write(b"X\x00\x00\x00\x04")
            await up_writer.drain()
            up_writer.write_eof()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    def close(self) -> None:
        """Drop every connection."""
        for end in list(self._open):
            end.close()


@contextlib.asynccontextmanager
async def proxied(server_port: int) -> AsyncIterator[Proxy]:
    """A proxy that listens on a port of its own."""
    proxy = Proxy(server_port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.close()
        await server.wait_closed()
