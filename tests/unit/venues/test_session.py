"""One request, once, against servers that misbehave on the socket."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from tests.unit.venues.support import Requests, http, raw_server
from venues.transport.session import Answered, Exchange, Lost, NotSent, exchange, open_session
from venues.transport.timing import Timing

TIMING = Timing(connect_ms=100)


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session("caas-router/test") as found:
        yield found


async def ask(
    session: aiohttp.ClientSession,
    port: int,
    method: str = "POST",
    *,
    scheme: str = "http",
    timeout_ms: int = 2000,
) -> Exchange:
    return await exchange(
        session,
        method,
        URL(f"{scheme}://127.0.0.1:{port}/x", encoded=True),
        headers={"Authorization": "Bearer secret-token"},
        body=b'{"a":1}' if method == "POST" else None,
        bytes_max=1000,
        timeout_ms=timeout_ms,
        timing=TIMING,
    )


async def test_a_whole_answer(session: aiohttp.ClientSession) -> None:
    server = Requests(http(200, {"ok": True}, X_Ratelimit_Remaining="9"))
    async with raw_server(server.serve) as port:
        got = await ask(session, port)
    assert isinstance(got, Answered)
    assert (got.status, got.body, got.headers["x-ratelimit-remaining"]) == (200, b'{"ok": true}', "9")
    assert server.bodies == [b'{"a":1}']
    assert "User-Agent: caas-router/test" in server.heads[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_kept_connection_that_breaks_after_the_request_sends_no_second_one(
    session: aiohttp.ClientSession, method: str, end: str
) -> None:
    """The library would send a GET or a PUT again: no layer may, for nobody has a budget for it."""
    server = Requests(http(200), end, http(200))
    async with raw_server(server.serve) as port:
        assert isinstance(await ask(session, port, method), Answered)
        got = await ask(session, port, method)
    assert isinstance(got, Lost)
    assert got.result == "reset"
    assert server.lines() == [f"{method} /x HTTP/1.1"] * 2


async def test_a_port_that_nobody_listens_on_was_never_sent_to(session: aiohttp.ClientSession) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    got = await ask(session, port)
    assert got == NotSent("no connection: ConnectionRefusedError")


async def test_a_server_that_never_accepts_was_never_sent_to(session: aiohttp.ClientSession) -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # The queue of one takes the first; what comes after it gets no answer to its SYN.
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        got = await ask(session, listener.getsockname()[1])
    assert got == NotSent("no connection: time-out")


async def test_a_handshake_that_fails_was_before_the_first_byte(session: aiohttp.ClientSession) -> None:
    read: list[bytes] = []

    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.read(1000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with raw_server(no_tls) as port:
        got = await ask(session, port, scheme="https")
    assert isinstance(got, NotSent)
    assert b"secret" not in read[0]


async def test_a_handshake_that_hangs_was_before_the_first_byte(session: aiohttp.ClientSession) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async with raw_server(silent) as port:
        got = await ask(session, port, scheme="https")
    assert got == NotSent("no connection: time-out")


@pytest.mark.parametrize(
    ("step", "result"),
    [
        ("close", "reset"),
        ("reset", "reset"),
        ("hang", "timeout"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12", "timeout"),
        (b"what is this\r\n\r\n", "off_wire"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", "off_wire"),
        (http(200, b"z" * 1001), "off_wire"),
    ],
    ids=["closed", "reset", "hangs", "stops", "no http", "long header", "long body"],
)
async def test_what_is_no_whole_answer_is_lost(
    session: aiohttp.ClientSession, step: bytes | str, result: str
) -> None:
    server = Requests(step)
    async with raw_server(server.serve) as port:
        got = await ask(session, port, timeout_ms=200)
    assert isinstance(got, Lost)
    assert got.result == result
    assert "secret" not in got.detail
    assert len(server.heads) == 1


async def test_an_answer_that_breaks_off_is_lost(session: aiohttp.ClientSession) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12")
        await writer.drain()

    async with raw_server(break_off) as port:
        assert await ask(session, port) == Lost("reset", "the answer broke off")


async def test_a_redirect_is_an_answer_and_is_not_followed(session: aiohttp.ClientSession) -> None:
    server = Requests(http(307, Location="/elsewhere"))
    async with raw_server(server.serve) as port:
        got = await ask(session, port)
    assert isinstance(got, Answered)
    assert got.status == 307
    assert len(server.heads) == 1


async def test_cookies_are_not_kept(session: aiohttp.ClientSession) -> None:
    server = Requests(http(200, Set_Cookie="a=b"))
    async with raw_server(server.serve) as port:
        await ask(session, port)
        await ask(session, port)
    assert "cookie" not in server.heads[1].lower()


async def test_a_proxy_of_the_environment_is_not_used(tmp_path: Path) -> None:
    """Asked of a process of its own, whose environment names a proxy that is not there."""
    server = Requests(http(200))
    program = tmp_path / "ask.py"
    program.write_text(
        "import asyncio, sys\n"
        "from tests.unit.venues.test_session import ask, open_session\n"
        "async def main():\n"
        "    async with open_session('t') as session:\n"
        "        print(type(await ask(session, int(sys.argv[1]))).__name__)\n"
        "asyncio.run(main())\n"
    )
    async with raw_server(server.serve) as port:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(program),
            str(port),
            env={"HTTP_PROXY": "http://127.0.0.1:1", "PYTHONPATH": str(Path(__file__).parents[3])},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
    assert said.decode().strip() == "Answered"
