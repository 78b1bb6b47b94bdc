"""What an order's connection promises, against servers that misbehave on real sockets, with TLS and without.

`NotSent`: nothing of the request left us. `Lost`: something may have. `Answered`: a whole answer, whatever it
says. Every request is written once, whatever happens.
"""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.contract.connection.kit import (
    BODY_MAX,
    QUICK,
    SECRET,
    TIMING,
    Certified,
    OtherSide,
    Ours,
    Step,
    facing,
    listening,
    ours,
    said,
    settled,
)
from venues.transport.http1.pool import Pool
from venues.transport.http1.request import Origin
from venues.transport.session import Answered, Lost, NotSent

TIMED_OUT = NotSent("no connection: time-out")
OK = said(200, b"ok")


async def test_a_whole_answer(tls: Certified | None) -> None:
    answer = said(200, b'{"b":2}', "X-Ratelimit-Remaining: 9")
    async with facing(answer, tls=tls) as (found, other):
        got = await found.ask()
    assert isinstance(got, Answered)
    assert (got.status, got.body, got.headers["x-ratelimit-remaining"]) == (200, b'{"b":2}', "9")
    assert other.requests == [
        b"POST /x?y=z HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\n"
        b"User-Agent: caas-router/test\r\n"
        b"Accept: application/json\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Content-Type: application/json\r\n"
        b"Authorization: Bearer v2x-secret-token\r\n"
        b"Content-Length: 7\r\n"
        b"\r\n"
        b'{"a":1}' % other.port
    ]


async def test_who_gives_up_as_the_answer_comes_disturbs_nobody() -> None:
    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))

    async def as_it_comes(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whichever of the two the loop comes to first.
        writer.write(OK)
        asking.cancel()

    async with facing(as_it_comes, OK) as (found, _):
        asking = asyncio.ensure_future(found.ask())
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert isinstance(await found.ask(), Answered)
    assert troubles == []


async def test_a_connection_is_used_again(tls: Certified | None) -> None:
    async with facing(OK, tls=tls) as (found, other):
        for _ in range(5):
            assert isinstance(await found.ask(), Answered)
    assert other.connections == 1
    assert len(other.requests) == 5


async def test_the_one_that_was_used_last_is_used_next() -> None:
    async def together(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await other.until(lambda: len(other.requests) >= 3)
        writer.write(OK)

    async with facing(together) as (found, other):
        await asyncio.gather(*(found.ask() for _ in range(3)))
        assert found.pool.resting == other.connections == 3
        for _ in range(4):
            await found.ask()
    assert sorted(len(seen) for seen in other.by_connection) == [1, 1, 5]


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_kept_connection_that_breaks_after_the_request_sends_no_second_one(
    method: str, end: str, tls: Certified | None
) -> None:
    async with facing(OK, end, OK, tls=tls) as (found, other):
        assert isinstance(await found.ask(method), Answered)
        got = await found.ask(method)
    assert isinstance(got, Lost)
    assert got.result == "reset"
    assert [head.split("\r\n")[0] for head in other.heads] == [f"{method} /x?y=z HTTP/1.1"] * 2


async def test_one_that_was_closed_at_rest_is_not_used(tls: Certified | None) -> None:
    async with facing(OK, tls=tls) as (found, other):
        assert isinstance(await found.ask(), Answered)
        other.leave()
        await settled(found.pool, 0)
        assert isinstance(await found.ask(), Answered)
    assert [len(seen) for seen in other.by_connection] == [1, 1]


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with ours(port) as found:
        assert await found.ask() == NotSent("no connection: ConnectionRefusedError")


async def test_nobody_accepts() -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # The queue of one takes the first; what comes after it gets no answer to its SYN.
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        async with ours(listener.getsockname()[1], timing=QUICK) as found:
            assert await found.ask() == TIMED_OUT
            # At most half of the time goes into connecting.
            assert await found.ask(timeout_ms=20) == TIMED_OUT


async def test_a_name_that_is_none() -> None:
    origin = Origin("no-such-host.invalid", 80, tls=False)
    pool = Pool(origin, TIMING, warm=0)
    pool.open()
    got = await Ours(pool, origin).ask()
    await pool.close()
    assert got == NotSent("no connection: gaierror")


async def test_a_handshake_that_fails(certified: Certified) -> None:
    async with facing(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (_, other):  # no TLS on the other side
        other.greets = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        async with ours(other.port, certified.client) as found:
            got = await found.ask()
    assert isinstance(got, NotSent)
    assert all(SECRET.encode() not in request for request in other.requests)


async def test_a_handshake_that_hangs(certified: Certified) -> None:
    async with (
        listening(OtherSide(OK, greets="hang")) as other,
        ours(other.port, certified.client, timing=QUICK) as found,
    ):
        assert await found.ask() == TIMED_OUT


async def test_a_certificate_of_somebody_else(tmp_path: Path, certified: Certified) -> None:
    """Another host's by an authority that is trusted, and this host's by one that is not."""
    elsewhere = Certified(tmp_path, "elsewhere.example")
    for server, client in ((elsewhere, elsewhere.client), (certified, elsewhere.client)):
        async with listening(OtherSide(OK), server.server) as other, ours(other.port, client) as found:
            assert await found.ask() == NotSent("no connection: SSLCertVerificationError")
        assert other.requests == []


async def test_the_systems_authorities_are_the_default(certified: Certified) -> None:
    async with listening(OtherSide(OK), certified.server) as other:
        origin = Origin("127.0.0.1", other.port, tls=True)
        pool = Pool(origin, TIMING, warm=0)
        pool.open()
        got = await Ours(pool, origin).ask()
        await pool.close()
    assert got == NotSent("no connection: SSLCertVerificationError")
    assert other.requests == []


@pytest.mark.parametrize(
    ("step", "result"),
    [
        ("close", "reset"),
        ("reset", "reset"),
        ("hang", "timeout"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12", "timeout"),
        (b"HTTP/1.1 200", "timeout"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "timeout"),
        (b"what is this\r\n\r\n", "off_wire"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000, "off_wire"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "off_wire"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "off_wire"),
        (said(200, b"\x1f\x8b", "Content-Encoding: gzip"), "off_wire"),
        (said(200, b"ok", "Content-Length: 3"), "off_wire"),
        (said(200, b"ok", "Transfer-Encoding: chunked"), "off_wire"),
        (said(200, b"z" * (BODY_MAX + 1)), "off_wire"),
    ],
)
async def test_what_is_no_whole_answer_is_lost(step: Step, result: str, tls: Certified | None) -> None:
    async with facing(OK, step, OK, tls=tls) as (found, other):
        # A connection is there: the time is for the answer alone.
        assert isinstance(await found.ask(), Answered)
        got = await found.ask(timeout_ms=100 if result == "timeout" else 10_000)
        assert isinstance(got, Lost)
        assert got.result == result
        assert SECRET not in got.detail
        # It is of no use any more; the next request has another.
        assert isinstance(await found.ask(), Answered)
    assert [len(seen) for seen in other.by_connection] == [2, 1]


async def test_an_answer_that_breaks_off(tls: Certified | None) -> None:
    async def break_off(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12")
        await writer.drain()
        writer.close()

    async with facing(break_off, tls=tls) as (found, _):
        assert await found.ask() == Lost("reset", "the answer broke off")


async def test_an_answer_in_pieces(tls: Certified | None) -> None:
    async def slowly(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)

    async with facing(slowly, tls=tls) as (found, other):
        for _ in range(2):
            got = await found.ask()
            assert isinstance(got, Answered)
            assert got.body == b"ok"
    assert other.connections == 1


async def test_a_redirect_is_an_answer() -> None:
    async with facing(said(307, b"", "Location: /elsewhere", "Set-Cookie: a=b")) as (found, other):
        for _ in range(2):
            got = await found.ask()
            assert isinstance(got, Answered)
            assert got.status == 307
    assert len(other.requests) == 2
    assert "cookie" not in other.heads[1].lower()


@pytest.mark.parametrize(
    "answer",
    [
        said(200, b"ok", "Connection: close"),
        said(200, b"ok", "Keep-Alive: timeout=1"),
        OK + b"HTTP/1.1 200 OK\r\n",
    ],
    ids=["said to be the last", "kept for a moment", "bytes after"],
)
async def test_a_connection_that_is_not_used_again(answer: bytes, tls: Certified | None) -> None:
    async with facing(answer, tls=tls) as (found, other):
        for _ in range(2):
            got = await found.ask()
            assert isinstance(got, Answered)
            assert got.body == b"ok"
    assert [len(seen) for seen in other.by_connection] == [1, 1]


async def test_what_comes_at_rest_closes_the_connection(tls: Certified | None) -> None:
    async def twice(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said(200, b"first"))
        await writer.drain()
        await go_on.wait()
        writer.write(said(200, b"second"))
        await writer.drain()

    go_on = asyncio.Event()
    async with facing(twice, said(200, b"third"), tls=tls) as (found, other):
        assert isinstance(await found.ask(), Answered)
        go_on.set()
        await settled(found.pool, 0)
        got = await found.ask()
        assert isinstance(got, Answered)
        assert got.body == b"third"
    assert other.connections == 2


async def test_an_answer_before_the_request_was_written() -> None:
    """A request too long for the buffers on the way, and an answer to its beginning.

    Under TLS what is encrypted counts as written: the loop does not show more.
    """

    async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        await gone.wait()

    gone = asyncio.Event()
    async with facing(OK, greets=at_once) as (found, _):
        got = await found.ask(body=b"x" * 20_000_000)
        gone.set()
    assert got == Lost("off_wire", "expected an answer to the request, began before it was written")


async def test_no_credential_is_in_what_is_shown_of_it() -> None:
    async with facing("hang") as (found, other):
        asking = asyncio.ensure_future(found.ask())
        await other.until(lambda: len(other.requests) == 1)
        shown = [repr(found.pool), *map(repr, vars(found.pool).values())]
        asking.cancel()
        await asyncio.wait({asking})
    assert not [text for text in shown if SECRET in text]
