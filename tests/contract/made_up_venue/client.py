"""Calls to Tern: reads by the transport's `Reader`, and what changes something, sent once."""

from typing import Final

import aiohttp
from yarl import URL

from router.core.errors import VenueError
from router.ports import Clock
from router.secrets import Secret
from tests.contract.made_up_venue.errors import said
from venues.transport.budget import RequestBudget
from venues.transport.health import Score
from venues.transport.reader import Reader, Recorder, bearer, result_of, user_agent
from venues.transport.session import (
    ANSWER_BYTES_MAX,
    Answered,
    Exchange,
    Lost,
    NotSent,
    exchange,
    open_session,
)
from venues.transport.timing import Timing
from venues.transport.wording import masked

_UNSCORED: Final = 401


class Client:
    """The calls of one account. Open while the connection runs."""

    def __init__(
        self,
        base_url: str,
        token: Secret,
        budget: RequestBudget,
        clock: Clock,
        timing: Timing,
        score: Score,
        recorded: Recorder,
    ) -> None:
        self.budget = budget
        self.reader = Reader(token, budget, clock, timing, score, said, recorded)
        self._base_url = base_url
        self._token = token
        self._clock = clock
        self._timing = timing
        self._score = score
        self._recorded = recorded
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        self.reader.open()
        self._session = open_session(user_agent())

    async def close(self) -> None:
        await self.reader.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def url(self, *steps: str, **query: str) -> URL:
        return (URL(self._base_url) / "v1").joinpath(*steps).with_query(query)

    def said(self, answer: Answered) -> VenueError:
        """What an answer says, without our token, should it repeat it."""
        return masked(said(answer), self._token)

    async def send(self, operation: str, method: str, url: URL, body: bytes | None) -> Exchange:
        """One request, once. The budget must have been taken, and is given back here."""
        if self._session is None:
            self.budget.unused()
            return NotSent("the connection is not running")
        began = self._clock.now()
        try:
            got = await exchange(
                self._session,
                method,
                url,
                headers=bearer(self._token) | {"Content-Type": "application/json"},
                body=body,
                bytes_max=ANSWER_BYTES_MAX,
                timeout_ms=self._timing.order_ms,
                timing=self._timing,
            )
        except BaseException:
            # Cancelled: the request may have arrived all the same.
            self.budget.answered({}, None)
            raise
        took_ns = self._clock.now() - began
        match got:
            case NotSent():
                self.budget.unused()
                self._failed(operation, "never_sent", took_ns)
            case Lost():
                self.budget.answered({}, None)
                self._failed(operation, got.result, took_ns)
            case Answered(status=status):
                self.budget.answered(got.headers, status)
                result = "ok" if 200 <= status < 300 else result_of(status, self.said(got))
                if result in ("ok", "refused", "rate_limited") and status != _UNSCORED:
                    self._score.succeeded(took_ns)
                    self._recorded(operation, result, took_ns, None)
                else:
                    self._failed(operation, result, took_ns)
        return got

    def _failed(self, operation: str, result: str, took_ns: int) -> None:
        self._score.failed()
        self._recorded(operation, result, took_ns, None)
