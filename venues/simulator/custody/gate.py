"""What every custody call passes: the token, the limit, the faults, then its handler; and the log."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from aiohttp import web

from venues.simulator import clock
from venues.simulator.custody.errors import (
    FORBIDDEN,
    TOO_MANY,
    UNAUTHORIZED,
    VOICE,
    PlatformError,
    translated,
)
from venues.simulator.custody.users import User
from venues.simulator.delivery import Patience, deliver
from venues.simulator.errors import Answer, RefusedError
from venues.simulator.gate import drop, logged
from venues.simulator.query import Query
from venues.simulator.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let through."""

    user: User
    params: dict[str, str]
    query: Query


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `queries` are its parameters, `repeated` those that may come more than once.

    `unplayed` are documented parameters that are refused, for their filter would have nothing to go by.
    """

    path: str
    operation: str
    handler: Callable[[Call], object]
    queries: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    unplayed: tuple[str, ...] = ()


class CustodyGate:
    """Turns routes into aiohttp handlers; `stopping` is the event that ends hung calls."""

    def __init__(self, world: World, stopping: asyncio.Event) -> None:
        self._world = world
        self._patience = Patience(stopping)

    def handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Give the handler of a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(route, request)

        return handle

    async def _handle(self, route: Route, request: web.Request) -> web.StreamResponse:
        came = clock.now()
        await request.read()
        self._world.counters[f"requests:GET {route.path}"] += 1
        request_id = self._world.custody.ids.request
        user: User | None = None
        status = 0
        try:
            try:
                user = self._authenticate(request)
                self._limit(user)
                answer = await deliver(
                    user.faults,
                    route.operation,
                    self._process(route, request, user),
                    request,
                    self._patience,
                    request_id,
                    VOICE,
                )
            except PlatformError as refused:
                answer = refused.answer(request_id())
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
            if user is not None:
                user.log.append(logged(came, request, status, b""))

    def _process(self, route: Route, request: web.Request, user: User) -> Callable[[], Answer]:
        def process() -> Answer:
            try:
                _refuse_unplayed(route, request)
                query = Query(request.query, route.queries, route.repeated)
                found = route.handler(Call(user, dict(request.match_info), query))
            except RefusedError as refused:
                return translated(refused).answer(self._world.custody.ids.request())
            except PlatformError as refused:
                return refused.answer(self._world.custody.ids.request())
            return Answer(200, msgspec.json.encode(found))

        return process

    def _authenticate(self, request: web.Request) -> User:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self._world.custody.by_token.get(token) if scheme == "Bearer" else None
        if user is not None:
            return user
        if scheme == "Bearer" and token in self._world.by_token:
            raise PlatformError(FORBIDDEN, "The access token has no access to wallets.")
        raise PlatformError(UNAUTHORIZED, "The access token is missing or invalid.")

    def _limit(self, user: User) -> None:
        """Refuse a call past the user's limit: the platform's is so many requests a minute."""
        verdict = user.window.take(time.monotonic())
        if not verdict.allowed:
            self._world.counters["429"] += 1
            retry = tuple((name, value) for name, value in verdict.headers() if name == "Retry-After")
            raise PlatformError(TOO_MANY, "Too many requests.", headers=retry)


def _refuse_unplayed(route: Route, request: web.Request) -> None:
    for name in route.unplayed:
        if name in request.query:
            raise PlatformError("NotSimulated", f"{name} is documented and not simulated.")
