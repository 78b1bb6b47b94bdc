"""However requests come, cut into whatever pieces: with the lane a connection says what it says without."""

import asyncio
import json
import re

from aiohttp import web
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from router.core.model import OrderRequest
from router.http.app import make_app
from router.http.connection import Connection
from router.http.server import LANE
from tests.http import samples
from tests.http.conftest import SETTINGS
from tests.http.fakes import FakeConnections, FakeDesk, FakeRoster

BOUNDED = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
TURNS = 40
"""More turns of the loop than any answer of a desk that does not wait takes."""
ORDER = json.dumps(samples.BODY).encode()
LINES = b"Host: router\r\nContent-Type: application/json\r\n"
POST = b"POST /v1/orders HTTP/1.1\r\n" + LINES


def order(body: bytes, more: bytes = b"", length: int | None = None) -> bytes:
    said = len(body) if length is None else length
    return POST + more + b"Content-Length: %d\r\n\r\n" % said + body


USUAL = order(ORDER)
REQUESTS = st.sampled_from(
    [
        *[USUAL] * 4,
        order(ORDER.replace(b"desk-7", b"desk-8")),
        order(ORDER.replace(b"desk-7", b"desk-77")),
        order(ORDER.replace(b'"buy"', b'"bay"')),
        order(b""),
        order(ORDER, length=len(ORDER) - 1),
        order(ORDER, length=len(ORDER) + 1),
        order(ORDER, b"Connection: close\r\n"),
        order(ORDER, b"Content-Length: 3\r\n"),
        order(ORDER, b"Expect: 100-continue\r\n"),
        order(b"x" * 20, b"Transfer-Encoding: chunked\r\n"),
        POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(ORDER), ORDER),
        # A body that looks like the usual request: whoever loses count takes it for one.
        order(USUAL),
        order(USUAL, b"Transfer-Encoding: identity\r\n"),
        b"GET /v1/orders/o-1 HTTP/1.1\r\nHost: router\r\n\r\n",
        b"GET /v1/orders/o-1 HTTP/1.1\r\nHost: router\r\nContent-Length: %d\r\n\r\n" % len(USUAL) + USUAL,
        b"POST /v1/orders/o-1/cancel HTTP/1.1\r\nHost: router\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/nothing HTTP/1.1\r\n" + LINES + b"Content-Length: 3\r\n\r\nabc",
        b"BROKEN\r\n\r\n",
        b"\r\n",
    ]
)


class Transport(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing
        self.written += data

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def said(pieces: list[bytes], known_s: float) -> tuple[bytes, bool, list[OrderRequest]]:
    """What a connection answers to pieces, whether it closed, and what the desk was asked."""
    desk = FakeDesk()
    app = make_app(
        desk,
        SETTINGS,
        metrics=bytes,
        now=lambda: samples.NOW,
        failed=lambda failure: None,
        roster=FakeRoster(),
        connections=FakeConnections(desk),
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    assert runner.server is not None
    loop = asyncio.get_running_loop()
    connection = Connection(runner.server, app[LANE], loop=loop, known_s=known_s)
    transport = Transport()
    connection.connection_made(transport)
    try:
        for piece in pieces:
            if transport.closing:
                break
            connection.data_received(piece)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        return re.sub(rb"Date: [^\r]*\r\n", b"", transport.written), transport.closing, desk.requests
    finally:
        connection.connection_lost(None)
        await runner.cleanup()


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Requests one after the other; each in one piece, in some, or together with the next."""
    pieces: list[bytes] = []
    for request in [USUAL, *draw(st.lists(REQUESTS, min_size=1, max_size=5))]:
        body_at = request.find(b"\r\n\r\n") + 4
        cuts = sorted(draw(st.lists(st.just(body_at) | st.integers(1, len(request)), max_size=2)))
        parts = [request[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True) if request[a:b]]
        if pieces and draw(st.integers(0, 4)) == 0:
            pieces[-1] += parts.pop(0)
        pieces += parts
    return pieces


@BOUNDED
@given(pieces=streams())
# A body that comes together with something that cannot be read: the order before it is not dropped.
@example(pieces=[USUAL, USUAL[: -len(ORDER)], ORDER + b"BROKEN\r\n\r\n"])
def test_the_lane_changes_no_answer(pieces: list[bytes]) -> None:
    assert asyncio.run(said(pieces, known_s=600.0)) == asyncio.run(said(pieces, known_s=0.0))
