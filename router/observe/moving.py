"""Domain events of moves of margin money, one function each: it logs, counts and publishes."""

from router.core.moving import MoveFinding, Operation
from router.observe.observer import Observer


class MoveObserver:
    """Hands each event of a move to the log, the metrics and the events of the router's observer."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._overdue: set[str] = set()
        metrics = observer.metrics
        self._ended = metrics.margin_operations
        self._in_doubt = metrics.margin_operations_in_doubt
        self._in_doubt_overdue = metrics.margin_operations_in_doubt_overdue

    def move_taken_up(self, operation: Operation) -> None:
        """A move that has not ended was read from the journal, as it stands there."""
        if operation.in_doubt:
            self._in_doubt.of(operation.connection.id, operation.move.kind.value).value += 1
        self._observer.log.info("margin_operation_taken_up", **_named(operation), phase=operation.phase)

    def move_changed(self, before: Operation | None, operation: Operation, event: str) -> None:
        """A move went from one state to the next, and that is durable."""
        labels = (operation.connection.id, operation.move.kind.value)
        was = before is not None and before.in_doubt
        if operation.in_doubt and not was:
            self._in_doubt.of(*labels).value += 1
        elif was and not operation.in_doubt:
            self._in_doubt.of(*labels).value -= 1
            if operation.id in self._overdue:
                self._overdue.discard(operation.id)
                self._in_doubt_overdue.of(*labels).value -= 1
        if operation.is_final and (before is None or not before.is_final):
            self._ended.of(labels[1], operation.phase.value).value += 1
        error = operation.error
        log = self._observer.log
        (log.warning if error is not None or operation.in_doubt else log.info)(
            "margin_operation_changed",
            **_named(operation),
            event_type=event,
            phase=operation.phase,
            currency=operation.move.currency,
            quantity=operation.move.quantity,
            currencies=operation.move.currencies,
            venue_ids=operation.venue_ids,
            code=None if error is None else error.code,
            detail=None if error is None else error.detail,
            venue_error=None if error is None else error.venue_error,
        )
        self._observer.events.publish(operation)

    def move_contradicted(self, operation: Operation) -> None:
        """The counterparty shows a move as other than a person found: somebody has to look again."""
        self._observer.metrics.contradictions.of(operation.connection.id).value += 1
        self._observer.log.error("margin_operation_contradicted", **_named(operation))

    def move_look_up_failed(self, operation: Operation, detail: str) -> None:
        """A move in doubt could not be looked up; it will be again."""
        self._observer.log.warning("margin_operation_look_up_failed", **_named(operation), detail=detail)

    def move_overdue(self, operation: Operation, overdue_ns: int, last_look_up: str | None) -> None:
        """A move is in doubt for longer than it should be: a person has to look. Told once a move."""
        if operation.id in self._overdue:
            return
        self._overdue.add(operation.id)
        self._in_doubt_overdue.of(operation.connection.id, operation.move.kind.value).value += 1
        self._observer.log.error(
            "margin_operation_in_doubt_overdue",
            **_named(operation),
            overdue_ms=overdue_ns // 1_000_000,
            last_look_up=last_look_up,
        )

    def move_finding_recorded(self, operation: Operation, finding: MoveFinding) -> None:
        """A person ended a move in doubt by what they found out."""
        self._observer.log.warning(
            "margin_finding_recorded",
            **_named(operation),
            found=finding.found,
            operator=finding.operator,
            reason=finding.reason,
            venue_id=finding.venue_id,
        )

    def store_failed(self, operation: str, error: Exception) -> None:
        """A write or a read of the journal failed."""
        self._observer.store_failed(operation, error)

    def task_failed(self, what: str, error: BaseException) -> None:
        """A background task met a bug of ours."""
        self._observer.task_failed(what, error)


def _named(operation: Operation) -> dict[str, str]:
    return {
        "operation_id": operation.id,
        "idempotency_key": operation.key,
        "connection": operation.connection.id,
        "kind": operation.move.kind.value,
    }
