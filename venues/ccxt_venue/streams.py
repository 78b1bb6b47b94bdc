"""Books that ccxt.pro streams: subscribed when first asked for, read in the worker's thread.

A book that does not change is not told again, so it ages and is asked for by REST: the competition judges the
age. What is broken is dropped at once, and watched anew after a pause.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from router.core.model import Book, Product
from router.ports import Clock
from venues.ccxt_venue.book import BadBookError, book_of
from venues.ccxt_venue.exchanges import Known
from venues.ccxt_venue.library import ExchangeApi
from venues.ccxt_venue.remote import Remote
from venues.ccxt_venue.worker import StoppedError, Worker
from venues.transport.backoff import Backoff
from venues.transport.reader import user_agent
from venues.transport.session import open_session

WATCHED_MAX: Final = 64


class Streams:
    """The latest books. `bad` is told, in the router's loop, of a book that cannot be true."""

    def __init__(
        self,
        exchange: ExchangeApi,
        remote: Remote,
        known: Known,
        worker: Worker,
        clock: Clock,
        new_backoff: Callable[[], Backoff],
        bad: Callable[[str, str], None],
    ) -> None:
        self._exchange = exchange
        self._remote = remote
        self._known = known
        self._worker = worker
        self._clock = clock
        self._new_backoff = new_backoff
        self._bad = bad
        self._books: dict[str, Book] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def book(self, product: Product) -> Book | None:
        """The latest book; the first question subscribes it."""
        if product.name not in self._tasks and len(self._tasks) < WATCHED_MAX:
            self._tasks[product.name] = asyncio.create_task(self._keep(product))
        return self._books.get(product.name)

    async def open(self) -> None:
        """Open the session (in the worker's thread)."""
        self._exchange.session = open_session(user_agent())
        self._exchange.own_session = False

    async def know(self) -> None:
        """Take over the markets that were read by REST (in the worker's thread)."""
        read = self._remote.exchange
        self._exchange.set_markets(read.markets, read.currencies)

    async def close(self) -> None:
        """End the watching, then the sockets."""
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        await self._worker.call(self._let_go)

    async def _let_go(self) -> None:
        session, self._exchange.session = self._exchange.session, None
        await self._exchange.close()
        if session is not None:
            await session.close()

    async def _keep(self, product: Product) -> None:
        loop = asyncio.get_running_loop()

        def tell(what: str) -> None:
            loop.call_soon_threadsafe(self._bad, product.name, what)

        try:
            await self._worker.call(lambda: self._watch(product, tell))
        except StoppedError:
            return

    async def _watch(self, product: Product, tell: Callable[[str], None]) -> None:
        """In the worker's thread, until cancelled."""
        backoff = self._new_backoff()
        while True:
            try:
                found = await self._exchange.watch_order_book(
                    self._remote.symbol(product.name), self._known.stream_depth
                )
                book = book_of(found, product, self._clock.now(), streamed=True)
            except Exception as error:  # noqa: BLE001 - whatever ends a stream ends its book, and no more
                self._books.pop(product.name, None)
                if isinstance(error, BadBookError):
                    tell(f"book_{error.what}")
                await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()
                self._books[product.name] = book
