"""Requests out, by a bare protocol: kept-alive connections, and nothing that a client needs for real."""

import asyncio
from collections.abc import Callable

Answered = Callable[[bytes], None]


class Outbound(asyncio.Protocol):
    """One connection to the counterparty, one request at a time."""

    transport: asyncio.Transport

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._data = b""
        self.answered: Answered | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's."""
        self.transport = transport  # type: ignore[assignment]  # a stream's

    def data_received(self, data: bytes) -> None:
        """Hand the answer on once it is whole."""
        if self._data:
            data = self._data + data
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            at = data.find(b"Content-Length:")
            if len(data) >= end + 4 + int(data[at + 15 : data.find(b"\r", at)]):
                self._data = b""
                answered, self.answered = self.answered, None
                self._pool.idle.append(self)
                if answered is not None:
                    answered(data[end + 4 :])
                return
        self._data = data


class Pool:
    """Connections to one port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.idle: list[Outbound] = []

    def request(self, data: bytes, answered: Answered) -> None:
        """Send a request; `answered` gets the body."""
        if self.idle:
            connection = self.idle.pop()
            connection.answered = answered
            connection.transport.write(data)
        else:
            task = asyncio.get_running_loop().create_task(self._open(data, answered))
            task.add_done_callback(lambda _task: None)

    async def _open(self, data: bytes, answered: Answered) -> None:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Outbound(self), "127.0.0.1", self._port
        )
        connection.answered = answered
        connection.transport.write(data)
