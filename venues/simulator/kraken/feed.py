"""The public book of WebSocket v2: a snapshot for each subscription, then what has changed, with a checksum.

Source: Kraken WebSocket API v2, channel `book`: prices and quantities are JSON numbers, a quantity of 0 takes
a level away, and the checksum is the CRC32 over the ten best asks and bids as they are written, without
points and leading zeros.
"""

import asyncio
import zlib
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec
from aiohttp import WSMsgType, web

from venues.simulator import clock
from venues.simulator.clock import to_wire_time
from venues.simulator.kraken.model import Exchange
from venues.simulator.kraken.names import Pair, pairs
from venues.simulator.kraken.wire import fixed
from venues.simulator.market import Level, Product
from venues.simulator.money import ZERO, decimals, exact

PATH = "/v2"
_DEPTHS = frozenset({10, 25, 100, 500, 1000})
_CHECKED = 10
_MESSAGE_MAX = 65_536
_PLACES = 8
Side = dict[Decimal, Decimal]


@dataclass(slots=True, eq=False)
class _Watch:
    pair: Pair
    depth: int
    shown: tuple[Side, Side] = field(default_factory=lambda: ({}, {}))


class _Request(msgspec.Struct):
    method: str
    params: dict[str, object] = {}
    req_id: int | None = None


class _Socket:
    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.socket = socket
        self.transport = transport
        self.watched: dict[str, _Watch] = {}
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1_000)


class KrakenFeed:
    """The sockets and what each watches; books are published whenever the market moves."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._sockets: set[_Socket] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it closes."""
        world = self._exchange.world
        world.counters["ws_connects"] += 1
        if self._fault("refuse"):
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=_MESSAGE_MAX, compress=False)
        await socket.prepare(request)
        one = _Socket(socket, request.transport)
        self._sockets.add(one)
        writer = asyncio.create_task(_write(one))
        try:
            self._send(one, {"channel": "status", "type": "update", "data": [{"system": "online"}]})
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    with exact():
                        self._take(one, message.data)
        finally:
            self._sockets.discard(one)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    def publish(self, product: Product) -> None:
        """Tell every socket what has changed in a product's book."""
        for one in self._sockets:
            for watch in one.watched.values():
                if watch.pair.product is product:
                    self._send_book(one, watch, "update")

    def disconnect(self) -> int:
        """Drop every socket; give how many there were."""
        dropped = list(self._sockets)
        for one in dropped:
            _drop(one)
        return len(dropped)

    async def close(self) -> None:
        """Close every socket."""
        for one in list(self._sockets):
            await one.socket.close()

    def _fault(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self._exchange.faults.feed("level2"))

    def _take(self, one: _Socket, text: str) -> None:
        try:
            asked = msgspec.json.decode(text, type=_Request)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._send(one, {"error": "Malformed request", "success": False})
            return
        if asked.method == "ping":
            self._send(one, {"method": "pong", "req_id": asked.req_id, "time_in": to_wire_time(clock.now())})
            return
        channel, depth = asked.params.get("channel"), asked.params.get("depth", 10)
        symbols = asked.params.get("symbol")
        named = {pair.symbol: pair for pair in pairs(self._exchange.world).values()}
        if asked.method not in {"subscribe", "unsubscribe"} or channel != "book" or depth not in _DEPTHS:
            self._refuse(one, asked, "Event(s) not found")
            return
        for symbol in symbols if isinstance(symbols, list) else []:
            pair = named.get(symbol)
            if pair is None:
                self._refuse(one, asked, f"Currency pair not supported {symbol}")
            elif asked.method == "unsubscribe":
                one.watched.pop(symbol, None)
                self._acknowledge(one, asked, symbol, depth)
            elif symbol in one.watched:
                self._refuse(one, asked, "Already subscribed")
            else:
                one.watched[symbol] = watch = _Watch(pair, int(str(depth)))
                self._acknowledge(one, asked, symbol, depth)
                self._send_book(one, watch, "snapshot")

    def _refuse(self, one: _Socket, asked: _Request, text: str) -> None:
        self._send(one, {"method": asked.method, "success": False, "error": text, "req_id": asked.req_id})

    def _acknowledge(self, one: _Socket, asked: _Request, symbol: str, depth: object) -> None:
        result = {"channel": "book", "symbol": symbol, "depth": depth, "snapshot": True}
        self._send(one, {"method": asked.method, "result": result, "success": True, "req_id": asked.req_id})

    def _send_book(self, one: _Socket, watch: _Watch, kind: str) -> None:
        if self._fault("silent"):
            return
        if self._fault("garbage"):
            _put(one, b'{"channel":"book","type":"update","data":[{"symbol":"' + b"x" * 9 + b'"}]}')
            return
        book = self._exchange.book(watch.pair.product)
        places = decimals(watch.pair.product.tick)
        bids, asks = _side(book.bids, watch.depth), _side(book.asks, watch.depth)
        if self._fault("crossed") and bids:
            asks = {max(bids) - watch.pair.product.tick: Decimal(1), **asks}
        before_bids, before_asks = watch.shown
        watch.shown = (bids, asks)
        entry = {
            "symbol": watch.pair.symbol,
            "bids": _levels(_changes(before_bids, bids), places),
            "asks": _levels(_changes(before_asks, asks), places),
            "checksum": checksum(bids, asks, places),
        }
        if kind == "update":
            if not entry["bids"] and not entry["asks"]:
                return
            entry["timestamp"] = to_wire_time(book.time)
        self._send(one, {"channel": "book", "type": kind, "data": [entry]})

    def _send(self, one: _Socket, message: dict[str, object]) -> None:
        _put(one, msgspec.json.encode(message))


def checksum(bids: Side, asks: Side, places: int) -> int:
    """Give the CRC32 of a book's ten best levels."""
    best_asks, best_bids = sorted(asks)[:_CHECKED], sorted(bids, reverse=True)[:_CHECKED]
    text = "".join(_digits(price, places) + _digits(asks[price], _PLACES) for price in best_asks)
    text += "".join(_digits(price, places) + _digits(bids[price], _PLACES) for price in best_bids)
    return zlib.crc32(text.encode())


def _digits(value: Decimal, places: int) -> str:
    return fixed(value, places).replace(".", "").lstrip("0")


def _side(levels: list[Level], depth: int) -> Side:
    return {level.price: level.size for level in [one for one in levels if one.size > 0][:depth]}


def _changes(before: Side, after: Side) -> Side:
    gone = {price: ZERO for price in before if price not in after}
    return gone | {price: size for price, size in after.items() if before.get(price) != size}


def _levels(side: Side, places: int) -> list[dict[str, msgspec.Raw]]:
    """Give levels as JSON numbers, written as Kraken writes them and never made floats of."""
    return [
        {
            "price": msgspec.Raw(fixed(price, places).encode()),
            "qty": msgspec.Raw(fixed(size, _PLACES).encode()),
        }
        for price, size in side.items()
    ]


def _put(one: _Socket, message: bytes) -> None:
    try:
        one.queue.put_nowait(message)
    except asyncio.QueueFull:
        # Who does not read is dropped, as everywhere.
        _drop(one)


def _drop(one: _Socket) -> None:
    if one.transport is not None:
        one.transport.close()


async def _write(one: _Socket) -> None:
    while not one.socket.closed:
        await one.socket.send_str((await one.queue.get()).decode())
