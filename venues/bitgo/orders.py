"""Orders of one account: find, list, cancel. They are sent by `sends`."""

from decimal import Decimal
from typing import Final

import msgspec

from router.core.errors import Code, OrderError
from router.core.model import Connection, Fill, OrderReport, OutboundOrder
from router.core.money import ZERO, add
from router.ports import (
    BudgetSpentError,
    CancelRefused,
    CancelResult,
    CancelTaken,
    CancelUnanswered,
    Clock,
    Lane,
    OffWireError,
    VenueUnreachableError,
)
from venues.bitgo import wire
from venues.bitgo.client import Client
from venues.bitgo.encode import funding_of
from venues.bitgo.errors import refusal
from venues.bitgo.parse import answer_to, fill_of, report_of_order
from venues.transport.reader import result_of
from venues.transport.session import Answered, Lost, NotSent
from venues.transport.times import format_time
from venues.transport.timing import Timing

PAGE: Final = 100
PAGES_MAX: Final = 100
_NOT_FOUND: Final = "backend:common:notFound"


class Orders:
    """The account's orders, over REST."""

    def __init__(self, client: Client, connection: Connection, clock: Clock, timing: Timing) -> None:
        self._client = client
        self._connection = connection
        self._clock = clock
        self._timing = timing

    async def look_up(self, order: OutboundOrder, venue_order_id: str | None) -> OrderReport | None:
        """By the counterparty's id where it is known, else by ours; with all fills where it is final."""
        if venue_order_id is not None:
            try:
                found = await self._client.read(
                    "order_lookup", "orders", venue_order_id, kind=wire.Order, lane=Lane.LOOK_UP
                )
            except VenueUnreachableError as error:
                # An id that we were told and that is not known there: only our own id can decide.
                if error.venue_error is None or error.venue_error.name != _NOT_FOUND:
                    raise
            else:
                return await self._with_fills(answer_to(order, found, self._connection, self._clock.now()))
        page = await self._client.read(
            "order_lookup",
            "orders",
            kind=wire.Orders,
            lane=Lane.LOOK_UP,
            query={"clientOrderId": order.venue_client_order_id},
        )
        if not page.data:
            return None
        if len(page.data) > 1:
            raise OffWireError("expected one order under a client order id, were several")
        return await self._with_fills(answer_to(order, page.data[0], self._connection, self._clock.now()))

    async def explain(self, client_order_id: str, venue_order_id: str) -> OrderReport:
        """An order that the feed said has ended, with its reason and its fills."""
        found = await self._client.read(
            "order_lookup", "orders", venue_order_id, kind=wire.Order, lane=Lane.LOOK_UP
        )
        if found.client_order_id != client_order_id:
            raise OffWireError("expected the order asked for, was another")
        return await self._with_fills(report_of_order(found, self._connection, self._clock.now()))

    async def recent(self, since: int) -> list[OrderReport]:
        """Every order with a client id created at or after `since`, of this account's funding type."""
        found: dict[str, OrderReport] = {}
        query = {"dateGte": format_time(since), "fundingType": funding_of(self._connection)}
        seen: set[str] = set()
        for _ in range(PAGES_MAX):
            page = await self._client.read(
                "orders", "orders", kind=wire.Orders, lane=Lane.LOOK_UP, query=_page(query, len(seen))
            )
            new = [row for row in page.data if row.id not in seen]
            # The largest page that is served is not published, so a short one proves nothing: an empty one
            # does, and so does one that only repeats.
            if not new:
                return list(found.values())
            seen.update(row.id for row in new)
            for row in new:
                if row.client_order_id and row.funding_type in (None, funding_of(self._connection)):
                    found[row.id] = report_of_order(row, self._connection, self._clock.now())
        raise VenueUnreachableError(f"expected at most {PAGE * PAGES_MAX} orders, were more")

    async def fills(self, venue_order_id: str, filled: Decimal | None = None) -> list[Fill]:
        """Every execution; `filled`: stop when they add up to it."""
        found: dict[str, Fill] = {}
        total = ZERO
        for _ in range(PAGES_MAX):
            page = await self._client.read(
                "trades",
                "trades",
                kind=wire.Trades,
                lane=Lane.LOOK_UP,
                query=_page({"orderId": venue_order_id}, len(found)),
            )
            new = {row.id: fill_of(row, venue_order_id) for row in page.data if row.id not in found}
            found |= new
            for fill in new.values():
                total = add(total, fill.quantity_base)
            if not new or total == filled:
                return list(found.values())
        raise VenueUnreachableError(f"expected at most {PAGE * PAGES_MAX} trades, were more")

    async def cancel(self, venue_order_id: str) -> CancelResult:
        """PUT cancel. A 200 says that the request was taken, not that the order is cancelled."""
        deadline = self._clock.now() + self._timing.read_ms * 1_000_000
        try:
            await self._client.budget.take(Lane.CANCEL, deadline)
        except BudgetSpentError as error:
            return self._cancel_never_sent(error.detail)
        got, record = await self._client.cancel(venue_order_id)
        match got:
            case NotSent():
                record("never_sent")
                return self._cancel_never_sent(got.detail)
            case Lost():
                record(got.result)
                return CancelUnanswered(got.detail)
            case Answered() if 200 <= got.status < 300:
                record("ok")
                return CancelTaken()
            case Answered():
                said = self._client.said(got)
                record(result_of(got.status, said))
                refused = refusal(said, self._connection.id, pts=self._connection.pts)
                if refused is not None:
                    return CancelRefused(refused)
                return CancelUnanswered(f"answered {got.status}, no definite refusal")

    def _cancel_never_sent(self, detail: str) -> CancelRefused:
        """Nothing is under way: who asked must know, and may ask again."""
        return CancelRefused(
            OrderError(
                Code.VENUE_UNAVAILABLE,
                f"the cancel was never sent: {detail}",
                retryable=True,
                connection_id=self._connection.id,
            )
        )

    async def _with_fills(self, report: OrderReport) -> OrderReport:
        """The report with its executions, where it is final and has some; without, if they cannot be read."""
        if not report.state.is_final or report.filled_base == 0:
            return report
        try:
            fills = await self.fills(report.venue_order_id, report.filled_base)
        except VenueUnreachableError:
            return report
        return msgspec.structs.replace(report, fills=tuple(fills))


def _page(query: dict[str, str], offset: int) -> dict[str, str]:
    return {**query, "offset": str(offset), "limit": str(PAGE)}
