"""What a connection reads of its account again and again: products and balances, in whole lists."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from router.core.model import Connection, Product
from router.ports import Clock, Lane, OffWireError
from venues.bitgo import wire
from venues.bitgo.client import Client
from venues.bitgo.parse import balance_of, readable
from venues.transport.telling import Telling


class AccountReads:
    """Products as last read, and the reads that `Upkeep` decides about. Belongs to one event loop.

    `offered` is handed the products whose books are worth having, whenever they were read.
    """

    def __init__(
        self,
        connection: Connection,
        client: Client,
        telling: Telling,
        clock: Clock,
        offered: Callable[[Sequence[str]], None],
    ) -> None:
        self._connection = connection
        self._client = client
        self._telling = telling
        self._clock = clock
        self._offered = offered
        self.products: dict[str, Product] = {}

    async def read_products(self) -> None:
        """Read the products; one that cannot be read is dropped and told."""
        rows = await self._client.read("products", "products", kind=wire.Rows, lane=Lane.REST)
        found: dict[str, Product] = {}
        for product in readable(rows.data):
            if isinstance(product, OffWireError):
                self._telling.bad_data("", "product")
            else:
                found[product.name] = product
        if not found:
            raise OffWireError("expected a product that can be read, was none")
        self.products = found
        pts = self._connection.pts
        self._offered(
            sorted(name for name, p in found.items() if p.enabled and (p.margin_supported or not pts))
        )

    async def state_balances(self, lane: Lane) -> None:
        """Read what can be traded of each asset, and tell it."""
        asked_at = self._clock.now()
        rows = await self._client.read("balances", "balances", kind=wire.Rows, lane=lane)
        stated: dict[str, Decimal] = {}
        for row in rows.data:
            try:
                asset, amount = balance_of(row)
            except OffWireError:
                # An asset that is not stated counts as zero: the safe side.
                self._telling.bad_data("", "balance")
                continue
            if asset in stated:
                raise OffWireError("expected every currency once, was one twice")
            stated[asset] = amount
        self._telling.balances(stated, asked_at)
