"""A venue that gets no new orders, and on which those that are there go on to their end."""

from collections.abc import Sequence

import msgspec

from router.core.model import Book, Connection, Fill, OrderReport, OrderRequest, OutboundOrder, Product
from router.ports import CancelResult, ConnectionState, Health, SubmitResult, Venue, VenueListener


class Withdrawn:
    """Implements `router.ports.Venue` over a venue that was removed or switched off.

    Its health says `stopped`, which is what the award of a competition and the acceptance of an RFQ look at
    last; look-ups, cancels and reads go through. What was reserved before it was withdrawn is still sent.
    """

    def __init__(self, venue: Venue, detail: str) -> None:
        self._venue = venue
        self._detail = detail

    @property
    def connection(self) -> Connection:
        """Who this is."""
        return self._venue.connection

    @property
    def trades(self) -> bool:
        """No."""
        return False

    def health(self) -> Health:
        """As it is, but that it does not trade."""
        return msgspec.structs.replace(
            self._venue.health(), state=ConnectionState.STOPPED, detail=self._detail
        )

    def product(self, name: str) -> Product | None:
        """A product as the counterparty trades it."""
        return self._venue.product(name)

    def products(self) -> Sequence[Product]:
        """All of them."""
        return self._venue.products()

    def takes(self, request: OrderRequest) -> bool:
        """Whether the counterparty has orders of this kind."""
        return self._venue.takes(request)

    def book(self, product: str) -> Book | None:
        """The streamed book."""
        return self._venue.book(product)

    async def request_book(self, product: str, deadline: int) -> Book:
        """Ask for a book: a question of before may still be open."""
        return await self._venue.request_book(product, deadline)

    def has_order_budget(self) -> bool:
        """Whether a request for an order could go out now."""
        return self._venue.has_order_budget()

    def take_order_budget(self) -> bool:
        """Nothing is begun here any more."""
        return False

    def return_order_budget(self) -> None:
        """Give back what was taken before."""
        self._venue.return_order_budget()

    async def submit(self, order: OutboundOrder) -> SubmitResult:
        """Send an order that was decided before."""
        return await self._venue.submit(order)

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        """What the counterparty knows of an order."""
        return await self._venue.look_up(order, venue_order_id)

    async def recent_orders(self, since: int) -> Sequence[OrderReport]:
        """Every order of the account created at or after `since`."""
        return await self._venue.recent_orders(since)

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        """Every execution of an order."""
        return await self._venue.fills(venue_order_id)

    async def cancel(self, order: OutboundOrder, venue_order_id: str) -> CancelResult:
        """Ask for an order to be cancelled."""
        return await self._venue.cancel(order, venue_order_id)

    def balances_spoiled(self) -> None:
        """An order of before traded."""
        self._venue.balances_spoiled()

    async def read_balances(self) -> None:
        """Read the balances."""
        await self._venue.read_balances()

    async def run(self, listener: VenueListener) -> None:
        """Keep the connection up until cancelled."""
        await self._venue.run(listener)
