"""How a connection without a feed stands: one state out of whether it was answered, and the breaker.

    nothing answered yet      → CONNECTING
    answered, breaker closed  → READY
    breaker open              → DOWN, until a probe is answered
    stopped                   → STOPPED, for good

There is no DEGRADED: nothing is streamed that could be missing.
"""

import asyncio
from collections.abc import Callable

from router.ports import Clock, ConnectionState, Health
from venues.transport.health import Score


class Reach:
    """The state and who waits for it. `changed` is called when the state is another than before."""

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        self.score = Score()
        self._clock = clock
        self._changed = changed
        self._state = ConnectionState.CONNECTING
        self._changed_at = clock.now()
        self._detail: str | None = None
        self._answered = False
        self._stopped = False
        self._is_open = asyncio.Event()

    def health(self, budget_left: int) -> Health:
        """What others see; `feed_up` is never true."""
        return Health(
            state=self._state,
            detail=self._detail,
            feed_up=False,
            feed_at=None,
            budget_left=budget_left,
            error_rate=self.score.error_rate,
            latency_ns=self.score.latency_ns,
            changed_at=self._changed_at,
        )

    def note(self, detail: str) -> None:
        """Why it does not get on, for people."""
        if self._state is not ConnectionState.READY:
            self._detail = detail

    def scored(self) -> None:
        """A request ended: the breaker may have opened."""
        if self.score.is_open and not self._is_open.is_set():
            self._is_open.set()
            self._settle("it does not answer")

    def answered(self) -> None:
        """A probe succeeded."""
        if self._is_open.is_set():
            self.score.close()
            self._is_open.clear()
        self._answered = True
        self._settle(None)

    async def opened(self) -> None:
        """Wait until the breaker is open."""
        await self._is_open.wait()

    @property
    def is_down(self) -> bool:
        """Whether the breaker is open: only probes are sent."""
        return self._is_open.is_set()

    def stop(self) -> None:
        """It is over."""
        self._stopped = True
        self._settle(None)

    def _settle(self, detail: str | None) -> None:
        state = self._judge()
        if detail is not None or state is ConnectionState.READY:
            self._detail = detail
        if state is not self._state:
            self._state = state
            self._changed_at = self._clock.now()
            self._changed()

    def _judge(self) -> ConnectionState:
        if self._stopped:
            return ConnectionState.STOPPED
        if self._is_open.is_set():
            return ConnectionState.DOWN
        return ConnectionState.READY if self._answered else ConnectionState.CONNECTING
