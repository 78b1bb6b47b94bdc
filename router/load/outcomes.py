"""What came of a request: by HTTP status and code, by the order's status, and by what it says of the load."""

import enum
from typing import Final, NamedTuple

import msgspec

from router.load.mix import Kind

STATUS_LENGTH_MAX: Final = 40
"""Characters of a code or a status that are kept; the router's own are shorter."""


class Verdict(enum.StrEnum):
    """What an outcome says of the load."""

    TAKEN = "taken"
    """2xx."""
    REFUSED = "refused"
    """4xx, but for what is `SHED`: the router did its work, and the answer is no."""
    SHED = "shed"
    """429 or 503 with `Retry-After`: too much at the moment, nothing was begun."""
    FAILED = "failed"
    """Any other answer, and any that cannot be read."""
    UNANSWERED = "unanswered"
    """No answer: timed out, cut off, or no connection."""
    NEVER_SENT = "never_sent"
    """It found as many under way as may be, and waited too long."""


class Trouble(enum.StrEnum):
    """Why there is no answer."""

    TIMEOUT = "timeout"
    NOT_CONNECTED = "not_connected"
    """No connection came about; it was never sent."""
    CUT_OFF = "cut_off"
    """The connection ended before the answer did."""
    NOT_HTTP = "not_http"
    """What came is no answer of HTTP."""
    ABANDONED = "abandoned"
    """The run was ended before the answer came."""


class Priced(msgspec.Struct, frozen=True):
    """An entry of a competition, as far as it is read here: its price, quote per base."""

    price: str | None = None


class Error(msgspec.Struct, frozen=True):
    """An order's error."""

    code: str | None = None


class Body(msgspec.Struct, frozen=True):
    """What is read of an answer; `status` is a problem's number or an order's word."""

    id: str | None = None
    status: str | int | None = None
    code: str | None = None
    in_doubt: bool = False
    error: Error | None = None
    best: Priced | None = None
    arrival_price: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """An answer; `body` None: no JSON that can be read."""

    http_status: int
    body: Body | None
    retry_after: bool = False


class Outcome(NamedTuple):
    """What requests are counted by. `result`: an order's status, or whether an RFQ found a price."""

    operation: Kind
    verdict: Verdict
    http_status: int | None
    code: str | None
    result: str | None


def outcome_of(operation: Kind, came: Answer | Trouble) -> Outcome:
    """What a request is counted as."""
    if isinstance(came, Trouble):
        return Outcome(operation, Verdict.UNANSWERED, None, came.value, None)
    status, body = came.http_status, came.body
    if body is None:
        # A proxy in between may answer 429 or 503 in HTML, with the same meaning.
        shed = _verdict(came) is Verdict.SHED
        return Outcome(operation, Verdict.SHED if shed else Verdict.FAILED, status, "unreadable", None)
    code = body.code if body.code is not None or body.error is None else body.error.code
    result = body.status if isinstance(body.status, str) else None
    if result is not None and body.in_doubt:
        result = f"{result}, in doubt"
    if operation is Kind.RFQ and status < 300:
        result = "not priced" if body.best is None else "priced"
    return Outcome(operation, _verdict(came), status, _kept(code), _kept(result))


def _verdict(answer: Answer) -> Verdict:
    status = answer.http_status
    if 200 <= status < 300:
        return Verdict.TAKEN
    if status in (429, 503) and answer.retry_after:
        return Verdict.SHED
    return Verdict.REFUSED if 400 <= status < 500 else Verdict.FAILED


def _kept(text: str | None) -> str | None:
    return None if text is None else text[:STATUS_LENGTH_MAX]
