"""What every call to Kraken passes: key, signature, nonce, limit, permission, faults; and the log."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from venues.simulator import clock
from venues.simulator.account import LoggedCall
from venues.simulator.delivery import Patience, deliver
from venues.simulator.errors import Answer
from venues.simulator.gate import drop
from venues.simulator.kraken.desk import KrakenDesk
from venues.simulator.kraken.errors import (
    INVALID_KEY,
    INVALID_NONCE,
    INVALID_SIGNATURE,
    ORDER_RATE_LIMIT,
    PERMISSION_DENIED,
    RATE_LIMIT,
    VOICE,
    KrakenError,
)
from venues.simulator.kraken.model import Exchange, KrakenAccount
from venues.simulator.kraken.params import Params, decoded
from venues.simulator.kraken.rest import Private, PrivateCall, Public
from venues.simulator.kraken.sign import matches, read_nonce
from venues.simulator.money import exact

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class KrakenGate:
    """Turns operations into aiohttp handlers; `stopping` is the event that ends hung calls."""

    def __init__(self, exchange: Exchange, desk: KrakenDesk, stopping: asyncio.Event) -> None:
        self._exchange = exchange
        self._desk = desk
        self._patience = Patience(stopping)

    def public(self, operation: Public) -> Handler:
        """Give the handler of a public operation."""

        async def handle(request: web.Request) -> web.StreamResponse:
            def process() -> object:
                params = Params(dict(request.query))
                params.only(operation.queries)
                return operation.handler(self._exchange, params)

            def admit() -> None:
                self._limit(self._exchange.public_window.take(time.monotonic()).allowed, RATE_LIMIT)

            with exact():
                return await self._answer(request, operation.operation, {}, admit, process)

        return handle

    def private(self, operation: Private) -> Handler:
        """Give the handler of a private operation."""

        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            fields: dict[str, str] = {}
            account: KrakenAccount | None = None

            def admit() -> None:
                nonlocal account
                fields.update(decoded(body, request.content_type))
                account = self._authenticate(request, fields.pop("nonce", ""), body)
                text = ORDER_RATE_LIMIT if operation.operation in {"order", "cancel"} else RATE_LIMIT
                self._limit(account.window.take(time.monotonic()).allowed, text)
                if account.permissions.isdisjoint(operation.permissions):
                    raise KrakenError(PERMISSION_DENIED)

            def process() -> object:
                if account is None:
                    raise KrakenError(INVALID_KEY)
                params = Params(fields)
                params.only(operation.fields)
                return operation.handler(self._desk, PrivateCall(account, params))

            with exact():
                return await self._answer(request, operation.operation, fields, admit, process)

        return handle

    async def _answer(
        self,
        request: web.Request,
        operation: str,
        fields: dict[str, str],
        admit: Callable[[], None],
        process: Callable[[], object],
    ) -> web.StreamResponse:
        came, status = clock.now(), 0
        world = self._exchange.world
        world.counters[f"requests:{request.method} {request.path}"] += 1

        def answered() -> Answer:
            try:
                return Answer(200, msgspec.json.encode({"error": [], "result": process()}))
            except KrakenError as refused:
                return refused.answer()

        try:
            try:
                admit()
                answer = await deliver(
                    self._exchange.faults,
                    operation,
                    answered,
                    request,
                    self._patience,
                    world.ids.request,
                    VOICE,
                )
            except KrakenError as refused:
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
            client_id = fields.get("cl_ord_id")
            self._exchange.log.append(
                LoggedCall(
                    came, request.method, request.path, request.query_string, status, client_id, fields
                )
            )

    def _authenticate(self, request: web.Request, nonce_text: str, body: bytes) -> KrakenAccount:
        account = self._exchange.by_key.get(request.headers.get("API-Key", ""))
        if account is None:
            raise KrakenError(INVALID_KEY)
        given = request.headers.get("API-Sign", "")
        if not matches(account.secret, request.path, nonce_text, body, given):
            raise KrakenError(INVALID_SIGNATURE)
        nonce = read_nonce(nonce_text)
        if nonce is None or not account.nonces.take(nonce):
            raise KrakenError(INVALID_NONCE)
        return account

    def _limit(self, allowed: bool, text: str) -> None:  # noqa: FBT001 - the window's word, passed on
        if not allowed:
            self._exchange.world.counters["429"] += 1
            raise KrakenError(text)
