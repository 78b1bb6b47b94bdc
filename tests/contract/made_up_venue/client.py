"""Calls to Tern: reads by the transport's `Reader`, and what changes something, sent once over a `Line`."""

from urllib.parse import quote

from yarl import URL

from router.core.errors import VenueError
from router.ports import Clock
from router.secrets import Secret
from tests.contract.made_up_venue.errors import said
from venues.transport.budget import RequestBudget
from venues.transport.calls import Calls, Recorder
from venues.transport.health import Score
from venues.transport.http1.line import Line
from venues.transport.reader import Reader, bearer, result_of, user_agent
from venues.transport.session import ANSWER_BYTES_MAX, Answered, Exchange, NotSent
from venues.transport.timing import Timing
from venues.transport.wording import masked


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
        self._calls = Calls(budget, clock, score, self.said, recorded)
        self._line = Line(base_url, user_agent(), timing)
        self._base_url = base_url
        self._token = token
        self._timing = timing

    def open(self) -> None:
        self.reader.open()
        self._line.open()

    async def close(self) -> None:
        await self.reader.close()
        await self._line.close()

    def url(self, *steps: str, **query: str) -> URL:
        return (URL(self._base_url) / "v1").joinpath(*steps).with_query(query)

    def said(self, answer: Answered) -> VenueError:
        """What an answer says, without our token, should it repeat it."""
        return masked(said(answer), self._token)

    async def send(self, operation: str, method: str, *steps: str, body: bytes | None = None) -> Exchange:
        """One request, once. The budget must have been taken, and is given back here."""
        target = "/".join(("/v1", *(quote(step, safe="") for step in steps)))
        template = self._line.template(method, target, json=body is not None)
        sending = self._line.exchange(
            template, bearer(self._token), body or b"", ANSWER_BYTES_MAX, self._timing.order_ms
        )
        got, record = await self._calls.carried(operation, sending)
        if isinstance(got, Answered):
            record("ok" if 200 <= got.status < 300 else result_of(got.status, self.said(got)))
        else:
            record("never_sent" if isinstance(got, NotSent) else got.result)
        return got
