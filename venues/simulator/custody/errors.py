"""Refusals of the platform API.

Source: bitgo-custody OpenAPI, PlatformError (`error`, `requestId`, `context`, and a `name`), PlatformError3,
InvalidWalletId and InvalidTransferId (`context.id` is a well-formed id, so these name what there is not).
The names of the others are not published.
"""

from dataclasses import dataclass, field

import msgspec

from venues.simulator.delivery import Voice
from venues.simulator.errors import Answer, RefusedError

INVALID_ARGUMENT = "InvalidArgument"
INVALID_WALLET = "InvalidWalletId"
INVALID_TRANSFER = "InvalidTransferId"
NOT_FOUND = "NotFound"
FORBIDDEN = "Forbidden"
UNAUTHORIZED = "Unauthorized"
TOO_MANY = "TooManyRequests"
_STATUSES = {NOT_FOUND: 404, FORBIDDEN: 403, UNAUTHORIZED: 401, TOO_MANY: 429, "InternalServerError": 500}


@dataclass(slots=True, eq=False)
class PlatformError(Exception):
    """A definite no, with all that its documented body needs."""

    name: str
    message: str
    context: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def answer(self, request_id: str) -> Answer:
        """Build the documented body under this request id."""
        body = {
            "error": self.message,
            "name": self.name,
            "requestId": request_id,
            "context": self.context,
        }
        status = self.status if self.status is not None else _STATUSES.get(self.name, 400)
        return Answer(status, msgspec.json.encode(body), headers=self.headers)


def invalid(field_name: str, message: str) -> PlatformError:
    """Give the refusal of a value."""
    return PlatformError(INVALID_ARGUMENT, message, {"field": field_name})


def unknown(status: int) -> PlatformError:
    """Give the refusal of a path or method that the description has not."""
    return PlatformError(NOT_FOUND, "There is no such operation.", status=status)


def translated(refused: RefusedError) -> PlatformError:
    """Give the refusal of a query, which the trading API words differently."""
    return PlatformError(
        INVALID_ARGUMENT, refused.message or refused.name, {"field": refused.key} if refused.key else {}
    )


def _refusal(name: str, status: int | None, request_id: str) -> Answer:
    return PlatformError(name, name, status=status).answer(request_id)


def _failure(status: int, request_id: str) -> bytes:
    name = TOO_MANY if status == 429 else "InternalServerError"
    return PlatformError(name, name).answer(request_id).body


VOICE = Voice(_refusal, _failure)
