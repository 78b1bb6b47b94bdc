"""The one table from code to HTTP status, and what a problem looks like (RFC 9457)."""

from typing import Final

import msgspec

from router.core.errors import (
    AccountRefusedError,
    Code,
    ConnectionExistsError,
    FieldError,
    InvalidRequestError,
    RouterError,
    VenueError,
)
from router.http import wire

TYPE_PREFIX: Final = "urn:caas-router:problem:"
RETRY_AFTER_S: Final = 1
"""Seconds of `Retry-After`: long enough for a burst to pass, short enough for a desk that waits."""


class Row(msgspec.Struct, frozen=True):
    """What a code means in HTTP."""

    status: int
    title: str


PROBLEMS: Final[dict[Code, Row]] = {
    Code.INVALID_REQUEST: Row(400, "The request is not valid"),
    Code.MALFORMED_JSON: Row(400, "The body is not JSON"),
    Code.UNAUTHENTICATED: Row(401, "An API key is needed"),
    Code.FORBIDDEN: Row(403, "The API key does not allow this"),
    Code.NOT_FOUND: Row(404, "There is no such resource"),
    Code.METHOD_NOT_ALLOWED: Row(405, "The resource does not take this method"),
    Code.CLIENT_ORDER_ID_REUSED: Row(409, "The client order id belongs to another order"),
    Code.NOT_A_PTS_CONNECTION: Row(409, "The connection is not a PTS connection"),
    Code.ORDER_NOT_CANCELABLE: Row(409, "The order cannot be cancelled"),
    Code.ORDER_NOT_IN_DOUBT: Row(409, "The order is not in doubt"),
    Code.OPERATION_NOT_IN_DOUBT: Row(409, "The operation is not in doubt"),
    Code.OPERATION_IN_DOUBT: Row(409, "Another operation that it could be taken for is in doubt"),
    Code.IDEMPOTENCY_KEY_REUSED: Row(409, "The idempotency key belongs to another operation"),
    Code.NOT_A_TRADING_CONNECTION: Row(409, "The connection is not one that trades"),
    Code.NOT_A_CUSTODY_CONNECTION: Row(409, "The connection is not one in custody"),
    Code.CONNECTION_EXISTS: Row(409, "There is such a connection already"),
    Code.CONNECTION_IN_SETTINGS: Row(409, "The connection stands in the settings file"),
    Code.CONNECTION_BUSY: Row(409, "The connection cannot be changed now"),
    Code.RFQ_EXPIRED: Row(410, "The prices no longer stand"),
    Code.REQUEST_TOO_LARGE: Row(413, "The body is too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: Row(415, "The body must be JSON"),
    Code.TOO_MANY_REQUESTS: Row(429, "Too many requests"),
    Code.INTERNAL_ERROR: Row(500, "The router failed"),
    Code.NO_ELIGIBLE_COUNTERPARTY: Row(422, "No counterparty could take part"),
    Code.NO_QUOTES: Row(422, "No counterparty gave a usable price"),
    Code.PRICE_MOVED: Row(422, "The market moved away from the accepted price"),
    Code.LIMIT_EXCEEDED: Row(422, "A limit of the router was exceeded"),
    Code.TRADING_HALTED: Row(422, "Trading is halted"),
    Code.INTERRUPTED: Row(422, "The router stopped before the order was sent"),
    Code.CREDIT_SHORT_LIMIT: Row(422, "No credit: short limit"),
    Code.CREDIT_LONG_LIMIT: Row(422, "No credit: long limit"),
    Code.CREDIT_TOTAL_SHORT_LIMIT: Row(422, "No credit: total short limit"),
    Code.CREDIT_INSUFFICIENT_COLLATERAL: Row(422, "No credit: insufficient collateral"),
    Code.CREDIT_LIQUIDATION: Row(422, "No credit: the account is being liquidated"),
    Code.CREDIT_MARGIN_DISABLED: Row(422, "No credit: margin is disabled"),
    Code.CREDIT_FROZEN: Row(422, "No credit: the account is frozen"),
    Code.CREDIT_UNAVAILABLE: Row(422, "No credit"),
    Code.INSUFFICIENT_FUNDS: Row(422, "The counterparty found insufficient funds"),
    Code.VELOCITY_LIMIT: Row(422, "The counterparty's velocity limit was reached"),
    Code.TRADING_DISABLED: Row(422, "The counterparty has disabled trading"),
    Code.INVALID_QUANTITY: Row(422, "The counterparty refused the quantity"),
    Code.INVALID_LIMIT_PRICE: Row(422, "The counterparty refused the limit price"),
    Code.KYC_NOT_APPROVED: Row(422, "The account is not approved at the counterparty"),
    Code.VENUE_REJECTED: Row(422, "The counterparty refused the order"),
    Code.NOT_TAKEN: Row(422, "The counterparty never took the order"),
    Code.CREDENTIALS_REFUSED: Row(422, "The counterparty does not accept the credentials"),
    Code.SCOPE_MISSING: Row(422, "The credentials lack a scope"),
    Code.ACCOUNT_NOT_FOUND: Row(422, "The counterparty shows no such account to these credentials"),
    Code.MARGIN_NOT_ENABLED: Row(422, "The account has no margin"),
    Code.WRONG_ACCOUNT_TYPE: Row(422, "The credentials are for another type of account"),
    Code.VAULT_UNAVAILABLE: Row(503, "Credentials cannot be kept"),
    Code.VENUE_UNAVAILABLE: Row(503, "The counterparty is not available"),
    Code.OVERLOADED: Row(503, "The router has more work than it can do in time"),
    Code.SHUTTING_DOWN: Row(503, "The router is shutting down"),
    Code.STORE_UNAVAILABLE: Row(503, "The store is not available"),
}

WITH_COMPETITION: Final = frozenset({Code.NO_ELIGIBLE_COUNTERPARTY, Code.NO_QUOTES})
"""Codes whose problem tells the competition: who was asked is the explanation."""

TEST_CODES: Final = (
    Code.CREDENTIALS_REFUSED,
    Code.SCOPE_MISSING,
    Code.ACCOUNT_NOT_FOUND,
    Code.MARGIN_NOT_ENABLED,
    Code.WRONG_ACCOUNT_TYPE,
)
"""Codes that a new connection's test at the counterparty can end with."""

ORDER_CODES: Final = tuple(
    code
    for code, row in PROBLEMS.items()
    if row.status in (422, 503) and code not in (*TEST_CODES, Code.VAULT_UNAVAILABLE)
)
"""Codes that an order can end with, or be turned away with."""


def problem(
    code: Code,
    detail: str,
    *,
    retryable: bool = False,
    errors: tuple[FieldError, ...] | None = None,
    order_id: str | None = None,
    connection: wire.ConnectionRef | None = None,
    venue_error: VenueError | None = None,
    competition: wire.CompetitionSummary | None = None,
) -> wire.Problem:
    """A problem by its code; what is None is left out."""
    row = PROBLEMS[code]
    unset = msgspec.UNSET
    return wire.Problem(
        type=TYPE_PREFIX + code.value,
        title=row.title,
        status=row.status,
        detail=detail,
        code=code,
        retryable=retryable,
        errors=unset if errors is None else [_field(error) for error in errors],
        order_id=unset if order_id is None else order_id,
        connection=unset if connection is None else connection,
        venue_error=unset if venue_error is None else _said(venue_error),
        competition=unset if competition is None else competition,
    )


def problem_of(error: RouterError) -> wire.Problem:
    """What a refusal of the router looks like to its caller."""
    errors = error.errors if isinstance(error, InvalidRequestError) else None
    said = error.venue_error if isinstance(error, AccountRefusedError) else None
    there = None
    if isinstance(error, ConnectionExistsError):
        there = wire.ConnectionRef(id=error.connection_id, name=error.name, pts=error.pts)
    return problem(
        error.code,
        error.detail,
        retryable=error.retryable,
        errors=errors,
        venue_error=said,
        connection=there,
    )


def _field(error: FieldError) -> wire.FieldProblem:
    return wire.FieldProblem(field=error.field, expected=error.expected, was=error.was)


def _said(error: VenueError) -> wire.VenueError:
    return wire.VenueError(
        name=error.name,
        message=error.message,
        request_id=error.request_id,
        http_status=error.http_status,
    )
