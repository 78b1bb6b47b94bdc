"""One connection, told by hand what a loop would tell it, in virtual time."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.virtual_loop import in_virtual_time, pass_time
from venues.transport.http1.connection import Connection
from venues.transport.session import Answered, Exchange, Lost

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Wire(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = self.closed = 0
        self.unsent = 0

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return bool(self.aborted or self.closed)

    def abort(self) -> None:
        self.aborted += 1

    def close(self) -> None:
        self.closed += 1


class Told:
    """An owner, and all that it was told."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.tell: Callable[[Exchange], None] = lambda _: None
        self.wire = Wire()
        self.connection = Connection(self, asyncio.get_running_loop())
        self.connection.connection_made(self.wire)

    def made(self, connection: Connection) -> None:
        self.words.append("made")

    def freed(self, connection: Connection) -> None:
        self.words.append("freed")

    def gone(self, connection: Connection) -> None:
        self.words.append("gone")

    def ended(self, connection: Connection) -> None:
        self.words.append("ended")

    def send(self, left_s: float = 5.0) -> "asyncio.Future[Exchange]":
        answer: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        self.tell = answer.set_result
        self.connection.send(b"request", 100, left_s, 5000, self.tell)
        return answer


@in_virtual_time
async def test_a_request_and_its_answer() -> None:
    told = Told()
    assert told.connection.is_quiet()
    answer = told.send()
    assert not told.connection.is_quiet()
    told.connection.data_received(OK)
    got = await answer
    assert isinstance(got, Answered)
    assert (got.body, told.wire.written) == (b"ok", [b"request"])
    assert told.connection.is_quiet()
    assert (told.words, told.wire.aborted, told.connection.answers) == (["made", "freed"], 0, 1)


@in_virtual_time
async def test_the_time_of_a_request_that_was_answered_ends_no_other() -> None:
    told = Told()
    first = told.send(1.0)
    told.connection.data_received(OK)
    await first
    await pass_time(0.5)
    second = told.send(5.0)
    await pass_time(4.0)
    told.connection.data_received(OK)
    assert isinstance(await second, Answered)
    third = told.send(1.0)
    await pass_time(2.0)
    assert await third == Lost("timeout", "expected an answer within 5000 ms, none came")
    assert told.wire.aborted == 1


@in_virtual_time
async def test_who_gives_up_an_answer_that_was_given_does_not_end_the_next_request() -> None:
    told = Told()
    told.send()
    first = told.tell
    told.connection.data_received(OK)
    second = told.send()
    told.connection.abandon(first)
    told.connection.data_received(OK)
    assert isinstance(await second, Answered)
    assert told.wire.aborted == 0


@in_virtual_time
async def test_who_gives_up_an_answer_that_is_to_come_ends_the_connection() -> None:
    told = Told()
    answer = told.send()
    told.connection.abandon(told.tell)
    assert (told.wire.aborted, told.words) == (1, ["made", "gone"])
    told.connection.data_received(OK)
    told.connection.connection_lost(None)
    assert told.words == ["made", "gone", "ended"]
    assert not answer.done()


@in_virtual_time
async def test_a_shorter_time_than_the_one_before_is_kept_too() -> None:
    told = Told()
    first = told.send(5.0)
    told.connection.data_received(OK)
    await first
    second = told.send(1.0)
    await pass_time(1.5)
    assert second.done()
    assert told.wire.aborted == 1


@in_virtual_time
async def test_a_time_that_is_over_at_rest_ends_nothing() -> None:
    told = Told()
    first = told.send(1.0)
    told.connection.data_received(OK)
    await first
    await pass_time(2.0)
    assert told.connection.is_quiet()
    second = told.send(1.0)
    await pass_time(1.5)
    assert isinstance(await second, Lost)


@in_virtual_time
async def test_each_way_to_lose_a_request_ends_the_connection_once() -> None:
    ways: list[tuple[str, Any, str]] = [
        ("data_received", b"nonsense\r\n\r\n", "off_wire"),
        ("connection_lost", ConnectionResetError(), "reset"),
        ("connection_lost", None, "reset"),
    ]
    for method, what, result in ways:
        told = Told()
        answer = told.send()
        getattr(told.connection, method)(what)
        got = await answer
        assert isinstance(got, Lost)
        assert got.result == result
        assert (told.wire.aborted, told.words[:2]) == (1, ["made", "gone"])
        if method != "connection_lost":
            told.connection.connection_lost(None)
        assert told.words == ["made", "gone", "ended"]
        assert not told.connection.is_quiet()


@in_virtual_time
async def test_how_an_answer_broke_off_is_told() -> None:
    for said, detail in ((b"", "the connection broke: EOF"), (OK[:20], "the answer broke off")):
        told = Told()
        answer = told.send()
        if said:
            told.connection.data_received(said)
        told.connection.eof_received()
        assert await answer == Lost("reset", detail)


@in_virtual_time
async def test_an_answer_before_the_request_was_written_is_none() -> None:
    told = Told()
    told.wire.unsent = 1
    answer = told.send()
    told.connection.data_received(OK)
    got = await answer
    assert isinstance(got, Lost)
    assert (got.result, told.words) == ("off_wire", ["made", "gone"])


@in_virtual_time
async def test_leave_is_taken_of_one_at_rest_and_one_in_flight_falls() -> None:
    told = Told()
    told.connection.close()
    assert (told.wire.closed, told.wire.aborted, told.words) == (1, 0, ["made", "gone"])
    told = Told()
    answer = told.send()
    told.connection.close()
    assert (told.wire.closed, told.wire.aborted, told.words) == (0, 1, ["made", "gone"])
    assert await answer == Lost("reset", "the connection was closed before the answer came")
