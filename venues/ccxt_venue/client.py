"""Calls to the exchange, seen from the router's loop: budget, one call, one record of how it ended."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from router.core.errors import VenueError
from router.ports import Clock, Lane, OffWireError, VenueUnreachableError
from router.secrets import Secret
from venues.ccxt_venue.judging import names_of, said
from venues.ccxt_venue.remote import Outcome, Remote
from venues.ccxt_venue.toll import Toll
from venues.ccxt_venue.wire import NothingSentError, Trail
from venues.ccxt_venue.worker import StoppedError, Worker
from venues.transport.budget import RequestBudget
from venues.transport.calls import Record, Recorder
from venues.transport.health import Score
from venues.transport.reader import result_of
from venues.transport.timing import Timing
from venues.transport.wording import masked

T = TypeVar("T")

_ANSWERED: Final = ("ok", "refused", "rate_limited")


class Client:
    """The calls. An instance belongs to one event loop; the exchange is asked in the worker's thread."""

    def __init__(
        self,
        remote: Remote,
        worker: Worker,
        secrets: tuple[Secret, ...],
        budget: RequestBudget,
        clock: Clock,
        timing: Timing,
        score: Score,
        recorded: Recorder,
    ) -> None:
        self.remote = remote
        self.budget = budget
        self._worker = worker
        self._secrets = secrets
        self._clock = clock
        self._timing = timing
        self._score = score
        self._recorded = recorded

    async def open(self) -> None:
        """Begin: the thread, and the session in it."""
        self._worker.start()
        await self._worker.call(self.remote.open)

    async def close(self) -> None:
        """End both."""
        try:
            await self._worker.call(self.remote.close)
        except StoppedError:
            return
        await self._worker.stop()

    def shown(self, error: BaseException, trail: Trail) -> VenueError:
        """What the exchange said, without our credentials, should it repeat them."""
        found = said(error, trail)
        for secret in self._secrets:
            found = masked(found, secret)
        return found

    def until(self, timeout_ms: int) -> int:
        """A deadline, in nanoseconds since the epoch."""
        return self._clock.now() + timeout_ms * 1_000_000

    async def send(
        self, operation: str, work: Callable[[], Awaitable[T]], lane: Lane, timeout_ms: int
    ) -> tuple[Outcome[T], Record]:
        """Ask for what changes something, once. The budget must have been taken, and is given back here.

        The caller judges the outcome and then calls the second of the pair with its `result`.
        """
        until = self.until(timeout_ms)
        return await self._run(operation, work, lane, until, private=True, scored=True)

    async def read(
        self,
        operation: str,
        work: Callable[[], Awaitable[T]],
        lane: Lane,
        *,
        deadline: int | None = None,
        private: bool = True,
        scored: bool = True,
    ) -> T:
        """Ask. `deadline`: in nanoseconds since the epoch, else the timing's.

        `scored`: whether it counts for the connection's health; what no order depends on does not. Raises
        `VenueUnreachableError`, `OffWireError`, `BudgetSpentError`.
        """
        limit = self.until(self._timing.read_ms)
        until = limit if deadline is None else min(limit, deadline)
        await self.budget.take(lane, until)
        outcome, record = await self._run(operation, work, lane, until, private=private, scored=scored)
        if outcome.error is None:
            record("ok")
            return outcome.value  # type: ignore[return-value]  # a value of None is one of T
        record(self.result(outcome))
        raise self.unreachable(outcome)

    def result(self, outcome: Outcome[Any]) -> str:
        """The word for a call that raised."""
        trail, error = outcome.trail, outcome.error
        if trail.lost is not None:
            return trail.lost.result
        if not trail.left:
            return "never_sent"
        last = trail.last
        if last is None or error is None or "BaseError" not in names_of(error):
            return "off_wire"
        if last.status < 400:
            # Some exchanges refuse with a 200; a rate is a rate whatever it is called with.
            rate = {"RateLimitExceeded", "DDoSProtection"}.intersection(names_of(error))
            return "rate_limited" if rate else "refused"
        return result_of(last.status, self.shown(error, trail))

    def unreachable(self, outcome: Outcome[Any]) -> VenueUnreachableError:
        """What a read that raised is raised as."""
        error, trail = outcome.error, outcome.trail
        if isinstance(error, VenueUnreachableError):
            return error
        if isinstance(error, NothingSentError):
            return VenueUnreachableError(str(error))
        if error is None or trail.lost is not None:
            return VenueUnreachableError("no answer came" if trail.lost is None else trail.lost.detail)
        names, last = names_of(error), trail.last
        if last is None:
            return VenueUnreachableError(f"not asked: {names[0]}")
        if "BaseError" not in names:
            # Whatever ccxt could not make sense of: the type alone, for its text may hold anything.
            return OffWireError(f"expected an answer that ccxt can read: {names[0]}")
        return VenueUnreachableError(f"answered {last.status}, {names[0]}", self.shown(error, trail))

    async def _run(
        self,
        operation: str,
        work: Callable[[], Awaitable[T]],
        lane: Lane,
        until: int,
        *,
        private: bool,
        scored: bool,
    ) -> tuple[Outcome[T], Record]:
        began = self._clock.now()
        toll = Toll(self.budget, lane, until)
        try:
            outcome = await self._worker.call(
                lambda: self.remote.run(work, Trail(until, toll.admit), lane, private=private)
            )
        except StoppedError as error:
            outcome = Outcome(None, NothingSentError(str(error)), Trail(until, toll.admit))
        except BaseException:
            toll.close(cancelled=True)
            raise
        toll.close()
        latency_ns = self._clock.now() - began

        def record(result: str) -> None:
            last = outcome.trail.last
            if not scored:
                pass
            elif result in _ANSWERED and (last is None or last.status != 401):
                self._score.succeeded(latency_ns)
            elif outcome.trail.steps or not isinstance(outcome.error, NothingSentError):
                self._score.failed()
            self._recorded(operation, result, latency_ns, None)

        return outcome, record
