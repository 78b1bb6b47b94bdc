"""Domain events, one function each: it logs, counts and publishes. Nothing else does."""

from router.core.finding import Finding
from router.core.model import OrderReport, OrderStatus, Outcome
from router.core.order import Order, Phase
from router.core.record import CompetitionRecord, RfqRecord
from router.observe.events import EventBus
from router.observe.logs import Log
from router.observe.metrics import Metrics
from router.ports import ForeignOrder, Health

_NS = 1e9


class Observer:
    """Hands each domain event to the log, to the metrics and to those who follow events."""

    def __init__(self, log: Log, metrics: Metrics, events: EventBus | None = None) -> None:
        self.log = log
        self.metrics = metrics
        self.events = EventBus() if events is None else events
        self._overdue: set[str] = set()

    # the process
    def listening(self, host: str, port: int) -> None:
        """Requests are served from now on."""
        self.log.info("listening", host=host, port=port)

    def stopping(self, signal: str) -> None:
        """No new orders are taken."""
        self.log.info("stopping", signal=signal)

    def stopped(self, *, drained: bool, in_flight: int) -> None:
        """The process ends; `in_flight` orders are handed over to the next start."""
        self.log.info("stopped", drained=drained, in_flight=in_flight)

    def loop_lagged(self, lag_ns: int) -> None:
        """The event loop ran this late."""
        self.metrics.loop_lag.observe(max(0, lag_ns) / _NS)

    def recovered(self, looked_up: int, interrupted: int) -> None:
        """The journal was read at start."""
        self.log.info("recovered", looked_up=looked_up, interrupted=interrupted)

    def store_failed(self, operation: str, error: Exception) -> None:
        """A journal write failed."""
        self.metrics.store_failures.labels(operation).inc()
        self.log.error("store_failed", operation=operation, error=str(error))

    def store_broken(self, error: Exception) -> None:
        """The store cannot be believed any more; the process ends with this line."""
        self.log.error("store_broken", error=str(error))

    def request_failed(self, failure_id: str, method: str, route: str, error: BaseException) -> None:
        """An HTTP request met a bug of ours; the caller got `internal_error` with this id."""
        self.log.error("request_failed", failure_id=failure_id, method=method, route=route, exc_info=error)

    def task_failed(self, what: str, error: BaseException) -> None:
        """A background task met a bug of ours and was started anew or given up."""
        self.log.error("task_failed", what=what, exc_info=error)

    # competitions
    def competition_closed(self, record: CompetitionRecord) -> None:
        """A competition was decided, or an RFQ ranked."""
        metrics = self.metrics
        result = _result(record)
        metrics.competition_of(result).inc()
        for entry in record.entries:
            name = entry.connection.id
            metrics.quote_of(name, entry.outcome.value).inc()
            if entry.reason is not None:
                metrics.exclusion_of(name, entry.reason.value).inc()
            if entry.source is not None and entry.asked_at is not None and entry.answered_at is not None:
                seconds = (entry.answered_at - entry.asked_at) / _NS
                metrics.latency_of(name, entry.source.value).observe(seconds)
        if record.winner is not None and record.rfq_id is None:
            metrics.win_of(record.winner).inc()
        self.log.info(
            "competition_closed",
            competition_id=record.id,
            order_id=record.order_id,
            rfq_id=record.rfq_id,
            product=record.request.product,
            side=record.request.side,
            result=result,
            winner=record.winner,
            entries={entry.connection.id: entry.reason or entry.outcome for entry in record.entries},
        )

        self.events.competition(record)

    def quote_came_late(self, competition_id: str, connection_id: str, late_ns: int) -> None:
        """A quote came after the decision: recorded, not used."""
        self.log.info(
            "quote_came_late",
            competition_id=competition_id,
            connection=connection_id,
            late_ms=late_ns // 1_000_000,
        )

    def rfq_quoted(self, rfq: RfqRecord) -> None:
        """An RFQ was answered."""
        best = rfq.best
        self.log.info("rfq_quoted", rfq_id=rfq.id, best=None if best is None else best.connection.id)

    # orders
    def order_taken_up(self, order: Order) -> None:
        """An order that is not final was read from the journal at start, as it stands there."""
        attempt = order.attempt
        connection = None if attempt is None else attempt.connection_id
        if connection is not None and order.in_doubt:
            self.metrics.orders_in_doubt.labels(connection).inc()
        self.log.info(
            "order_taken_up",
            order_id=order.id,
            client_order_id=order.request.client_order_id,
            phase=order.phase,
            connection=connection,
        )

    def order_changed(self, before: Order | None, order: Order, event: str) -> None:
        """An order went from one state to the next."""
        attempt = order.attempt
        connection = None if attempt is None else attempt.connection_id
        if connection is not None:
            was = before is not None and before.phase is Phase.IN_DOUBT
            if was and not order.in_doubt and order.id in self._overdue:
                self._overdue.discard(order.id)
                self.metrics.orders_in_doubt_overdue.labels(connection).dec()
            if order.in_doubt and not was:
                self.metrics.orders_in_doubt.labels(connection).inc()
            elif was and not order.in_doubt:
                self.metrics.orders_in_doubt.labels(connection).dec()
        if order.is_final and (before is None or not before.is_final):
            self.metrics.orders.labels(order.status.value).inc()
            self.metrics.order_duration.observe((order.updated_at - order.created_at) / _NS)
        refused = None if attempt is None else attempt.error or order.error
        if refused is not None and refused.code.is_credit and _new_error(before, order):
            self.metrics.credit_failures.labels(connection, refused.code.value).inc()
        error = order.error
        log = self.log.warning if error is not None or order.in_doubt else self.log.info
        log(
            "order_changed",
            order_id=order.id,
            client_order_id=order.request.client_order_id,
            event_type=event,
            status=order.status,
            in_doubt=order.in_doubt,
            connection=connection,
            venue_order_id=order.venue_order_id,
            filled_quantity=order.filled_base,
            code=None if error is None else error.code,
            detail=None if error is None else error.detail,
            venue_error=None if error is None else error.venue_error,
        )
        if order.status is not OrderStatus.REJECTED:
            self.events.order(order)

    def refusal_kept(self, order: Order) -> None:
        """An order that was rejected is durable as such: only now is it published.

        Told before and then lost in a crash, it would end as another.
        """
        self.events.order(order)

    def order_overdue(self, order: Order, overdue_ns: int, last_look_up: str | None) -> None:
        """An order is in doubt for longer than it should be: an operator has to look. Told once an order."""
        attempt = order.attempt
        if attempt is None or order.id in self._overdue:
            return
        self._overdue.add(order.id)
        self.metrics.orders_in_doubt_overdue.labels(attempt.connection_id).inc()
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

    def order_sent(self, connection_id: str, round_trip_ns: int) -> None:
        """The counterparty answered an order, or failed to."""
        self.metrics.order_round_trip.labels(connection_id).observe(round_trip_ns / _NS)

    def evidence_ignored(self, connection_id: str, venue_client_order_id: str, why: str) -> None:
        """A counterparty reported an order that cannot be matched; it is not ours, or not as we know it."""
        self.log.warning(
            "evidence_ignored", connection=connection_id, venue_client_order_id=venue_client_order_id, why=why
        )

    def contradicted(self, order_id: str, connection_id: str, report: OrderReport) -> None:
        """A counterparty shows an order as other than it ended: money may have moved that should not have."""
        self.metrics.contradictions.labels(connection_id).inc()
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
        self.metrics.request_of(connection_id, operation, result).inc()
        self.metrics.request_time_of(connection_id, operation).observe(latency_ns / _NS)
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
        self.metrics.foreign_orders.labels(connection_id, order.state.value).inc()
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
        self.metrics.bad_data.labels(connection_id, what).inc()
        self.log.warning("bad_data", connection=connection_id, product=product, what=what)


def _result(record: CompetitionRecord) -> str:
    if record.rfq_id is not None:
        return "rfq"
    if record.winner is not None:
        return "won"
    asked = any(entry.outcome is not Outcome.EXCLUDED for entry in record.entries)
    return "no_quotes" if asked else "no_eligible_counterparty"


def _new_error(before: Order | None, order: Order) -> bool:
    """Whether the refusal came with this change, so that each is counted once."""
    if before is None or before.attempt is None or order.attempt is None:
        return True
    same_attempt = before.attempt.number == order.attempt.number
    return not (same_attempt and (before.attempt.error or before.error) is not None)
