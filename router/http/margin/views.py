"""What is known of margin → its answer."""

from router.core.account import Collateral, CollateralCurrency, Position, RiskProfile, RiskSettings, Value
from router.core.errors import OrderError
from router.core.model import Connection
from router.core.money import ZERO, format_amount
from router.core.movement import Activity, CloseOrder, CloseRequest, MovedBalance, Snapshot, Withdrawal
from router.core.moving import MoveFinding, MovePhase, Operation
from router.core.record import Doubt
from router.http.margin import wire
from router.http.problems import problem
from router.http.texts import amount, optional_time, time_text
from router.http.views import connection_ref
from router.http.wire import LookUp, Problem

_NS_PER_MS = 1_000_000
_STATUS = {MovePhase.DONE: wire.MarginStatus.DONE, MovePhase.REJECTED: wire.MarginStatus.REJECTED}


def value_view(value: Value) -> wire.MarginValue:
    """An amount with its currency."""
    return wire.MarginValue(quantity=format_amount(value.quantity), currency=value.currency)


def optional_value(value: Value | None) -> wire.MarginValue | None:
    """As `value_view`; None stays None."""
    return None if value is None else value_view(value)


def profile_view(connection: Connection, profile: RiskProfile) -> wire.MarginRiskProfile:
    """How an account stands."""
    return wire.MarginRiskProfile(
        connection=connection_ref(connection),
        net_open_position=value_view(profile.net_open_position),
        collateral=value_view(profile.collateral),
        unrealized_pnl=value_view(profile.unrealized_pnl),
        margin_balance=value_view(profile.margin_balance),
        margin_requirement=optional_value(profile.margin_requirement),
        margin_utilization=amount(profile.margin_utilization),
    )


def settings_view(connection: Connection, settings: RiskSettings) -> wire.MarginRiskSettings:
    """An account's limits."""
    return wire.MarginRiskSettings(
        connection=connection_ref(connection),
        total_short_position_limit=optional_value(settings.total_short_position_limit),
        margin_call_threshold=amount(settings.margin_call_threshold),
        liquidation_threshold=amount(settings.liquidation_threshold),
        margin_requirement_rate=amount(settings.margin_requirement_rate),
    )


def position_view(connection: Connection, held: Position | Collateral) -> wire.MarginPosition:
    """A position, or an asset of the collateral."""
    return wire.MarginPosition(
        connection=connection_ref(connection),
        asset=held.asset,
        quantity=format_amount(held.quantity),
        value=optional_value(held.value),
    )


def currency_view(connection: Connection, currency: CollateralCurrency) -> wire.MarginCollateralCurrency:
    """An asset that is taken as collateral."""
    return wire.MarginCollateralCurrency(
        connection=connection_ref(connection),
        asset=currency.asset,
        name=currency.name,
        increment=amount(currency.increment),
    )


def close_view(connection: Connection, request: CloseRequest) -> wire.MarginCloseRequest:
    """A request to close positions."""
    return wire.MarginCloseRequest(
        connection=connection_ref(connection),
        id=request.id,
        status=request.status,
        created_at=time_text(request.at),
    )


def close_order_view(connection: Connection, order: CloseOrder) -> wire.MarginCloseOrder:
    """One order of a request to close."""
    return wire.MarginCloseOrder(
        connection=connection_ref(connection),
        request_id=order.request_id,
        status=order.status,
        currency=order.currency,
        target_currency=order.target_currency,
        venue_order_id=order.venue_order_id,
        created_at=time_text(order.at),
        updated_at=time_text(order.modified_at),
    )


def withdrawal_view(connection: Connection, withdrawal: Withdrawal) -> wire.MarginWithdrawal:
    """A request for collateral."""
    return wire.MarginWithdrawal(
        connection=connection_ref(connection),
        id=withdrawal.id,
        currency=withdrawal.currency,
        quantity=format_amount(withdrawal.quantity),
        status=withdrawal.status,
        created_at=time_text(withdrawal.at),
        updated_at=time_text(withdrawal.modified_at),
    )


def snapshot_view(connection: Connection, snapshot: Snapshot) -> wire.MarginSnapshot:
    """An unsettled position."""
    return wire.MarginSnapshot(
        connection=connection_ref(connection),
        asset=snapshot.asset,
        quantity=format_amount(snapshot.quantity),
        applied_future_transfers=format_amount(snapshot.applied_future_transfers),
        earliest_at=optional_time(snapshot.earliest_at),
        latest_at=optional_time(snapshot.latest_at),
        latest_future_transfer_at=optional_time(snapshot.latest_future_transfer_at),
    )


def activity_view(connection: Connection, activity: Activity) -> wire.MarginActivity:
    """What a position is made of."""
    return wire.MarginActivity(
        connection=connection_ref(connection),
        type=activity.type,
        id=activity.id,
        asset=activity.asset,
        quantity=format_amount(activity.quantity),
        time=time_text(activity.at),
    )


def error_view(connection: Connection, error: OrderError) -> Problem:
    """Why nothing was moved, as a problem: the same in the answer and in the operation's `error`."""
    return problem(
        error.code,
        error.detail,
        retryable=error.retryable,
        connection=connection_ref(connection),
        venue_error=error.venue_error,
    )


def operation_view(operation: Operation, doubt: Doubt | None) -> wire.MarginOperation:
    """A move as it stands. One that was sent and not answered yet is in doubt for who is told so."""
    connection, move, result = operation.connection, operation.move, operation.result
    close = None if result is None else result.close
    withdrawal = None if result is None else result.withdrawal
    return wire.MarginOperation(
        id=operation.id,
        connection=connection_ref(connection),
        kind=move.kind,
        idempotency_key=operation.key,
        status=_STATUS.get(operation.phase, wire.MarginStatus.PENDING),
        in_doubt=operation.phase in (MovePhase.SENT, MovePhase.IN_DOUBT),
        currency=move.currency,
        quantity=amount(move.quantity),
        currencies=None if move.currencies is None else list(move.currencies),
        balances=[] if result is None else [_balance(balance) for balance in result.balances],
        close_request=None if close is None else close_view(connection, close),
        withdrawal=None if withdrawal is None else withdrawal_view(connection, withdrawal),
        venue_ids=list(operation.venue_ids),
        created_at=time_text(operation.created_at),
        updated_at=time_text(operation.updated_at),
        sent_at=optional_time(operation.sent_at),
        doubt=None if doubt is None else _doubt(doubt),
        finding=None if operation.finding is None else _finding(operation.finding),
        error=None if operation.error is None else error_view(connection, operation.error),
    )


def closed_view(operation: Operation, doubt: Doubt | None) -> wire.MarginClose:
    """The answer to who asked for positions to be closed."""
    view = operation_view(operation, doubt)
    request = view.close_request
    return wire.MarginClose(
        connection=view.connection,
        id=None if request is None else request.id,
        status=None if request is None else request.status,
        in_doubt=view.in_doubt,
        created_at=None if request is None else request.created_at,
        operation=view,
    )


def asked_view(operation: Operation, doubt: Doubt | None) -> wire.MarginWithdrawalAsked:
    """The answer to who asked for collateral."""
    view = operation_view(operation, doubt)
    request = view.withdrawal
    return wire.MarginWithdrawalAsked(
        connection=view.connection,
        id=None if request is None else request.id,
        currency=operation.move.currency or "",
        quantity=format_amount(operation.move.quantity or ZERO),
        status=None if request is None else request.status,
        in_doubt=view.in_doubt,
        created_at=None if request is None else request.created_at,
        updated_at=None if request is None else request.updated_at,
        operation=view,
    )


def _balance(balance: MovedBalance) -> wire.MarginBalance:
    return wire.MarginBalance(
        asset=balance.asset,
        quantity=format_amount(balance.quantity),
        value=optional_value(balance.value),
        transfer_id=balance.transfer_id,
    )


def _doubt(doubt: Doubt) -> wire.MarginDoubt:
    last = doubt.last_look_up
    return wire.MarginDoubt(
        since=time_text(doubt.since),
        overdue_ms=doubt.overdue_ns // _NS_PER_MS if doubt.overdue_ns else None,
        last_look_up=None if last is None else LookUp(time=time_text(last.at), answer=last.answer),
    )


def _finding(finding: MoveFinding) -> wire.MarginFinding:
    return wire.MarginFinding(
        finding=finding.found,
        operator=finding.operator,
        reason=finding.reason,
        recorded_at=time_text(finding.at),
        venue_id=finding.venue_id,
        contradicted_at=optional_time(finding.contradicted_at),
    )
