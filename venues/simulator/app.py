"""The simulator put together: world, desk, feed, REST, control; started and stopped as one thing."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler

from . import rest, rest_margin, rest_margin_express, rest_margin_history, rest_margin_withdrawals
from .closing import Closer
from .coinbase import exchange as coinbase
from .control import Control
from .control_margin import MarginControl
from .custody import rest as custody_rest
from .custody.control import CustodyControl
from .custody.errors import unknown
from .custody.gate import CustodyGate
from .desk import Desk
from .errors import NOT_FOUND, RefusedError
from .feed import Feed
from .gate import Gate, respond
from .health import Health
from .kraken.play import Kraken
from .limiter import Verdict
from .market import Product
from .money import exact
from .planting import Planting
from .rest_margin_moves import Moves
from .settings import Settings
from .world import World

_BODY_MAX = 65_536
_SHUTDOWN_S = 1.0


class Simulator:
    """Simulated counterparties in the running event loop; tests embed it, `main.serve` runs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        with exact():
            self.world = World(settings)
        self._feed = Feed(self.world)
        self._desk = Desk(self.world, self._feed.publish_order)
        self._health = Health(self.world, self._desk)
        self._closer = Closer(self.world, self._desk)
        self._gate = Gate(self.world, self._desk)
        self._kraken = Kraken(settings.kraken, self.world)
        self._runner: web.AppRunner | None = None
        self._tickers: list[asyncio.Task[None]] = []

    async def start(self) -> tuple[str, int]:
        """Listen and let the books walk; give the host and the port that were taken."""
        app = web.Application(client_max_size=_BODY_MAX, middlewares=[self._json_errors])
        for route in (
            *rest.ROUTES,
            *rest_margin.ROUTES,
            *rest_margin_express.ROUTES,
            *rest_margin_history.ROUTES,
            *rest_margin_withdrawals.ROUTES,
            *Moves(self._health, self._closer).routes(),
        ):
            app.router.add_route(route.method, route.path, self._gate.handler(route))
        app.router.add_get(rest.PREFIX + "/ws", self._feed.handle, allow_head=False)
        Control(self.world, self._desk, self._feed).add_routes(app.router)
        MarginControl(self.world, self._desk, self._feed, self._health, self._closer).add_routes(app.router)
        Planting(self.world).add_routes(app.router)
        custody = CustodyGate(self.world, self._gate.stopping)
        for read in custody_rest.ROUTES:
            app.router.add_route("GET", read.path, custody.handler(read))
        CustodyControl(self.world).add_routes(app.router)
        coinbase.add_routes(self.world, app.router, self._gate.stopping)
        self._kraken.add_routes(app.router, self._gate.stopping)
        # Its log would name every dropped connection that a fault asked for.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        server = self._settings.server
        site = web.TCPSite(self._runner, server.host, server.port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._tickers = [asyncio.create_task(self._tick(one)) for one in self.world.products.values()]
        host, port = self._runner.addresses[0][:2]
        return str(host), int(port)

    async def stop(self) -> None:
        """Stop: hung calls end, sockets and timers are dropped."""
        self._gate.stopping.set()
        for ticker in self._tickers:
            ticker.cancel()
        await asyncio.gather(*self._tickers, return_exceptions=True)
        self.world.timers.cancel_all()
        await self._feed.close()
        await self._kraken.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tick(self, product: Product) -> None:
        """Move a product's market at its pace; resting orders first: the feed shows what they left."""
        pause = product.settings.tick_ms / 1000
        with exact():
            while True:
                await asyncio.sleep(pause)
                product.step()
                self._desk.on_book(product)
                self.world.coinbase.on_book(product)
                self._feed.publish_book(product)
                self._kraken.moved(product)

    @web.middleware
    async def _json_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer what aiohttp refuses by itself, such as an unknown path, in the wire's own form."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            if request.path.startswith(custody_rest.PREFIX + "/"):
                plain = unknown(error.status).answer(self.world.custody.ids.request())
                return web.Response(status=plain.status, body=plain.body, content_type=plain.content_type)
            foreign = coinbase.unknown(request.path, error.status)
            if foreign is not None:
                return web.Response(
                    status=foreign.status, body=foreign.body, content_type=foreign.content_type
                )
            name = NOT_FOUND if error.status == 404 else "backend:common:invalidRequest"
            limit = self._settings.server.requests_per_second
            answer = RefusedError(name, status=error.status).answer(self.world.ids.request())
            return respond(answer, Verdict(allowed=True, limit=limit, remaining=limit, reset_ms=0))
