"""The sockets of one account: the one used last is used next, and some are kept warm.

A request takes a connection at rest. Where there is none it waits for the first that comes free or about,
within the time for connecting; nothing has left us until it has one. Nothing is ever sent twice: a
connection that is found closed before the write was not used.

Warm ones are made in the background, so that an order pays for no handshake. A failure there is nobody's: it
is tried again after a pause that doubles, and a request that finds none makes its own.
"""

import asyncio
import functools
import ssl
from typing import Final

from venues.transport.http1.connection import Connection, Told
from venues.transport.http1.dial import dial
from venues.transport.http1.request import Origin
from venues.transport.session import KEEP_ALIVE_S, NOT_RUNNING, SOCKETS_MAX, Exchange, Lost, NotSent
from venues.transport.timing import Timing

WARM: Final = 2
"""Connections at rest that are kept: one for an order, one for what has to be said of it meanwhile."""
PAUSE_S_MIN: Final = 0.1
PAUSE_S_MAX: Final = 10.0
STEADY_S: Final = 1.0
"""A connection that ends sooner than this without an answer is a failure, like one that never came about."""
TRIES_MAX: Final = 2
"""Connections that a request is handed and finds closed, before it is not sent: a server that accepts and
closes, again and again, would use up the whole time."""
GOODBYES_S: Final = 0.25
"""How long the goodbyes of a pool that is closed may take, together."""
_PATIENCE_MARGIN_S: Final = 1.0
"""A server's patience begins before its answer is here, and ends before our next request is there."""
_TIMED_OUT: Final = NotSent("no connection: time-out")
_CLOSED_ON_US: Final = NotSent("no connection: closed by the other side at once")


class Pool:
    """Open while the connection to the counterparty runs. Belongs to one event loop.

    `context`: for TLS, in place of the system's authorities. `warm`: how many connections are kept at rest.
    """

    def __init__(
        self,
        origin: Origin,
        timing: Timing,
        *,
        context: ssl.SSLContext | None = None,
        warm: int = WARM,
        sockets_max: int = SOCKETS_MAX,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        self._origin = origin
        self._context = context
        self._connect_s = timing.connect_ms / 1000
        self._warm = warm
        self._sockets_max = sockets_max
        self._rest_s = self._keep_alive_s = keep_alive_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._usable: set[Connection] = set()
        self._resting: list[Connection] = []
        self._sockets: set[Connection] = set()
        self._dials: set[asyncio.Task[Connection | NotSent]] = set()
        self._waiting: dict[asyncio.Future[Connection | NotSent], None] = {}
        self._sending: set[asyncio.Task[Exchange]] = set()
        """Requests that wait for a connection, or for the answer on one that they waited for."""
        self._failures = 0
        self._pause: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._sweep_at = 0.0
        self._emptied: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything can be sent."""
        return self._loop is not None

    @property
    def resting(self) -> int:
        """How many connections are at rest."""
        return len(self._resting)

    @property
    def sockets(self) -> int:
        """How many connections there are, those that are being closed among them."""
        return len(self._sockets)

    def open(self) -> None:
        """Begin to keep connections warm."""
        self._loop = asyncio.get_running_loop()
        self._fill()

    async def close(self) -> None:
        """Close all of it: requests are refused as never sent from now on, those in flight are lost."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        self._stop_timers()
        for waiting in tuple(self._waiting):
            self._hand(waiting, NotSent(NOT_RUNNING))
        for connection in tuple(self._usable):
            connection.close()
        dials = tuple(self._dials)
        for task in dials:
            task.cancel()
        late = loop.call_later(GOODBYES_S, self._abort)
        try:
            if dials:
                await asyncio.wait(dials)
            if self._sockets:
                self._emptied = loop.create_future()
                await self._emptied
            if self._sending:
                await asyncio.wait(tuple(self._sending))
        finally:
            late.cancel()
            self._abort()

    async def exchange(self, request: bytes, body_bytes_max: int, timeout_ms: int) -> Exchange:
        """Send one request, once, and read its answer; raises nothing but `CancelledError`.

        `timeout_ms` is for all of it, and is at least twice the time for a connection, else one that hangs
        could not be told from an answer that does.
        """
        loop = self._loop
        if loop is None:
            return NotSent(NOT_RUNNING)
        left_s = timeout_ms / 1000
        connection = self._rested()
        if connection is None:
            began_at = loop.time()
            found = await self._connected(loop, began_at + min(self._connect_s, left_s / 2))
            if isinstance(found, NotSent):
                return found
            connection = found
            left_s -= loop.time() - began_at
        answer: asyncio.Future[Exchange] = loop.create_future()
        told = functools.partial(_answer, answer)
        connection.send(request, body_bytes_max, left_s, timeout_ms, told)
        try:
            return await answer
        except asyncio.CancelledError:
            connection.abandon(told)
            raise

    def send(self, request: bytes, body_bytes_max: int, timeout_ms: int, told: Told) -> None:
        """Send one request, once, as `exchange` does, but wait for nothing: `told` hears how it ended.

        That may be before this returns.
        """
        loop = self._loop
        if loop is None:
            told(NotSent(NOT_RUNNING))
            return
        connection = self._rested()
        if connection is not None:
            connection.send(request, body_bytes_max, timeout_ms / 1000, timeout_ms, told)
            return
        # One to come is waited for by a task: nothing has been sent yet.
        task = loop.create_task(self.exchange(request, body_bytes_max, timeout_ms))
        self._sending.add(task)
        task.add_done_callback(functools.partial(self._sent, told))

    # What a connection tells.

    def freed(self, connection: Connection) -> None:
        """It is at rest: whoever waits longest has it."""
        loop = self._loop
        if loop is None:
            connection.close()
            return
        if connection.answers:
            self._failures = 0
        if self._waiting:
            self._hand(next(iter(self._waiting)), connection)
            return
        if connection.keeps_s is not None:
            # All of this server's connections rest as long as it said last, those without an answer too.
            self._rest_s = min(self._keep_alive_s, connection.keeps_s - _PATIENCE_MARGIN_S)
        if self._rest_s <= 0:
            connection.close()
            return
        until = connection.rests_until = loop.time() + self._rest_s
        self._resting.append(connection)
        if self._sweep is None or until < self._sweep_at:
            self._arm_sweep(loop, until)

    def gone(self, connection: Connection) -> None:
        """It is of no use any more."""
        self._usable.discard(connection)
        if connection in self._resting:
            self._resting.remove(connection)
        loop = self._loop
        if loop is None:
            return
        if loop.time() - connection.made_at >= STEADY_S:
            self._failures = 0
        elif not connection.answers:
            self._failures += 1
        self._fill()

    def made(self, connection: Connection) -> None:
        """Its socket is there; whether it is of use is told by who dialled."""
        self._sockets.add(connection)

    def ended(self, connection: Connection) -> None:
        """Its socket is closed."""
        self._sockets.discard(connection)
        if self._emptied is not None and not self._sockets and not self._emptied.done():
            self._emptied.set_result(None)

    # Connections for requests.

    def _sent(self, told: Told, task: "asyncio.Task[Exchange]") -> None:
        self._sending.discard(task)
        # Only the loop's own end cancels it.
        told(Lost("reset", "the loop ended before the answer came") if task.cancelled() else task.result())

    def _rested(self) -> Connection | None:
        """A connection at rest, the one that was used last; None where there is none that can be used."""
        resting = self._resting
        for place, connection in enumerate(reversed(resting), 1):
            # What is heard on another is the loop's to see, in a moment: it is not used, and not closed here.
            if connection.is_quiet():
                del resting[-place]
                if len(resting) < self._warm:
                    self._fill()
                return connection
        return None

    async def _connected(self, loop: asyncio.AbstractEventLoop, until: float) -> Connection | NotSent:
        for _ in range(TRIES_MAX):
            found = await self._turn(loop, until)
            if isinstance(found, NotSent):
                return found
            # It was handed over a round of the loop ago.
            if found.is_quiet():
                return found
            found.close()
        return _CLOSED_ON_US

    async def _turn(self, loop: asyncio.AbstractEventLoop, until: float) -> Connection | NotSent:
        if self._loop is None:
            # It was closed since the turn before, whose connection it took.
            return NotSent(NOT_RUNNING)
        waiting: asyncio.Future[Connection | NotSent] = loop.create_future()
        self._waiting[waiting] = None
        timer = loop.call_at(until, self._hand, waiting, _TIMED_OUT)
        self._fill()
        try:
            return await waiting
        except asyncio.CancelledError:
            found = None if waiting.cancelled() or not waiting.done() else waiting.result()
            if isinstance(found, Connection) and not found.is_closed:
                self.freed(found)
            raise
        finally:
            timer.cancel()
            self._waiting.pop(waiting, None)

    def _hand(self, waiting: "asyncio.Future[Connection | NotSent]", found: Connection | NotSent) -> None:
        """Its turn has come, or its time is over."""
        self._waiting.pop(waiting, None)
        if not waiting.done():
            waiting.set_result(found)
        elif isinstance(found, Connection):
            # Who waited was cancelled in this round of the loop.
            self.freed(found)

    # Connections to be made.

    def _fill(self) -> None:
        """Make what is wanting: for who waits at once, for the warm ones after a pause if they failed."""
        loop = self._loop
        if loop is None:
            return
        room = self._sockets_max - len(self._usable) - len(self._dials)
        due = len(self._waiting) - len(self._dials)
        spare = due + self._warm - len(self._resting)
        if spare > due and self._failures:
            spare = due
            if self._pause is None:
                pause_s = min(PAUSE_S_MAX, PAUSE_S_MIN * 2 ** min(self._failures - 1, 16))
                self._pause = loop.call_later(pause_s, self._resume)
        for _ in range(min(room, max(due, spare))):
            self._dial(loop)

    def _resume(self) -> None:
        """The pause is over: try for a warm one, one at a time while they fail."""
        self._pause = None
        if self._loop is not None and len(self._resting) + len(self._dials) < self._warm:
            self._dial(self._loop)

    def _dial(self, loop: asyncio.AbstractEventLoop) -> None:
        connection = Connection(self, loop)
        task = loop.create_task(dial(self._origin, lambda: connection, self._context, self._connect_s))
        self._dials.add(task)
        task.add_done_callback(functools.partial(self._dialed, connection))

    def _dialed(self, connection: Connection, task: "asyncio.Task[Connection | NotSent]") -> None:
        self._dials.discard(task)
        found = None if task.cancelled() else task.result()
        if found is not connection:
            # uvloop tells nobody of the end of a socket that is given up in the round in which it was made.
            connection.abort()
            self.ended(connection)
        if found is None:
            return
        if isinstance(found, Connection) and not found.is_closed:
            self._usable.add(found)
            self.freed(found)
        else:
            self._failures += 1
            # Those that wait for one that is in use are not told of this; but one of them is whose it was.
            if len(self._waiting) > len(self._dials):
                failed = _CLOSED_ON_US if isinstance(found, Connection) else found
                self._hand(next(iter(self._waiting)), failed)
        self._fill()

    # Connections that have rested long enough, and the end.

    def _arm_sweep(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        self._sweep_at = at
        self._sweep = loop.call_at(at, self._swept)

    def _swept(self) -> None:
        self._sweep = None
        loop = self._loop
        if loop is None:
            return
        now = loop.time()
        for connection in [one for one in self._resting if one.rests_until <= now]:
            connection.close()
        if self._resting:
            self._arm_sweep(loop, min(one.rests_until for one in self._resting))

    def _stop_timers(self) -> None:
        for timer in (self._pause, self._sweep):
            if timer is not None:
                timer.cancel()
        self._pause = self._sweep = None

    def _abort(self) -> None:
        for connection in tuple(self._sockets):
            connection.abort()


def _answer(answer: "asyncio.Future[Exchange]", exchange: Exchange) -> None:
    if not answer.done():
        answer.set_result(exchange)
