"""What every REST call passes: the log, the token, the limit, the scope, the faults, then its handler."""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from aiohttp import web

from . import clock
from .account import Account, LoggedCall
from .delivery import Drop, Patience, deliver
from .desk import Desk
from .errors import FORBIDDEN, RATE_LIMITED, Answer, RefusedError
from .limiter import Verdict, Window
from .money import exact
from .query import Query
from .world import World


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let through."""

    accounts: tuple[Account, ...]
    params: dict[str, str]
    query: Query
    body: bytes

    @property
    def account(self) -> Account:
        """Give the account in the path, or the token's first where the path has none."""
        return self.accounts[0]


Handler = Callable[[World, Desk, Call], object]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `queries` are its parameters, `repeated` those that may come more than once."""

    method: str
    path: str
    operation: str
    handler: Handler
    scope: str = "trade_view"
    queries: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    # What an answer that is no refusal carries; 202 for what is only taken up.
    status: int = 200
    # An operation of the margin: 403 for an account that has none.
    margin: bool = False
    # The dialect that alone has the path; None is common to all.
    dialect: str | None = None


class Gate:
    """Turns routes into aiohttp handlers."""

    def __init__(self, world: World, desk: Desk) -> None:
        self._world = world
        self._desk = desk
        self._token_windows: dict[str, Window] = {}
        self.stopping = asyncio.Event()
        self._patience = Patience(self.stopping)

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
        account = self._world.accounts.get(request.match_info.get("account", ""))
        if account is not None and not account.margin_file.speaks(route.dialect):
            account.log.append(logged(came, request, 404, body))
            # The middleware answers it as it answers any unknown path.
            raise web.HTTPNotFound
        verdict: Verdict | None = None
        status = 0
        try:
            accounts = self._authenticate(request)
            verdict = self._window(accounts, request).take(time.monotonic())
            answer = await self._answer(route, request, accounts, verdict, body)
        except RefusedError as refused:
            answer = refused.answer(self._world.ids.request())
        if verdict is None:
            limit = self._world.settings.server.requests_per_second
            verdict = Verdict(allowed=True, limit=limit, remaining=limit, reset_ms=0)
        try:
            if not isinstance(answer, Answer):
                return drop(request, answer)
            status = answer.status
            return respond(answer, verdict)
        finally:
            if account is not None:
                account.log.append(logged(came, request, status, body))

    async def _answer(
        self,
        route: Route,
        request: web.Request,
        accounts: tuple[Account, ...],
        verdict: Verdict,
        body: bytes,
    ) -> Answer | Drop:
        if not verdict.allowed:
            self._world.counters["429"] += 1
            raise RefusedError(RATE_LIMITED)
        if route.scope not in accounts[0].scopes:
            raise RefusedError(FORBIDDEN)
        if route.margin and not accounts[0].margin_file.offered:
            raise RefusedError(FORBIDDEN)

        def process() -> Answer:
            try:
                query = Query(request.query, route.queries, route.repeated)
                found = route.handler(
                    self._world, self._desk, Call(accounts, dict(request.match_info), query, body)
                )
            except RefusedError as refused:
                return refused.answer(self._world.ids.request())
            return Answer(route.status, b"" if found is None else msgspec.json.encode(found))

        return await deliver(
            accounts[0].faults, route.operation, process, request, self._patience, self._world.ids.request
        )

    def _authenticate(self, request: web.Request) -> tuple[Account, ...]:
        """Give the accounts that the token may use; the one in the path alone, if there is one."""
        accounts = authenticate(self._world, request)
        wanted = request.match_info.get("account")
        if wanted is None:
            return accounts
        own = tuple(account for account in accounts if account.id == wanted)
        if not own:
            raise RefusedError(FORBIDDEN)
        return own

    def _window(self, accounts: tuple[Account, ...], request: web.Request) -> Window:
        if "account" in request.match_info:
            return accounts[0].window
        limit = self._world.settings.server.requests_per_second
        return self._token_windows.setdefault(accounts[0].token, Window(limit))


def authenticate(world: World, request: web.Request) -> tuple[Account, ...]:
    """Give the accounts of the bearer token, or refuse with 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer" and token in world.custody.by_token:
        # A token that is known and was not given access to trading.
        raise RefusedError(FORBIDDEN)
    accounts = world.by_token.get(token, []) if scheme == "Bearer" else []
    if not accounts:
        raise RefusedError("Error")
    return tuple(accounts)


def respond(answer: Answer, verdict: Verdict) -> web.Response:
    """Send an answer with the headers that every answer carries."""
    headers = dict(verdict.headers())
    headers.update(answer.headers)
    return web.Response(
        status=answer.status, body=answer.body, content_type=answer.content_type, headers=headers
    )


def drop(request: web.Request, how: Drop) -> web.Response:
    """End the connection without an answer: with FIN, or with RST for `reset`."""
    transport = request.transport
    if transport is not None:
        if how == "reset":
            connection: socket.socket | None = transport.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
    # aiohttp wants an answer; on a closed connection it goes nowhere.
    return web.Response()


def logged(came: datetime, request: web.Request, status: int, body: bytes) -> LoggedCall:
    """Give the entry of a call in a log; status 0 says that no answer was given."""
    shown: object = None
    if body:
        try:
            shown = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            shown = body.decode("utf-8", "replace")
    client_order_id = shown.get("clientOrderId") if isinstance(shown, dict) else None
    return LoggedCall(
        came,
        request.method,
        request.path,
        request.query_string,
        status,
        client_order_id if isinstance(client_order_id, str) else None,
        shown,
    )
