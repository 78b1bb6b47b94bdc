"""Domain events, one function each: it logs, counts and publishes. Nothing else does.

Of an order the log has one line in production, `order`, when it ends. Its single steps are told at the level
`debug`; what is not routine (a doubt and its end, a refusal, an error) has a line of its own, at once.
"""

from typing import Final

from router.core.finding import Finding
from router.core.model import OrderReport, OrderStatus, Outcome
from router.core.order import Order, Phase
from router.core.record import CompetitionRecord, RfqRecord
from router.observe.course import Course, order_line
from router.observe.events import EventBus
from router.observe.logs import Log
from router.observe.metrics import Metrics
from router.ports import Clock, ForeignOrder, Health

# Looked up here and not in their classes: an order is asked for its phase a dozen times.
_ROUTED: Final = Phase.ROUTED
_IN_DOUBT: Final = Phase.IN_DOUBT
_FINAL: Final = Phase.FINAL
LAST_LINE_S: Final = 1.0
"""How long the last line of a process that ends at once may wait for who reads it."""
_FILLED: Final = OrderStatus.FILLED
_REJECTED: Final = OrderStatus.REJECTED


class Observer:
    """Hands each domain event to the log, to the metrics and to those who follow events.

    `clock`: the one that orders have their times from.
    """

    def __init__(self, log: Log, metrics: Metrics, clock: Clock, events: EventBus | None = None) -> None:
        self.log = log
        self.metrics = metrics
        self.events = EventBus() if events is None else events
        self._publish = self.events.publish
        self._now = clock.now
        self._debugging = log.debugging
        self._courses: dict[str, Course] = {}
        self._overdue: set[str] = set()
        self._seats = metrics.seats
        self._won = metrics.competitions.of("won")
        self._filled = metrics.orders.of(_FILLED.value)
        self._duration = metrics.order_duration

    # the process
    def listening(self, host: str, port: int) -> None:
        """Requests are served from now on."""
        self.log.info("listening", host=host, port=port)

    def stopping(self, signal: str) -> None:
        """No new orders are taken."""
        self.log.info("stopping", signal=signal)

    def stopped(self, *, drained: bool, in_flight: int) -> None:
        """The process ends; `in_flight` orders are handed over to the next start."""
        for course in list(self._courses.values()):
            if course.ended is not None:
                self._tell_end(course.ended)
        self.log.info("stopped", drained=drained, in_flight=in_flight)

    def loop_lagged(self, lag_ns: int) -> None:
        """The event loop ran this late."""
        self.metrics.loop_lag.observe(max(0, lag_ns))

    def overloaded(self) -> None:
        """An order or an RFQ was refused before it was read: there was more work than can be done in time."""
        self.metrics.overloads.value += 1

    def recovered(self, looked_up: int, interrupted: int) -> None:
        """The journal was read at start."""
        self.log.info("recovered", looked_up=looked_up, interrupted=interrupted)

    def store_failed(self, operation: str, error: Exception) -> None:
        """A journal write failed."""
        self.metrics.store_failures.of(operation).value += 1
        self.log.error("store_failed", operation=operation, error=str(error))

    def store_broken(self, error: Exception) -> None:
        """The store cannot be believed any more; the process ends with this line."""
        self.log.error("store_broken", error=str(error))
        self.log.flush(LAST_LINE_S)

    def request_failed(self, failure_id: str, method: str, route: str, error: BaseException) -> None:
        """An HTTP request met a bug of ours; the caller got `internal_error` with this id."""
        self.log.error("request_failed", failure_id=failure_id, method=method, route=route, exc_info=error)

    def task_failed(self, what: str, error: BaseException) -> None:
        """A background task met a bug of ours and was started anew or given up."""
        self.log.error("task_failed", what=what, exc_info=error)

    # competitions
    def competition_closed(self, record: CompetitionRecord) -> None:
        """A competition was decided, or an RFQ ranked."""
        turnout = self._seats.count(record)
        if record.rfq_id is None and record.winner is not None:
            self._won.value += 1
            self._seats.of(record.winner).wins.value += 1
        else:
            self.metrics.competitions.of(_result(record)).value += 1
        course = None if record.order_id is None else self._courses.get(record.order_id)
        if course is not None:
            course.quoted_us = (record.closed_at - course.came_at) // 1000
            course.quotes, course.out = turnout
        if self._debugging:
            self.log.debug(
                "competition_closed",
                competition_id=record.id,
                order_id=record.order_id,
                rfq_id=record.rfq_id,
                product=record.request.product,
                side=record.request.side,
                result=_result(record),
                winner=record.winner,
                entries={entry.connection.id: entry.reason or entry.outcome for entry in record.entries},
            )
        self._publish(record)

    def quote_came_late(self, competition_id: str, connection_id: str, late_ns: int) -> None:
        """A quote came after the decision: recorded, not used."""
        if self._debugging:
            self.log.debug(
                "quote_came_late",
                competition_id=competition_id,
                connection=connection_id,
                late_ms=late_ns // 1_000_000,
            )

    def rfq_quoted(self, rfq: RfqRecord) -> None:
        """An RFQ was answered."""
        best, record = rfq.best, rfq.competition
        self.log.info(
            "rfq_quoted",
            rfq_id=rfq.id,
            competition_id=record.id,
            product=record.request.product,
            side=record.request.side,
            best=None if best is None else best.connection.id,
            entries={entry.connection.id: entry.reason or entry.outcome for entry in record.entries},
        )

    # orders
    def order_taken_up(self, order: Order) -> None:
        """An order that is not final was read from the journal at start, as it stands there."""
        attempt = order.attempt
        connection = None if attempt is None else attempt.connection_id
        if connection is not None and order.in_doubt:
            self.metrics.orders_in_doubt.of(connection).value += 1
        self.log.info(
            "order_taken_up",
            order_id=order.id,
            client_order_id=order.request.client_order_id,
            phase=order.phase,
            connection=connection,
        )

    def order_changed(self, before: Order | None, order: Order, event: str) -> None:
        """An order went from one state to the next, or, from none, became durable."""
        was = None if before is None else before.phase
        phase, attempts = order.phase, order.attempts
        if phase is _IN_DOUBT or was is _IN_DOUBT or order.error or (attempts and attempts[-1].error):
            self._not_routine(before, order, event)
        elif self._debugging:
            self.log.debug("order_changed", **_change(order, event))
        if was is None:
            came_at = order.created_at
            self._courses[order.id] = Course(came_at, (self._now() - came_at) // 1000)
        elif phase is was:
            pass
        elif phase is _ROUTED:
            course = self._courses.get(order.id)
            if course is not None:
                course.intended_us, course.sending = (self._now() - course.came_at) // 1000, True
                course.sent_us = course.answered_us = None
        elif phase is _FINAL:
            self._ended(order)
        if order.status is not _REJECTED:
            self._publish(order)

    def _ended(self, order: Order) -> None:
        """Count an order's end, and write its line."""
        if order.status is _FILLED:
            self._filled.value += 1
        else:
            self.metrics.orders.of(order.status.value).value += 1
        self._duration.observe(order.updated_at - order.created_at)
        course = self._courses.get(order.id)
        if course is not None and course.sending and order.venue_order_id is not None:
            # The feed was faster than the answer, which comes within moments and belongs into the line.
            course.ended = order
            return
        self._tell_end(order)

    def _tell_end(self, order: Order) -> None:
        self.log.line(order_line(order, self._courses.pop(order.id, None)))

    def _not_routine(self, before: Order | None, order: Order, event: str) -> None:
        """Tell of an order that is or was in doubt, or that was refused or ended by an error."""
        attempt = order.attempt
        if order.in_doubt and (course := self._courses.get(order.id)) is not None:
            course.sending = False
        if attempt is not None:
            connection = attempt.connection_id
            was = before is not None and before.in_doubt
            if was and not order.in_doubt and order.id in self._overdue:
                self._overdue.discard(order.id)
                self.metrics.orders_in_doubt_overdue.of(connection).value -= 1
            if order.in_doubt and not was:
                self.metrics.orders_in_doubt.of(connection).value += 1
            elif was and not order.in_doubt:
                self.metrics.orders_in_doubt.of(connection).value -= 1
            refused = attempt.error or order.error
            if refused is not None and refused.code.is_credit and _new_error(before, order):
                self.metrics.credit_failures.of(connection, refused.code.value).value += 1
        told = _change(order, event)
        log = self.log.warning if told["code"] is not None or order.in_doubt else self.log.info
        log("order_changed", **told)

    def refusal_kept(self, order: Order) -> None:
        """An order that was rejected is durable as such: only now is it published.

        Told before and then lost in a crash, it would end as another.
        """
        self._publish(order)

    def order_overdue(self, order: Order, overdue_ns: int, last_look_up: str | None) -> None:
        """An order is in doubt for longer than it should be: an operator has to look. Told once an order."""
        attempt = order.attempt
        if attempt is None or order.id in self._overdue:
            return
        self._overdue.add(order.id)
        self.metrics.orders_in_doubt_overdue.of(attempt.connection_id).value += 1
        self.log.error(
            "order_in_doubt_overdue",
            order_id=order.id,
            client_order_id=order.request.client_order_id,
            connection=attempt.connection_id,
            venue_client_order_id=attempt.outbound.venue_client_order_id,
            overdue_ms=overdue_ns // 1_000_000,
            last_look_up=last_look_up,
        )

    def finding_recorded(self, order: Order, finding: Finding) -> None:
        """A person ended an order in doubt by what they found out."""
        self.log.warning(
            "finding_recorded",
            order_id=order.id,
            client_order_id=order.request.client_order_id,
            connection=None if order.attempt is None else order.attempt.connection_id,
            found=finding.found,
            operator=finding.operator,
            reason=finding.reason,
            venue_order_id=finding.venue_order_id,
            filled_quantity=finding.filled_base,
            average_price=finding.average_price,
        )

    def order_sent(self, order_id: str, connection_id: str, sent_at: int, answered_at: int) -> None:
        """The counterparty answered an order that was sent at `sent_at`, or failed to."""
        self._seats.of(connection_id).round_trip.observe(answered_at - sent_at)
        course = self._courses.get(order_id)
        if course is not None:
            came_at = course.came_at
            course.sent_us, course.answered_us = (sent_at - came_at) // 1000, (answered_at - came_at) // 1000
            course.sending = False
            if course.ended is not None:
                self._tell_end(course.ended)

    def evidence_ignored(self, connection_id: str, venue_client_order_id: str, why: str) -> None:
        """A counterparty reported an order that cannot be matched; it is not ours, or not as we know it."""
        self.log.warning(
            "evidence_ignored", connection=connection_id, venue_client_order_id=venue_client_order_id, why=why
        )

    def contradicted(self, order_id: str, connection_id: str, report: OrderReport) -> None:
        """A counterparty shows an order as other than it ended: money may have moved that should not have."""
        self.metrics.contradictions.of(connection_id).value += 1
        self.log.error(
            "contradicted",
            order_id=order_id,
            connection=connection_id,
            venue_order_id=report.venue_order_id,
            state=report.state,
            filled_quantity=report.filled_base,
        )

    def look_up_failed(self, order_id: str, connection_id: str, detail: str) -> None:
        """An order in doubt could not be looked up; it will be again."""
        self.log.warning("look_up_failed", order_id=order_id, connection=connection_id, detail=detail)

    # connections
    def health_changed(self, connection_id: str, health: Health) -> None:
        """A connection's state is another than before."""
        log = self.log.info if health.trades else self.log.warning
        log("health_changed", connection=connection_id, state=health.state, detail=health.detail)
        self.events.connection(connection_id, health)

    def request_answered(
        self, connection_id: str, operation: str, result: str, latency_ns: int, request_id: str | None
    ) -> None:
        """A request to a counterparty ended; what went wrong is logged with the counterparty's request id."""
        self.metrics.answers.count(connection_id, operation, result, latency_ns)
        if result != "ok":
            self.log.warning(
                "request_answered",
                connection=connection_id,
                operation=operation,
                result=result,
                latency_ms=latency_ns // 1_000_000,
                request_id=request_id,
            )

    def foreign_order(self, connection_id: str, order: ForeignOrder) -> None:
        """A counterparty reports an order of the account that this router did not send."""
        self.metrics.foreign_orders.of(connection_id, order.state.value).value += 1
        self.log.warning(
            "foreign_order",
            connection=connection_id,
            venue_order_id=order.venue_order_id,
            venue_client_order_id=order.venue_client_order_id,
            product=order.product,
            side=order.side,
            state=order.state,
            filled_quantity=order.filled_base,
        )
        self.events.foreign_order(connection_id, order)

    def bad_data(self, connection_id: str, product: str, what: str) -> None:
        """A counterparty's message was dropped."""
        self.metrics.bad_data.of(connection_id, what).value += 1
        self.log.warning("bad_data", connection=connection_id, product=product, what=what)


def _result(record: CompetitionRecord) -> str:
    if record.rfq_id is not None:
        return "rfq"
    if record.winner is not None:
        return "won"
    asked = any(entry.outcome is not Outcome.EXCLUDED for entry in record.entries)
    return "no_quotes" if asked else "no_eligible_counterparty"


def _change(order: Order, event: str) -> dict[str, object]:
    """What a line of an order's single step says of it."""
    attempt, error = order.attempt, order.error
    if error is None and attempt is not None:
        # Refused for credit, and the next best is tried: the order goes on, and has no error of its own.
        error = attempt.error
    return {
        "order_id": order.id,
        "client_order_id": order.request.client_order_id,
        "event_type": event,
        "status": order.status,
        "in_doubt": order.in_doubt,
        "connection": None if attempt is None else attempt.connection_id,
        "venue_order_id": order.venue_order_id,
        "filled_quantity": order.filled_base,
        "code": None if error is None else error.code,
        "detail": None if error is None else error.detail,
        "venue_error": None if error is None else error.venue_error,
    }


def _new_error(before: Order | None, order: Order) -> bool:
    """Whether the refusal came with this change, so that each is counted once."""
    if before is None or before.attempt is None or order.attempt is None:
        return True
    same_attempt = before.attempt.number == order.attempt.number
    return not (same_attempt and (before.attempt.error or before.error) is not None)
