"""Logs: one JSON object to a line and an event, on stderr."""

import json
from typing import BinaryIO, Protocol, cast

import msgspec
import structlog


class Log(Protocol):
    """What an event is written through: a name of the event and its fields."""

    def info(self, event: str, **fields: object) -> None:
        """Something that belongs to the course of things."""

    def warning(self, event: str, **fields: object) -> None:
        """Something that an operator may want to look at."""

    def error(self, event: str, **fields: object) -> None:
        """Something that needs an operator."""


_encoder = msgspec.json.Encoder(enc_hook=repr)


def _render(_logger: object, _method: str, event: structlog.typing.EventDict) -> bytes:
    try:
        return _encoder.encode(event)
    except UnicodeEncodeError:
        # Half a surrogate pair in what somebody sent: UTF-8 cannot hold it, JSON can escape it. An event
        # must not be lost to its text, nor the order that it is about to the event.
        return json.dumps(event, default=repr).encode()


def make_log(stream: BinaryIO) -> Log:
    """A log that writes to `stream`. Nothing global is configured: whoever logs is handed one."""
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _render,
    ]
    return cast("Log", structlog.wrap_logger(structlog.BytesLogger(stream), processors=processors))
