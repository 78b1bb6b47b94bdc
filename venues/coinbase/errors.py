"""What an answer that is no success means. Coinbase documents no machine code, so the status decides.

    429                                     a definite no: nothing was looked at
    4xx with a JSON `message`               a definite no
    408, 409, 425                           in doubt: a time-out, a clash with an order that may be ours
    a message about the client order id     in doubt: an order of ours may be live under it
    everything else                         in doubt: HTML, an empty body, 5xx

The message is text for people: it is passed on, and prose alone never makes an answer a definite no, nor a
refusal one for want of credit. What the account's credit line shows after a refusal does that (`credit`).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from router.core.errors import Code, OrderError, VenueError
from router.secrets import Secret
from venues.coinbase import wire
from venues.transport.session import Answered
from venues.transport.wording import MESSAGE_LENGTH_MAX, masked, plain

UNAUTHENTICATED: Final = 401
RATE_LIMITED: Final = 429
_DOUBTFUL: Final = frozenset({408, 409, 425})
_OUR_ID: Final = "clientorderid"


def said(answer: Answered, secrets: Iterable[Secret]) -> VenueError:
    """What an answer says, without our credentials; without a message where it is not one of their bodies."""
    try:
        message = msgspec.json.decode(answer.body, type=wire.ErrorBody).message
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        message = None
    error = VenueError(message=plain(message, MESSAGE_LENGTH_MAX), http_status=answer.status)
    for secret in secrets:
        error = masked(error, secret)
    return error


def is_definite(error: VenueError) -> bool:
    """Whether an answer to an order says that nothing is live."""
    status = error.http_status or 0
    if status == RATE_LIMITED:
        return True
    if not 400 <= status < 500 or status in _DOUBTFUL or error.message is None:
        return False
    letters = "".join(character for character in error.message.lower() if character.isalpha())
    return _OUR_ID not in letters


def refusal(error: VenueError, connection_id: str, code: Code | None = None) -> OrderError:
    """A definite no as the caller gets it; `code` where more is known of it than the answer says."""
    retryable = error.http_status == RATE_LIMITED
    if code is None:
        code = Code.VENUE_UNAVAILABLE if retryable else Code.VENUE_REJECTED
    return OrderError(
        code=code,
        detail=_detail(error),
        retryable=retryable or code is Code.PRICE_MOVED,
        connection_id=connection_id,
        venue_error=error,
    )


def _detail(error: VenueError) -> str:
    if error.http_status == UNAUTHENTICATED:
        return "the counterparty does not accept the connection's credentials"
    return f"the counterparty refused: {error.message or f'status {error.http_status}'}"
