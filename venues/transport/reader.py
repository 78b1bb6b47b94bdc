"""Reads with one credential: budget, one exchange, one record of how it ended.

A read that is refused for its rate (429) is sent again when the counterparty's `Retry-After` is over, within
the same wait; nothing else is sent twice.
"""

from collections.abc import Callable, Collection
from importlib.metadata import PackageNotFoundError, version
from typing import Final, TypeVar

import aiohttp
import msgspec
from yarl import URL

from router.core.errors import VenueError
from router.ports import Clock, Lane, OffWireError, VenueUnreachableError
from router.secrets import Secret
from venues.transport.budget import RequestBudget
from venues.transport.calls import Calls, Record, Recorder, answer_of
from venues.transport.health import Score
from venues.transport.session import LIST_BYTES_MAX, NOT_RUNNING, Answered, exchange, open_session
from venues.transport.timing import Timing
from venues.transport.wording import masked

T = TypeVar("T")
TRIES_MAX: Final = 3
"""A counterparty that says 429 and `Retry-After: 0` again and again is not asked for ever."""
TOO_MANY: Final = 429
_OK: Final = frozenset({200})


class Reader:
    """GETs. Open while the connection runs. An instance belongs to one event loop.

    `said` reads the body of an answer that is no success; `recorded` is told of every request.
    """

    def __init__(
        self,
        token: Secret,
        budget: RequestBudget,
        clock: Clock,
        timing: Timing,
        score: Score,
        said: Callable[[Answered], VenueError],
        recorded: Recorder,
    ) -> None:
        self._token = token
        self._budget = budget
        self._clock = clock
        self._timing = timing
        self._calls = Calls(budget, clock, score, lambda answer: masked(said(answer), token), recorded)
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Open the session."""
        self._session = open_session(user_agent())

    async def close(self) -> None:
        """Close it; reads are refused from now on."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def read(
        self,
        operation: str,
        url: URL,
        *,
        kind: type[T],
        lane: Lane,
        wait_ms: int,
        accepted: Collection[int] = _OK,
        bytes_max: int = LIST_BYTES_MAX,
    ) -> T:
        """Read one address into `kind`.

        `wait_ms`: how long for a request to come free; the exchange itself has the timing's `read_ms`.
        Raises `VenueUnreachableError` (whose `venue_error` has the status of what was answered),
        `OffWireError`, `BudgetSpentError`.
        """
        deadline = self._clock.now() + wait_ms * 1_000_000
        for tries_left in reversed(range(TRIES_MAX)):
            got, record = await self._exchange(operation, url, lane, deadline, bytes_max)
            if got.status in accepted:
                return decoded(got, kind, record)
            error = refused(got, self._calls.said(got), record)
            if got.status != TOO_MANY or not tries_left:
                raise error
        raise AssertionError("the last try returns or raises")

    async def _exchange(
        self, operation: str, url: URL, lane: Lane, deadline: int, bytes_max: int
    ) -> tuple[Answered, Record]:
        self._running()
        await self._budget.take(lane, deadline)
        try:
            session = self._running()
        except VenueUnreachableError:  # it was closed while this waited
            self._budget.unused()
            raise
        sending = exchange(
            session,
            "GET",
            url,
            headers=bearer(self._token),
            body=None,
            bytes_max=bytes_max,
            timeout_ms=self._timing.read_ms,
            timing=self._timing,
        )
        got, record = await self._calls.carried(operation, sending)
        return answer_of(got, record), record

    def _running(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise VenueUnreachableError(NOT_RUNNING)
        return self._session


def decoded(answer: Answered, kind: type[T], record: Record) -> T:
    """What a success says; raises `OffWireError`. Recorded either way."""
    try:
        found = decode(answer.body, kind)
    except OffWireError:
        record("off_wire")
        raise
    record("ok")
    return found


def refused(answer: Answered, error: VenueError, record: Record) -> VenueUnreachableError:
    """What an answer that is no success is raised as by who reads; `error`: what it says. Recorded."""
    record(result_of(answer.status, error))
    return VenueUnreachableError(
        f"answered {answer.status}, {error.name or error.message or 'no known body'}", error
    )


def bearer(token: Secret) -> dict[str, str]:
    """The header that carries a token: made for each request, kept nowhere."""
    return {"Authorization": f"Bearer {token.reveal()}"}


def decode(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """JSON into a struct of the wire; raises `OffWireError`, which says what is wrong and not what it was."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise OffWireError(f"expected {kind.__name__}: {error}") from error
    except UnicodeDecodeError as error:
        raise OffWireError(f"expected {kind.__name__} in UTF-8") from error
    except RecursionError as error:  # nested too deep to be walked, be it in a field that nobody reads
        raise OffWireError(f"expected {kind.__name__}, was nested without end") from error


def result_of(status: int, error: VenueError) -> str:
    """The word for an answer that is no success."""
    if status == TOO_MANY:
        return "rate_limited"
    if status >= 500:
        return "server_error"
    return "refused" if status >= 400 and (error.name or error.message) else "off_wire"


def user_agent() -> str:
    """How the router names itself to counterparties."""
    try:
        return f"caas-router/{version('caas-router')}"
    except PackageNotFoundError:
        return "caas-router/0"
