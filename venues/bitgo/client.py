"""REST calls to one account: budget, one exchange, one record of how it ended."""

from collections.abc import Callable
from typing import Final, TypeVar

import aiohttp

from router.core.errors import VenueError
from router.ports import BudgetSpentError, Clock, Lane, OffWireError, VenueUnreachableError
from router.settings import ConnectionSettings
from venues.bitgo.encode import Query, account_url
from venues.bitgo.errors import said
from venues.transport.budget import RequestBudget
from venues.transport.health import Score
from venues.transport.reader import Recorder, bearer, decode, result_of, user_agent
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
from venues.transport.wording import masked

T = TypeVar("T")

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
        self._session = open_session(user_agent())
        return self._session

    async def close(self) -> None:
        """Close it; requests are refused as never sent from now on."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def authorization(self) -> dict[str, str]:
        """The header that carries the token: made for each request, kept nowhere."""
        return bearer(self._settings.token)

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
        query: Query | None = None,
        deadline: int | None = None,
        scored: bool = True,
    ) -> T:
        """GET below the account; `deadline` in nanoseconds since the epoch, else the timing's.

        `scored`: whether it counts for the connection's health. What no order depends on does not: a report
        that cannot be read must not take a connection out of competitions. Raises `VenueUnreachableError`,
        `OffWireError`, `BudgetSpentError`.
        """
        answer, record = await self._get(operation, steps, query, lane, deadline, scored=scored)
        return self._read(answer, kind, record)

    async def read_if_there(
        self, operation: str, *steps: str, kind: type[T], lane: Lane, query: Query | None = None
    ) -> T | None:
        """GET what may not be there: None where the answer is 404. Not scored; raises as `read` does."""
        answer, record = await self._get(operation, steps, query, lane, None, scored=False)
        if answer.status == 404:
            record("refused")
            return None
        return self._read(answer, kind, record)

    def _read(self, answer: Answered, kind: type[T], record: Callable[[str], None]) -> T:
        if answer.status != 200:
            error = self.said(answer)
            record(result_of(answer.status, error))
            detail = f"answered {answer.status}, {error.name or 'no known body'}"
            raise VenueUnreachableError(detail, error)
        try:
            found = decode(answer.body, kind)
        except OffWireError:
            record("off_wire")
            raise
        record("ok")
        return found

    async def _get(
        self,
        operation: str,
        steps: tuple[str, ...],
        query: Query | None,
        lane: Lane,
        deadline: int | None,
        *,
        scored: bool,
    ) -> tuple[Answered, Callable[[str], None]]:
        if self._session is None:
            raise VenueUnreachableError(_NOT_RUNNING)
        limit = self._clock.now() + self._timing.read_ms * 1_000_000
        deadline = limit if deadline is None else min(limit, deadline)
        await self.budget.take(lane, deadline)
        timeout_ms = (deadline - self._clock.now()) // 1_000_000
        if timeout_ms < 1:
            self.budget.unused()
            raise BudgetSpentError("expected time left for a request, was none")
        got, record = await self._exchange(
            operation, "GET", steps, query, None, LIST_BYTES_MAX, timeout_ms, scored=scored
        )
        match got:
            case NotSent():
                record("never_sent")
                raise VenueUnreachableError(got.detail)
            case Lost():
                record(got.result)
                raise VenueUnreachableError(got.detail)
            case Answered():
                return got, record

    def said(self, answer: Answered) -> VenueError:
        """What an answer says that is no success, without our token, should it repeat it."""
        return masked(said(answer), self._settings.token)

    async def _exchange(
        self,
        operation: str,
        method: str,
        steps: tuple[str, ...],
        query: Query | None,
        body: bytes | None,
        bytes_max: int,
        timeout_ms: int,
        *,
        scored: bool = True,
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
            if not scored:
                pass
            elif result in ("ok", "refused", "rate_limited") and status != 401:
                self._score.succeeded(latency_ns)
            else:
                self._score.failed()
            self._recorded(operation, result, latency_ns, None if error is None else error.request_id)

        return got, record
