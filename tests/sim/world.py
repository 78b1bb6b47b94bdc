"""The world outside the router: its time, what will happen in it, and the trace of what did.

It goes on when a router dies: a request that is under way arrives, a counterparty executes, a client asks
again. So nothing in it is a task of the router's loop: what will happen stands in a heap of its own, and the
loop of whichever router lives takes it from there (`tests.sim.loop`).
"""

import hashlib
import heapq
import random
from collections import Counter
from collections.abc import Callable

NS = 1_000_000_000
EPOCH_NS = 1_750_000_000 * NS
"""What an honest wall says when a schedule begins: nanoseconds since the epoch, June 2025."""


class World:
    """Time in nanoseconds since the schedule began; one source of chance, drawn from the seed."""

    def __init__(self, seed: int, *, tracing: bool = False) -> None:
        self.seed = seed
        self.now = 0
        self.rng = random.Random(seed)  # noqa: S311 - a seed replays a schedule
        self.tracing = tracing
        self.lines: list[str] = []
        self.seen: Counter[str] = Counter()
        self.happened: Callable[[str], None] = lambda _what: None
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0

    @property
    def next_at(self) -> int | None:
        """When the next thing happens; None if nothing will."""
        return self._heap[0][0] if self._heap else None

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Let something happen in a while."""
        self._number += 1
        heapq.heappush(self._heap, (self.now + int(seconds * NS), self._number, do))

    def do_next(self) -> None:
        """Let the next thing happen, now or when it is due."""
        at, _, do = heapq.heappop(self._heap)
        self.now = max(self.now, at)
        do()

    def pass_time(self, seconds: float) -> None:
        """Let time pass while no router lives."""
        until = self.now + int(seconds * NS)
        while self._heap and self._heap[0][0] <= until:
            self.do_next()
        self.now = max(self.now, until)

    def chance(self, probability: float) -> bool:
        """Whether something happens. It draws nothing where the answer is certain."""
        return probability > 0 and self.rng.random() < probability

    def between(self, low: float, high: float) -> float:
        """Some number between two."""
        return low + (high - low) * self.rng.random()

    def count(self, what: str) -> None:
        """A kind of fault, or a path of the router, really happened."""
        self.seen[what] += 1

    def tell(self, what: str, *about: object) -> None:
        """Write a line of the trace, where one is kept."""
        if self.tracing:
            said = " ".join(str(part) for part in about)
            self.lines.append(f"{self.now / NS:12.6f} {what:<12} {said}".rstrip())

    @property
    def digest(self) -> str:
        """The trace in one word."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()
