"""The cycle by aiohttp's client, with all that tuning gives it: no cookies, limits, encodings or timers."""

import asyncio
from decimal import Decimal

import aiohttp
from yarl import URL

from bench.floors.wire import BODY, LEVEL2, asked, caller_answer, cost, order_body, paths, streamed_book


class AiohttpCycle:
    """The cycle over `connections` accounts behind one port. Belongs to the loop that it first runs on."""

    def __init__(self, port: int, connections: int, way: str) -> None:
        self._session: aiohttp.ClientSession | None = None
        wanted = asked(connections, way)
        # Encoded once: what a tuned program would not do for each request again.
        at = f"http://127.0.0.1:{port}"
        self._ask = [
            (index, URL(at + path, encoded=True))
            for index, path in enumerate(paths(connections, "/products/BTC-USD/level2"))
            if index in wanted
        ]
        self._books = [(index, streamed_book()) for index in range(connections) if index not in wanted]
        self._send = [URL(at + path, encoded=True) for path in paths(connections, "/orders")]

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, use_dns_cache=True, ttl_dns_cache=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"Authorization": "Bearer bench"},
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session

    async def _quote(self, index: int, url: URL, quantity: Decimal) -> tuple[Decimal, int] | None:
        async with self._opened().get(url) as response:
            price = cost(LEVEL2.decode(await response.read()), quantity)
        return None if price is None else (price, index)

    async def answer(self, raw: bytes) -> bytes:
        """Take an order's body; the body of the answer."""
        order = BODY.decode(raw)
        quantity = Decimal(order.quantity)
        found = [(price, index) for index, book in self._books if (price := cost(book, quantity)) is not None]
        if self._ask:
            quotes = await asyncio.gather(*(self._quote(index, url, quantity) for index, url in self._ask))
            found += [quote for quote in quotes if quote is not None]
        _, best = min(found)
        async with self._opened().post(
            self._send[best], data=order_body(order).encode(), headers={"Content-Type": "application/json"}
        ) as response:
            return caller_answer(await response.read(), order.client_order_id)
