"""An exception of ccxt's and what happened on the wire → refused, never sent, or in doubt. Pure.

In this order:

    nothing left us              refused, where ccxt says that the order cannot be; else never sent
    something was lost            in doubt
    a 5xx, or no JSON             in doubt, whatever ccxt makes of it
    a text of the exchange's table (`exchanges`)                        refused
    an exception that is a no, after the one answer that decides        refused
    429 or 418 and an exception about rates                             refused, may be tried again
    anything else                                                      in doubt

ccxt's classes are told by name, so that this needs no ccxt: `ExchangeError` alone is "some error", and no no.
"""

from typing import Final

import msgspec

from router.core.errors import Code, OrderError, VenueError
from router.ports import NeverSent, Refused, Unanswered
from venues.ccxt_venue.exchanges import Known
from venues.ccxt_venue.wire import Trail
from venues.transport.session import Answered
from venues.transport.wording import MESSAGE_LENGTH_MAX, plain

_REFUSALS: Final[dict[str, tuple[Code, bool]]] = {
    "InsufficientFunds": (Code.INSUFFICIENT_FUNDS, False),
    "InvalidOrder": (Code.VENUE_REJECTED, False),
    "BadRequest": (Code.VENUE_REJECTED, False),
    "ArgumentsRequired": (Code.VENUE_REJECTED, False),
    "NotSupported": (Code.VENUE_REJECTED, False),
    "AuthenticationError": (Code.VENUE_REJECTED, False),
    "PermissionDenied": (Code.VENUE_REJECTED, False),
    "AccountNotEnabled": (Code.TRADING_DISABLED, False),
    "AccountSuspended": (Code.TRADING_DISABLED, False),
    "OperationRejected": (Code.VENUE_REJECTED, False),
    "MarketClosed": (Code.TRADING_DISABLED, False),
    "RestrictedLocation": (Code.TRADING_DISABLED, False),
}
_DOUBTED: Final = frozenset({"DuplicateOrderId", "OrderNotCached", "OrderNotFound"})
"""Kinds of `InvalidOrder` that say that there is an order of this id, or that one was looked for."""
_RATES: Final = frozenset({"RateLimitExceeded", "DDoSProtection"})
_RATE_STATUSES: Final = frozenset({418, 429})


def names_of(error: BaseException) -> tuple[str, ...]:
    """The names of an exception's classes, its own first."""
    return tuple(kind.__name__ for kind in type(error).__mro__)


def said(error: BaseException, trail: Trail) -> VenueError:
    """What the exchange said, to be shown: its own words, and ccxt's name for them."""
    last = trail.last
    text = None if last is None else last.body[: 4 * MESSAGE_LENGTH_MAX].decode("utf-8", "replace")
    return VenueError(
        name=type(error).__name__,
        message=plain(text, MESSAGE_LENGTH_MAX),
        http_status=None if last is None else last.status,
    )


def judge(
    error: BaseException, trail: Trail, known: Known, connection_id: str, what: VenueError
) -> Refused | NeverSent | Unanswered:
    """What is known of an order, or a cancel, after a call that raised. `what`: what is shown of it."""
    names = names_of(error)
    if not trail.left:
        found = _by_class(names)
        if found is None:
            return NeverSent(f"nothing was sent: {names[0]}")
        code, retryable = found
        return _refused(code, "the order cannot be sent as it is", retryable, connection_id, what)
    last = trail.last
    if trail.lost is not None or last is None:
        return Unanswered("no answer came: " + (trail.lost.detail if trail.lost else "the connection failed"))
    if last.status >= 500 or not _is_json(last) or not trail.decides:
        return Unanswered(f"answered {last.status}, no definite refusal", what)
    body = last.body.decode("utf-8", "replace")
    for refusal in known.refusals:
        if refusal.text in body:
            return _refused(refusal.code, _detail(what), refusal.retryable, connection_id, what)
    by_class = None if _DOUBTED.intersection(names) else _by_class(names)
    if by_class is not None:
        code, retryable = by_class
        return _refused(code, _detail(what), retryable, connection_id, what)
    if last.status in _RATE_STATUSES and _RATES.intersection(names):
        return _refused(Code.VENUE_UNAVAILABLE, _detail(what), True, connection_id, what)  # noqa: FBT003
    return Unanswered(f"answered {last.status}, no definite refusal", what)


def _by_class(names: tuple[str, ...]) -> tuple[Code, bool] | None:
    return next((_REFUSALS[name] for name in names if name in _REFUSALS), None)


def _is_json(answer: Answered) -> bool:
    try:
        msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _detail(what: VenueError) -> str:
    return f"the exchange refused: {what.message or what.name}"


def _refused(code: Code, detail: str, retryable: bool, connection_id: str, what: VenueError) -> Refused:  # noqa: FBT001 - a column of the table
    return Refused(OrderError(code, detail, retryable, connection_id, what))
