"""One request over real sockets: once, as the plan says, and whatever comes back has a name."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from router.load.outcomes import Answer, Body, Priced, Trouble
from router.load.plan import Target
from router.load.sending import HttpSender
from router.secrets import Secret

JSON = b"Content-Type: application/json\r\n"
Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


def whole(status: str, body: bytes, more: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode()
    return head + JSON + more + b"\r\n" + body


class Server:
    """Answers each request with bytes as they are, and keeps what it was asked."""

    def __init__(self, answer: bytes, *, hang: bool = False) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self._answer = answer
        self._hang = hang
        self.url = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (
                        int(line[15:])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length:")
                    ),
                    0,
                )
                self.requests.append(head + await reader.readexactly(length))
                self.asked.set()
                if self._hang:
                    await reader.read()
                    return
                writer.write(self._answer)
                await writer.drain()
                if b"Content-Length" not in self._answer:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self


async def sent(server: Server, key: str | None = None, timeout_s: float = 5.0) -> Answer | Trouble:
    target = Target(f"{server.url}/caas", None if key is None else Secret(key))
    async with HttpSender(target, timeout_s) as sender:
        return await sender.post("/v1/orders", b'{"a":1}')


async def test_a_request_is_json_with_the_key_and_nothing_of_its_own() -> None:
    async with Server(whole("200 OK", b'{"id":"o","status":"filled"}')).running() as server:
        came = await sent(server, "the-key")
    assert came == Answer(200, Body(id="o", status="filled"))
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post /caas/v1/orders http/1.1"
    assert {
        "content-type: application/json",
        "authorization: bearer the-key",
        "user-agent: caas-router-load",
    } <= set(lines)
    assert not any(line.startswith("cookie") for line in lines)
    assert body == b'{"a":1}'


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            whole("422 No", b'{"status":422,"code":"no_quotes","detail":"x","competition":{"id":"c"}}'),
            Answer(422, Body(status=422, code="no_quotes")),
        ),
        (
            whole("503 No", b'{"status":503,"code":"store_unavailable"}', b"Retry-After: 1\r\n"),
            Answer(503, Body(status=503, code="store_unavailable"), retry_after=True),
        ),
        (
            whole("201 Created", b'{"id":"r","best":{"price":"1.5","all_in_price":"2"}}'),
            Answer(201, Body(id="r", best=Priced("1.5"))),
        ),
        (whole("200 OK", b"<html>"), Answer(200, None)),
        (whole("200 OK", b'{"id":7}'), Answer(200, None)),
        (whole("200 OK", b""), Answer(200, None)),
        (whole("200 OK", b'{"id":"o"}', b"Set-Cookie: a=b\r\n"), Answer(200, Body(id="o"))),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", Answer(200, Body())),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", Trouble.CUT_OFF),
        (b"HTTP/1.1 200 OK\r\n", Trouble.CUT_OFF),
        (b"", Trouble.CUT_OFF),
        (b"SSH-2.0-x\r\n\r\n", Trouble.NOT_HTTP),
    ],
)
async def test_what_comes_back_has_a_name(answer: bytes, expected: Answer | Trouble) -> None:
    async with Server(answer).running() as server:
        assert await sent(server) == expected
    assert len(server.requests) == 1


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with Server(whole("200 OK", b"{}")).running() as elsewhere:
        location = f"Location: {elsewhere.url}/v1/orders\r\n".encode()
        async with Server(whole("307 Away", b"{}", location)).running() as server:
            assert await sent(server) == Answer(307, Body())
    assert elsewhere.requests == []


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(whole("200 OK", b"{}")).running() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        async with Server(whole("200 OK", b"{}")).running() as server:
            assert await sent(server) == Answer(200, Body())
    assert proxy.requests == []


async def test_an_answer_that_does_not_come_is_a_time_out() -> None:
    async with Server(b"", hang=True).running() as server:
        assert await sent(server, timeout_s=0.05) is Trouble.TIMEOUT
    assert len(server.requests) == 1


async def test_where_nobody_listens_nothing_is_sent() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can have it
        target = Target(f"http://127.0.0.1:{held.getsockname()[1]}")
        async with HttpSender(target, 5.0) as sender:
            assert await sender.post("/v1/orders", b"{}") is Trouble.NOT_CONNECTED
            said = await sender.ready()
    assert said is not None
    assert "expected an answer, was ClientConnectorError" in said


async def test_connections_are_kept_and_no_more_than_are_under_way() -> None:
    async with (
        Server(whole("200 OK", b"{}")).running() as server,
        HttpSender(Target(server.url), 5.0) as sender,
    ):
        for _ in range(5):
            await sender.post("/v1/orders", b"{}")
        assert server.connections == 1
        await asyncio.gather(*(sender.post("/v1/orders", b"{}") for _ in range(3)))
    assert server.connections <= 3


@pytest.mark.parametrize(("status", "said"), [("200 OK", None), ("503 No", "expected 200, was 503")])
async def test_a_router_is_asked_whether_it_is_ready_without_the_key(status: str, said: str | None) -> None:
    async with (
        Server(whole(status, b"{}")).running() as server,
        HttpSender(Target(server.url, Secret("the-key")), 5.0) as sender,
    ):
        told = await sender.ready()
    assert (told is None) if said is None else (told is not None and said in told)
    assert b"the-key" not in server.requests[0]
    assert server.requests[0].startswith(b"GET /readyz ")
