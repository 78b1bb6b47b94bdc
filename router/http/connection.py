"""A caller's connection, with a lane for who sends the same kind of request again and again.

A desk sends its orders over a few connections that it keeps, and every request begins with the same bytes:
the method, the path, the key, the types, often the length. aiohttp parses and checks them each time, which is
most of what it costs to take an order. Here they are remembered. A request whose head is, byte for byte, that
of an earlier one on the same connection which aiohttp parsed, `app.guard` let in and a handler vouched for,
would be parsed and let in the same way; so its body goes straight to the lane. Everything else is aiohttp's.

The lane takes nothing but a whole request that comes by itself, its head in one piece, while aiohttp's parser
stands between two (`framing`). What comes while the lane is at work is held until it has answered.
"""

import asyncio
import logging
from typing import Final, Protocol

from aiohttp import HttpVersion11, web

from router.core.errors import Code
from router.http.framing import Framing
from router.http.problems import problem
from router.http.respond import problem_response

KNOWN_S: Final = 600.0
"""Seconds that heads are remembered. Then aiohttp reads one again and sees that the connection is in use; one
that is idle for an hour it closes."""
BODY_WAIT_S: Final = 0.05
"""Seconds that the lane waits for a body whose head came before it: many callers send the two apart."""
KNOWN_MAX: Final = 16
"""Heads that are remembered: those of one caller differ in a digit or two of the length."""
_END: Final = b"\r\n\r\n"
_END_LENGTH: Final = len(_END)
_silent: Final = logging.getLogger("router.http.silent")
_silent.disabled = True


class Lane(Protocol):
    """Where a body goes whose head is known."""

    def refuse(self) -> bytes | None:
        """Let one more in, and None; or the whole answer that refuses it."""

    async def answer(self, raw: bytes) -> bytes:
        """The whole answer to a body that was let in. Raises nothing."""


class Connection(web.RequestHandler):
    """One caller's connection."""

    __slots__ = (
        "_at_work",
        "_begun",
        "_forgetting",
        "_framing",
        "_held",
        "_known",
        "_known_s",
        "_lane",
        "_own_loop",
        "_vouched",
        "_waiting",
    )

    def __init__(
        self,
        manager: web.Server,
        lane: Lane | None = None,
        *,
        loop: asyncio.AbstractEventLoop,
        known_s: float = KNOWN_S,
    ) -> None:
        super().__init__(manager, loop=loop, access_log=_silent, logger=_silent)
        self._lane = lane
        self._own_loop = loop
        self._framing = Framing()
        self._known: dict[bytes, int] = {}
        """Heads, and how long the body is that follows."""
        self._known_s = known_s
        self._forgetting: asyncio.TimerHandle | None = None
        self._vouched = False
        self._at_work: asyncio.Task[None] | None = None
        self._held = b""
        self._begun = b""
        self._waiting: asyncio.TimerHandle | None = None

    def vouch(self) -> None:
        """The request that is under way may go by the lane the next time, with whatever body."""
        self._vouched = self._lane is not None and not self._framing.lost

    def data_received(self, data: bytes) -> None:
        """Take what came: by the lane, or as aiohttp does."""
        if self._at_work is not None:
            self._hold(data)
            return
        begun = self._take_begun() if self._begun else b""
        lane, known = self._lane, self._known
        if known and lane is not None and self._framing.between and not self.writing_paused:
            came = begun + data
            end = came.find(_END) + _END_LENGTH
            length = known.get(came[:end])
            if length is not None:
                missing = end + length - len(came)
                if missing == 0:
                    self._take(lane, came[end:])
                    return
                if missing > 0:
                    self._begun = came
                    self._waiting = self._own_loop.call_later(BODY_WAIT_S, self._give_up)
                    return
        if begun:
            # In the pieces in which it came: aiohttp drops a whole request that is read in one piece with
            # something that cannot be read.
            self._pass_on(begun)
        self._pass_on(data)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer of aiohttp's, and see whether its request was one to remember."""
        finished = await super().finish_response(request, resp, start_time)
        framing, vouched = self._framing, self._vouched
        self._vouched = False
        if framing.lost:
            return finished
        whole = request.content.is_eof() and bool(resp.keep_alive)
        if not framing.answered(request.content_length, whole=whole):
            self._forget()
        elif vouched:
            if len(self._known) >= KNOWN_MAX:
                self._forget()
            if self._forgetting is None:
                self._forgetting = self._own_loop.call_later(self._known_s, self._forget)
            self._known[framing.head] = framing.length
        return finished

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the caller: a timer would keep it in memory."""
        self._forget()
        super().connection_lost(exc)

    def close(self) -> None:
        """Take nothing more: the server stops."""
        self._framing.lose()
        self._forget()
        super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's own signature
        """Close, after what is under way, which has `timeout` seconds."""
        if self._at_work is not None:
            _, late = await asyncio.wait([self._at_work], timeout=timeout)
            for task in late:
                task.cancel()
        await super().shutdown(timeout)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp's parser refused; the connection is closed after it."""
        del request, exc, message
        if status >= 500:
            refused = problem(Code.INTERNAL_ERROR, "expected an answer, was a failure of the router")
        else:
            refused = problem(Code.INVALID_REQUEST, "expected an HTTP/1.1 request that can be read")
        response = problem_response(refused)
        response.force_close()
        return response

    def _pass_on(self, data: bytes) -> None:
        if data:  # aiohttp itself calls with nothing, to go on with what it has
            self._framing.fed(data)
        super().data_received(data)

    def _forget(self) -> None:
        self._known.clear()
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None

    def _take_begun(self) -> bytes:
        """What came of a request so far, which nobody waits for any more."""
        begun, self._begun = self._begun, b""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        return begun

    def _give_up(self) -> None:
        """Leave a body that does not come at once to aiohttp: it has patience, and knows who hung up."""
        self._pass_on(self._take_begun())

    def _take(self, lane: Lane, raw: bytes) -> None:
        refused = lane.refuse()
        if refused is None:
            self._at_work = self._own_loop.create_task(self._answer(lane, raw))
        elif self.transport is not None:
            self.transport.write(refused)

    async def _answer(self, lane: Lane, raw: bytes) -> None:
        answer = await lane.answer(raw)
        self._at_work = None
        transport = self.transport
        if transport is None or transport.is_closing():
            return  # the caller hung up; what it began was done all the same
        transport.write(answer)
        if self._held:
            held, self._held = self._held, b""
            transport.resume_reading()
            self.data_received(held)

    def _hold(self, data: bytes) -> None:
        if not self._held and self.transport is not None:
            self.transport.pause_reading()
        self._held += data


def vouch(request: web.Request) -> None:
    """Let requests with this one's head go by the lane from now on: it depends on nothing else who may.

    The lane speaks HTTP/1.1, and an older caller goes on without it.
    """
    if isinstance(request.protocol, Connection) and request.version >= HttpVersion11:
        request.protocol.vouch()
