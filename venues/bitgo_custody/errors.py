"""What BitGo's platform says when it refuses: `PlatformError` (`name`, `error`, `requestId`)."""

import msgspec

from router.core.errors import VenueError
from venues.bitgo_custody import wire
from venues.transport.session import Answered
from venues.transport.wording import MESSAGE_LENGTH_MAX, NAME_LENGTH_MAX, plain


def said(answer: Answered) -> VenueError:
    """What an answer that is no success says; the status alone where the body is none of BitGo's."""
    try:
        body = msgspec.json.decode(answer.body, type=wire.ErrorBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return VenueError(http_status=answer.status)
    return VenueError(
        name=plain(body.name, NAME_LENGTH_MAX) or plain(body.error_name, NAME_LENGTH_MAX),
        message=plain(body.error, MESSAGE_LENGTH_MAX),
        request_id=plain(body.request_id, NAME_LENGTH_MAX) or plain(body.req_id, NAME_LENGTH_MAX),
        http_status=answer.status,
    )
