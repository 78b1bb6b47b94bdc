"""The one table of what Tern refuses. What is not in it is in doubt."""

from typing import Final

import msgspec

from router.core.errors import Code, OrderError, VenueError
from tests.contract.made_up_venue import wire
from venues.transport.session import Answered
from venues.transport.wording import MESSAGE_LENGTH_MAX, NAME_LENGTH_MAX, plain

REFUSALS: Final[dict[str, Code]] = {
    "key_unknown": Code.VENUE_REJECTED,
    "bad_request": Code.VENUE_REJECTED,
    "bad_size": Code.INVALID_QUANTITY,
    "bad_price": Code.INVALID_LIMIT_PRICE,
    "no_funds": Code.INSUFFICIENT_FUNDS,
    "market_closed": Code.TRADING_DISABLED,
    "too_fast": Code.VENUE_UNAVAILABLE,
}
RETRYABLE: Final = frozenset({"too_fast"})


def said(answer: Answered) -> VenueError:
    """What an answer that is no success says; without a name where it is not one of Tern's bodies."""
    try:
        body = msgspec.json.decode(answer.body, type=wire.Fault)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return VenueError(http_status=answer.status)
    name, message = plain(body.fault, NAME_LENGTH_MAX), plain(body.text, MESSAGE_LENGTH_MAX)
    return VenueError(name=name, message=message, http_status=answer.status)


def refusal(error: VenueError, connection_id: str) -> OrderError | None:
    """A definite no, or None: then an order may be live."""
    code = REFUSALS.get(error.name or "")
    if code is None or not 400 <= (error.http_status or 0) < 500:
        return None
    return OrderError(code, f"Tern refused: {error.name}", error.name in RETRYABLE, connection_id, error)
