"""The WebSocket feed of one account: one socket, kept up, with books subscribed as they are asked for.

    connecting ──handshake──▶ subscribing ──acknowledged──▶ up ──silent, closed, broken──▶ down ─┐
        ▲                                                                                       │
        └──────────────────────────── back-off with full jitter ────────────────────────────────┘

Pings, subscription caps and reconnecting are not documented. So: own pings (`heartbeat_ms`; a pong may take
half of it), and a feed that has books subscribed and brings none for `feed_silence_ms` counts as down,
whatever else it says.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Final, NoReturn, Protocol

import aiohttp
import msgspec
from yarl import URL

from venues.bitgo import wire
from venues.bitgo.encode import subscription
from venues.transport.backoff import Backoff
from venues.transport.timing import Timing

PRODUCTS_MAX: Final = 64
"""Books subscribed at a time; the one not asked for the longest makes room."""
MESSAGE_BYTES_MAX: Final = 1024 * 1024
_ORDERS: Final = ""
"""Stands for the orders channel where the others are named by their product."""
_LONG_BYTES: Final = 1000
"""From here on a book is looked at up to its levels: they are walked when somebody reads it."""
_LEVELS: Final = b'"bids"'
_ORDER_ID: Final = b'"orderId"'
_ORDERS_CHANNEL: Final = ("orders", "order")
_ABOUT_SUBSCRIPTIONS: Final = ("subscription_response", "error")
_SUBSCRIBED: Final = ("subscribed", "already_subscribed")

_TEXT: Final = aiohttp.WSMsgType.TEXT
_BINARY: Final = aiohttp.WSMsgType.BINARY

_ENVELOPE = msgspec.json.Decoder(wire.FeedMessage)
_ORDER = msgspec.json.Decoder(wire.OrderMessage)
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class FeedOwner(Protocol):
    """Who the feed tells. Synchronous and quick."""

    def feed_changed(self, up: bool, detail: str | None) -> None:  # noqa: FBT001 - a callback's one fact
        """It is up now, or down and why; a try that failed is told as down."""

    def book_arrived(self, product: str, message: bytes) -> None:
        """A snapshot, unread."""

    def book_broken(self, product: str) -> None:
        """What is known of a book may be wrong: it is subscribed again."""

    def order_arrived(self, message: wire.OrderMessage) -> None:
        """A message of the orders channel."""

    def order_garbled(self) -> None:
        """A message of the orders channel cannot be read."""

    def feed_garbled(self, product: str, what: str) -> None:
        """A message was dropped."""


class FeedDownError(Exception):
    """This socket is of no more use."""


class Feed:
    """Keeps the feed up. An instance belongs to one event loop."""

    def __init__(self, account_id: str, url: URL, owner: FeedOwner, timing: Timing, backoff: Backoff) -> None:
        self._account_id = account_id
        self._url = url
        self._owner = owner
        self._timing = timing
        self._backoff = backoff
        self._wanted: dict[str, None] = {}
        # The last of them, which was asked for last.
        self._latest: str | None = None
        self._changed = asyncio.Event()
        # Of the present socket:
        self._asked: set[str] = set()
        self._pending: set[str] = set()
        self._again: set[str] = set()
        self._resubscribed: dict[str, float] = {}
        self._up = False
        self._book_at = 0.0
        self._acknowledged_by = 0.0
        self._due_sooner = asyncio.Event()

    def want(self, product: str) -> None:
        """Have a book from now on. No I/O, no await."""
        if product == self._latest:
            return
        self._latest = product
        wanted = self._wanted
        if product in wanted:
            # Asked for again: it stays longest.
            del wanted[product]
            wanted[product] = None
            return
        wanted[product] = None
        if len(wanted) > PRODUCTS_MAX:
            del wanted[next(iter(wanted))]
        self._changed.set()

    def offer(self, products: Iterable[str]) -> None:
        """Have these books too, as far as there is room beside those asked for. No I/O, no await."""
        for product in products:
            if product not in self._wanted and len(self._wanted) < PRODUCTS_MAX:
                # In front: those that somebody asked for stay longer.
                self._wanted = {product: None, **self._wanted}
                self._changed.set()

    async def run(self, session: aiohttp.ClientSession, headers: Callable[[], dict[str, str]]) -> NoReturn:
        """Connect, serve, and connect again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                detail = await self._serve(session, headers)
            finally:
                self._up = False
            self._owner.feed_changed(up=False, detail=detail)
            if loop.time() - began > self._timing.feed_silence_ms / 1000:
                self._backoff.reset()
            await asyncio.sleep(self._backoff.next_s())

    async def _serve(self, session: aiohttp.ClientSession, headers: Callable[[], dict[str, str]]) -> str:
        """One socket from handshake to end; says why it ended."""
        try:
            async with asyncio.timeout(self._timing.connect_ms / 1000):
                socket = await session.ws_connect(
                    self._url,
                    headers=headers(),
                    heartbeat=self._timing.heartbeat_ms / 1000,
                    max_msg_size=MESSAGE_BYTES_MAX,
                    decode_text=False,
                    timeout=aiohttp.ClientWSTimeout(ws_close=self._timing.stop_ms / 1000),
                )
        except aiohttp.WSServerHandshakeError as error:
            # Its `repr` holds the request's headers, token and all: only the status leaves here.
            return f"the handshake was answered {error.status}"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return f"no connection: {type(error).__name__}"
        self._asked, self._again, self._resubscribed = set(), set(), {}
        self._pending = {_ORDERS, *self._wanted}
        self._acknowledged_by = asyncio.get_running_loop().time() + self._timing.acknowledge_ms / 1000
        writer = asyncio.create_task(self._write(socket))
        ends = {asyncio.create_task(self._read(socket)), asyncio.create_task(self._watch())}
        try:
            ended, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return _why(ended.pop())
        finally:
            tasks = {writer, *ends}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():
                    task.exception()
            await socket.close()

    async def _write(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        """Send what subscriptions change; the reader sees a connection that breaks under it."""
        await socket.send_str(subscription(self._account_id, "orders"))
        while True:
            self._changed.clear()
            gone = [name for name in self._asked if name not in self._wanted or name in self._again]
            self._again.clear()
            for product in gone:
                self._asked.discard(product)
                self._pending.discard(product)
                self._owner.book_broken(product)
                await socket.send_str(subscription(self._account_id, "level2", product, on=False))
            for product in [name for name in self._wanted if name not in self._asked]:
                self._asked.add(product)
                self._pending.add(product)
                self._book_at = asyncio.get_running_loop().time()
                self._due_sooner.set()
                await socket.send_str(subscription(self._account_id, "level2", product))
            await self._changed.wait()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> NoReturn:
        while True:
            message = await socket.receive()
            kind = message.type
            if kind is not _TEXT and kind is not _BINARY:
                raise FeedDownError(f"the feed ended: {kind.name.lower()}")
            data = message.data
            self._take(data if isinstance(data, bytes) else str(data).encode())
            if not self._up:
                self._come_up()

    async def _watch(self) -> NoReturn:
        """End a socket that is silent for too long: one timer, however many messages come."""
        while True:
            self._due_sooner.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._due()):
                    await self._due_sooner.wait()
            self._overdue(asyncio.get_running_loop().time())

    def _due(self) -> float | None:
        """When this socket has been silent for too long; None while it may be silent."""
        if not self._up:
            return self._acknowledged_by
        return self._book_at + self._timing.feed_silence_ms / 1000 if self._asked else None

    def _overdue(self, now: float) -> None:
        due = self._due()
        if due is None or now < due:
            return  # a book or a subscription came in between
        if self._up:
            raise FeedDownError(f"no book came for {self._timing.feed_silence_ms} ms")
        if _ORDERS in self._pending:
            raise FeedDownError(f"orders were not subscribed within {self._timing.acknowledge_ms} ms")
        for product in self._pending:
            self._owner.feed_garbled(product, "not_subscribed")
        self._pending.clear()
        self._come_up()

    def _come_up(self) -> None:
        if not self._pending:
            self._up = True
            self._book_at = asyncio.get_running_loop().time()
            self._due_sooner.set()
            self._owner.feed_changed(up=True, detail=None)

    def _take(self, data: bytes) -> None:
        """Route one message."""
        try:
            envelope = _envelope_of(data)
        except _UNREADABLE:
            self._owner.feed_garbled("", "unreadable")
            return
        if envelope.type in _ABOUT_SUBSCRIPTIONS:
            self._subscription(envelope)
        elif envelope.channel == "level2":
            self._book(envelope, data)
        elif envelope.channel in _ORDERS_CHANNEL:
            if isinstance(envelope, wire.OrderMessage):
                self._owner.order_arrived(envelope)
            else:
                self._owner.order_garbled()
        else:
            self._owner.feed_garbled("", "unknown_message")

    def _subscription(self, envelope: wire.FeedMessage) -> None:
        name = envelope.product_id or "" if envelope.channel == "level2" else _ORDERS
        if envelope.type == "subscription_response" and envelope.status in _SUBSCRIBED:
            self._pending.discard(name)
        elif envelope.type == "error" or envelope.status != "unsubscribed":
            if name == _ORDERS and envelope.channel in _ORDERS_CHANNEL:
                raise FeedDownError("the subscription of orders was refused")
            # Books are had all the same, by asking: the connection need not stay down for one.
            self._pending.discard(name)
            self._owner.feed_garbled(name, "not_subscribed")

    def _book(self, envelope: wire.FeedMessage, data: bytes) -> None:
        product = envelope.product or ""
        if product not in self._asked:
            # Ours, but of a product that was not asked for (or not any more).
            self._owner.feed_garbled("", "wrong_product")
            return
        if envelope.type == "snapshot":
            if self._pending:
                self._pending.discard(product)
            self._book_at = asyncio.get_running_loop().time()
            self._owner.book_arrived(product, data)
            return
        self._owner.feed_garbled(product, "not_a_snapshot")
        self._owner.book_broken(product)
        now = asyncio.get_running_loop().time()
        if now >= self._resubscribed.get(product, 0.0):
            self._resubscribed[product] = now + self._timing.resubscribe_ms / 1000
            self._again.add(product)
            self._changed.set()


def _envelope_of(data: bytes) -> wire.FeedMessage:
    """What a message is: an order's, if it can be read as one. Raises as the decoder does."""
    if data.find(_ORDER_ID, 0, _LONG_BYTES) >= 0:
        order = _order_in(data)
        if order is not None:
            return order
    end = data.find(_LEVELS) if len(data) > _LONG_BYTES else -1
    if end > 0:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            envelope = _ENVELOPE.decode(data[:end].rstrip(b", \t\r\n") + b"}")
            # Where all that it is looked at for stands before its levels, as it does in the description.
            if envelope.channel == "level2" and envelope.type == "snapshot" and envelope.product:
                return envelope
    envelope = _ENVELOPE.decode(data)
    # The id may stand further back, or be written in another way.
    order = _order_in(data) if envelope.channel in _ORDERS_CHANNEL else None
    return envelope if order is None else order


def _order_in(data: bytes) -> wire.OrderMessage | None:
    try:
        return _ORDER.decode(data)
    except _UNREADABLE:
        return None


def _why(ended: "asyncio.Task[NoReturn]") -> str:
    """Why a socket ended, by the task of it that did; raises what is no reason for that."""
    try:
        ended.result()
    except FeedDownError as error:
        return str(error)
    except (aiohttp.ClientError, OSError) as error:
        return f"the connection broke: {type(error).__name__}"
