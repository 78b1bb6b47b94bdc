"""Answers on the wire: one encoder, the headers that every answer carries."""

from collections.abc import Mapping
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
_RETRY_STATUSES: Final = (429, 503)


def json_response(
    body: msgspec.Struct, status: int = 200, headers: Mapping[str, str] = _NO_HEADERS
) -> web.Response:
    """An answer of the API."""
    return web.Response(
        body=_ENCODER.encode(body),
        status=status,
        headers={**API_HEADERS, "Content-Type": JSON, **headers},
    )


def problem_response(problem: wire.Problem, headers: Mapping[str, str] = _NO_HEADERS) -> web.Response:
    """A problem, under its own status."""
    extra = {"Retry-After": str(RETRY_AFTER_S)} if problem.status in _RETRY_STATUSES else _NO_HEADERS
    return web.Response(
        body=_ENCODER.encode(problem),
        status=problem.status,
        headers={**API_HEADERS, "Content-Type": PROBLEM_JSON, **extra, **headers},
    )


def raw_response(body: bytes, content_type: str) -> web.Response:
    """A body that is bytes already."""
    return web.Response(body=body, headers={**API_HEADERS, "Content-Type": content_type})
