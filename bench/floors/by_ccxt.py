"""What a desk would write by hand: four exchanges of ccxt asked for their books, an order to the cheapest.

Each connection is an instance of ccxt's Kraken, which the stub answers for. An order's answer there is an id
alone: the fill, which the router waits for and reports, would cost this loop another request. Nothing is
added for it here.
"""

import asyncio
from typing import Any, Final
from urllib.parse import urlsplit

from bench.floors.wire import BODY, Taken, filled_answer

_SYMBOL: Final = "BTC/USD"
_SECRET: Final = "YmVuY2g="  # noqa: S105 - it opens nothing
"""Base64, which the signature decodes."""


def _at(urls: Any, base_url: str) -> Any:  # noqa: ANN401 - ccxt's tree of addresses has no type
    """The same addresses at another host."""
    if isinstance(urls, dict):
        return {name: _at(value, base_url) for name, value in urls.items()}
    return base_url + urlsplit(urls).path if isinstance(urls, str) else urls


def _cost(asks: list[list[float]], quantity: float) -> float:
    left, total = quantity, 0.0
    for price, size, *_ in asks:
        take = min(left, size)
        total += take * price
        left -= take
        if left <= 0:
            return total
    return float("inf")


class CcxtCycle:
    """The cycle over as many instances of one exchange."""

    def __init__(self, exchanges: list[Any]) -> None:
        self._exchanges = exchanges

    @classmethod
    async def open(cls, port: int, connections: int) -> "CcxtCycle":
        """Make the instances, load their markets. Raises `ImportError` where the extra is not installed."""
        import ccxt.async_support  # noqa: PLC0415 - an optional extra, and a second to import for the others

        made = []
        for _ in range(connections):
            exchange = ccxt.async_support.kraken(
                {"apiKey": "bench", "secret": _SECRET, "enableRateLimit": False}
            )
            exchange.urls["api"] = _at(exchange.urls["api"], f"http://127.0.0.1:{port}")
            await exchange.load_markets()
            made.append(exchange)
        return cls(made)

    async def answer(self, raw: bytes) -> bytes:
        """Take an order's body; the body of the answer."""
        order = BODY.decode(raw)
        quantity = float(order.quantity)
        books = await asyncio.gather(*(each.fetch_order_book(_SYMBOL, 10) for each in self._exchanges))
        costs = [_cost(book["asks"], quantity) for book in books]
        best = costs.index(min(costs))
        limit = books[best]["asks"][0][0] * 1.005
        made = await self._exchanges[best].create_order(
            _SYMBOL, "limit", order.side, quantity, limit, {"timeInForce": "IOC"}
        )
        taken = Taken(made["id"], "", order.quantity, str(costs[best] / quantity))
        return filled_answer(taken, order.client_order_id, "filled")
