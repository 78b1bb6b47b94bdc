"""Kraken put together, for the simulator to start, to move and to stop."""

import asyncio

from aiohttp import web

from venues.simulator.kraken.control import KrakenControl
from venues.simulator.kraken.desk import KrakenDesk
from venues.simulator.kraken.feed import PATH, KrakenFeed
from venues.simulator.kraken.gate import KrakenGate
from venues.simulator.kraken.model import Exchange
from venues.simulator.kraken.rest import PREFIX, PUBLIC, private
from venues.simulator.kraken.settings import KrakenSettings
from venues.simulator.market import Product
from venues.simulator.world import World


class Kraken:
    """The exchange as one thing."""

    def __init__(self, settings: KrakenSettings, world: World) -> None:
        self._exchange = Exchange(settings, world)
        self._desk = KrakenDesk(self._exchange)
        self._feed = KrakenFeed(self._exchange)

    def add_routes(self, router: web.UrlDispatcher, stopping: asyncio.Event) -> None:
        """Put the wire and the control endpoint on a router."""
        gate = KrakenGate(self._exchange, self._desk, stopping)
        for public in PUBLIC:
            router.add_get(f"{PREFIX}/public/{public.name}", gate.public(public), allow_head=False)
        for operation in private(self._exchange):
            router.add_post(f"{PREFIX}/private/{operation.name}", gate.private(operation))
        router.add_get(PATH, self._feed.handle, allow_head=False)
        KrakenControl(self._exchange, self._desk, self._feed).add_routes(router)

    def moved(self, product: Product) -> None:
        """A product's market has taken a step."""
        self._desk.on_book(product)
        self._feed.publish(product)

    async def close(self) -> None:
        """Close every socket."""
        await self._feed.close()
