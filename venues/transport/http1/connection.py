"""One socket with one request in flight: it is written once, and how it ended is told apart.

    at rest ──send──→ in flight ──whole answer──→ at rest, or closed
                          └─ time-out, reset, what is no answer ─→ closed

What arrives at rest is no answer to anything: the connection is closed. Once `send` has been called something
may have left us, whatever the socket says afterwards.
"""

import asyncio
import select
from collections.abc import Callable
from typing import Final, Protocol, cast

from venues.transport.http1.answer import AnswerParser
from venues.transport.http1.head import AnswerError
from venues.transport.session import Answered, Exchange, Lost

Told = Callable[[Exchange], None]
"""Called once with how a request ended, unless it is abandoned; it raises nothing."""
_END: Final = getattr(select, "POLLRDHUP", 0)
"""The other side will say no more. Unlike the other ways to hang up it is told to who asks for it alone."""
_HUNG_UP: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL | _END


class Owner(Protocol):
    """Who keeps the connection; each of these is told once, but for `freed`."""

    def made(self, connection: "Connection") -> None:
        """Its socket is there, and TLS with it."""

    def freed(self, connection: "Connection") -> None:
        """Its answer was given, and it may be used again."""

    def gone(self, connection: "Connection") -> None:
        """It may not be used any more."""

    def ended(self, connection: "Connection") -> None:
        """Its socket is closed."""


class Connection(asyncio.Protocol):
    """Made by a loop's `create_connection`. Belongs to that loop.

    `answers`: how many it has given. `keeps_s`: for how many seconds of rest the server said last that it
    keeps it; None: it did not say. `made_at`, `rests_until`: seconds on the loop's clock, the second for its
    owner.

    A timer outlives the request that it was set for, and is set anew when it finds another one's time: a
    connection that is busy sets one in the time of a request, and not one a request.
    """

    __slots__ = (
        "_due",
        "_is_tls",
        "_look",
        "_loop",
        "_owner",
        "_parser",
        "_timeout_ms",
        "_timer",
        "_timer_at",
        "_told",
        "_transport",
        "answers",
        "is_closed",
        "keeps_s",
        "made_at",
        "rests_until",
    )

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self._parser = AnswerParser()
        self._told: Told | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._due = 0.0
        self._timeout_ms = 0
        self._transport: asyncio.Transport | None = None
        self._look: Callable[[int], list[tuple[int, int]]] | None = None
        self._is_tls = False
        self.is_closed = True
        self.answers = 0
        self.keeps_s: int | None = None
        self.made_at = 0.0
        self.rests_until = 0.0

    def is_quiet(self) -> bool:
        """Whether it is at rest, and nothing waits in its socket that the loop has not come round to yet.

        An end that has arrived would lose what is written now, and an answer to nothing would be taken for
        one to it. Only what is on its way still cannot be seen.
        """
        transport, look = self._transport, self._look
        if self.is_closed or self._told is not None or transport is None or transport.is_closing():
            return False
        heard = look(0) if look is not None else None
        if not heard:
            return True
        # A server's TLS tickets follow the handshake: on a connection that has not answered yet they are no
        # news. After its first answer they have been read.
        return self._is_tls and not self.answers and not heard[0][1] & _HUNG_UP

    def send(self, request: bytes, body_bytes_max: int, left_s: float, timeout_ms: int, told: Told) -> None:
        """Write a request, once; `told` hears what comes of it within `left_s` seconds.

        Only while it `is_quiet`. `timeout_ms`: what `left_s` is left of, for the message.
        """
        transport = self._transport
        if transport is None:
            raise RuntimeError("expected a connection that is quiet, was one that has ended")
        self._parser.expect(body_bytes_max)
        self._told = told
        self._timeout_ms = timeout_ms
        due = self._due = self._loop.time() + left_s
        if self._timer is None or due < self._timer_at:
            self._arm(due)
        transport.write(request)

    def abandon(self, told: Told) -> None:
        """Nobody is to be told of this request: if its answer is to come, the connection is of no use."""
        if self._told is told:
            self._told = None
            self.abort()

    def close(self) -> None:
        """Take leave of the other side, if nothing is in flight; else let it fall."""
        if self._told is not None or self._transport is None:
            self.abort()
            return
        transport = self._transport
        self._closed()
        transport.close()

    def abort(self) -> None:
        """Let it fall, whatever is under way."""
        self._end(Lost("reset", "the connection was closed before the answer came"))

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there, and TLS with it."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_closed = False
        self.made_at = self._loop.time()
        made = transport.get_extra_info("socket")
        if made is not None:
            watched = select.poll()
            watched.register(made.fileno(), select.POLLIN | _END)
            self._look = watched.poll
        self._is_tls = transport.get_extra_info("ssl_object") is not None
        self._owner.made(self)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        told = self._told
        if told is None:
            self._end(None)
            return
        try:
            answered = self._parser.feed(data)
        except AnswerError as error:
            self._end(Lost("off_wire", f"no valid HTTP answer: {error.detail}"))
            return
        if answered is not None:
            self._answered(answered, told)

    def eof_received(self) -> None:
        """There will be no more: no answer ends with the connection."""
        self._broke("EOF")

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._broke("EOF" if exc is None else type(exc).__name__)
        self._transport = None
        self._owner.ended(self)

    def _answered(self, answered: Answered, told: Told) -> None:
        transport = self._transport
        if transport is None or transport.get_write_buffer_size():
            # Nobody who has not read a question can answer it.
            self._end(Lost("off_wire", "expected an answer to the request, began before it was written"))
            return
        self._told = None
        told(answered)
        self.answers += 1
        parser = self._parser
        self.keeps_s = parser.keeps_s
        if parser.keeps and not transport.is_closing():
            self._owner.freed(self)
        else:
            self._end(None)

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._came_due)

    def _came_due(self) -> None:
        self._timer = None
        if self._told is None:
            return
        if self._loop.time() < self._due:
            # It was set for a request that has ended since.
            self._arm(self._due)
            return
        self._end(Lost("timeout", f"expected an answer within {self._timeout_ms} ms, none came"))

    def _broke(self, how: str) -> None:
        begun = self._told is not None and self._parser.begun
        self._end(Lost("reset", "the answer broke off" if begun else f"the connection broke: {how}"))

    def _end(self, lost: Lost | None) -> None:
        """It is of no use any more; `lost`: for who waits for an answer."""
        if self._transport is not None:
            self._transport.abort()
        self._closed()
        told, self._told = self._told, None
        if told is not None and lost is not None:
            told(lost)

    def _closed(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._owner.gone(self)
