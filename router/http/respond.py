"""Answers on the wire: one encoder, the headers that every answer carries."""

from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from router.http import wire
from router.http.problems import RETRY_AFTER_S

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

BASE_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Server": "caas-router"}
"""On everything; `Server` is set so that no version is told."""
API_HEADERS: Final = BASE_HEADERS | {"Cache-Control": "no-store"}
_ENCODER: Final = msgspec.json.Encoder()
_NO_HEADERS: Final[Mapping[str, str]] = {}
_RETRY: Final = {"Retry-After": str(RETRY_AFTER_S)}
_RETRY_STATUSES: Final = (429, 503)
_NS_PER_S: Final = 1_000_000_000


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An answer of the API: what aiohttp writes as a `response`, and a lane of orders as it stands here.

    `headers` come after those that every answer has; their values are ours and have no line ends.
    """

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str]

    def response(self) -> web.Response:
        """As aiohttp takes it."""
        return web.Response(
            body=self.body,
            status=self.status,
            headers={**API_HEADERS, "Content-Type": self.content_type, **self.headers},
        )

    def encoded(self, now: int) -> bytes:
        """The whole HTTP/1.1 message, on a connection that stays open, byte for byte as aiohttp writes it.

        `now`: nanoseconds since the epoch, for `Date`.
        """
        head, body = _beginning(self.status, self.content_type), self.body
        for name, value in self.headers.items():
            head += f"{name}: {value}\r\n"
        head += f"Content-Length: {len(body)}\r\nDate: {_date(now // _NS_PER_S)}\r\n\r\n"
        return head.encode() + body


def json_answer(body: msgspec.Struct, status: int = 200, headers: Mapping[str, str] = _NO_HEADERS) -> Answer:
    """An answer of the API."""
    return Answer(status, JSON, _ENCODER.encode(body), headers)


def problem_answer(problem: wire.Problem, headers: Mapping[str, str] = _NO_HEADERS) -> Answer:
    """A problem, under its own status."""
    if problem.status in _RETRY_STATUSES:
        headers = {**_RETRY, **headers}
    return Answer(problem.status, PROBLEM_JSON, _ENCODER.encode(problem), headers)


def json_response(
    body: msgspec.Struct, status: int = 200, headers: Mapping[str, str] = _NO_HEADERS
) -> web.Response:
    """As `json_answer`, for aiohttp."""
    return json_answer(body, status, headers).response()


def problem_response(problem: wire.Problem, headers: Mapping[str, str] = _NO_HEADERS) -> web.Response:
    """As `problem_answer`, for aiohttp."""
    return problem_answer(problem, headers).response()


def raw_response(body: bytes, content_type: str) -> web.Response:
    """A body that is bytes already."""
    return Answer(200, content_type, body, _NO_HEADERS).response()


@lru_cache(maxsize=64)
def _beginning(status: int, content_type: str) -> str:
    """What answers of one kind begin with."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in API_HEADERS.items()]
    lines += [f"Content-Type: {content_type}", ""]
    return "\r\n".join(lines)


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    """The time of an answer, RFC 9110 5.6.7."""
    return formatdate(second, usegmt=True)
