"""A descriptor is written to without waiting for its reader; nothing that becomes of it stops the router."""

import asyncio
import contextlib
import os
import select
import sys
import threading
from collections.abc import Iterator

import pytest

from router.observe.sink import Descriptor

LINE = b"x" * 99 + b"\n"


class Pipe:
    """A pipe with nobody at its other end but the test."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)

    def read(self) -> bytes:
        """All that is there."""
        parts = []
        try:
            while part := os.read(self.reader, 65536):
                parts.append(part)
        except BlockingIOError:
            pass
        return b"".join(parts)

    def fill(self) -> int:
        """Write until it takes no more; how much went in."""
        poll, filled = select.poll(), 0
        poll.register(self.writer, select.POLLOUT)
        while poll.poll(0):
            filled += os.write(self.writer, b"." * select.PIPE_BUF)
        return filled

    async def some(self) -> bytes:
        """What comes next."""
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.reader, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self.reader)
        return self.read()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    for number in (made.reader, made.writer):
        with contextlib.suppress(OSError):
            os.close(number)


def test_a_line_is_there_when_write_returns(pipe: Pipe) -> None:
    Descriptor(pipe.writer).write(LINE)
    assert pipe.read() == LINE


async def test_held_lines_come_together_within_moments(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer)
    sink.hold(b"one\n")
    sink.hold(b"two\n")
    assert pipe.read() == b""
    assert await pipe.some() == b"one\ntwo\n"
    sink.hold(b"three\n")
    assert await pipe.some() == b"three\n"


async def test_a_line_that_is_written_takes_along_what_is_held_before_it(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer, hold_s=3600)
    sink.hold(b"held\n")
    sink.write(b"at once\n")
    assert pipe.read() == b"held\nat once\n"
    assert sink.flush(0)


def test_without_a_loop_a_held_line_is_written_at_once(pipe: Pipe) -> None:
    Descriptor(pipe.writer).hold(LINE)
    assert pipe.read() == LINE


async def test_what_is_held_is_written_at_the_end(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer, hold_s=3600)
    sink.hold(LINE)
    assert sink.flush(0)
    assert pipe.read() == LINE


def test_a_reader_that_does_not_read_stops_nobody(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer)
    filled = pipe.fill()
    sink.write(b"waits\n")
    assert not sink.flush(0)
    assert pipe.read() == b"." * filled
    assert sink.flush(0)
    assert pipe.read() == b"waits\n"
    assert sink.lost == 0


async def test_what_waited_is_written_when_somebody_reads_again(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer)
    filled = pipe.fill()
    sink.write(b"waits\n")
    assert len(pipe.read()) == filled
    assert await pipe.some() == b"waits\n"


def test_what_does_not_fit_is_counted_and_nothing_is_cut(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer, waiting_bytes_max=2 * len(LINE))
    pipe.fill()
    for _ in range(5):
        sink.write(LINE)
    assert sink.lost == 3
    pipe.read()
    assert sink.flush(0)
    assert pipe.read() == 2 * LINE


def test_many_lines_go_out_whole_however_many_wait(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer)
    pipe.fill()
    lines = [f"{number:0120d}\n".encode() for number in range(200)]
    for line in lines:
        sink.write(line)
    pipe.read()
    assert sink.flush(0)
    assert pipe.read() == b"".join(lines)


def test_a_line_longer_than_a_pipe_takes_at_once_goes_out_whole(pipe: Pipe) -> None:
    long = b"y" * 3 * select.PIPE_BUF + b"\n"
    Descriptor(pipe.writer).write(long)
    assert pipe.read() == long


def test_a_reader_that_is_gone_fails_nobody(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer)
    os.close(pipe.reader)
    sink.write(LINE)
    sink.write(LINE)
    assert sink.lost == 2
    assert sink.flush(0)


def test_a_descriptor_that_somebody_made_non_blocking_loses_nothing(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    filled = pipe.fill()
    sink = Descriptor(pipe.writer)
    sink.write(LINE)
    assert len(pipe.read()) == filled
    assert sink.flush(0)
    assert pipe.read() == LINE


def test_a_descriptor_that_says_it_has_room_and_has_too_little_loses_nothing() -> None:
    # An eventfd adds numbers of eight bytes: there is room for a one, and none for what the line reads as.
    number = os.eventfd(0, os.EFD_NONBLOCK)
    os.eventfd_write(number, 2**64 - 3)
    sink = Descriptor(number)
    sink.write(b"waiting\n")
    assert (sink.lost, sink.flush(0)) == (0, False)
    os.eventfd_read(number)
    assert sink.flush(0)
    assert os.eventfd_read(number).to_bytes(8, sys.byteorder) == b"waiting\n"
    os.close(number)


def test_the_end_waits_for_a_reader_that_comes(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer)
    pipe.fill()
    sink.write(LINE)
    reader = threading.Thread(target=pipe.read)
    reader.start()
    assert sink.flush(30)
    reader.join()


def test_threads_share_it_line_by_line(pipe: Pipe) -> None:
    sink = Descriptor(pipe.writer)
    writers = [
        threading.Thread(target=lambda each=each: [sink.write(each * 20 + b"\n") for _ in range(50)])
        for each in (b"a", b"b")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = pipe.read().splitlines()
    assert sorted(lines) == [b"a" * 20] * 50 + [b"b" * 20] * 50
