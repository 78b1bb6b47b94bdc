"""GET /v1/events: what happens, as server-sent events (WHATWG HTML, 9.2).

Each event is an order as `GET` shows it (without its competition), a competition as an order has it, a
connection with its new state, a margin operation as `GET` shows it, or an order on an account that this
router did not send. A caller who comes back with `Last-Event-ID` gets what was missed, or an event
`reset` where that is gone: what was read before is stale then, and to be read again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec
from aiohttp import hdrs, web
from multidict import MultiMapping

from router.core.errors import Code, FieldError, InvalidRequestError, RouterError, shown
from router.core.moving import Operation
from router.core.order import Order
from router.core.record import CompetitionRecord
from router.http import wire
from router.http.context import CONTEXT, Context
from router.http.margin.views import operation_view
from router.http.records import connection_view, foreign_order_view
from router.http.requests import ID, ID_EXPECTED
from router.http.respond import API_HEADERS
from router.http.views import connection_ref, entry_view, order_view
from router.observe.events import (
    ConnectionChange,
    Follower,
    ForeignReport,
    Kind,
    Published,
    Subject,
    TooManyFollowersError,
)
from router.ports import ConnectionView

EVENT_STREAM: Final = "text/event-stream"
LAST_EVENT_ID: Final = "Last-Event-ID"
RETRY_MS: Final = 1000
_ENCODER: Final = msgspec.json.Encoder()
_LAST_EVENT_ID_MAX: Final = 64
_KINDS: Final = "|".join(Kind)
TYPES_PATTERN: Final = f"^({_KINDS})(,({_KINDS}))*$"


async def follow_events(request: web.Request) -> web.StreamResponse:
    """GET /v1/events."""
    context = request.app[CONTEXT]
    wanted = _wanted(request.query)
    response = web.StreamResponse(headers={**API_HEADERS, "Content-Type": EVENT_STREAM})
    if request.method == hdrs.METH_HEAD:
        return response
    bus = context.streaming.events
    after = request.headers.get(LAST_EVENT_ID, "")[:_LAST_EVENT_ID_MAX]
    try:
        follower = bus.follow(wanted, after or None)
    except TooManyFollowersError as error:
        detail = "expected fewer callers who follow events, were as many as can be"
        raise RouterError(Code.TOO_MANY_REQUESTS, detail, retryable=True) from error
    try:
        await response.prepare(request)
        # The stream is all that the connection is for.
        response.force_close()
        with suppress(ConnectionError):
            await _Stream(response, context, follower).send_all()
    except TimeoutError:
        # Closed in order, the connection would wait for ever for a caller who reads nothing.
        if request.transport is not None:
            request.transport.abort()
    finally:
        follower.close()
    return response


class _Stream:
    """One caller's stream."""

    def __init__(self, response: web.StreamResponse, context: Context, follower: Follower) -> None:
        self._response = response
        self._context = context
        self._streaming = context.streaming
        self._bus = context.streaming.events
        self._follower = follower

    async def send_all(self) -> None:
        """Send what there is until the router stops or the caller does not keep up.

        Raises `ConnectionError` and `TimeoutError` where the caller is gone.
        """
        follower, bus = self._follower, self._bus
        began = bus.id_of(follower.began_at)
        # An id without data is no event; it tells the caller what to come back with.
        await self._write(f"retry: {RETRY_MS}\n\n".encode())
        if follower.reset:
            await self._write(_note("reset", began, "events were missed: read again what they are about"))
        else:
            await self._write(f"id: {began}\n\n".encode())
        while (events := await self._next()) is not None:
            if events:
                await self._write(b"".join(_encoded(event, self._context) for event in events))
        if follower.overflowed:
            await self._write(_note("overflow", None, "events were read too slowly: come back"))
        async with asyncio.timeout(self._streaming.write_deadline_s):
            await self._response.write_eof()

    async def _next(self) -> list[Published] | None:
        try:
            async with asyncio.timeout(self._streaming.keep_alive_s):
                return await self._follower.next()
        except TimeoutError:
            await self._write(b": keep-alive\n\n")
            return []

    async def _write(self, chunk: bytes) -> None:
        async with asyncio.timeout(self._streaming.write_deadline_s):
            await self._response.write(chunk)


def _encoded(event: Published, context: Context) -> bytes:
    """An event as it goes out; encoded for the first who reads it."""
    if event.encoded is None:
        data = _ENCODER.encode(_shown(event.subject, context))
        head = f"id: {context.streaming.events.id_of(event.number)}\nevent: {event.kind.value}\ndata: "
        event.encoded = head.encode() + data + b"\n\n"
    return event.encoded


def _note(name: str, event_id: str | None, detail: str) -> bytes:
    head = "" if event_id is None else f"id: {event_id}\n"
    data = _ENCODER.encode({"detail": detail}).decode()
    return f"{head}event: {name}\ndata: {data}\n\n".encode()


def _shown(subject: Subject, context: Context) -> msgspec.Struct | None:
    match subject:
        case Order():
            return order_view(subject, None, context.desk.doubts.of(subject))
        case CompetitionRecord():
            return _competition(subject)
        case Operation():
            return operation_view(subject, None if context.margin is None else context.margin.doubt(subject))
        case ConnectionChange():
            view = _named(subject.connection_id, context)
            if view is None:
                return None
            return connection_view(msgspec.structs.replace(view, health=subject.health), context.now())
        case ForeignReport():
            view = _named(subject.connection_id, context)
            return None if view is None else foreign_order_view(view.connection, subject.order)


def _named(connection_id: str, context: Context) -> ConnectionView | None:
    """A connection as it is now; None where it was removed since."""
    return next((view for view in context.desk.connections() if view.connection.id == connection_id), None)


def _competition(record: CompetitionRecord) -> wire.CompetitionEvent:
    winner = next((e.connection for e in record.entries if e.connection.id == record.winner), None)
    return wire.CompetitionEvent(
        id=record.id,
        order_id=record.order_id,
        rfq_id=record.rfq_id,
        winner=None if winner is None else connection_ref(winner),
        entries=[entry_view(entry) for entry in record.entries],
    )


def _wanted(query: MultiMapping[str]) -> Callable[[Published], bool]:
    """What a caller wants of the events. Raises `InvalidRequestError`."""
    errors: list[FieldError] = []
    order_id, types = query.get("order_id"), query.get("types")
    if order_id is not None and ID.fullmatch(order_id) is None:
        errors.append(FieldError("order_id", ID_EXPECTED, shown(order_id)))
    kinds = frozenset(Kind)
    if types is not None:
        named = types.split(",")
        if not all(name in tuple(Kind) for name in named):
            listed = ", ".join(kind.value for kind in Kind)
            errors.append(FieldError("types", f"a list, with commas, of {listed}", shown(types)))
        else:
            kinds = frozenset(Kind(name) for name in named)
    if errors:
        raise InvalidRequestError(*errors)
    if order_id is None:
        return lambda event: event.kind in kinds
    return lambda event: event.kind in kinds and event.order_id == order_id
