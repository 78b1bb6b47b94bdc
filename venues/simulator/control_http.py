"""How the control endpoint reads bodies and answers: JSON in and out, `error` where it refuses."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from .errors import RefusedError
from .money import exact

T = TypeVar("T")
Body = bytes
Handler = Callable[[web.Request, Body], object]


def read(body: Body, shape: type[T]) -> T:
    """Decode a body; 400 with what was expected if it has another shape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise web.HTTPBadRequest(text=str(error)) from error


def served(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Turn a synchronous handler into one of aiohttp's."""

    async def serve(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        status = 200
        answer: object
        try:
            with exact():
                answer = handler(request, body)
        except RefusedError as refused:
            status, answer = 400, {"error": refused.name, "key": refused.key}
        except web.HTTPException as error:
            status, answer = error.status, {"error": error.text}
        return web.Response(status=status, body=msgspec.json.encode(answer), content_type="application/json")

    return serve
