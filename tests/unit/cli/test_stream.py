"""A streamed answer is read line by line as it comes; one that breaks off is never taken for a whole one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from router.cli.client import Client, UnansweredError
from tests.unit.cli.conftest import FakeRouter, Run

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@asynccontextmanager
async def answering(*parts: bytes, held: asyncio.Event | None = None) -> AsyncIterator[str]:
    """A socket that answers each request with these bytes; the last part waits for `held`. Yields its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts[:-1]:
            writer.write(part)
        await writer.drain()
        if held is not None:
            await held.wait()
        writer.write(parts[-1])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def lines_of(url: str, seen: Callable[[str], None]) -> None:
    headers = {"Accept": "text/event-stream"}
    with Client(url).stream("v1", "events", query={}, headers=headers, silence_s=5.0) as (reply, lines):
        assert reply is None
        for line in lines:
            seen(line)


WHOLE = [
    (CHUNKED + chunk(b"a\r\nb\n") + chunk(b"c\n") + LAST, ["a", "b", "c"]),
    (CHUNKED + chunk(b"a\nb") + chunk(b"c\n\n") + LAST, ["a", "bc", ""]),
    (CHUNKED + chunk(b"a\nb") + LAST, ["a", "b"]),
    (CHUNKED + LAST, []),
    (HEAD + b"Content-Length: 4\r\n\r\na\nb\n", ["a", "b"]),
    (HEAD + b"\r\na\nb\n", ["a", "b"]),
]
BROKEN = [
    (CHUNKED + chunk(b"a\nb\n"), ["a", "b"]),
    (CHUNKED + chunk(b"a\n") + b"5\r\nb\n", ["a", "b"]),
    (CHUNKED + chunk(b"a\n") + b"5\r\nb", ["a"]),
    (CHUNKED + chunk(b"a\n") + b"5", ["a"]),
    (CHUNKED, []),
    (HEAD + b"Content-Length: 9\r\n\r\na\nb\n", ["a", "b"]),
    (HEAD + b"Content-Length: 9\r\n\r\na\nb", ["a"]),
]


@pytest.mark.parametrize(("answer", "expected"), WHOLE)
async def test_a_whole_answer_is_its_lines(answer: bytes, expected: list[str]) -> None:
    seen: list[str] = []
    async with answering(answer) as url:
        await asyncio.to_thread(lines_of, url, seen.append)
    assert seen == expected


@pytest.mark.parametrize(("answer", "before"), BROKEN)
async def test_an_answer_that_breaks_off_is_an_error_after_what_came(
    answer: bytes, before: list[str]
) -> None:
    seen: list[str] = []
    async with answering(answer) as url:
        with pytest.raises(UnansweredError, match="broke off"):
            await asyncio.to_thread(lines_of, url, seen.append)
    assert seen == before


async def test_a_line_is_told_when_it_comes_and_not_when_the_answer_ends() -> None:
    held, told = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    async with answering(CHUNKED + chunk(b"a\n"), chunk(b"b\n") + LAST, held=held) as url:
        seen: list[str] = []

        def note(line: str) -> None:
            seen.append(line)
            loop.call_soon_threadsafe(told.set)

        reading = asyncio.create_task(asyncio.to_thread(lines_of, url, note))
        await told.wait()
        assert seen == ["a"]
        held.set()
        await reading
    assert seen == ["a", "b"]


async def test_events_that_break_off_say_where_to_go_on(router: FakeRouter, run: Run) -> None:
    async with answering(CHUNKED + chunk(b'id: e-7\nevent: x\ndata: {"n": 1}\n\n')) as url:
        router.url = url
        ran = await run("events", "--json")
    assert (ran.code, ran.out) == (4, '{"n": 1}\n')
    assert "broke off" in ran.flat
    assert "go on with --after e-7" in ran.flat
