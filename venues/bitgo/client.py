"""REST calls to one account: budget, one exchange, one record of how it ended.

What is on an order's path (the order, its cancel, a book that is asked for) goes over connections of our own
(`transport.http1`), kept warm; everything else over aiohttp's session, which the feed uses too.
"""

from collections.abc import Awaitable
from typing import Final, TypeVar

import aiohttp

from router.core.errors import VenueError
from router.ports import Clock, Lane, VenueUnreachableError
from router.settings import ConnectionSettings
from venues.bitgo.encode import Query, account_target, account_url
from venues.bitgo.errors import said
from venues.transport.budget import RequestBudget
from venues.transport.calls import Calls, Record, Recorder, answer_of
from venues.transport.health import Score
from venues.transport.http1.connection import Told
from venues.transport.http1.line import Line
from venues.transport.http1.request import Template
from venues.transport.reader import bearer, decoded, refused, user_agent
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
from venues.transport.wording import masked

T = TypeVar("T")
_BOOKS_MAX: Final = 1024
"""Products whose question for a book is kept: more than a counterparty has."""


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
        self.calls = Calls(budget, clock, score, self.said, recorded)
        self._session: aiohttp.ClientSession | None = None
        self._line = Line(settings.base_url, user_agent(), timing)
        self._order = self._line.prepared(
            "POST", account_target(settings.account_id, "orders"), self.authorization
        )
        self._books: dict[str, Template] = {}
        self.budget = budget

    def open(self) -> aiohttp.ClientSession:
        """Open the session, which the feed uses too, and the line that orders go over."""
        self._line.open()
        self._session = open_session(user_agent())
        return self._session

    async def close(self) -> None:
        """Close both; requests are refused as never sent from now on."""
        session, self._session = self._session, None
        await self._line.close()
        if session is not None:
            await session.close()

    def authorization(self) -> dict[str, str]:
        """The header that carries the token: made for each request, kept nowhere."""
        return bearer(self._settings.token)

    def order(self, body: bytes, told: Told) -> None:
        """POST orders, once. The budget must have been taken; `calls.ended` gives it back."""
        self._line.send(self._order, body, ANSWER_BYTES_MAX, self._timing.order_ms, told)

    async def cancel(self, venue_order_id: str) -> tuple[Exchange, Record]:
        """PUT cancel, once. The budget must have been taken, and is given back here.

        The caller judges the answer and then calls the second of the pair with its `result`.
        """
        target = account_target(self._settings.account_id, "orders", venue_order_id, "cancel")
        sending = self._lined(self._line.template("PUT", target), b"", self._timing.read_ms)
        return await self.calls.carried("cancel", sending)

    async def book(self, product: str, kind: type[T], deadline: int) -> T:
        """GET the book of a product, in the lane that leaves most to orders; otherwise as `read` has it."""
        limit = self._clock.now() + self._timing.read_ms * 1_000_000
        template = self._books.get(product)
        if template is None:
            target = account_target(self._settings.account_id, "products", product, "level2")
            template = self._line.template("GET", target)
            if len(self._books) < _BOOKS_MAX:
                self._books[product] = template
        if not self._line.is_open:
            raise VenueUnreachableError(NOT_RUNNING)
        timeout_ms = await self.calls.turn(Lane.REST, min(limit, deadline))
        got, record = await self.calls.carried("book", self._lined(template, b"", timeout_ms, LIST_BYTES_MAX))
        return self._read(answer_of(got, record), kind, record)

    async def send(
        self, operation: str, method: str, *steps: str, body: bytes | None = None, timeout_ms: int
    ) -> tuple[Exchange, Record]:
        """Send what changes something and is no order, once; as `cancel` has it."""
        sending = self._exchange(method, steps, None, body, ANSWER_BYTES_MAX, timeout_ms)
        return await self.calls.carried(operation, sending)

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

    def said(self, answer: Answered) -> VenueError:
        """What an answer says that is no success, without our token, should it repeat it."""
        return masked(said(answer), self._settings.token)

    def _read(self, answer: Answered, kind: type[T], record: Record) -> T:
        if answer.status != 200:
            raise refused(answer, self.said(answer), record)
        return decoded(answer, kind, record)

    async def _get(
        self,
        operation: str,
        steps: tuple[str, ...],
        query: Query | None,
        lane: Lane,
        deadline: int | None,
        *,
        scored: bool,
    ) -> tuple[Answered, Record]:
        if self._session is None:
            raise VenueUnreachableError(NOT_RUNNING)
        limit = self._clock.now() + self._timing.read_ms * 1_000_000
        timeout_ms = await self.calls.turn(lane, limit if deadline is None else min(limit, deadline))
        sending = self._exchange("GET", steps, query, None, LIST_BYTES_MAX, timeout_ms)
        got, record = await self.calls.carried(operation, sending, scored=scored)
        return answer_of(got, record), record

    def _lined(
        self, template: Template, body: bytes, timeout_ms: int, bytes_max: int = ANSWER_BYTES_MAX
    ) -> Awaitable[Exchange]:
        return self._line.exchange(template, self.authorization(), body, bytes_max, timeout_ms)

    async def _exchange(
        self,
        method: str,
        steps: tuple[str, ...],
        query: Query | None,
        body: bytes | None,
        bytes_max: int,
        timeout_ms: int,
    ) -> Exchange:
        headers = self.authorization()
        if body is not None:
            headers["Content-Type"] = "application/json"
        return await exchange(
            self._session,
            method,
            account_url(self._settings.base_url, self._settings.account_id, *steps, query=query),
            headers=headers,
            body=body,
            bytes_max=bytes_max,
            timeout_ms=timeout_ms,
            timing=self._timing,
        )
