"""Orders, sent over kept-alive connections by a bare protocol; what that costs is not what is measured."""

import asyncio
import gc
from collections import deque
from collections.abc import Callable
from time import perf_counter_ns
from typing import Final

import msgspec

from bench.stub import PRODUCT

MARKET: Final = '"side":"buy","type":"market","quantity":"0.5"'
FILLED: Final = b'"filled"'
_TICK_S: Final = 0.001
_DRAIN_S: Final = 10.0


class Block(msgspec.Struct):
    """What a block of orders brought: each order's time in nanoseconds, and answers that were no fill.

    `wrong` counts those by how their first line begins; their times are not among `latencies_ns` where the
    block was sent in an open loop, whose refusals are an answer of their own.
    """

    latencies_ns: list[int]
    wrong: dict[str, int]


class _Caller(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, ended: Callable[["_Caller", bytes], None]) -> None:
        self._ended = ended
        self._parts = b""
        self.began = 0
        self.order_id = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's

    def send(self, request: bytes, began: int) -> None:
        """Send a request whose time counts from `began`."""
        self.began = began
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._parts:
            data = self._parts + data
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            at = data[: end + 2].lower().find(b"content-length:")
            if at >= 0 and len(data) >= end + 4 + int(data[at + 15 : data.find(b"\r", at)]):
                self._parts = b""
                self._ended(self, data)
                return
        self._parts = data

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        if self.began:
            self._ended(self, b"")


class Driver:
    """Sends orders to one port: `closed_loop` always as many at once, `open_loop` at a rate of its own.

    `answered`, where it is set, is handed each order's client id and its answer.
    """

    def __init__(self, port: int, run: str, path: str = "/v1/orders") -> None:
        self._port = port
        self._head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        self._number = 0
        self._every: list[_Caller] = []
        self._ended: Callable[[_Caller, bytes], None] = lambda _caller, _data: None
        self.products = [PRODUCT]
        """The products that orders go round."""
        self.terms = MARKET
        """What an order asks for, in its body."""
        self.final = FILLED
        """What stands in the answer to an order that went as it should."""
        self.name: Callable[[int], str] = lambda number: f"{run}-{number}"
        """The client id of the order with a number."""
        self.answered: Callable[[str, bytes], None] | None = None

    def _send(self, caller: _Caller, began: int) -> None:
        self._number += 1
        caller.order_id = self.name(self._number)
        product = self.products[self._number % len(self.products)]
        base = product[: product.find("-")]
        body = (
            f'{{"client_order_id":"{caller.order_id}","product":"{product}",{self.terms},'
            f'"quantity_currency":"{base}"}}'
        )
        caller.send(f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode(), began)

    def _wrong(self, data: bytes) -> str | None:
        """How an answer that is no fill begins; None for a fill."""
        if self.final in data and data.startswith(b"HTTP/1.1 200"):
            return None
        return data[9:12].decode(errors="replace") or "lost"

    async def closed_loop(self, orders: int, in_flight: int) -> Block:
        """Send `orders` orders, always `in_flight` of them under way; times count from the send."""
        done = asyncio.get_running_loop().create_future()
        block = Block([], {})
        left = orders - in_flight

        def ended(caller: _Caller, data: bytes) -> None:
            nonlocal left
            now = perf_counter_ns()
            block.latencies_ns.append(now - caller.began)
            if self.answered is not None:
                self.answered(caller.order_id, data)
            what = self._wrong(data)
            if what is not None:
                block.wrong[what] = block.wrong.get(what, 0) + 1
            if not data:
                left = 0
            if left > 0:
                left -= 1
                self._send(caller, perf_counter_ns())
                return
            caller.began = 0
            if not done.done() and (len(block.latencies_ns) >= orders or not data):
                done.set_result(None)

        await self._open(in_flight)
        self._ended = ended
        for caller in self._every[:in_flight]:
            self._send(caller, perf_counter_ns())
        await done
        return block

    async def open_loop(self, rate: float, seconds: float, connections: int) -> Block:
        """Send `rate` orders a second whatever the answers do; each one's time counts from when it was due.

        An order that finds every connection busy waits here, and that wait is its own. Orders that are
        unanswered long after the last one was due are counted as `unanswered`.
        """
        await self._open(connections)
        idle = list(self._every)
        due: deque[int] = deque()
        block = Block([], {})
        under_way = 0

        def ended(caller: _Caller, data: bytes) -> None:
            nonlocal under_way
            now = perf_counter_ns()
            if self.answered is not None:
                self.answered(caller.order_id, data)
            what = self._wrong(data)
            if what is None:
                block.latencies_ns.append(now - caller.began)
            else:
                block.wrong[what] = block.wrong.get(what, 0) + 1
            if data and due:
                self._send(caller, due.popleft())
                return
            under_way -= 1
            caller.began = 0
            if data:
                idle.append(caller)

        self._ended = ended
        gc.collect()
        begin = perf_counter_ns()
        count, number = int(rate * seconds), 0
        while number < count:
            now_due = min(count, int((perf_counter_ns() - begin) / 1e9 * rate) + 1)
            while number < now_due:
                at = begin + int(number / rate * 1e9)
                number += 1
                if idle:
                    under_way += 1
                    self._send(idle.pop(), at)
                else:
                    due.append(at)
            await asyncio.sleep(_TICK_S)
        until = perf_counter_ns() + _DRAIN_S * 1e9
        while (under_way or due) and perf_counter_ns() < until:  # noqa: ASYNC110 - until a time, too
            await asyncio.sleep(_TICK_S)
        if under_way or due:
            block.wrong["unanswered"] = under_way + len(due)
        return block

    async def _open(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        self._every = [caller for caller in self._every if not caller.transport.is_closing()]
        while len(self._every) < connections:
            _, caller = await loop.create_connection(lambda: _Caller(self._finished), "127.0.0.1", self._port)
            self._every.append(caller)

    def _finished(self, caller: _Caller, data: bytes) -> None:
        self._ended(caller, data)

    def close(self) -> None:
        """Close the connections; they are gone after the loop's next turn."""
        for caller in self._every:
            caller.began = 0
            caller.transport.abort()
        self._every = []
