"""An order in: by a bare protocol, or by aiohttp's server."""

import asyncio

from aiohttp import web

from bench.floors.cycle import BareCycle, Cycle


class _Inbound(asyncio.Protocol):
    """An order in, by a bare protocol."""

    transport: asyncio.Transport

    def __init__(self, cycle: BareCycle) -> None:
        self._cycle = cycle
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's

    def data_received(self, data: bytes) -> None:
        if self._data:
            data = self._data + data
        end = data.find(b"\r\n\r\n")
        at = data.find(b"Content-Length:")
        if end < 0 or len(data) < end + 4 + int(data[at + 15 : data.find(b"\r", at)]):
            self._data = data
            return
        self._data = b""
        self._cycle.run(data[end + 4 :], self._answer)

    def _answer(self, body: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )


async def serve_bare(cycle: BareCycle) -> int:
    """Serve on a free port of loopback; the port."""
    server = await asyncio.get_running_loop().create_server(lambda: _Inbound(cycle), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def serve_web(cycle: Cycle) -> int:
    """Serve by aiohttp on a free port of loopback; the port."""

    async def order(request: web.Request) -> web.Response:
        return web.Response(body=await cycle.answer(await request.read()), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/orders", order)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    port: int = runner.addresses[0][1]
    return port
