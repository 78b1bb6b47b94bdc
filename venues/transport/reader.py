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
from venues.transport.health import Score
from venues.transport.session import LIST_BYTES_MAX, Answered, Lost, NotSent, exchange, open_session
from venues.transport.timing import Timing
from venues.transport.wording import masked

T = TypeVar("T")
Recorder = Callable[[str, str, int, str | None], None]
"""Operation, result, latency in nanoseconds, the counterparty's request id."""
TRIES_MAX: Final = 3
"""A counterparty that says 429 and `Retry-After: 0` again and again is not asked for ever."""
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
        self._score = score
        self._said = said
        self._recorded = recorded
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
                try:
                    found = decode(got.body, kind)
                except OffWireError:
                    record("off_wire")
                    raise
                record("ok")
                return found
            error = masked(self._said(got), self._token)
            record(result_of(got.status, error))
            if got.status != 429 or not tries_left:
                raise VenueUnreachableError(
                    f"answered {got.status}, {error.name or error.message or 'no known body'}", error
                )
        raise AssertionError("the last try returns or raises")

    async def _exchange(
        self, operation: str, url: URL, lane: Lane, deadline: int, bytes_max: int
    ) -> tuple[Answered, Callable[[str], None]]:
        self._running()
        await self._budget.take(lane, deadline)
        try:
            session = self._running()
        except VenueUnreachableError:  # it was closed while this waited
            self._budget.unused()
            raise
        began = self._clock.now()
        try:
            got = await exchange(
                session,
                "GET",
                url,
                headers=bearer(self._token),
                body=None,
                bytes_max=bytes_max,
                timeout_ms=self._timing.read_ms,
                timing=self._timing,
            )
        except BaseException:
            # Cancelled: the request may have arrived all the same.
            self._budget.answered({}, None)
            raise
        latency_ns = self._clock.now() - began
        match got:
            case NotSent():
                self._budget.unused()
                self._failed(operation, "never_sent", latency_ns)
                raise VenueUnreachableError(got.detail)
            case Lost():
                self._budget.answered({}, None)
                self._failed(operation, got.result, latency_ns)
                raise VenueUnreachableError(got.detail)
            case Answered():
                self._budget.answered(got.headers, got.status)
        answer = got

        def record(result: str) -> None:
            # A refusal is an answer; a token that is not accepted any more makes every call one.
            if result in ("ok", "refused", "rate_limited") and answer.status != 401:
                self._score.succeeded(latency_ns)
            else:
                self._score.failed()
            request_id = None if result == "ok" else masked(self._said(answer), self._token).request_id
            self._recorded(operation, result, latency_ns, request_id)

        return got, record

    def _running(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise VenueUnreachableError("the connection is not running")
        return self._session

    def _failed(self, operation: str, result: str, latency_ns: int) -> None:
        self._score.failed()
        self._recorded(operation, result, latency_ns, None)


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
    if status == 429:
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
