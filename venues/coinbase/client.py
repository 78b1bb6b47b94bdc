"""REST calls to one portfolio: budget, signature, one exchange, one record of how it ended.

What is on an order's path (quote, accept, order, cancel) goes over connections of our own
(`transport.http1`), kept warm; everything else over aiohttp's session.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import aiohttp

from router.core.errors import VenueError
from router.ports import Clock, Lane, OffWireError, VenueUnreachableError
from router.settings import CoinbaseSettings
from venues.coinbase import wire
from venues.coinbase.encode import Query, address, portfolio_path
from venues.coinbase.errors import said
from venues.coinbase.sign import keys_of, signed_headers
from venues.transport.budget import RequestBudget
from venues.transport.calls import Calls, Record, Recorder, answer_of
from venues.transport.health import Score
from venues.transport.http1.line import Line
from venues.transport.http1.request import Template
from venues.transport.reader import decoded, refused, user_agent
from venues.transport.session import (
    ANSWER_BYTES_MAX,
    LIST_BYTES_MAX,
    NOT_RUNNING,
    Answered,
    Exchange,
    exchange,
    open_session,
)
from venues.transport.timing import Timing

T = TypeVar("T")
_POSTED: Final = ("accept_quote", "order", "rfq")
"""Steps that are posted to again and again, whose requests are prepared."""

PAGE: Final = 100
"""Rows to a page: the documented default of a list."""


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
        self._calls = Calls(budget, clock, score, self.said, recorded)
        self._session: aiohttp.ClientSession | None = None
        self._line = Line(settings.base_url, user_agent(), timing)
        self._posted = {step: self._prepared(step) for step in _POSTED}
        self.budget = budget

    @property
    def portfolio_id(self) -> str:
        """Whose calls these are."""
        return self._portfolio_id

    def open(self) -> None:
        """Open the session, and the line that orders go over."""
        self._line.open()
        self._session = open_session(user_agent())

    async def close(self) -> None:
        """Close both; requests are refused as never sent from now on."""
        session, self._session = self._session, None
        await self._line.close()
        if session is not None:
            await session.close()

    async def send(
        self, operation: str, *steps: str, body: bytes | None, timeout_ms: int
    ) -> tuple[Exchange, Record]:
        """POST below the portfolio, once. The budget must have been taken, and is given back here.

        The caller judges the answer and then calls the second of the pair with its `result`.
        """
        return await self._calls.carried(operation, self._post(steps, body, ANSWER_BYTES_MAX, timeout_ms))

    async def ask(
        self, operation: str, *steps: str, body: bytes, lane: Lane, deadline: int
    ) -> tuple[Answered, Record]:
        """POST a question that changes nothing; raises as `read` does, but answers with refusals too."""
        if not self._line.is_open:
            raise VenueUnreachableError(NOT_RUNNING)
        timeout_ms = await self._calls.turn(lane, self._until(deadline))
        sending = self._post(steps, body, LIST_BYTES_MAX, timeout_ms)
        got, record = await self._calls.carried(operation, sending)
        return answer_of(got, record), record

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
        if self._session is None:
            raise VenueUnreachableError(NOT_RUNNING)
        timeout_ms = await self._calls.turn(lane, self._until(deadline))
        path = portfolio_path(self._portfolio_id, *steps)
        sending = exchange(
            self._session,
            "GET",
            address(self._base_url, path, query),
            headers=signed_headers(self._keys, "GET", path, None, self._wall()),
            body=None,
            bytes_max=LIST_BYTES_MAX,
            timeout_ms=timeout_ms,
            timing=self._timing,
        )
        got, record = await self._calls.carried(operation, sending, scored=scored)
        answer = answer_of(got, record)
        if answer.status != 200:
            raise refused(answer, self.said(answer), record)
        return decoded(answer, kind, record)

    def said(self, answer: Answered) -> VenueError:
        """What an answer that is no success says, without our credentials, should it repeat them."""
        return said(answer, self._keys.all())

    def _until(self, deadline: int | None) -> int:
        limit = self._clock.now() + self._timing.read_ms * 1_000_000
        return limit if deadline is None else min(limit, deadline)

    def _prepared(self, *steps: str) -> tuple[str, Template]:
        """The path of a POST, which is signed, and its template."""
        path = portfolio_path(self._portfolio_id, *steps)
        return path, self._line.template("POST", path)

    def _post(
        self, steps: tuple[str, ...], body: bytes | None, bytes_max: int, timeout_ms: int
    ) -> Awaitable[Exchange]:
        path, template = self._posted[steps[0]] if len(steps) == 1 else self._prepared(*steps)
        headers = signed_headers(self._keys, "POST", path, body, self._wall())
        return self._line.exchange(template, headers, body or b"", bytes_max, timeout_ms)


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
