"""What every call passes: the address, the signature, the limit, the faults, its handler; and the log."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import msgspec
from aiohttp import web

from venues.simulator import clock
from venues.simulator.account import LoggedCall
from venues.simulator.coinbase.errors import VOICE, PrimeError, translated
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.coinbase.sign import key_of
from venues.simulator.delivery import Patience, deliver
from venues.simulator.errors import Answer, RefusedError
from venues.simulator.gate import drop, logged
from venues.simulator.money import exact
from venues.simulator.query import Query
from venues.simulator.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let through."""

    portfolio: Portfolio
    params: dict[str, str]
    query: Query
    body: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `queries` are its parameters, `repeated` those that may come more than once."""

    method: str
    path: str
    operation: str
    handler: Callable[[Call], object]
    queries: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    # A request for a quote is answered when a market maker has.
    waits_for_makers: bool = False


class PrimeGate:
    """Turns routes into aiohttp handlers; `stopping` is the event that ends hung calls."""

    def __init__(self, world: World, stopping: asyncio.Event) -> None:
        self._world = world
        self._patience = Patience(stopping)

    def handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Give the handler of a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            # The context stays with this task and with the timers that it sets.
            with exact():
                return await self._handle(route, request)

        return handle

    async def _handle(self, route: Route, request: web.Request) -> web.StreamResponse:
        came = clock.now()
        body = await request.read()
        self._world.counters[f"requests:{route.method} {route.path}"] += 1
        named = self._world.coinbase.by_id.get(request.match_info["portfolio"])
        status = 0
        try:
            try:
                portfolio = self._admit(request, body)
                if route.waits_for_makers:
                    await self._patience.pause(portfolio.quote_delay_ms / 1000)
                answer = await deliver(
                    portfolio.faults.calls,
                    route.operation,
                    lambda: _process(route, request, portfolio, body),
                    request,
                    self._patience,
                    lambda: "",
                    VOICE,
                )
            except PrimeError as refused:
                answer = refused.answer()
            if not isinstance(answer, Answer):
                return drop(request, answer)
            status = answer.status
            return web.Response(
                status=answer.status,
                body=answer.body,
                content_type=answer.content_type,
                headers=dict(answer.headers),
            )
        finally:
            if named is not None:
                named.log.append(_logged(logged(came, request, status, body)))

    def _admit(self, request: web.Request, body: bytes) -> Portfolio:
        """Give the portfolio that may make this call, or refuse it."""
        now_s = time.monotonic()
        if not self._world.coinbase.addresses.take(request.remote or "", now_s):
            self._world.counters["429"] += 1
            raise PrimeError("Too many requests from this address.", 429)
        portfolio = self._world.coinbase.by_key.get(key_of(request.headers))
        if portfolio is None:
            raise PrimeError("The access key is not valid.", 401)
        path = request.raw_path.partition("?")[0]
        portfolio.credentials.check(request.headers, request.method, path, body, time.time())
        if portfolio.id != request.match_info["portfolio"]:
            raise PrimeError("The access key has no access to this portfolio.", 403)
        if not portfolio.bucket.take(now_s):
            self._world.counters["429"] += 1
            raise PrimeError("Too many requests for this portfolio.", 429)
        return portfolio


def _process(route: Route, request: web.Request, portfolio: Portfolio, body: bytes) -> Answer:
    try:
        query = Query(request.query, route.queries, route.repeated)
        found = route.handler(Call(portfolio, dict(request.match_info), query, body))
    except RefusedError as refused:
        return translated(refused).answer()
    except PrimeError as refused:
        return refused.answer()
    return Answer(200, msgspec.json.encode(found))


def _logged(call: LoggedCall) -> LoggedCall:
    """Put the client's id into the entry, where this wire has it."""
    body = call.body
    found = body.get("client_order_id") if isinstance(body, dict) else None
    return replace(call, client_order_id=found if isinstance(found, str) else None)
