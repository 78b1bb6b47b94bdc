"""The stub's server: which books it publishes, which orders it keeps."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from bench.stub.connection import Connection
from bench.stub.kraken import KrakenPaths
from bench.stub.wire import (
    PRODUCT,
    QUOTE,
    Placed,
    account_id,
    answer,
    balances_json,
    book_json,
    frame,
    order_json,
    order_message,
    placed,
    product_json,
    trade_json,
)

_AGED_S: Final = 10.0
_NOTHING: Final = answer(b'{"data":[]}')
_LOST: Final = answer(b"{}", b"503 Service Unavailable")


class Stub:
    """The counterparty: accounts 0 to `accounts` - 1, each with a book of its own for each product asked for.

    `aged`: the accounts whose feed brings books that are too old to be a quote, so that prices are asked for.
    The best price goes round from account to account with each publication, so that all of them win in turn.
    `keeps`: orders are kept, and answered when they are looked up. `finds`: an order that it never saw is
    found too, and filled. `loses`: orders and look-ups are
    answered with a 503, which leaves them in doubt.
    """

    def __init__(
        self,
        accounts: int,
        *,
        aged: bool | frozenset[int] = False,
        products: int = 1,
        keeps: bool = False,
        finds: bool = False,
        loses: bool = False,
    ) -> None:
        self.accounts = accounts
        self.port = 0
        self.orders = 0
        self.requests = 0
        self.opened = 0
        self.loses = loses
        self.finds = finds
        self.connections: set[Connection] = set()
        self.sockets: dict[bytes, set[Connection]] = {}
        self.names = [PRODUCT, *(f"X{number}-{QUOTE}" for number in range(1, products))]
        self.products = answer(('{"data":[' + ",".join(map(product_json, self.names)) + "]}").encode())
        self.balances = answer(balances_json())
        self.kraken = KrakenPaths()
        self._keeps = keeps
        self._kept: dict[bytes, Placed] = {}
        self._aged = frozenset(range(accounts) if aged is True else aged or ())
        self._turn = 0
        self._asked: dict[bytes, bytes] = {}
        self._frames: dict[tuple[bytes, str], bytes] = {}
        self._server: asyncio.Server | None = None
        self._publisher: asyncio.Task[None] | None = None

    async def start(self, book_ms: float | None, port: int = 0) -> int:
        """Listen on loopback and publish a book an account every `book_ms`; the port."""
        loop = asyncio.get_running_loop()
        self._make_books()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", port, backlog=1024)
        if book_ms is not None:
            self._publisher = loop.create_task(self._publish(book_ms / 1000))
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Close everything."""
        if self._publisher is not None:
            self._publisher.cancel()
        if self._server is not None:
            self._server.close()
        for each in list(self.connections):
            each.abort()
        if self._server is not None:
            await self._server.wait_closed()
        # What was aborted is closed in the loop's next turn.
        await asyncio.sleep(0)

    @property
    def feeds(self) -> int:
        """Feeds that are up: accounts whose channel of orders somebody follows, each as often as followed."""
        return sum(len(sockets) for sockets in self.sockets.values())

    def book(self, account: bytes) -> bytes:
        """The answer to `GET level2`. Asked for, a book is of now whatever the feed says."""
        return self._asked[account]

    def snapshot(self, account: bytes, product: str) -> bytes:
        """The book of an account, as the feed's frame."""
        known = self._frames.get((account, product))
        if known is None:
            index = int(account, 16)
            age_s = _AGED_S if index in self._aged else 0.0
            body = book_json(best=index == self._turn % self.accounts, product=product, age_s=age_s)
            known = self._frames[account, product] = frame(
                b'{"channel":"level2","type":"snapshot",' + body[1:]
            )
        return known

    def take(self, account: bytes, body: bytes, write: Callable[[bytes], None]) -> None:
        """Take an order and answer it; the feed tells of it at once."""
        self.orders += 1
        order = placed(self.orders, account, body)
        if self._keeps or self.loses:
            self._kept[b"o-" + order.number] = self._kept[order.client_order_id] = order
        if self.loses:
            write(_LOST)
            return
        write(answer(order_json(order)))
        sockets = self.sockets.get(account)
        if sockets:
            message = order_message(order)
            for each in sockets:
                each.transport.write(message)

    def look_up(self, account: bytes, key: bytes, *, listed: bool) -> bytes:
        """An order by its own id, or a page of the one with a client id."""
        if self.loses:
            return _LOST
        order = self._order(account, key)
        if order is None:
            return (
                _NOTHING if listed else answer(b'{"errorName":"backend:common:notFound"}', b"404 Not Found")
            )
        return answer(b'{"data":[%b]}' % order_json(order) if listed else order_json(order))

    def trades(self, account: bytes, order_id: bytes, *, first_page: bool) -> bytes:
        """The executions of an order."""
        order = self._order(account, order_id) if first_page else None
        return _NOTHING if order is None or order.rests else answer(b'{"data":[%b]}' % trade_json(order))

    def _order(self, account: bytes, key: bytes) -> Placed | None:
        order = self._kept.get(key)
        if order is None and self.finds:
            funding = b"margin" if int(account, 16) % 2 else b"funded"
            self.orders += 1
            number = b"%016d" % self.orders
            product = PRODUCT.encode()
            order = Placed(number, account, key, b"0.5", b"buy", funding, b"100.50", product, rests=False)
            self._kept[b"o-" + number] = self._kept[key] = order
        return order

    def _make_books(self) -> None:
        self._frames.clear()
        for index in range(self.accounts):
            best = index == self._turn % self.accounts
            self._asked[account_id(index).encode()] = answer(book_json(best=best))

    async def _publish(self, pause_s: float) -> None:
        while True:
            await asyncio.sleep(pause_s)
            self._turn += 1
            self._make_books()
            for account, sockets in self.sockets.items():
                for each in sockets:
                    for name in each.names:
                        each.transport.write(self.snapshot(account, name))


def subscribed(stubs: Sequence[Stub]) -> int:
    """Feeds that are up at all of them."""
    return sum(stub.feeds for stub in stubs)
