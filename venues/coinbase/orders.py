"""Orders of one portfolio: accept a quote or place an order, once; cancel."""

from typing import Final

import msgspec

from router.core.account import CreditLine, Value
from router.core.errors import Code, OrderError, VenueError
from router.core.model import Connection, OrderReport, OutboundOrder, VenueState
from router.core.money import ZERO
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
from venues.coinbase import wire
from venues.coinbase.client import Client
from venues.coinbase.credit import credit_code, credit_error
from venues.coinbase.encode import UnsupportedOrderError, encode_accept, encode_order, notional_of
from venues.coinbase.errors import RATE_LIMITED, UNAUTHENTICATED, is_definite, refusal
from venues.coinbase.parse import ID_LENGTH_MAX, credit_line_of
from venues.coinbase.quotes import Held, Quotes, SendTime
from venues.transport.reader import decode, result_of
from venues.transport.session import Answered, Lost, NotSent
from venues.transport.timing import Timing

_NO_CREDIT_ASKED: Final = frozenset({UNAUTHENTICATED, RATE_LIMITED})
"""Refusals that come before anybody looks at credit."""
_FORBIDDEN: Final = 403
"""A line that is closed is refused with it, and so is a key without the right to trade."""
_NOT_ABOUT_THE_ORDER: Final = _NO_CREDIT_ASKED | {_FORBIDDEN}


class Orders:
    """What changes something. An instance belongs to one event loop."""

    def __init__(
        self,
        client: Client,
        connection: Connection,
        quotes: Quotes,
        send_time: SendTime,
        clock: Clock,
        timing: Timing,
    ) -> None:
        self._client = client
        self._connection = connection
        self._quotes = quotes
        self._send_time = send_time
        self._clock = clock
        self._timing = timing

    async def submit(self, order: OutboundOrder) -> SubmitResult:
        """Accept the order's quote, or place it, once; the budget must have been taken."""
        held, began = self._quotes.held(order), self._clock.now()
        if held is not None and began >= held.valid_until:
            # Between ranking and sending it ran out: accepted now, it would come too late.
            self._client.budget.unused()
            return Refused(self._too_late(held, began))
        try:
            step, body = self._request(order, began)
        except UnsupportedOrderError as error:
            self._client.budget.unused()
            return Refused(error.refusal(self._connection.id))
        got, record = await self._client.send("order", step, body=body, timeout_ms=self._timing.order_ms)
        now = self._clock.now()
        match got:
            case NotSent():
                record("never_sent")
                return NeverSent(got.detail)
            case Lost():
                record(got.result)
                return Unanswered(got.detail)
            case Answered() if 200 <= got.status < 300:
                self._send_time.took(now - began, now)
                try:
                    report = self._taken(decode(got.body, wire.OrderAccepted), order, now)
                except OffWireError as error:
                    record("off_wire")
                    return Unanswered(f"answered {got.status} with no order that can be read: {error.detail}")
                record("ok")
                return Taken(report)
            case Answered():
                self._send_time.took(now - began, now)
                said = self._client.said(got)
                record(result_of(got.status, said))
                if not is_definite(said):
                    return Unanswered(f"answered {got.status}, no definite refusal", said)
                return Refused(await self._refusal(said, order, held, now))

    def _request(self, order: OutboundOrder, now: int) -> tuple[str, bytes]:
        portfolio_id = self._client.portfolio_id
        if order.quote_id is not None:
            return "accept_quote", encode_accept(order, order.quote_id, portfolio_id)
        return "order", encode_order(order, portfolio_id, now)

    def _taken(self, found: wire.OrderAccepted, order: OutboundOrder, now: int) -> OrderReport:
        """It has the order; how it stands is read from the order itself."""
        if not found.order_id or len(found.order_id) > ID_LENGTH_MAX:
            raise OffWireError("order_id: expected an id, was none")
        return OrderReport(
            venue_client_order_id=order.venue_client_order_id,
            venue_order_id=found.order_id,
            state=VenueState.PENDING,
            filled_base=ZERO,
            filled_quote=None,
            average_price=None,
            fills=(),
            error=None,
            at=now,
        )

    async def _refusal(
        self, said: VenueError, order: OutboundOrder, held: Held | None, now: int
    ) -> OrderError:
        if said.http_status not in _NO_CREDIT_ASKED:
            credit = await self.want_of_credit(order, said)
            if credit is not None:
                return credit
            if held is not None and now >= held.ends_at:
                return refusal(said, self._connection.id, Code.PRICE_MOVED)
        return refusal(said, self._connection.id)

    async def want_of_credit(self, order: OutboundOrder, said: VenueError | None) -> OrderError | None:
        """Whether a PTS account's credit line says why an order was refused, or ended; read once.

        None also where the line cannot be read: what cannot be classified stays as it is.
        """
        if not self._connection.pts:
            return None
        try:
            line = await self.credit_line(scored=True, lane=Lane.LOOK_UP)
        except VenueUnreachableError:
            return None
        if said is not None and said.http_status == _FORBIDDEN and line.enabled and not line.frozen:
            # Nobody is forbidden to trade because an order is too large: the line is open, it is the key.
            return None
        code = credit_code(line, self._worth(order))
        return None if code is None else credit_error(code, line, self._connection.id, said)

    async def credit_line(self, *, scored: bool, lane: Lane) -> CreditLine:
        """The line as it stands; raises `VenueUnreachableError` and kin."""
        answer = await self._client.read("credit", "credit", kind=wire.CreditAnswer, lane=lane, scored=scored)
        if answer.post_trade_credit is None:
            raise OffWireError("post_trade_credit: expected a credit line, was none")
        return credit_line_of(answer.post_trade_credit)

    async def cancel(self, venue_order_id: str) -> CancelResult:
        """POST cancel. A success says that the request was taken, not that the order is cancelled."""
        deadline = self._clock.now() + self._timing.read_ms * 1_000_000
        try:
            await self._client.budget.take(Lane.CANCEL, deadline)
        except BudgetSpentError as error:
            return self._cancel_never_sent(error.detail)
        got, record = await self._client.send(
            "cancel", "orders", venue_order_id, "cancel", body=None, timeout_ms=self._timing.read_ms
        )
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
                if not is_definite(said):
                    return CancelUnanswered(f"answered {got.status}, no definite refusal")
                own = said.http_status in _NOT_ABOUT_THE_ORDER
                code = None if own else Code.ORDER_NOT_CANCELABLE
                return CancelRefused(refusal(said, self._connection.id, code))

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

    def _worth(self, order: OutboundOrder) -> Value | None:
        held = self._quotes.held(order)
        notional = notional_of(order) if held is None else held.worth
        return None if notional is None else Value(notional, order.product.split("-", 1)[1])

    def _too_late(self, held: Held, now: int) -> OrderError:
        return OrderError(
            Code.PRICE_MOVED,
            f"expected to accept the quote in time, was {(now - held.valid_until) // 1_000_000} ms too late: "
            "it was not sent",
            retryable=True,
            connection_id=self._connection.id,
        )


def with_error(report: OrderReport, error: OrderError) -> OrderReport:
    """A report that says why."""
    return msgspec.structs.replace(report, error=error)
