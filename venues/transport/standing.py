"""How a connection stands: one state out of what is up, what is known and whether it was read again.

    breaker open                      → DOWN
    products unknown, or something may have been missed and was not read again → CONNECTING
    feed up                           → READY
    feed down                         → DEGRADED
    stopped                           → STOPPED, for good

Of a counterparty that streams nothing the feed is left out of it: it is READY without, and never DEGRADED.

A feed that goes down misses nothing for good: it is DEGRADED until it is back, and then CONNECTING until
what it missed was read (`sync_wanted` → `synchronous`).
"""

import asyncio
from collections.abc import Callable

from router.ports import Clock, ConnectionState, Health
from router.ports.condition import TRADING
from venues.transport.health import Score


class Standing:
    """The state and who waits for it. `changed` is called when the state is another than before.

    `streams`: whether the counterparty has a feed at all. `trades`: whether the state is one to take part in
    a competition with; every order asks.
    """

    def __init__(self, clock: Clock, changed: Callable[[], None], *, streams: bool = True) -> None:
        self.score = Score()
        self.feed_at: int | None = None
        self.trades = False
        self._clock = clock
        self._changed = changed
        self._state = ConnectionState.CONNECTING
        self._changed_at = clock.now()
        self._detail: str | None = None
        self._feed_up = False
        self._streams = streams
        self._products = False
        self._stopped = False
        # How often something was (perhaps) missed, and up to which time of these it was read again.
        self._missed = 1
        self._read = 0
        self._sync = asyncio.Event()
        self._feed_tried = asyncio.Event()
        self._products_read = asyncio.Event()
        self._is_open = asyncio.Event()
        self._is_closed = asyncio.Event()
        self._is_closed.set()
        self._sync.set()
        if not streams:
            self._feed_tried.set()

    def health(self, budget_left: int) -> Health:
        """What others see."""
        return Health(
            state=self._state,
            detail=self._detail,
            feed_up=self._feed_up,
            feed_at=self.feed_at,
            budget_left=budget_left,
            error_rate=self.score.error_rate,
            latency_ns=self.score.latency_ns,
            changed_at=self._changed_at,
        )

    def note(self, detail: str) -> None:
        """Why it does not get on, for people."""
        if self._state is not ConnectionState.READY:
            self._detail = detail

    def products_known(self) -> None:
        """The products were read."""
        self._products = True
        self._products_read.set()
        self._settle(None)

    def feed_changed(self, *, up: bool, detail: str | None) -> None:
        """The feed is up, so that something may have been missed before; or a try ended."""
        self._feed_up = up
        if up and self._feed_tried.is_set():
            self._miss()
        self._feed_tried.set()
        self._settle(None if up else f"feed: {detail}")

    async def sync_wanted(self) -> int:
        """Wait until there is something to read again, and it can be; returns what `synchronous` takes."""
        await self._products_read.wait()
        # The first feed is waited for, so that a start reads once and not twice.
        await self._feed_tried.wait()
        while True:
            await self._sync.wait()
            await self._is_closed.wait()
            if self._read < self._missed:
                return self._missed
            self._sync.clear()

    def synchronous(self, generation: int) -> None:
        """All that was missed up to this time has been read."""
        self._read = max(self._read, generation)
        self._settle(None)

    def scored(self) -> None:
        """A request ended: the breaker may have opened."""
        if self.score.is_open and not self._is_open.is_set():
            self._is_open.set()
            self._is_closed.clear()
            self._settle("it does not answer")

    def close(self) -> None:
        """A probe succeeded."""
        self.score.close()
        self._is_open.clear()
        self._is_closed.set()
        self._miss()
        self._settle(None)

    async def opened(self) -> None:
        """Wait until the breaker is open."""
        await self._is_open.wait()

    async def closed(self) -> None:
        """Wait until the breaker is closed."""
        await self._is_closed.wait()

    @property
    def is_degraded(self) -> bool:
        """Whether it would trade on prices that are asked for."""
        return self._state is ConnectionState.DEGRADED

    def stop(self) -> None:
        """It is over."""
        self._stopped = True
        self._feed_up = False
        self._settle(None)

    def _miss(self) -> None:
        self._missed += 1
        self._sync.set()

    def _settle(self, detail: str | None) -> None:
        state = self._judge()
        if detail is not None or state is ConnectionState.READY:
            self._detail = detail
        if state is not self._state:
            self._state = state
            self.trades = state in TRADING
            self._changed_at = self._clock.now()
            self._changed()

    def _judge(self) -> ConnectionState:
        if self._stopped:
            return ConnectionState.STOPPED
        if self._is_open.is_set():
            return ConnectionState.DOWN
        if not self._products or self._read < self._missed:
            return ConnectionState.CONNECTING
        return ConnectionState.READY if self._feed_up or not self._streams else ConnectionState.DEGRADED
