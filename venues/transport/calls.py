"""What every request to a counterparty keeps to: its budget, and one record of how it ended.

    taken from the budget → carried, once ─→ NotSent    given back: nobody counted it
                                          ─→ Lost       counted, for it may have arrived
                                          ─→ Answered   counted, and believed in what it says of the budget
                                          ─→ cancelled  counted, like one that was lost

Who asked judges the exchange and then says, once, in one of a few words, how it ended (`Record`): the health
score counts that, and the listener is told.
"""

from collections.abc import Awaitable, Callable
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
_ANSWERS: Final = frozenset({"ok", "refused", "rate_limited"})
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
        if isinstance(got, Answered):
            self.budget.answered(got.headers, got.status)
        elif isinstance(got, Lost):
            self.budget.answered({}, None)
        else:
            self.budget.unused()
        return got, _Ended(self, operation, got, self.clock.now() - began, scored).record

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


class _Ended:
    """A request that has ended; `record` says how, once."""

    __slots__ = ("_calls", "_got", "_latency_ns", "_operation", "_scored")

    def __init__(
        self,
        calls: Calls,
        operation: str,
        got: Exchange,
        latency_ns: int,
        scored: bool,  # noqa: FBT001 - read beside the others, at its one call
    ) -> None:
        self._calls = calls
        self._operation = operation
        self._got = got
        self._latency_ns = latency_ns
        self._scored = scored

    def record(self, result: str) -> None:
        """See `Record`."""
        calls, got = self._calls, self._got
        answer = got if isinstance(got, Answered) else None
        if not self._scored:
            pass
        # A refusal is an answer; a credential that is not accepted any more makes every call one.
        elif result in _ANSWERS and (answer is None or answer.status != UNAUTHENTICATED):
            calls.score.succeeded(self._latency_ns)
        else:
            calls.score.failed()
        request_id = None if answer is None or result == "ok" else calls.said(answer).request_id
        calls.recorded(self._operation, result, self._latency_ns, request_id)


def answer_of(got: Exchange, record: Record) -> Answered:
    """The answer to a question; raises `VenueUnreachableError`, and records it, where none came."""
    if isinstance(got, Answered):
        return got
    record("never_sent" if isinstance(got, NotSent) else got.result)
    raise VenueUnreachableError(got.detail)
