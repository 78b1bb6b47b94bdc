"""The WebSocket: subscriptions, and publishing books and order events to those who have subscribed.

Source: bitgo-notes, "WebSocket GET /api/prime/trading/v1/ws".
"""

import asyncio
from dataclasses import dataclass, field

import msgspec
from aiohttp import WSMsgType, web

from . import feed_wire
from .account import Account
from .errors import FORBIDDEN, INVALID_ARGUMENT, RefusedError
from .feed_faults import OrderMessages, spoil
from .gate import authenticate
from .market import Product
from .money import exact
from .orders import Order, Trade
from .world import World

# A client that is so many messages behind is cut off, as a counterparty does with slow consumers.
_QUEUE_MAX = 10_000
_MESSAGE_MAX = 65_536
_INVALID_REQUEST = "backend:common:invalidRequest"

Key = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class Session:
    """One socket: its accounts, its subscriptions by (channel, account, product), what waits to go out."""

    id: str
    request: web.Request
    accounts: dict[str, Account]
    subscriptions: dict[Key, bool] = field(default_factory=dict)
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_QUEUE_MAX))

    def send(self, payload: bytes | None) -> None:
        """Queue a message; a session whose queue is full is cut off."""
        if payload is None:
            return
        try:
            self.queue.put_nowait(payload)
        except asyncio.QueueFull:
            self.cut()

    def cut(self) -> None:
        """Drop the connection without a close frame."""
        if self.request.transport is not None:
            self.request.transport.abort()


class Feed:
    """All sockets, and what is published to them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sessions: set[Session] = set()
        self._order_messages = OrderMessages()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it ends."""
        try:
            allowed = _allowed(self._world, request)
        except RefusedError as refused:
            answer = refused.answer(self._world.ids.request())
            return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
        if any(fault.kind == "refuse" for one in allowed for fault in one.faults.set.feeds()):
            return web.Response(status=503)
        # A whole snapshot would be compressed for nothing on loopback.
        socket = web.WebSocketResponse(max_msg_size=_MESSAGE_MAX, compress=False)
        await socket.prepare(request)
        self._world.counters["ws_connects"] += 1
        session = Session(self._world.ids.session(), request, {one.id: one for one in allowed})
        self._sessions.add(session)
        with exact():
            writer = asyncio.create_task(_write(socket, session))
            try:
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        self._on_text(session, message.data)
                    else:
                        session.send(feed_wire.problem("expected text", _INVALID_REQUEST, {}))
            finally:
                self._sessions.discard(session)
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)
        return socket

    async def close(self) -> None:
        """Drop every socket."""
        for session in list(self._sessions):
            session.cut()

    def disconnect(self, account: Account) -> int:
        """Drop the sockets that may see an account; give how many there were."""
        hit = [session for session in self._sessions if account.id in session.accounts]
        for session in hit:
            session.cut()
        return len(hit)

    def apply_faults(self, account: Account) -> None:
        """Carry out the feed faults that happen once, when they are set."""
        if any(fault.kind == "disconnect" for fault in account.faults.set.feeds()):
            account.faults.applied["feed:disconnect"] += self.disconnect(account)

    def publish_book(self, product: Product, only: Account | None = None) -> None:
        """Send the present book to those who have subscribed to it; `only` to those of one account."""
        built: dict[tuple[str, bool], bytes | None] = {}
        for session in list(self._sessions):
            for (channel, account_id, name), cumulative in session.subscriptions.items():
                if channel != "level2" or name != product.name:
                    continue
                if only is not None and account_id != only.id:
                    continue
                wanted = (account_id, cumulative)
                if wanted not in built:
                    account = session.accounts[account_id]
                    built[wanted] = self._book(account, product, cumulative=cumulative)
                session.send(built[wanted])

    def publish_order(self, account: Account, order: Order, exec_type: str, trade: Trade | None) -> None:
        """Send an order event to those who have subscribed to the account's orders."""
        key = ("orders", account.id, "")
        listeners = [session for session in self._sessions if key in session.subscriptions]
        message = feed_wire.order_message(account, order, exec_type, trade)
        for one in self._order_messages.pass_on(order, message):
            payload = spoil(one, account.faults.feed("orders"))
            for session in listeners:
                session.send(payload)

    def _book(self, account: Account, product: Product, *, cumulative: bool) -> bytes | None:
        book = self._world.book(account, product)
        faults = account.faults.feed("level2")
        for fault in faults:
            account.faults.applied[f"feed:{fault.kind}"] += 1
        return spoil(feed_wire.book_message(book, cumulative=cumulative), faults)

    def _on_text(self, session: Session, text: str) -> None:
        try:
            asked = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            session.send(feed_wire.problem("malformed JSON", "backend:common:malformedJSON", {}))
            return
        if not isinstance(asked, dict):
            session.send(feed_wire.problem("expected an object", _INVALID_REQUEST, {}))
            return
        try:
            self._on_request(session, asked)
        except RefusedError as refused:
            session.send(feed_wire.problem(refused.message or refused.name, refused.name, asked))

    def _on_request(self, session: Session, asked: dict[str, object]) -> None:
        kind, channel, cumulative = (
            asked.get("type"),
            asked.get("channel"),
            asked.get("includeCumulative", False),
        )
        account = session.accounts.get(str(asked.get("accountId")))
        if kind not in {"subscribe", "unsubscribe"}:
            raise _refused("type", "type must be subscribe or unsubscribe.")
        if account is None:
            raise RefusedError(FORBIDDEN)
        if channel == "orders":
            known = {"type", "channel", "accountId"}
            product = None
        elif channel == "level2":
            known = {"type", "channel", "accountId", "productId", "includeCumulative"}
            product = self._world.products.get(str(asked.get("productId")))
            if product is None:
                raise RefusedError("backend:trade:unsupportedProduct")
        else:
            raise _refused("channel", "channel must be level2 or orders.")
        if set(asked) - known or not isinstance(cumulative, bool):
            raise _refused("includeCumulative", f"expected the fields {', '.join(sorted(known))}.")
        key = (channel, account.id, product.name if product is not None else "")
        if kind == "subscribe":
            self._subscribe(session, account, product, key, cumulative=cumulative)
        else:
            if key not in session.subscriptions:
                raise RefusedError(_INVALID_REQUEST, message="not subscribed")
            del session.subscriptions[key]
            self._acknowledge(session, "unsubscribed", key)

    def _subscribe(
        self, session: Session, account: Account, product: Product | None, key: Key, *, cumulative: bool
    ) -> None:
        if key in session.subscriptions:
            if product is not None:
                # "A second level2 subscription to the same product is an error".
                raise RefusedError(_INVALID_REQUEST, message="already subscribed")
            self._acknowledge(session, "already_subscribed", key)
            return
        session.subscriptions[key] = cumulative
        self._acknowledge(session, "subscribed", key)
        if product is not None:
            session.send(self._book(account, product, cumulative=cumulative))

    def _acknowledge(self, session: Session, status: str, key: Key) -> None:
        channel, account_id, product = key
        session.send(feed_wire.acknowledgement(status, channel, account_id, product or None, session.id))


def _refused(key: str, message: str) -> RefusedError:
    return RefusedError(INVALID_ARGUMENT, key=key, message=message)


def _allowed(world: World, request: web.Request) -> list[Account]:
    """Give the accounts of the handshake's token that may be viewed."""
    allowed = [one for one in authenticate(world, request) if "trade_view" in one.scopes]
    if not allowed:
        raise RefusedError(FORBIDDEN)
    return allowed


async def _write(socket: web.WebSocketResponse, session: Session) -> None:
    """Send what is queued, in order; a socket that is gone ends it."""
    while True:
        payload = await session.queue.get()
        try:
            await socket.send_str(payload.decode())
        except ConnectionError:
            return
