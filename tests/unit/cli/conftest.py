"""A router that answers what it was told to, and the command line run against it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.cli.app import main
from tests.unit.cli.samples import encoded

HANG_UP = "hang up"
"""In place of an answer: the connection ends without one."""


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    body: object
    authorization: str | None


@dataclass
class FakeRouter:
    """Answers by method and path; what it has no answer for is 404, as a proxy would say it."""

    answers: dict[tuple[str, str], list[tuple[int, bytes, str]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, status: int, body: object) -> bytes:
        """Answer so from now on, or next where it was told more than once; gives the bytes."""
        raw = body if isinstance(body, bytes) else encoded(body)
        kind = "application/json" if status < 400 else "application/problem+json"
        if body == HANG_UP:
            kind = HANG_UP
        self.answers.setdefault((method, path), []).append((status, raw, kind))
        return raw

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.asked.append(Asked(request.method, request.path_qs, body, request.headers.get("Authorization")))
        told = self.answers.get((request.method, request.path_qs), [])
        if not told:
            return web.Response(status=404, text="<html>nothing here</html>", content_type="text/html")
        status, raw, kind = told.pop(0) if len(told) > 1 else told[0]
        if kind == HANG_UP:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if raw.startswith(b"<html>"):
            kind = "text/html"
        if raw.startswith(b"retry:"):
            kind = "text/event-stream"
        return web.Response(status=status, body=raw, headers={"Content-Type": kind})


@pytest.fixture
async def router() -> AsyncIterator[FakeRouter]:
    fake = FakeRouter()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", fake.handle)
    server = TestServer(app)
    await server.start_server()
    fake.url = str(server.make_url("/")).rstrip("/")
    yield fake
    await server.close()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def flat(self) -> str:
        """What was printed, whatever the width it was broken to."""
        return " ".join((self.out + self.err).split())


Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
def run(router: FakeRouter, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line against the fake router."""

    async def against(*argv: str) -> Ran:
        code = await asyncio.to_thread(main, [*argv, "--url", router.url])
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return against
