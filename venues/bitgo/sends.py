"""Orders on their way out over REST: sent once, and judged by what came."""

from collections.abc import Callable

from router.core.model import Connection, OrderReport, OutboundOrder
from router.ports import Clock, NeverSent, OffWireError, Refused, SubmitResult, Taken, Unanswered
from venues.bitgo import wire
from venues.bitgo.client import Client
from venues.bitgo.encode import encode_order
from venues.bitgo.errors import refusal
from venues.bitgo.explain import Explainer
from venues.bitgo.parse import answer_to
from venues.transport.calls import Record
from venues.transport.reader import decode, result_of
from venues.transport.session import Answered, Exchange, Lost, NotSent


class Sends:
    """How orders go out: see `venues.transport.sending.Way`. The explainer is told of each."""

    def __init__(self, client: Client, connection: Connection, explainer: Explainer, clock: Clock) -> None:
        self._client = client
        self._connection = connection
        self._explainer = explainer
        self._clock = clock

    def send(self, order: OutboundOrder, told: Callable[[Exchange], None]) -> int:
        """POST orders, once; the budget must have been taken."""
        body = encode_order(order, self._connection)
        self._explainer.sent(order.venue_client_order_id)
        sent_at = self._clock.now()
        self._client.order(body, told)
        return sent_at

    def judge(self, order: OutboundOrder, sent_at: int, came: Exchange) -> SubmitResult:
        """What came of it; the budget is given back."""
        report: OrderReport | None = None
        try:
            now = self._clock.now()
            record = self._client.calls.ended("order", came, sent_at, now)
            if not isinstance(came, Answered):
                return _unanswered(came, record)
            if came.status != 200:
                return self._refused(came, record)
            try:
                report = answer_to(order, decode(came.body, wire.Order), self._connection, now)
            except OffWireError as error:
                record("off_wire")
                return Unanswered(f"answered 200 with no order that can be read: {error.detail}")
            record("ok")
            return Taken(report)
        finally:
            self._explainer.answered(order.venue_client_order_id, report)

    def _refused(self, answer: Answered, record: Record) -> SubmitResult:
        """An answer that is no success, and may be no definite refusal."""
        said = self._client.said(answer)
        record(result_of(answer.status, said))
        refused = refusal(said, self._connection.id, pts=self._connection.pts)
        if refused is not None:
            return Refused(refused)
        return Unanswered(f"answered {answer.status}, no definite refusal", said)


def _unanswered(came: NotSent | Lost, record: Record) -> SubmitResult:
    if isinstance(came, NotSent):
        record("never_sent")
        return NeverSent(came.detail)
    record(came.result)
    return Unanswered(came.detail)
