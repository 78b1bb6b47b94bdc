"""REST calls to one account: budget, one exchange, one record of how it ended."""

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final, TypeVar

import aiohttp
import msgspec

from router.core.errors import VenueError
from router.ports import BudgetSpentError, Clock, Lane, OffWireError, VenueUnreachableError
from router.settings import ConnectionSettings
from venues.bitgo.encode import account_url
from venues.bitgo.errors import said
from venues.bitgo.parse import decode
from venues.transport.budget import RequestBudget
from venues.transport.health import Score
from venues.transport.session import (
    ANSWER_BYTES_MAX,
    LIST_BYTES_MAX,
    Answered,
    Exchange,
    Lost,
    NotSent,
    exchange,
    open_session,
)
from venues.transport.timing import Timing

T = TypeVar("T")
Recorder = Callable[[str, str, int, str | None], None]
"""Operation, result, latency in nanoseconds, the counterparty's request id."""

_NOT_RUNNING: Final = "the connection is not running"


class Client:
    """The calls. Open while the connection runs. An instance belongs to one event loop."""

    def __init__(
        self,
        settings: ConnectionSettings,
        budget: RequestBudget,
        clock: Clock,
        timing: Timing,
        score: Score,
        recorded: Recorder,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._timing = timing
        self._score = score
        self._recorded = recorded
        self._session: aiohttp.ClientSession | None = None
        self.budget = budget

    def open(self) -> aiohttp.ClientSession:
        """Open the session, which the feed uses too."""
        self._session = open_session(f"caas-router/{_version()}")
        return self._session

    async def close(self) -> None:
        """Close it; requests are refused as never sent from now on."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def authorization(self) -> dict[str, str]:
        """The header that carries the token: made for each request, kept nowhere."""
        return {"Authorization": f"Bearer {self._settings.token.reveal()}"}

    async def send(
        self, operation: str, method: str, *steps: str, body: bytes | None = None, timeout_ms: int
    ) -> tuple[Exchange, Callable[[str], None]]:
        """Send what changes something, once. The budget must have been taken, and is given back here.

        The caller judges the answer and then calls the second of the pair with its `result`.
        """
        return await self._exchange(operation, method, steps, None, body, ANSWER_BYTES_MAX, timeout_ms)

    async def read(
        self,
        operation: str,
        *steps: str,
        kind: type[T],
        lane: Lane,
        query: Mapping[str, str] | None = None,
        deadline: int | None = None,
    ) -> T:
        """GET below the account; `deadline` in nanoseconds since the epoch, else the timing's.

        Raises `VenueUnreachableError`, `OffWireError`, `BudgetSpentError`.
        """
        if self._session is None:
            raise VenueUnreachableError(_NOT_RUNNING)
        limit = self._clock.now() + self._timing.read_ms * 1_000_000
        deadline = limit if deadline is None else min(limit, deadline)
        await self.budget.take(lane, deadline)
        timeout_ms = (deadline - self._clock.now()) // 1_000_000
        if timeout_ms < 1:
            self.budget.unused()
            raise BudgetSpentError("expected time left for a request, was none")
        got, record = await self._exchange(operation, "GET", steps, query, None, LIST_BYTES_MAX, timeout_ms)
        match got:
            case NotSent():
                record("never_sent")
                raise VenueUnreachableError(got.detail)
            case Lost():
                record(got.result)
                raise VenueUnreachableError(got.detail)
            case Answered() if got.status != 200:
                error = self.said(got)
                record(result_of(got.status, error))
                raise VenueUnreachableError(f"answered {got.status}, {error.name or 'no known body'}", error)
            case Answered():
                try:
                    found = decode(got.body, kind)
                except OffWireError:
                    record("off_wire")
                    raise
                record("ok")
                return found

    def said(self, answer: Answered) -> VenueError:
        """What an answer says that is no success, without our token, should it repeat it."""
        error = said(answer)
        token = self._settings.token.reveal()
        if error.message is not None and token in error.message:
            error = msgspec.structs.replace(error, message=error.message.replace(token, "…"))
        return error

    async def _exchange(
        self,
        operation: str,
        method: str,
        steps: tuple[str, ...],
        query: Mapping[str, str] | None,
        body: bytes | None,
        bytes_max: int,
        timeout_ms: int,
    ) -> tuple[Exchange, Callable[[str], None]]:
        began = self._clock.now()
        headers = self.authorization()
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            got: Exchange = (
                NotSent(_NOT_RUNNING)
                if self._session is None
                else await exchange(
                    self._session,
                    method,
                    account_url(self._settings.base_url, self._settings.account_id, *steps, query=query),
                    headers=headers,
                    body=body,
                    bytes_max=bytes_max,
                    timeout_ms=timeout_ms,
                    timing=self._timing,
                )
            )
        except BaseException:
            # Cancelled: the request may have arrived all the same.
            self.budget.answered({}, None)
            raise
        match got:
            case NotSent():
                self.budget.unused()
            case Lost():
                self.budget.answered({}, None)
            case Answered():
                self.budget.answered(got.headers, got.status)
        latency_ns = self._clock.now() - began
        status = got.status if isinstance(got, Answered) else None
        error = self.said(got) if isinstance(got, Answered) and got.status >= 400 else None

        def record(result: str) -> None:
            # A refusal is an answer; a token that is not accepted any more makes every call one.
            if result in ("ok", "refused", "rate_limited") and status != 401:
                self._score.succeeded(latency_ns)
            else:
                self._score.failed()
            self._recorded(operation, result, latency_ns, None if error is None else error.request_id)

        return got, record


def result_of(status: int, error: VenueError) -> str:
    """The word for an answer that is no success."""
    if status == 429:
        return "rate_limited"
    if status >= 500:
        return "server_error"
    return "refused" if status >= 400 and error.name is not None else "off_wire"


def _version() -> str:
    try:
        return version("caas-router")
    except PackageNotFoundError:
        return "0"
