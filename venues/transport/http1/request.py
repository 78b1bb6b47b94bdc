"""A request as bytes: a head that was prepared once, joined to what differs each time. Pure."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from router.secrets import Secret

_PORTS: Final = {"http": 80, "https": 443}
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests state a length, also where there is no body (RFC 9110, 8.6)."""


class Origin(msgspec.Struct, frozen=True):
    """Whom sockets lead to. `path`: what stands before every target, without a slash at its end."""

    host: str
    port: int
    tls: bool
    path: str = ""

    @classmethod
    def parse(cls, base_url: str) -> "Origin":
        """From an address that `router.settings.hosts` has checked. Raises `ValueError` for another."""
        parts = urlsplit(base_url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("base_url: expected an address of http or https, was another text")
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            tls=parts.scheme == "https",
            path=parts.path.rstrip("/"),
        )

    @property
    def authority(self) -> str:
        """Host and port as the field `Host` has them: no port that is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"


class Template:
    """A request's head but for what differs each time: who asks, and the body with its length.

    `target`: path and query, percent-encoded.
    """

    __slots__ = ("_head", "_states_length")

    def __init__(self, method: str, origin: Origin, target: str, user_agent: str, *, json: bool) -> None:
        """`json`: a body goes with it, which is JSON."""
        lines = [
            f"{method} {origin.path}{target} HTTP/1.1",
            f"Host: {origin.authority}",
            f"User-Agent: {user_agent}",
            "Accept: application/json",
            # Said, since without the field any coding would be fine by the standard.
            "Accept-Encoding: identity",
        ]
        if json:
            lines.append("Content-Type: application/json")
        head = "".join(lines)
        if not (head.isascii() and head.isprintable()) or " " in target:
            raise ValueError("expected printable ASCII in a request's head, was another text")
        self._head = "\r\n".join((*lines, ""))
        self._states_length = method in _WITH_BODY

    def render(self, who: Mapping[str, str], body: bytes = b"") -> bytes:
        """The request. `who`: the fields that say who asks, made for it; they are kept nowhere.

        Raises `ValueError`, which does not show a value, where one cannot be a field's.
        """
        return _whole(self.begun(who), body)

    def begun(self, who: Mapping[str, str]) -> str:
        """A request up to the length of its body, or to the empty line where it states none.

        The first ends in a space, the second in a CRLF. Raises as `render` does.
        """
        fields = "".join([f"{name}: {value}\r\n" for name, value in who.items()])
        if (
            not fields.isascii()
            or fields.count("\n") != len(who)
            or not fields.replace("\r\n", "").isprintable()
        ):
            raise ValueError("expected credentials of printable ASCII, were others")
        length = "Content-Length: " if self._states_length else ""
        return f"{self._head}{fields}{length}"


class Prepared:
    """A template whose requests are all of the same one who asks: only the body, of JSON, differs.

    What says who asks is put in with the first request, and kept as a `Secret`.
    """

    __slots__ = ("_begun", "_template", "_who")

    def __init__(self, template: Template, who: Callable[[], Mapping[str, str]]) -> None:
        """`who`: makes the fields that say who asks, the same each time."""
        self._template = template
        self._who = who
        self._begun: Secret | None = None

    def render(self, body: bytes) -> bytes:
        """The request; raises as `Template.render` does."""
        if self._begun is None:
            self._begun = Secret(self._template.begun(self._who()))
        return _whole(self._begun.reveal(), body)


def _whole(begun: str, body: bytes) -> bytes:
    """`begun`: see `Template.begun`."""
    if begun[-1] == " ":
        begun = f"{begun}{len(body)}\r\n"
    return b"%b\r\n%b" % (begun.encode("ascii"), body)
