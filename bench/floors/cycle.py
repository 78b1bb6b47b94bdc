"""The cycle that every floor does: read the order, get each connection's price, send it to the cheapest."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Final, Protocol

from bench.floors.outbound import Pool
from bench.floors.wire import BODY, LEVEL2, Body, asked, caller_answer, cost, order_body, paths, streamed_book

_HEAD: Final = "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer bench\r\n"
_TOO_THIN: Final = Decimal("Infinity")


class Cycle(Protocol):
    """What a server in front needs."""

    async def answer(self, raw: bytes) -> bytes:
        """Take an order's body; the body of the answer."""
        ...


class BareCycle:
    """The cycle over `connections` accounts behind one port, by a bare protocol."""

    def __init__(self, port: int, connections: int, way: str) -> None:
        self._pool = Pool(port)
        wanted = asked(connections, way)
        self._ask = [
            (index, f"{_HEAD.format(method='GET', path=path)}\r\n".encode())
            for index, path in enumerate(paths(connections, "/products/BTC-USD/level2"))
            if index in wanted
        ]
        self._books = [(index, streamed_book()) for index in range(connections) if index not in wanted]
        self._send = [_HEAD.format(method="POST", path=path) for path in paths(connections, "/orders")]

    async def answer(self, raw: bytes) -> bytes:
        """Take an order's body; the body of the answer."""
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.run(raw, answered.set_result)
        return await answered

    def run(self, raw: bytes, answer: Callable[[bytes], None]) -> None:
        """Take an order's body; `answer` gets the body of the answer."""
        order = BODY.decode(raw)
        quantity = Decimal(order.quantity)
        found = [(cost(book, quantity) or _TOO_THIN, index) for index, book in self._books]
        left = len(self._ask)
        if not left:
            self._order(order, min(found)[1], answer)
            return

        def quoted(index: int, body: bytes) -> None:
            nonlocal left
            price = cost(LEVEL2.decode(body), quantity)
            if price is not None:
                found.append((price, index))
            left -= 1
            if not left:
                self._order(order, min(found)[1], answer)

        for index, request in self._ask:
            self._pool.request(request, partial(quoted, index))

    def _order(self, order: Body, index: int, answer: Callable[[bytes], None]) -> None:
        body = order_body(order)
        head = f"{self._send[index]}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._pool.request(
            f"{head}{body}".encode(),
            lambda raw: answer(caller_answer(raw, order.client_order_id)),
        )
