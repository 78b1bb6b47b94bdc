"""What a route is: one method on one path, what it takes and what it answers."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from router.core.errors import Code
from router.http.context import Handler
from router.http.requests import CURSOR_LENGTH_MAX, PAGE_LENGTH, PAGE_LENGTH_MAX
from router.settings import Scope


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of the query or a header; `kind` is the type that its schema is made from."""

    name: str
    kind: object
    summary: str
    default: object = None
    required: bool = False


class Good(msgspec.Struct, frozen=True):
    """An answer that is no problem: a wire type, or the media type of what is no JSON of ours.

    `also`: media types that the same answer comes in besides, as text, for who asks for them.
    """

    summary: str
    body: type[msgspec.Struct] | None = None
    media_type: str = "application/json"
    also: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    parts: tuple[type[msgspec.Struct], ...] = ()
    """Wire types that stand inside of another format, and must be described all the same."""


class Operation(msgspec.Struct, frozen=True):
    """One method on one path. `scope` None: open to everyone."""

    method: str
    path: str
    handler: Handler
    tag: str
    summary: str
    answers: Mapping[int, Good]
    problems: tuple[Code, ...] = ()
    body: type[msgspec.Struct] | None = None
    example: Mapping[str, object] | None = None
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    """What it reads of the request's headers. `Accept`, `Content-Type` and `Authorization` are none of them:
    OpenAPI describes those by the answers, the body and the security scheme (3.1, Parameter Object)."""
    scope: Scope | None = Scope.READ
    bounded: bool = False
    """Work that an overloaded router refuses: what begins something, and never what reads or ends it."""

    @property
    def id(self) -> str:
        """The operation's name in the description."""
        return str(getattr(self.handler, "__name__", self.path))

    @property
    def path_parameters(self) -> list[str]:
        """The names in the path's template."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def query_names(self) -> frozenset[str]:
        """The query parameters that it takes."""
        return frozenset(parameter.name for parameter in self.query)

    @property
    def is_api(self) -> bool:
        """Whether it is part of the versioned API, where an unknown query parameter is refused."""
        return self.path.startswith("/v1/")


LIMIT: Final = Parameter(
    "limit",
    Annotated[int, msgspec.Meta(ge=1, le=PAGE_LENGTH_MAX)],
    "Rows on a page.",
    default=PAGE_LENGTH,
)
CURSOR: Final = Parameter(
    "cursor",
    Annotated[str, msgspec.Meta(min_length=1, max_length=CURSOR_LENGTH_MAX)],
    "An answer's `next_cursor`.",
)
PLACED: Final = ("Location", "Idempotent-Replayed")
