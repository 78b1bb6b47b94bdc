"""REST calls to one portfolio: budget, signature, one exchange, one record of how it ended."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import aiohttp

from router.core.errors import VenueError
from router.ports import BudgetSpentError, Clock, Lane, OffWireError, VenueUnreachableError
from router.settings import CoinbaseSettings
from venues.coinbase import wire
from venues.coinbase.encode import Query, address, portfolio_path
from venues.coinbase.errors import UNAUTHENTICATED, said
from venues.coinbase.sign import keys_of, signed_headers
from venues.transport.budget import RequestBudget
from venues.transport.health import Score
from venues.transport.reader import Recorder, decode, result_of, user_agent
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
Record = Callable[[str], None]
"""Called once with how a request ended, in one of a few words."""

PAGE: Final = 100
"""Rows to a page: the documented default of a list."""
_NOT_RUNNING: Final = "the connection is not running"


class Client:
    """The calls. Open while the connection runs. An instance belongs to one event loop."""

    def __init__(
        self,
        settings: CoinbaseSettings,
        budget: RequestBudget,
        clock: Clock,
        timing: Timing,
        score: Score,
        recorded: Recorder,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        """`wall` gives nanoseconds since the epoch as the machine has them now, for signatures alone.

        The router's own clock never goes back and so can be wrong after the machine was set or slept; a
        counterparty refuses what was signed at a time that is not its own.
        """
        self._wall = wall
        self._keys = keys_of(settings.token)
        self._base_url = settings.base_url
        self._portfolio_id = settings.portfolio_id
        self._clock = clock
        self._timing = timing
        self._score = score
        self._recorded = recorded
        self._session: aiohttp.ClientSession | None = None
        self.budget = budget

    @property
    def portfolio_id(self) -> str:
        """Whose calls these are."""
        return self._portfolio_id

    def open(self) -> None:
        """Open the session."""
        self._session = open_session(user_agent())

    async def close(self) -> None:
        """Close it; requests are refused as never sent from now on."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self, operation: str, *steps: str, body: bytes | None, timeout_ms: int
    ) -> tuple[Exchange, Record]:
        """POST below the portfolio, once. The budget must have been taken, and is given back here.

        The caller judges the answer and then calls the second of the pair with its `result`.
        """
        return await self._exchange(operation, "POST", steps, None, body, ANSWER_BYTES_MAX, timeout_ms)

    async def ask(
        self, operation: str, *steps: str, body: bytes, lane: Lane, deadline: int
    ) -> tuple[Answered, Record]:
        """POST a question that changes nothing; raises as `read` does, but answers with refusals too."""
        return await self._answered(operation, "POST", steps, None, body, lane, deadline, scored=True)

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
        """GET below the portfolio; `deadline` in nanoseconds since the epoch, else the timing's.

        `scored`: whether it counts for the connection's health. What no order depends on does not: a report
        that cannot be read must not take a connection out of competitions. Raises `VenueUnreachableError`
        (whose `venue_error` has the status of what was answered), `OffWireError`, `BudgetSpentError`.
        """
        answer, record = await self._answered(
            operation, "GET", steps, query, None, lane, deadline, scored=scored
        )
        if answer.status != 200:
            error = self.said(answer)
            record(result_of(answer.status, error))
            raise VenueUnreachableError(
                f"answered {answer.status}, {error.message or 'no known body'}", error
            )
        try:
            found = decode(answer.body, kind)
        except OffWireError:
            record("off_wire")
            raise
        record("ok")
        return found

    def said(self, answer: Answered) -> VenueError:
        """What an answer that is no success says, without our credentials, should it repeat them."""
        return said(answer, self._keys.all())

    async def _answered(
        self,
        operation: str,
        method: str,
        steps: tuple[str, ...],
        query: Query | None,
        body: bytes | None,
        lane: Lane,
        deadline: int | None,
        *,
        scored: bool,
    ) -> tuple[Answered, Record]:
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
            operation, method, steps, query, body, LIST_BYTES_MAX, timeout_ms, scored=scored
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
    ) -> tuple[Exchange, Record]:
        began = self._clock.now()
        path = portfolio_path(self._portfolio_id, *steps)
        try:
            got: Exchange = (
                NotSent(_NOT_RUNNING)
                if self._session is None
                else await exchange(
                    self._session,
                    method,
                    address(self._base_url, path, query),
                    headers=signed_headers(self._keys, method, path, body, self._wall()),
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

        def record(result: str) -> None:
            # A refusal is an answer; credentials that are not accepted any more make every call one.
            if not scored:
                pass
            elif result in ("ok", "refused", "rate_limited") and status != UNAUTHENTICATED:
                self._score.succeeded(latency_ns)
            else:
                self._score.failed()
            self._recorded(operation, result, latency_ns, None)

        return got, record


async def pages(
    client: Client,
    operation: str,
    *steps: str,
    kind: type[T],
    lane: Lane,
    pages_max: int,
    scored: bool = True,
) -> list[T]:
    """Every page of a list; raises as `Client.read` does, also where there are more pages than that."""
    found: list[T] = []
    cursor = ""
    for _ in range(pages_max):
        page = await client.read(
            operation, *steps, kind=kind, lane=lane, query=page_query(cursor), scored=scored
        )
        found.append(page)
        cursor = next_cursor(getattr(page, "pagination", None), cursor)
        if not cursor:
            return found
    raise VenueUnreachableError(f"expected at most {pages_max} pages of {operation}, were more")


def page_query(cursor: str, limit: int = PAGE) -> dict[str, str]:
    """The query of a page, newest first; the first page has no cursor."""
    query = {"limit": str(limit), "sort_direction": "DESC"}
    if cursor:
        query["cursor"] = cursor
    return query


def next_cursor(pagination: wire.Pagination | None, before: str) -> str:
    """Where a list goes on; empty at its end. Raises `OffWireError` where it would go in circles."""
    if pagination is None or pagination.has_next is False or not pagination.next_cursor:
        return ""
    if pagination.next_cursor == before:
        raise OffWireError("next_cursor: expected another page, was the same one")
    return pagination.next_cursor
