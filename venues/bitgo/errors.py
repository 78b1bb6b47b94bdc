"""Every documented refusal, in one table: what it means to a caller, and whether it is a definite no.

Source: the error examples of the published OpenAPI description (31 `errorName`s and the plain `Error` of a
401), read 2026-08-11. Decide by `errorName`, never by `error`, which is a text in most bodies and an object
in `invalidQuantity`. A name that is not here, an answer of 5xx, and the rows marked indefinite are no
refusal: the order is in doubt.
"""

import re
from typing import Final

import msgspec

from router.core.errors import Code, OrderError, VenueError
from router.core.movement import MoveKind
from venues.bitgo import wire
from venues.transport.session import Answered
from venues.transport.wording import MESSAGE_LENGTH_MAX, NAME_LENGTH_MAX, plain


class Row(msgspec.Struct, frozen=True):
    """One `errorName`. `code_pts` where a margin order's refusal means another thing than a funded one's.

    `definite`: nothing is live. `status`: the only HTTP status at which it is taken for a refusal; None: any
    4xx, for the catalogue's statuses have changed before.
    """

    code: Code
    code_pts: Code | None = None
    definite: bool = True
    retryable: bool = False
    status: int | None = None


_REJECTED: Final = Row(Code.VENUE_REJECTED)
_DISABLED: Final = Row(Code.TRADING_DISABLED)

CATALOGUE: Final[dict[str, Row]] = {
    "Error": Row(Code.VENUE_REJECTED, status=401),
    "backend:common:forbidden": _REJECTED,
    # An order of ours may be live under this client order id: it is looked up by it.
    "backend:common:inUse": Row(Code.VENUE_REJECTED, definite=False),
    "backend:common:internalServerError": Row(Code.VENUE_REJECTED, definite=False),
    "backend:common:invalidArgument": _REJECTED,
    "backend:common:invalidRequest": _REJECTED,
    "backend:common:malformedJSON": _REJECTED,
    "backend:common:notFound": _REJECTED,
    "backend:common:positiveIntegerRequired": _REJECTED,
    "backend:common:rateLimitExceeded": Row(Code.VENUE_UNAVAILABLE, retryable=True),
    "backend:common:required": _REJECTED,
    "backend:externalAPI:invalidParameters": _REJECTED,
    "backend:trade:KYCNotApproved": Row(Code.KYC_NOT_APPROVED),
    "backend:trade:insufficientFunds": Row(Code.INSUFFICIENT_FUNDS, Code.CREDIT_UNAVAILABLE),
    "backend:trade:invalidClientOrderID": _REJECTED,
    "backend:trade:invalidLimitPrice": Row(Code.INVALID_LIMIT_PRICE),
    "backend:trade:invalidQuantity": Row(Code.INVALID_QUANTITY),
    "backend:trade:invalidStopTriggerPrice": _REJECTED,
    "backend:trade:invalidUserIntent": _REJECTED,
    "backend:trade:marginInsufficientCollateral": Row(Code.CREDIT_INSUFFICIENT_COLLATERAL),
    "backend:trade:marginLongNOP": Row(Code.CREDIT_LONG_LIMIT),
    "backend:trade:marginShortNOP": Row(Code.CREDIT_SHORT_LIMIT),
    "backend:trade:marginTotalShortNOP": Row(Code.CREDIT_TOTAL_SHORT_LIMIT),
    "backend:trade:orderNotCancelable": Row(Code.ORDER_NOT_CANCELABLE),
    "backend:trade:productAlgoStrategyDisabled": _DISABLED,
    "backend:trade:productMarginTradingDisabled": Row(Code.CREDIT_MARGIN_DISABLED),
    "backend:trade:productSideTradingDisabled": _DISABLED,
    "backend:trade:productTradingDisabled": _DISABLED,
    "backend:trade:tradingDisabled": _DISABLED,
    "backend:trade:unsupportedProduct": _REJECTED,
    "backend:trade:velocityLimitBreached": Row(Code.VELOCITY_LIMIT, retryable=True),
    "backend:trade:willTriggerLiquidation": Row(Code.CREDIT_LIQUIDATION),
}

REASONS: Final = {"insufficientFunds": "backend:trade:insufficientFunds"}
"""`reason` of `Order` → the catalogue; of `internalError`, the other reason, the description tells more."""
_IN_USE: Final = "backend:common:inUse"
_ONE_AT_A_TIME: Final = (MoveKind.CLOSE, MoveKind.COLLATERAL_WITHDRAWAL)
"""Moves of which BitGo lets one be pending (to an account, or to a currency)."""
_NAME = re.compile(r"backend:[A-Za-z]+:[A-Za-z]+", re.ASCII)


def code_of(row: Row, *, pts: bool) -> Code:
    """The contract's code for a row on this kind of account."""
    return row.code_pts if pts and row.code_pts is not None else row.code


def said(answer: Answered) -> VenueError:
    """What an answer that is no success says; without a name where it is not one of BitGo's bodies."""
    try:
        body = msgspec.json.decode(answer.body, type=wire.ErrorBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return VenueError(http_status=answer.status)
    return VenueError(
        name=plain(body.error_name, NAME_LENGTH_MAX),
        message=_message(body),
        request_id=plain(body.req_id, NAME_LENGTH_MAX),
        http_status=answer.status,
    )


def refusal(error: VenueError, connection_id: str, *, pts: bool) -> OrderError | None:
    """The refusal that an answer is; None where it is no definite no."""
    row = CATALOGUE.get(error.name or "")
    status = error.http_status or 0
    if row is None or not row.definite or not 400 <= status < 500:
        return None
    if row.status is not None and row.status != status:
        return None
    return OrderError(
        code=code_of(row, pts=pts),
        detail=_detail(error),
        retryable=row.retryable,
        connection_id=connection_id,
        venue_error=error,
    )


def move_refusal(error: VenueError, connection_id: str, kind: MoveKind | None) -> OrderError | None:
    """The refusal of a move of margin money that an answer is; None where it is no definite no.

    The catalogue holds here too, but for two names. `inUse` has no id of ours to be about: to a close and to
    a withdrawal it is documented as another request that is pending (409), so this one was not taken; to
    any other move it is not documented. `insufficientFunds` speaks of what was to be moved, not of credit.
    `kind` None: a withdrawal that was to be cancelled.
    """
    if error.name == _IN_USE and error.http_status == 409 and kind in _ONE_AT_A_TIME:
        return OrderError(
            code=Code.VENUE_REJECTED,
            detail=_detail(error),
            connection_id=connection_id,
            venue_error=error,
        )
    if error.http_status == 409:
        return None
    return refusal(error, connection_id, pts=False)


def failure(reason: str | None, description: str | None, connection_id: str, *, pts: bool) -> OrderError:
    """Why an order failed after it had been taken: `reason` and `reasonDescription` of `Order`.

    A catalogue name in either decides; else `insufficientFunds` is want of credit on a margin account and
    want of funds on a funded one.
    """
    name = REASONS.get(reason or "")
    for text in (reason, description):
        found = _NAME.search(text or "")
        if name is None and found is not None and found[0] in CATALOGUE:
            name = found[0]
    row = CATALOGUE.get(name or "", _REJECTED)
    words = ": ".join(text for text in (reason, description) if text)
    return OrderError(
        code=code_of(row, pts=pts) if row.definite else Code.VENUE_REJECTED,
        detail=f"the counterparty ended the order: {plain(words, MESSAGE_LENGTH_MAX) or 'it gave no reason'}",
        retryable=row.retryable,
        connection_id=connection_id,
        venue_error=VenueError(
            name=plain(reason, NAME_LENGTH_MAX), message=plain(description, MESSAGE_LENGTH_MAX)
        ),
    )


def _detail(error: VenueError) -> str:
    if error.http_status == 401:
        return "the counterparty does not accept the connection's token"
    if error.name == "backend:common:forbidden":
        return "the connection's token lacks a scope that the request needs"
    return f"the counterparty refused: {error.message or error.name}"


def _message(body: wire.ErrorBody) -> str | None:
    """The most telling text: the context's, else the error's own, else its object's."""
    for holder in (body.context, body.error):
        if isinstance(holder, dict) and isinstance(holder.get("message"), str):
            return plain(holder["message"], MESSAGE_LENGTH_MAX)
    return plain(body.error, MESSAGE_LENGTH_MAX)
