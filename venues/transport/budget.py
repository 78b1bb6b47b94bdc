"""The request budget that the connections to one account share; who waits is served by lane, in order."""

import asyncio
import heapq
import itertools
from collections.abc import Mapping
from typing import Final

from router.ports import BudgetSpentError, Clock, Lane
from venues.transport.address import AddressLimit
from venues.transport.slots import SECOND_NS, Slots

_DIGITS_MAX: Final = 9
_REMAINING: Final = "X-Ratelimit-Remaining"
_RESET: Final = "X-Ratelimit-Reset"
_RETRY_AFTER: Final = "Retry-After"


def header_number(headers: Mapping[str, str], name: str) -> int | None:
    """A whole number in a header; None where there is none, or garbage."""
    text = headers.get(name)
    if text is None:
        return None
    text = text.strip()
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS_MAX:
        return None
    return int(text)


class RequestBudget:
    """`requests_per_second` of one account. An instance belongs to one event loop.

    With a `window_ns` of its own, they are requests in that window (see `pace`, `burst`). Where the
    counterparty counts the requests of an address too, an `address` bounds those of all its accounts.
    """

    def __init__(
        self,
        requests_per_second: int,
        clock: Clock,
        window_ns: int = SECOND_NS,
        address: AddressLimit | None = None,
    ) -> None:
        self._slots = Slots(requests_per_second, window_ns)
        self._stated: dict[str, tuple[int, int]] = {}
        self._clock = clock
        self._address = address
        if address is not None:
            address.freed.append(self._serve)
        self._waiting: list[tuple[Lane, int, asyncio.Future[None]]] = []
        # How many wait by lane: look-ups come in numbers when a counterparty is in trouble.
        self._queued = [0] * len(Lane)
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0

    @property
    def requests_per_second(self) -> int:
        """The limit."""
        return self._slots.size

    def state(self, who: str, requests_per_second: int, window_ns: int = SECOND_NS) -> None:
        """A connection to the account states a limit, in the place of what it stated before.

        From now on the lowest of what is stated holds, and the longest window.
        """
        self._stated[who] = (requests_per_second, window_ns)
        self._resize()

    def unstate(self, who: str) -> None:
        """A connection has ended: what it stated holds no more. The last one's stays until another states."""
        self._stated.pop(who, None)
        self._resize()

    def _resize(self) -> None:
        if self._stated:
            sizes, windows = zip(*self._stated.values(), strict=True)
            self._slots.resize(min(sizes), max(windows))
            self._serve()

    def left(self) -> int:
        """How many requests could go out now, whoever asks."""
        now = self._clock.now()
        free = self._slots.free(now)
        return free if self._address is None else min(free, self._address.slots.free(now))

    def can_take(self, lane: Lane) -> bool:
        """Whether `try_take` would succeed."""
        if not self._waiting and self._address is None and self._slots.plenty(lane):
            return True
        now = self._clock.now()
        if not self._slots.can_take(lane, now, self._ahead(lane)):
            return False
        return self._address is None or self._address.slots.can_take(lane, now)

    def try_take(self, lane: Lane) -> bool:
        """Take a request now or not at all. Who waits in a lane before this one comes first."""
        return self._take_now(lane, self._clock.now(), self._ahead(lane) if self._waiting else 0)

    def _ahead(self, lane: Lane) -> int:
        return sum(self._queued[:lane]) if self._waiting else 0

    async def take(self, lane: Lane, deadline: int) -> None:
        """Take a request, waiting for one until `deadline` (nanoseconds since the epoch).

        Raises `BudgetSpentError` if none came free in time.
        """
        if self._is_next(lane) and self._take_now(lane, self._clock.now()):
            return
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (lane, next(self._order), turn))
        self._queued[lane] += 1
        # What is in the way now may be served already but for its timer.
        self._serve()
        try:
            async with asyncio.timeout(max(0, deadline - self._clock.now()) / 1e9):
                await turn
        except TimeoutError:
            # Its turn can come in the same pass of the loop as its deadline: then it has what it wanted.
            if not turn.done() or turn.cancelled():
                raise BudgetSpentError(
                    f"expected a request of lane {lane.name.lower()} in time, none came free"
                ) from None
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.unused()
            raise
        finally:
            if turn.cancel() or turn.cancelled():
                self._queued[lane] -= 1
            self._serve()

    def answered(self, headers: Mapping[str, str], status: int | None, at: int | None = None) -> None:
        """A request ended, `at` or now: with these headers, or without an answer (`status` None).

        `X-Ratelimit-Remaining`, `X-Ratelimit-Reset` (milliseconds) and, on a 429, `Retry-After` (seconds)
        are believed within the bounds of `slots`.
        """
        now = self._clock.now() if at is None else at
        self._slots.answered(now)
        reset_ms = header_number(headers, _RESET)
        if reset_ms is not None:
            remaining = header_number(headers, _REMAINING)
            if remaining is not None:
                self._slots.told(remaining, reset_ms, now)
        if status == 429:
            after = header_number(headers, _RETRY_AFTER)
            # A 429 without a usable Retry-After still says that the window is full.
            self._slots.block(1 if after is None else after, now)
            if self._address is not None:
                self._address.refused(after, now)
        if self._address is not None:
            self._address.answered(now, refused=status == 429 or status is None)
        if self._waiting or self._timer is not None:
            self._serve()

    def unused(self) -> None:
        """What was taken saw no request."""
        self._put_back()
        if self._address is not None:
            self._address.tell()
        self._serve()

    def _take_now(self, lane: Lane, now: int, ahead: int = 0) -> bool:
        """Take a slot of the account and, where addresses are counted, one of the address, or neither."""
        if not self._slots.try_take(lane, now, ahead):
            return False
        if self._address is None or self._address.slots.try_take(lane, now):
            return True
        self._slots.unused()
        return False

    def _put_back(self) -> None:
        self._slots.unused()
        if self._address is not None:
            self._address.slots.unused()

    def _is_next(self, lane: Lane) -> bool:
        return not (self._waiting and any(self._queued[: lane + 1]))

    def _serve(self) -> None:
        if not self._waiting and self._timer is None:
            return
        now = self._clock.now()
        while self._waiting:
            lane, _, turn = self._waiting[0]
            if not turn.done():
                if not self._take_now(lane, now):
                    break
                turn.set_result(None)
                self._queued[lane] -= 1
            heapq.heappop(self._waiting)
        self._arm(now)

    def _arm(self, now: int) -> None:
        at = self._changes_at(now) if self._waiting else None
        if self._timer is not None:
            if at == self._timer_at:
                return
            self._timer.cancel()
            self._timer = None
        if at is not None:
            # A millisecond later, so that a timer that fires early does not find the slot resting still.
            delay = (at - now) / 1e9 + 0.001
            self._timer = asyncio.get_running_loop().call_later(delay, self._fired)
            self._timer_at = at

    def _fired(self) -> None:
        self._timer = None
        self._serve()

    def _changes_at(self, now: int) -> int | None:
        """When, at the earliest, time alone frees what was in the way: here, or at the address."""
        times = [self._slots.changes_at(now)]
        if self._address is not None:
            times.append(self._address.slots.changes_at(now))
        return min((at for at in times if at is not None), default=None)


def burst(requests_per_second: int, seconds: int) -> tuple[int, int]:
    """Slots and window, in nanoseconds, for a limit a second that may be used up for some seconds at once.

    25 a second with bursts of 50 are 50 requests in two seconds: no window of any length then holds more than
    a bucket of 50 that is filled at 25 a second lets through.
    """
    return requests_per_second * seconds, seconds * SECOND_NS
