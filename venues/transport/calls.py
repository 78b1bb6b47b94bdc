"""What every request to a counterparty keeps to: its budget, and one record of how it ended.

    taken from the budget → carried, once ─→ NotSent    given back: nobody counted it
                                          ─→ Lost       counted, for it may have arrived
                                          ─→ Answered   counted, and believed in what it says of the budget
                                          ─→ cancelled  counted, like one that was lost

Who asked judges the exchange and then says, once, in one of a few words, how it ended (`Record`): the health
score counts that, and the listener is told.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from router.core.errors import VenueError
from router.ports import BudgetSpentError, Clock, Lane, VenueUnreachableError
from venues.transport.budget import RequestBudget
from venues.transport.health import Score
from venues.transport.session import Answered, Exchange, Lost, NotSent

Recorder = Callable[[str, str, int, str | None], None]
"""Operation, result, latency in nanoseconds, the counterparty's request id."""
Record = Callable[[str], None]
"""Called once with how a request ended, in one of a few words."""
UNAUTHENTICATED: Final = 401
_REFUSALS: Final = frozenset({"refused", "rate_limited"})
_MS: Final = 1_000_000


class Calls:
    """The requests with one credential. An instance belongs to one event loop.

    `said` reads the body of an answer that is no success, without the credential; `recorded` is told of every
    request.
    """

    def __init__(
        self,
        budget: RequestBudget,
        clock: Clock,
        score: Score,
        said: Callable[[Answered], VenueError],
        recorded: Recorder,
    ) -> None:
        self.budget = budget
        self.clock = clock
        self.score = score
        self.said = said
        self.recorded = recorded

    async def carried(
        self, operation: str, sending: Awaitable[Exchange], *, scored: bool = True
    ) -> tuple[Exchange, Record]:
        """Carry a request, whose budget was taken, and give the budget back.

        `scored`: whether it counts for the connection's health. The second of the pair is to be called with
        how it ended.
        """
        began = self.clock.now()
        try:
            got = await sending
        except BaseException:
            # Cancelled: the request may have arrived all the same.
            self.budget.answered({}, None)
            raise
        return got, self.ended(operation, got, began, self.clock.now(), scored=scored)

    def ended(self, operation: str, got: Exchange, began: int, ended: int, *, scored: bool = True) -> Record:
        """Give the budget of a request back; what is returned is to be called with how it ended.

        `began`, `ended`: nanoseconds since the epoch.
        """
        if isinstance(got, Answered):
            self.budget.answered(got.headers, got.status, ended)
        elif isinstance(got, Lost):
            self.budget.answered({}, None, ended)
        else:
            self.budget.unused()
        return partial(self._record, operation, got, ended - began, scored)

    def _record(
        self,
        operation: str,
        got: Exchange,
        latency_ns: int,
        scored: bool,  # noqa: FBT001 - bound beside the others, at its one call
        result: str,
    ) -> None:
        """See `Record`."""
        request_id = None
        is_answer = result == "ok"
        if not is_answer and isinstance(got, Answered):
            # A refusal is an answer; a credential that is not accepted any more makes every call one.
            is_answer = result in _REFUSALS and got.status != UNAUTHENTICATED
            request_id = self.said(got).request_id
        if scored and is_answer:
            self.score.succeeded(latency_ns)
        elif scored:
            self.score.failed()
        self.recorded(operation, result, latency_ns, request_id)

    async def turn(self, lane: Lane, deadline: int) -> int:
        """Take a request from the budget by `deadline`, in nanoseconds since the epoch.

        How long it then has, in milliseconds, at least one. Raises `BudgetSpentError`.
        """
        await self.budget.take(lane, deadline)
        left_ms = (deadline - self.clock.now()) // _MS
        if left_ms < 1:
            self.budget.unused()
            raise BudgetSpentError("expected time left for a request, was none")
        return left_ms


def answer_of(got: Exchange, record: Record) -> Answered:
    """The answer to a question; raises `VenueUnreachableError`, and records it, where none came."""
    if isinstance(got, Answered):
        return got
    record("never_sent" if isinstance(got, NotSent) else got.result)
    raise VenueUnreachableError(got.detail)
