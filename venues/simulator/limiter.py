"""The request limit of an account: a sliding window of one second.

Source: bitgo-notes, "All REST calls of an account share 10 requests/s"; the headers X-Ratelimit-Limit,
X-Ratelimit-Remaining, X-Ratelimit-Reset (milliseconds) and, on a 429, Retry-After (seconds).
"""

import math
from collections import deque
from dataclasses import dataclass

WINDOW_S = 1.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is let through, and what its answer says about the window."""

    allowed: bool
    limit: int
    remaining: int
    reset_ms: int

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Give the headers that every answer carries, and Retry-After where the request was refused."""
        found = (
            ("X-Ratelimit-Limit", str(self.limit)),
            ("X-Ratelimit-Remaining", str(self.remaining)),
            ("X-Ratelimit-Reset", str(self.reset_ms)),
        )
        if self.allowed:
            return found
        return (*found, ("Retry-After", str(max(1, math.ceil(self.reset_ms / 1000)))))


class Window:
    """At most `limit` requests in any `span_s` seconds; a refused request takes no place."""

    def __init__(self, limit: int, span_s: float = WINDOW_S) -> None:
        self.limit = limit
        self._span_s = span_s
        self._taken: deque[float] = deque()

    def take(self, now_s: float) -> Verdict:
        """Ask for a place at `now_s`, seconds of a clock that never goes back."""
        while self._taken and self._taken[0] <= now_s - self._span_s:
            self._taken.popleft()
        allowed = len(self._taken) < self.limit
        if allowed:
            self._taken.append(now_s)
        # The window frees when the oldest request in it is as old as the window is long.
        reset_ms = math.ceil((self._taken[0] + self._span_s - now_s) * 1000)
        return Verdict(allowed, self.limit, max(0, self.limit - len(self._taken)), reset_ms)
