"""The head of an answer: its grammar, and how the body after it is framed (RFC 9112). Pure.

Refused is what two readers could take for two things: a line that ends without CR, a folded line, space
before a colon, a length that is repeated, signed or no ASCII number, a length beside chunks, another transfer
coding. So is what was not asked for: another protocol, an encoded body.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar, overload

import msgspec

T = TypeVar("T")

HEAD_BYTES_MAX: Final = 16 * 1024
"""Twice what servers commonly allow a head to have: a longer one is no counterparty's."""
FIELDS_MAX: Final = 100
_LENGTH_DIGITS_MAX: Final = 10
_FRAMINGS_KEPT: Final = 128
"""A counterparty's answers differ in their length, and in little else that decides."""
_FIELD: Final = rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+\r\n)"
_HEAD: Final = re.compile(
    rb"HTTP/1\.1 ([1-5][0-9][0-9])(?: [\t -~\x80-\xff]*+)?\r\n" + _FIELD + rb"{0,%d}+" % FIELDS_MAX
)
_FIELDS: Final = re.compile(_FIELD + rb"{0,%d}+" % FIELDS_MAX)
_FRAMING: Final = re.compile(
    rb"\r\n(content-length|transfer-encoding|content-encoding|connection|keep-alive):([^\r]*)", re.IGNORECASE
)
_BLANK: Final = b" \t"
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_START: Final = b"HTTP/1.1 "
_TIMEOUT: Final = re.compile(rb"(?:^|[,; \t])timeout=([0-9]{1,6})(?:$|[,; \t])")


class AnswerError(Exception):
    """What came is no answer; `detail` says what was expected and does not repeat what came."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Headers(Mapping[str, str]):
    """The fields of a head, looked up by name in any case; of a repeated one, the first.

    Nothing is taken apart before it is asked for: of all that a counterparty sends, three are ever read.
    """

    __slots__ = ("_head", "_lowered")

    def __init__(self, head: bytes) -> None:
        """`head`: status line and fields, each with its CRLF, valid."""
        self._head = head
        self._lowered = head.lower()

    @overload
    def get(self, key: str, /) -> str | None: ...

    @overload
    def get(self, key: str, /, default: str) -> str: ...

    @overload
    def get(self, key: str, /, default: T) -> str | T: ...

    def get(self, key: str, /, default: Any = None) -> Any:
        """The field's value, else `default`."""
        name = _sought(key)
        at = self._lowered.find(name)
        if at < 0:
            return default
        at += len(name)
        return self._head[at : self._head.index(b"\r", at)].decode("latin-1").strip(" \t")

    def __getitem__(self, key: str) -> str:
        """The field's value; raises `KeyError`."""
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        """The names in lower case, each once."""
        lines = self._lowered.split(b"\r\n")[1:-1]
        return iter(dict.fromkeys(line.partition(b":")[0].decode("ascii") for line in lines))

    def __len__(self) -> int:
        """How many names there are."""
        return sum(1 for _ in self)


@lru_cache(maxsize=64)
def _sought(name: str) -> bytes:
    return b"\r\n" + name.lower().encode("latin-1", "replace") + b":"


class Head(msgspec.Struct, frozen=True):
    """What a head says of the body and of the connection, the same for all answers that say the same of both.

    `status`: below 200 the answer is yet to come. `length`: of the body in bytes; None where it comes in
    chunks. `keeps`: the connection may be used again, for at most `keeps_s` seconds of rest where that is not
    None.
    """

    status: int
    length: int | None
    keeps: bool
    keeps_s: int | None


def read_head(head: bytes) -> Head:
    """A head from its bytes: status line and fields, each with its CRLF, without the empty line.

    Raises `AnswerError`.
    """
    found = _HEAD.fullmatch(head)
    if found is None:
        raise AnswerError(_wrong(head))
    return _framed(int(found[1]), tuple(_FRAMING.findall(head)))


@lru_cache(_FRAMINGS_KEPT)
def _framed(status: int, fields: tuple[tuple[bytes, bytes], ...]) -> Head:
    """`fields`: names and values of those that decide. Raises `AnswerError`, anew each time."""
    lengths: list[bytes] = []
    codings: list[bytes] = []
    keeps, keeps_s = True, None
    for name, value in fields:
        match name.lower():
            case b"content-length":
                lengths.append(value)
            case b"transfer-encoding":
                codings.append(value)
            case b"content-encoding":
                if value.strip(_BLANK).lower() not in (b"", b"identity"):
                    raise AnswerError("content-encoding: expected a body as it is, was an encoded one")
            case b"connection":
                keeps = keeps and not any(
                    option.strip(_BLANK).lower() == b"close" for option in value.split(b",")
                )
            case b"keep-alive":
                stated = _TIMEOUT.search(value.lower())
                keeps_s = None if stated is None else int(stated[1])
    return Head(status, _length(status, lengths, codings), keeps, keeps_s)


def check_fields(fields: bytes) -> None:
    """The fields after the last chunk: they say nothing to us. Raises `AnswerError` where they are none."""
    if _FIELDS.fullmatch(fields) is None:
        raise AnswerError("expected fields after the last chunk, was something else")


def check_start(begun: bytes) -> None:
    """What has come of a head so far can become one. Raises `AnswerError`."""
    if not _START.startswith(begun[: len(_START)]):
        raise AnswerError("expected an answer of HTTP/1.1, was something else")
    if len(begun) > HEAD_BYTES_MAX:
        raise AnswerError(f"expected a head of at most {HEAD_BYTES_MAX} bytes, was longer")
    if _BARE_LF.search(begun) is not None:
        raise AnswerError("expected lines that end in CRLF, was a bare LF")


def _length(status: int, lengths: list[bytes], codings: list[bytes]) -> int | None:
    """How long the body is: what RFC 9112 (6.3) says, less every case in which it has to guess."""
    if codings and (lengths or len(codings) > 1 or codings[0].strip(_BLANK).lower() != b"chunked"):
        raise AnswerError("transfer-encoding: expected chunked and no length beside it, was otherwise")
    length = _stated_length(lengths) if lengths else 0
    if status < 200 or status == 204:
        if status == 101:
            raise AnswerError("expected an answer, was a change of protocol")
        if codings or length:
            raise AnswerError(f"expected no body after {status}, was one")
        return 0
    if status == 304:
        return 0
    if codings:
        return None
    if not lengths:
        raise AnswerError("expected a length or chunks, was neither")
    return length


def _stated_length(lengths: list[bytes]) -> int:
    text = lengths[0].strip(_BLANK)
    # `bytes.isdigit` knows ASCII alone.
    if len(lengths) != 1 or not text.isdigit() or len(text) > _LENGTH_DIGITS_MAX:
        raise AnswerError("content-length: expected one number, was something else")
    return int(text)


def _wrong(head: bytes) -> str:
    """What is wrong with a head that is none."""
    if not head.startswith(_START):
        return "expected an answer of HTTP/1.1, was something else"
    if _BARE_LF.search(head) is not None:
        return "expected lines that end in CRLF, was a bare LF"
    if head.count(b"\r\n") > FIELDS_MAX + 1:
        return f"expected at most {FIELDS_MAX} fields, were more"
    return "expected a status line and fields, was something else"
