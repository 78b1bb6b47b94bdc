"""The feed against a WebSocket server that does what the documents leave open."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from tests.unit.venues.support import draws, payload
from venues.bitgo import wire
from venues.bitgo.encode import socket_url
from venues.bitgo.feed import PRODUCTS_MAX, Feed
from venues.transport.backoff import Backoff
from venues.transport.session import open_session
from venues.transport.timing import Timing

PRODUCT = "TBTC-TUSD*"
TIMING = Timing(
    connect_ms=500,
    heartbeat_ms=100,
    feed_silence_ms=150,
    acknowledge_ms=150,
    resubscribe_ms=10_000,
    backoff_ms_min=5,
    backoff_ms_max=20,
    stop_ms=200,
)
Handler = Callable[["Counterparty", web.WebSocketResponse, dict[str, Any]], Awaitable[None]]


class Owner:
    """Keeps what it is told; every entry wakes who waits."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self._moved = asyncio.Event()

    def _tell(self, *entry: Any) -> None:
        self.told.append(entry)
        self._moved.set()

    def feed_changed(self, up: bool, detail: str | None) -> None:
        self._tell("up" if up else "down", detail)

    def book_arrived(self, product: str, message: bytes) -> None:
        self._tell("book", product, message)

    def book_broken(self, product: str) -> None:
        self._tell("broken", product)

    def order_arrived(self, message: wire.OrderMessage) -> None:
        self._tell("order", message.status)

    def order_garbled(self) -> None:
        self._tell("order garbled")

    def feed_garbled(self, product: str, what: str) -> None:
        self._tell("garbled", product, what)

    async def until(self, *begin: Any, times: int = 1) -> tuple[Any, ...]:
        """Wait for the entry that begins so."""
        async with asyncio.timeout(5):
            while True:
                found = [entry for entry in self.told if entry[: len(begin)] == begin]
                if len(found) >= times:
                    return found[times - 1]
                self._moved.clear()
                await self._moved.wait()


class Counterparty:
    """A WebSocket server; `answer` says what follows each message that comes."""

    def __init__(self, answer: Handler, status: int | None = None) -> None:
        self.answer = answer
        self.status = status
        self.received: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.tokens.append(request.headers["Authorization"])
        if self.status is not None:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                asked = json.loads(message.data)
                self.received.append(asked)
                await self.answer(self, socket, asked)
        return socket

    def asked(self) -> list[tuple[str, str]]:
        """What was asked for, in short."""
        return [(entry["type"], entry.get("productId", entry["channel"])) for entry in self.received]


def acknowledged(asked: dict[str, Any], status: str = "subscribed") -> dict[str, Any]:
    kept = {name: asked[name] for name in ("channel", "accountId", "productId") if name in asked}
    return {"type": "subscription_response", "status": status, "session_id": "s", **kept}


def book(**changed: Any) -> dict[str, Any]:
    return {"channel": "level2", "type": "snapshot", **payload("level2"), **changed}


async def well(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
    """Acknowledge everything, and follow a subscription of a book with one."""
    status = "subscribed" if asked["type"] == "subscribe" else "unsubscribed"
    await socket.send_json(acknowledged(asked, status))
    if asked["channel"] == "level2" and asked["type"] == "subscribe":
        await socket.send_json(book(product=asked["productId"]))


@asynccontextmanager
async def feed(
    answer: Handler = well, *wanted: str, status: int | None = None
) -> AsyncIterator[tuple[Feed, Owner, Counterparty]]:
    there = Counterparty(answer, status)
    app = web.Application()
    app.router.add_get("/api/prime/trading/v1/ws", there.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    owner = Owner()
    found = Feed("acc", socket_url(f"http://127.0.0.1:{port}"), owner, TIMING, Backoff(5, 20, draws()))
    for product in wanted:
        found.want(product)
    try:
        async with open_session("caas-router/test") as session:
            task = asyncio.create_task(found.run(session, lambda: {"Authorization": "Bearer secret-token"}))
            try:
                yield found, owner, there
            finally:
                task.cancel()
                await asyncio.wait({task})
                assert task.cancelled()
    finally:
        await runner.cleanup()


async def test_it_is_up_when_all_is_acknowledged() -> None:
    async with feed(well, PRODUCT) as (_, owner, there):
        await owner.until("up")
        assert there.asked() == [("subscribe", "orders"), ("subscribe", PRODUCT)]
        assert there.tokens == ["Bearer secret-token"]
        assert (await owner.until("book"))[1] == PRODUCT


async def test_a_book_wanted_later_is_subscribed_on_the_same_socket() -> None:
    async with feed() as (found, owner, there):
        await owner.until("up")
        found.want(PRODUCT)
        found.want(PRODUCT)
        await owner.until("book", PRODUCT)
        assert there.asked() == [("subscribe", "orders"), ("subscribe", PRODUCT)]
        assert len(there.sockets) == 1


async def test_already_subscribed_is_subscribed() -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_json(acknowledged(asked, "already_subscribed"))

    async with feed(answer) as (_, owner, _there):
        await owner.until("up")


async def test_order_messages_go_to_the_owner_under_either_name_of_the_channel() -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_json(acknowledged(asked))
        await socket.send_json(payload("feed_order_fill"))
        await socket.send_json(payload("feed_order_canceled", channel="order"))

    async with feed(answer) as (_, owner, _there):
        await owner.until("order", "open")
        await owner.until("order", "canceled")


async def test_orders_that_are_never_acknowledged_are_a_feed_that_is_down() -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked["channel"] == "level2":
            await socket.send_json(acknowledged(asked))

    async with feed(answer, PRODUCT) as (_, owner, _there):
        assert await owner.until("down") == ("down", "orders were not subscribed within 150 ms")
        assert ("up", None) not in owner.told


async def test_orders_that_are_refused_are_a_feed_that_is_down() -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_json({"type": "error", "channel": asked["channel"], "error": "no"})

    async with feed(answer) as (_, owner, _there):
        assert await owner.until("down") == ("down", "the subscription of orders was refused")


@pytest.mark.parametrize("refuses", [True, False], ids=["refused", "unanswered"])
async def test_a_book_that_is_not_had_keeps_nothing_else_down(refuses: bool) -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked["channel"] == "orders":
            await socket.send_json(acknowledged(asked))
        elif refuses:
            await socket.send_json(
                {"type": "error", "channel": "level2", "productId": asked["productId"], "error": "no"}
            )

    async with feed(answer, PRODUCT) as (_, owner, _there):
        await owner.until("garbled", PRODUCT, "not_subscribed")
        await owner.until("up")


async def test_books_that_stop_coming_are_a_feed_that_is_down_though_orders_come() -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await well(_there, socket, asked)
        while asked["channel"] == "level2" and not socket.closed:
            await socket.send_json(payload("feed_order_fill"))
            await asyncio.sleep(0.02)

    async with feed(answer, PRODUCT) as (_, owner, _there):
        assert await owner.until("down") == ("down", "no book came for 150 ms")


async def test_books_that_come_keep_it_up() -> None:
    async def answer(there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await well(there, socket, asked)
        for _ in range(20 if asked["channel"] == "level2" else 0):
            await asyncio.sleep(0.02)
            await socket.send_json(book())

    async with feed(answer, PRODUCT) as (_, owner, there):
        # More than twice as long as the silence that would end it.
        await owner.until("book", times=21)
        assert len(there.sockets) == 1


async def test_a_book_that_comes_is_acknowledged_by_that() -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_json(acknowledged(asked) if asked["channel"] == "orders" else book())

    async with feed(answer, PRODUCT) as (_, owner, _there):
        await owner.until("up")
        assert [entry[0] for entry in owner.told] == ["book", "up"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('{"channel": "orders", "orderId": "v", "status": "open", "type": "limit"}', ("order", "open")),
        ('{"channel": "order", "orderId": "v", "status": "open"}', ("order", "open")),
        (
            '{"channel": "orders", "status": "open", "text": "%s", "orderId": "v"}' % ("x" * 2000),
            ("order", "open"),
        ),
        ('{"channel": "orders", "status": "open", "order\\u0049d": "v"}', ("order", "open")),
        ('{"channel": "orders", "status": "open"}', ("order garbled",)),
        ('{"channel": "orders", "orderId": 7}', ("order garbled",)),
        ('{"channel": "orders", "orderId": "v", "side": {}}', ("order garbled",)),
        ('{"channel": "orders", "orderId": "v", "productId": 7}', ("garbled", "", "unreadable")),
        ('{"channel": "fills", "orderId": "v"}', ("garbled", "", "unknown_message")),
        ('{"channel": "orders", "orderId": "v"', ("garbled", "", "unreadable")),
        ('{"channel": "orders", "orderId": "v", "x": ' + "[" * 100_000, ("garbled", "", "unreadable")),
    ],
)
async def test_what_is_made_of_a_message_of_an_order(said: str, expected: tuple[str, ...]) -> None:
    async def answer(there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await well(there, socket, asked)
        await socket.send_str(said)

    async with feed(answer) as (_, owner, there):
        await owner.until(*expected)
        assert owner.told == [("up", None), expected]
        assert len(there.sockets) == 1


async def test_a_feed_without_books_may_be_silent() -> None:
    async with feed() as (_, owner, there):
        await owner.until("up")
        await asyncio.sleep(0.3)
        assert owner.told == [("up", None)]
        assert len(there.sockets) == 1


async def test_a_book_wanted_of_a_silent_feed_that_never_comes_is_a_feed_that_is_down() -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked["channel"] == "orders":
            await socket.send_json(acknowledged(asked))

    async with feed(answer) as (found, owner, _there):
        await owner.until("up")
        found.want(PRODUCT)
        assert await owner.until("down") == ("down", "no book came for 150 ms")


async def test_a_counterparty_that_answers_no_ping_is_gone() -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_json(acknowledged(asked))
        # The server's loop for this socket reads no more, so no ping is answered.
        await asyncio.sleep(1)

    async with feed(answer) as (_, owner, _there):
        await owner.until("up")
        assert (await owner.until("down"))[1].startswith("the feed ended")


async def test_it_comes_back_and_subscribes_all_again() -> None:
    async with feed(well, PRODUCT) as (_, owner, there):
        await owner.until("book")
        await there.sockets[0].close()
        await owner.until("down")
        await owner.until("up", times=2)
        await owner.until("book", times=2)
        assert there.asked()[2:] == [("subscribe", "orders"), ("subscribe", PRODUCT)]


async def test_a_handshake_that_is_refused_tells_its_status_and_no_token() -> None:
    async with feed(status=401) as (_, owner, there):
        assert await owner.until("down") == ("down", "the handshake was answered 401")
        await owner.until("down", times=3)
        assert len(there.tokens) >= 3
    assert "secret" not in repr(owner.told)


LEVELS = [[f"{price}.00", "1.00000000"] for price in range(7000, 7100)]


@pytest.mark.parametrize(
    "before",
    [("channel", "type", "time", "product"), ("product", "type"), ("channel", "type"), ("channel",), ()],
)
async def test_a_long_book_is_known_whatever_stands_before_its_levels(before: tuple[str, ...]) -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_json(acknowledged(asked))
        if asked["channel"] == "level2":
            fields = book(asks=LEVELS)
            order = [*before, "bids", "asks", *(name for name in fields if name not in before)]
            await socket.send_json({name: fields[name] for name in order})

    async with feed(answer, PRODUCT) as (_, owner, _there):
        told = await owner.until("book", PRODUCT)
        assert json.loads(told[2]) == book(asks=LEVELS)
        assert not [entry for entry in owner.told if entry[0] == "garbled"]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"type": "update"}, ("garbled", PRODUCT, "not_a_snapshot")),
        ({"channel": "weather"}, ("garbled", "", "unknown_message")),
        ({"product": "ETH-USD"}, ("garbled", "", "wrong_product")),
        ({"product": None}, ("garbled", "", "wrong_product")),
        ({"product": 7}, ("garbled", "", "unreadable")),
    ],
)
async def test_a_long_message_that_is_no_book_asked_for_is_none(
    changed: dict[str, Any], what: tuple[str, ...]
) -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_json(acknowledged(asked))
        if asked["channel"] == "level2" and asked["type"] == "subscribe":
            await socket.send_json(book(asks=LEVELS, **changed))

    async with feed(answer, PRODUCT) as (_, owner, _there):
        await owner.until(*what)
        assert not [entry for entry in owner.told if entry[0] == "book"]


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("{", "unreadable"),
        ("[]", "unreadable"),
        ('{"channel":7}', "unreadable"),
        ('{"channel":"weather"}', "unknown_message"),
        ("{}", "unknown_message"),
        ('{"channel":"level2","type":"snapshot","product":"ETH-USD"}', "wrong_product"),
    ],
)
async def test_garbage_is_counted_and_changes_nothing(message: str, what: str) -> None:
    async def answer(there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await well(there, socket, asked)
        if asked["channel"] == "level2":
            await socket.send_str(message)
            await socket.send_json(book())

    async with feed(answer, PRODUCT) as (_, owner, there):
        await owner.until("garbled", "", what)
        await owner.until("book", PRODUCT, times=2)
        assert len(there.sockets) == 1


async def test_binary_messages_are_read_alike() -> None:
    async def answer(_there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_bytes(json.dumps(acknowledged(asked)).encode())

    async with feed(answer) as (_, owner, _there):
        await owner.until("up")


async def test_anything_but_a_snapshot_drops_the_book_and_subscribes_anew_once() -> None:
    async def answer(there: Counterparty, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await well(there, socket, asked)
        if asked["channel"] == "level2" and asked["type"] == "subscribe":
            await socket.send_json(book(type="update"))

    async with feed(answer, PRODUCT) as (_, owner, there):
        await owner.until("garbled", PRODUCT, "not_a_snapshot", times=2)
        await owner.until("broken", PRODUCT)
        assert there.asked()[1:] == [
            ("subscribe", PRODUCT),
            ("unsubscribe", PRODUCT),
            ("subscribe", PRODUCT),
        ]


async def test_the_book_not_asked_for_the_longest_makes_room() -> None:
    async with feed() as (found, owner, there):
        await owner.until("up")
        for number in range(PRODUCTS_MAX):
            found.want(f"C{number}-USD")
        found.want("C0-USD")
        await owner.until("book", f"C{PRODUCTS_MAX - 1}-USD")
        found.want(PRODUCT)
        await owner.until("book", PRODUCT)
        await owner.until("broken", "C1-USD")
        assert [name for kind, name in there.asked() if kind == "unsubscribe"] == ["C1-USD"]
