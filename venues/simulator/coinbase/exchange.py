"""Coinbase Prime put together: desk, quotes, calls, control."""

import asyncio

from aiohttp import web

from venues.simulator.coinbase.control import CoinbaseControl
from venues.simulator.coinbase.desk import PrimeDesk
from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.coinbase.gate import PrimeGate
from venues.simulator.coinbase.rest import ROOT, PrimeRest
from venues.simulator.coinbase.rfq import QuoteDesk
from venues.simulator.errors import Answer
from venues.simulator.world import World


def add_routes(world: World, router: web.UrlDispatcher, stopping: asyncio.Event) -> None:
    """Put the paths of the wire and of the control endpoint on a router."""
    desk = PrimeDesk(world)
    gate = PrimeGate(world, stopping)
    for route in PrimeRest(world, desk, QuoteDesk(world, desk)).routes():
        router.add_route(route.method, route.path, gate.handler(route))
    CoinbaseControl(world, desk).add_routes(router)


def unknown(path: str, status: int) -> Answer | None:
    """Answer a path or method that the description has not, if it is one of this wire's; else None."""
    return PrimeError("There is no such operation.", status).answer() if path.startswith(ROOT) else None
