"""The request budget of an account as a pure machine: slots, lanes, and what the counterparty said of them.

`N` requests a second are `N` slots. A slot that a request took is free again one second (and a margin) after
that request's *answer* came. The counterparty counted the request before it answered, so two uses of a slot
are at least a second apart by its clock, and no window of a second, fixed or sliding, ever holds more than
`N`. A bucket that is refilled as requests go out does not promise that: what was delayed on the way arrives
together with what was sent later.

The price is a round trip a slot: 10 requests/s at 50 ms are 9.3 requests/s.
"""

from collections import deque
from typing import Final

from router.ports import Lane

SECOND_NS: Final = 1_000_000_000
COOL_NS: Final = SECOND_NS + 20_000_000
"""A slot's rest after the answer: the window of a second and 20 ms for the two clocks' rates."""
RESET_NS_MAX: Final = 5 * SECOND_NS
"""No `X-Ratelimit-Reset` is believed past this: windows are a second, a wrong one must not stop trading."""
BLOCK_NS_MAX: Final = 60 * SECOND_NS
"""No `Retry-After` is believed past this."""

_LEAVES: Final = {Lane.CANCEL: 0, Lane.ORDER: 2, Lane.LOOK_UP: 1, Lane.BALANCES: 3, Lane.REST: 4}
_FULL: Final = 5


def leaves(lane: Lane, size: int) -> int:
    """How many slots must be free still after a request of this lane; always fewer than `size`."""
    return _LEAVES[lane] if size >= _FULL else _LEAVES[lane] * size // _FULL


class Slots:
    """The slots of one account. Times in nanoseconds; `now` never goes back.

    `window_ns`: what `size` requests are allowed in; a second, unless a counterparty counts otherwise.
    """

    def __init__(self, size: int, window_ns: int = SECOND_NS) -> None:
        if size < 1:
            raise ValueError(f"expected at least one request a second, was {size}")
        self._resize(size, window_ns)
        self._busy = 0
        self._cooling: deque[int] = deque()
        self._cap: int | None = None
        self._cap_until = 0
        self._blocked_until = 0

    @property
    def size(self) -> int:
        """Requests a second."""
        return self._size

    def resize(self, size: int, window_ns: int = SECOND_NS) -> None:
        """Allow so many from now on, be it more or fewer.

        What rests already rests as long as it was to: a slot of another size is none of a new one.
        """
        self._resize(max(1, size), window_ns)

    def _resize(self, size: int, window_ns: int) -> None:
        self._size = size
        self._cool_ns = COOL_NS - SECOND_NS + window_ns
        self._leaves = tuple(leaves(lane, size) for lane in Lane)
        # How many are free at the least, until somebody looks again.
        self._least = 0

    def free(self, now: int) -> int:
        """How many requests could go out now."""
        cooling = self._cooling
        while cooling and cooling[0] <= now:
            cooling.popleft()
        if now < self._blocked_until:
            self._least = 0
            return 0
        free = self._size - self._busy - len(cooling)
        if self._cap is not None:
            if now < self._cap_until:
                free = min(free, self._cap)
            else:
                self._cap = None
        self._least = max(0, free)
        return self._least

    def plenty(self, lane: Lane) -> bool:
        """Whether the lane may take a slot, as far as that is known without the time; `can_take` knows.

        Time frees slots and takes none: what was free at the last look, less what was taken since, is free.
        """
        return self._least > self._leaves[lane]

    def can_take(self, lane: Lane, now: int, ahead: int = 0) -> bool:
        """Whether the lane may take a slot; `ahead`: how many others are to be served first."""
        return self.free(now) - ahead > self._leaves[lane]

    def try_take(self, lane: Lane, now: int, ahead: int = 0) -> bool:
        """Take a slot if the lane may; `ahead`: how many others are to be served first."""
        if self.free(now) - ahead <= self._leaves[lane]:
            return False
        self._busy += 1
        self._least -= 1
        if self._cap is not None:
            self._cap -= 1
        return True

    def answered(self, now: int) -> None:
        """The answer to a request came, or it was given up: its slot rests."""
        self._busy -= 1
        rested_at = now + self._cool_ns
        cooling = self._cooling
        if cooling and rested_at < cooling[-1]:
            # The window became shorter: what rests by the longer one comes after this.
            self._cooling = deque(sorted((*cooling, rested_at)))
        else:
            cooling.append(rested_at)

    def unused(self) -> None:
        """A slot that was taken saw no request."""
        self._busy -= 1
        if self._cap is not None:
            self._cap += 1

    def told(self, remaining: int, reset_ms: int, now: int) -> None:
        """The counterparty says that `remaining` requests are left for `reset_ms`.

        Believed where it is less than we think: somebody else uses the account too.
        """
        if remaining < self.free(now):
            self._cap = self._least = remaining
            self._cap_until = now + min(reset_ms * 1_000_000, RESET_NS_MAX)

    def block(self, seconds: int, now: int) -> None:
        """The counterparty asked to be left alone for this long."""
        self._least = 0
        self._blocked_until = max(self._blocked_until, now + min(seconds * SECOND_NS, BLOCK_NS_MAX))

    def changes_at(self, now: int) -> int | None:
        """When, at the earliest, time alone frees a slot; None if only an answer can."""
        if self._blocked_until > now:
            # Whatever else changes before, nothing is free until then.
            return self._blocked_until
        rested = self._cooling[0] if self._cooling and self._cooling[0] > now else None
        if self._cap is None or self._cap_until <= now:
            return rested
        return self._cap_until if rested is None else min(rested, self._cap_until)
