"""Logs: one JSON object to a line and an event, on stderr.

What is written at once: everything but `Line`s, which the router makes one an order of and which may wait a
few milliseconds for each other. A kill loses those; it loses no warning. The journal is the record of what
happened, the log is not.
"""

import json
import logging
import time
from collections.abc import Callable
from typing import BinaryIO, Protocol, cast

import msgspec
import structlog

from router.observe.sink import InStream, Sink


class Line(msgspec.Struct, gc=False):
    """A line with known fields: those who write one for each order make it at a third of a dict's price.

    By their place, that is: names take a struct of so many fields ten times as long. So none has a default.
    `timestamp` is filled in by the log.
    """

    event: str
    level: str
    timestamp: str


class Log(Protocol):
    """What an event is written through: a name of the event and its fields.

    `debugging`: whether `debug` writes anything. It is asked before anything is made for a line of that
    level: an order's every step is told at it, and costs nothing where nobody wants to know.
    """

    @property
    def debugging(self) -> bool:
        """Whether lines at the level `debug` are written."""

    def debug(self, event: str, **fields: object) -> None:
        """A single step, for who looks for a fault."""

    def info(self, event: str, **fields: object) -> None:
        """Something that belongs to the course of things."""

    def warning(self, event: str, **fields: object) -> None:
        """Something that an operator may want to look at."""

    def error(self, event: str, **fields: object) -> None:
        """Something that needs an operator."""

    def line(self, line: Line) -> None:
        """A line with known fields, which may be written a few milliseconds later."""

    def flush(self, within_s: float) -> None:
        """Write what waits, at most for so long: the process ends."""


class JsonLog:
    """A log of JSON lines. `debugging`: with the level `debug`. Threads may share it."""

    def __init__(self, sink: Sink, *, debugging: bool = False) -> None:
        self.debugging = debugging
        self._sink = sink
        self._second = (-1, "")
        self._lost_told = 0
        self._telling = False
        # Bound once, with nothing global configured: a proxy that is bound at each call costs more than the
        # line. The hot line, one an order, does not come this way (`line`).
        bound = cast("Callable[..., Log]", structlog.make_filtering_bound_logger(logging.DEBUG))
        self._events = bound(
            _Writer(self),
            [structlog.processors.add_log_level, self._stamp, structlog.processors.format_exc_info, _render],
            {},
        )

    def debug(self, event: str, **fields: object) -> None:
        """Write a line of the level `debug`, if that is wanted."""
        if self.debugging:
            self._events.debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """Write a line of the level `info`."""
        self._events.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Write a line of the level `warning`."""
        self._events.warning(event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """Write a line of the level `error`."""
        self._events.error(event, **fields)

    def line(self, line: Line) -> None:
        """Hold a line until it is written with others."""
        line.timestamp = self._now()
        self._sink.hold(_encoded(line) + b"\n")

    def flush(self, within_s: float) -> None:
        """Write what waits, at most for so long: the process ends."""
        self._sink.flush(within_s)

    def write(self, line: bytes) -> None:
        """Write a line at once, and say what was lost before it."""
        self._sink.write(line + b"\n")
        if self._sink.lost != self._lost_told and not self._telling:
            self._telling = True
            self._tell_lost()
            self._telling = False

    def _tell_lost(self) -> None:
        """Say how many lines were given up, as soon as there is room for the one that says it."""
        lost, told = self._sink.lost, self._lost_told
        if not self._sink.flush(0):
            return
        self.warning("log_lines_lost", lines=lost - told)
        if self._sink.lost == lost:
            self._lost_told = lost
        else:
            # That line went the same way; it is none of those that it counts.
            self._sink.lost = lost

    def _stamp(
        self, _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event["timestamp"] = self._now()
        return event

    def _now(self) -> str:
        """The wall's time in UTC, RFC 3339 with microseconds; the text of a second is made once."""
        ns = time.time_ns()
        second = ns // 1_000_000_000
        known, text = self._second
        if second != known:
            text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            # One pair: a thread that comes between sees the old one or the new one whole.
            self._second = (second, text)
        return f"{text}{ns // 1000 % 1_000_000:06d}Z"


class _Writer:
    """What structlog hands its lines to."""

    def __init__(self, log: JsonLog) -> None:
        self._log = log

    def msg(self, line: bytes) -> None:
        """Write a line at once."""
        self._log.write(line)

    debug = info = warning = error = msg


_encoder = msgspec.json.Encoder(enc_hook=repr)


def _render(_logger: object, _method: str, event: structlog.typing.EventDict) -> bytes:
    return _encoded(event)


def _encoded(told: Line | structlog.typing.EventDict) -> bytes:
    try:
        return _encoder.encode(told)
    except UnicodeEncodeError:
        # Half a surrogate pair in what somebody sent: UTF-8 cannot hold it, JSON can escape it. An event
        # must not be lost to its text, nor the order that it is about to the event.
        fields = msgspec.structs.asdict(told) if isinstance(told, Line) else told
        return json.dumps(fields, default=repr).encode()


def make_log(stream: BinaryIO, *, debugging: bool = False) -> JsonLog:
    """A log that writes to a stream in memory. Nothing global is configured: whoever logs is handed one."""
    return JsonLog(InStream(stream), debugging=debugging)
