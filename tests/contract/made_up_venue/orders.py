"""Orders at Tern: sent once, found by our reference, cancelled."""

from collections.abc import Sequence
from typing import Final

from router.core.errors import Code, OrderError
from router.core.model import (
    Fill,
    OrderReport,
    OrderRequest,
    OrderType,
    OutboundOrder,
    Product,
    TimeInForce,
)
from router.ports import (
    BudgetSpentError,
    CancelRefused,
    CancelResult,
    CancelTaken,
    CancelUnanswered,
    Clock,
    Lane,
    NeverSent,
    OffWireError,
    Refused,
    SubmitResult,
    Taken,
    Unanswered,
    VenueUnreachableError,
)
from tests.contract.made_up_venue import wire
from tests.contract.made_up_venue.client import Client
from tests.contract.made_up_venue.errors import refusal
from tests.contract.made_up_venue.parse import encode_order, fills_of, own, report_of, size_of
from venues.transport.reader import decode
from venues.transport.session import Answered, Lost, NotSent

POLICIES: Final = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
_NOT_FOUND: Final = 404


class Orders:
    """What changes something, and what is known of it."""

    def __init__(self, client: Client, connection_id: str, clock: Clock, read_ms: int) -> None:
        self._client = client
        self._connection_id = connection_id
        self._clock = clock
        self._read_ms = read_ms

    def takes(self, request: OrderRequest) -> bool:
        """Limit orders, and market orders as one, without an end of their own."""
        terms = request.time_in_force in (None, *POLICIES) and request.duration_minutes is None
        return terms and request.instruction is None

    async def submit(self, order: OutboundOrder, product: Product | None) -> SubmitResult:
        """Send it, once; the budget must have been taken."""
        limit = order.limit_price
        if (
            product is None
            or limit is None
            or order.type is not OrderType.LIMIT
            or order.time_in_force not in POLICIES
        ):
            self._client.budget.unused()
            detail = "expected a limit order for a product of Tern's, GTC, IOC or FOK, was another"
            return Refused(OrderError(Code.VENUE_REJECTED, detail, connection_id=self._connection_id))
        body = encode_order(order, limit, size_of(order, limit, product))
        got = await self._client.send("order", "POST", "orders", body=body)
        match got:
            case NotSent():
                return NeverSent(got.detail)
            case Lost():
                return Unanswered(got.detail)
            case Answered(status=201):
                try:
                    found = own(decode(got.body, wire.Order), order)
                    return Taken(report_of(found, self._clock.now()))
                except OffWireError as off:
                    return Unanswered(f"answered 201 with no order that can be read: {off.detail}")
            case Answered():
                what = self._client.said(got)
                no = refusal(what, self._connection_id)
                if no is not None:
                    return Refused(no)
                return Unanswered(f"answered {got.status}, no definite refusal", what)

    async def look_up(self, order: OutboundOrder) -> OrderReport | None:
        """By our reference, which Tern keeps for ever: 404 is the only answer that says there is none."""
        found = await self._one("by-ref", order.venue_client_order_id)
        return None if found is None else report_of(own(found, order), self._clock.now())

    async def recent(self, since: int) -> Sequence[OrderReport]:
        url = self._client.url("orders", since=str(since // 1_000_000))
        answer = await self._client.reader.read(
            "orders", url, kind=wire.Orders, lane=Lane.LOOK_UP, wait_ms=self._read_ms
        )
        return [report_of(found, self._clock.now()) for found in answer.orders]

    async def fills(self, venue_order_id: str) -> Sequence[Fill]:
        found = await self._one(venue_order_id)
        return () if found is None else fills_of(found)

    async def _one(self, *steps: str) -> wire.Order | None:
        try:
            return await self._client.reader.read(
                "order_lookup",
                self._client.url("orders", *steps),
                kind=wire.Order,
                lane=Lane.LOOK_UP,
                wait_ms=self._read_ms,
            )
        except VenueUnreachableError as error:
            said = error.venue_error
            if said is None or said.http_status != _NOT_FOUND or said.name != "order_unknown":
                raise
            return None

    async def cancel(self, venue_order_id: str) -> CancelResult:
        budget = self._client.budget
        try:
            await budget.take(Lane.CANCEL, self._clock.now() + self._read_ms * 1_000_000)
        except BudgetSpentError as error:
            return self._not_asked(error.detail)
        got = await self._client.send("cancel", "DELETE", "orders", venue_order_id)
        match got:
            case NotSent():
                return self._not_asked(got.detail)
            case Lost():
                return CancelUnanswered(got.detail)
            case Answered(status=202):
                return CancelTaken()
            case Answered():
                what = self._client.said(got)
                if what.name in ("order_over", "order_unknown"):
                    detail = f"Tern refused: {what.name}"
                    return CancelRefused(
                        OrderError(Code.ORDER_NOT_CANCELABLE, detail, False, self._connection_id, what)
                    )
                no = refusal(what, self._connection_id)
                return CancelUnanswered(f"answered {got.status}") if no is None else CancelRefused(no)

    def _not_asked(self, detail: str) -> CancelRefused:
        what = f"the cancel was never sent: {detail}"
        return CancelRefused(OrderError(Code.VENUE_UNAVAILABLE, what, True, self._connection_id))
