"""Reads of one portfolio's orders: one, all that are recent, their fills, and one whose answer was lost.

There is no look-up by the client's order id. `orders` lists orders that ended and, on the real wire, no open
ones; `open_orders` lists those. So both are gone through, the open ones first: an order that ends between
the two reads is in the second one. The other way round it would be in neither, and pass for never taken.
"""

import uuid
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from router.core.model import Connection, Fill, OrderReport, OutboundOrder
from router.ports import Clock, Lane, OffWireError, VenueUnreachableError
from venues.coinbase import wire
from venues.coinbase.client import Client, next_cursor, page_query, pages
from venues.coinbase.orders import Orders, with_error
from venues.coinbase.parse import created_at, fill_of, report_of, side_of
from venues.transport.reader import decode

PAGES_MAX: Final = 100
CLOCKS_NS: Final = 60_000_000_000
"""How far the counterparty's clock may be behind ours, where its times bound a search."""
_ORDER_ID_LENGTH: Final = 36
_NOT_FOUND: Final = 404
_TIME_ORDERED: Final = 7


class Finding:
    """Finds orders. An instance belongs to one event loop."""

    def __init__(self, client: Client, connection: Connection, orders: Orders, clock: Clock) -> None:
        self._client = client
        self._connection = connection
        self._orders = orders
        self._clock = clock

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        """By the counterparty's id where it is known, else by going through the lists for ours.

        With all fills where it is final. Raises `VenueUnreachableError` and kin.
        """
        found: wire.Order | None = None
        if venue_order_id is not None:
            found = await self.one(venue_order_id)
        if found is None:
            found = await self._listed(order)
        if found is None:
            return None
        report = await self._with_fills(self._report(found, order))
        if report.error is not None:
            credit = await self._orders.want_of_credit(order, None)
            report = report if credit is None else with_error(report, credit)
        return report

    async def one(self, venue_order_id: str) -> wire.Order | None:
        """One order by the counterparty's id; None where it has none. Raises as others do."""
        try:
            answer = await self._client.read(
                "order_lookup", "orders", venue_order_id, kind=wire.OrderAnswer, lane=Lane.LOOK_UP
            )
        except VenueUnreachableError as error:
            # An id that we were told and that is not known there: only our own id can decide.
            if error.venue_error is None or error.venue_error.http_status != _NOT_FOUND:
                raise
            return None
        if answer.order.id != venue_order_id:
            raise OffWireError("id: expected the order asked for, was another")
        return answer.order

    async def recent(self, since: int) -> list[OrderReport]:
        """Every order with a client id made at or after `since`, and all that are open; without fills."""
        found: dict[str, OrderReport] = {}
        async for rows in self._lists(since):
            for row in rows:
                if decode(row, wire.OrderHead).client_order_id:
                    report = report_of(decode(row, wire.Order), self._connection, self._clock.now())
                    # What is in both lists ended between the two reads: the second one says how.
                    found[report.venue_order_id] = report
        return list(found.values())

    async def fills(
        self, venue_order_id: str, lane: Lane = Lane.LOOK_UP, *, scored: bool = True
    ) -> list[Fill]:
        """Every execution of an order; raises `VenueUnreachableError` and kin."""
        found: dict[str, Fill] = {}
        for page in await pages(
            self._client,
            "fills",
            *("orders", venue_order_id, "fills"),
            kind=wire.Fills,
            lane=lane,
            pages_max=PAGES_MAX,
            scored=scored,
        ):
            found |= {row.id: fill_of(row, venue_order_id) for row in page.fills}
        return list(found.values())

    async def _listed(self, order: OutboundOrder) -> wire.Order | None:
        since = made_at(order.venue_client_order_id)
        found: dict[str, wire.Order] = {}
        async for rows in self._lists(None if since is None else since - CLOCKS_NS):
            for row in rows:
                if decode(row, wire.OrderHead).client_order_id == order.venue_client_order_id:
                    own = decode(row, wire.Order)
                    found[own.id] = own
            if found:
                break
        if len(found) > 1:
            raise OffWireError("expected one order under a client order id, were several")
        return next(iter(found.values()), None)

    async def _lists(self, since: int | None) -> AsyncIterator[list[msgspec.Raw]]:
        """The open orders, then the others, newest first, back to `since`; a page at a time."""
        for page in await pages(
            self._client,
            "orders",
            "open_orders",
            kind=wire.Orders,
            lane=Lane.LOOK_UP,
            pages_max=PAGES_MAX,
        ):
            yield page.orders
        cursor, newest = "", None
        for _ in range(PAGES_MAX):
            page = await self._client.read(
                "orders", "orders", kind=wire.Orders, lane=Lane.LOOK_UP, query=page_query(cursor)
            )
            yield page.orders
            times = [created_at(decode(row, wire.OrderHead).created_at) for row in page.orders]
            if not is_newest_first(times, newest):
                # Whoever stops at an old order of a list in another order has not seen all that are new.
                raise OffWireError("orders: expected the newest first, was another order")
            cursor = next_cursor(page.pagination, cursor)
            if not cursor or (since is not None and times and times[-1] < since):
                return
            newest = times[-1] if times else newest
        raise VenueUnreachableError(f"expected at most {PAGES_MAX} pages of orders, were more")

    def _report(self, found: wire.Order, order: OutboundOrder) -> OrderReport:
        if found.client_order_id != order.venue_client_order_id:
            raise OffWireError("client_order_id: expected the order asked for, was another's")
        if found.product_id != order.product or side_of(found.side) is not order.side:
            raise OffWireError("expected the order asked for, was another's product or side")
        return report_of(found, self._connection, self._clock.now())

    async def _with_fills(self, report: OrderReport) -> OrderReport:
        """The report with its executions, where it is final and has some; without, if they cannot be read."""
        if not report.state.is_final or report.filled_base == 0:
            return report
        try:
            fills = await self.fills(report.venue_order_id)
        except VenueUnreachableError:
            return report
        return msgspec.structs.replace(report, fills=tuple(fills))


def is_newest_first(times: list[int], before: int | None) -> bool:
    """Whether a page goes back in time, from where the page before it ended."""
    known = times if before is None else [before, *times]
    return all(known[index] >= known[index + 1] for index in range(len(known) - 1))


def made_at(client_order_id: str) -> int | None:
    """When the router made an order, out of our id for it; None where it does not say.

    Our ids begin with a UUID of version 7, whose first 48 bits are milliseconds since the epoch (RFC 9562).
    """
    try:
        found = uuid.UUID(client_order_id[:_ORDER_ID_LENGTH])
    except ValueError:
        return None
    return (found.int >> 80) * 1_000_000 if found.version == _TIME_ORDERED else None
