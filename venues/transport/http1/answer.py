"""An answer out of bytes, however they were split. Pure: no socket, no clock.

    head → body of a known length ─────────────→ whole
         → chunk → its end → chunk … → trailers ─┘
         → interim (100, 102, 103): the next head

Whatever cannot be read in one way only raises `AnswerError`, and the parser is done for.
"""

import re
from typing import Final

from venues.transport.http1.head import (
    HEAD_BYTES_MAX,
    AnswerError,
    Head,
    Headers,
    check_fields,
    check_start,
    read_head,
)
from venues.transport.session import Answered

INTERIM_MAX: Final = 8
"""Answers of 1xx before the one: a server that goes on with them keeps us from seeing that there is none."""
CHUNKS_MAX: Final = 16 * 1024
"""Chunks of a body: the longest body that is read in pieces of 256 bytes. Smaller ones are an attack."""
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~\x80-\xff]*)?")
_CHUNK_LINE_BYTES_MAX: Final = 256


class AnswerParser:
    """Reads one answer after another; `expect` begins one.

    When `feed` has given it, `keeps` says whether the connection may be used again (`keeps_s`: for how many
    seconds of rest the server keeps it; None: it does not say), and `rest` what came after it.
    """

    __slots__ = (
        "_body_bytes_max",
        "_body_missing",
        "_chunks",
        "_fields",
        "_head",
        "_interim",
        "_parts",
        "_pending",
        "_size",
        "keeps",
        "keeps_s",
        "rest",
    )

    def __init__(self) -> None:
        self._head: Head | None = None
        self._fields = b""
        self._pending = b""
        self._parts: list[bytes] = []
        self.keeps = False
        self.keeps_s: int | None = None
        self.expect(0)

    @property
    def begun(self) -> bool:
        """Whether something of an answer came that is not whole yet."""
        return self._head is not None or self._pending != b"" or self._interim > 0

    def expect(self, body_bytes_max: int) -> None:
        """The next bytes begin an answer, whose body has at most so many."""
        self._body_bytes_max = body_bytes_max
        self._interim = 0
        self.rest = b""

    def feed(self, data: bytes) -> Answered | None:
        """Take what came; the answer as soon as it is whole. Raises `AnswerError`."""
        if self._pending:
            data = self._pending + data
            self._pending = b""
        if self._head is not None:
            return self._go_on(self._head, data)
        end = data.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_BYTES_MAX:
            check_start(data)
            self._pending = data
            return None
        fields, data = data[: end + 2], data[end + 4 :]
        head = read_head(fields)
        if len(data) == head.length and len(data) <= self._body_bytes_max and head.status >= 200:
            # Head and body in one piece, as most answers come.
            return self._whole(head, fields, data)
        if head.status < 200:
            self._interim += 1
            if self._interim > INTERIM_MAX:
                raise AnswerError(f"expected an answer after {INTERIM_MAX} of 1xx, was another of them")
            return self.feed(data) if data else None
        self._begin_body(head, fields)
        return self._go_on(head, data)

    def _begin_body(self, head: Head, fields: bytes) -> None:
        self._head, self._fields = head, fields
        self._size = self._chunks = self._body_missing = 0
        if head.length is not None:
            self._grow(head.length)
            self._body_missing = head.length

    def _go_on(self, head: Head, data: bytes) -> Answered | None:
        body = self._feed_chunks(data) if head.length is None else self._feed_body(data)
        if body is None:
            return None
        fields, self._head, self._fields, self._parts = self._fields, None, b"", []
        return self._whole(head, fields, body)

    def _whole(self, head: Head, fields: bytes, body: bytes) -> Answered:
        self.keeps = head.keeps and not self.rest
        self.keeps_s = head.keeps_s
        return Answered(head.status, Headers(fields), body)

    def _grow(self, length: int) -> None:
        self._size += length
        if self._size > self._body_bytes_max:
            raise AnswerError(f"expected at most {self._body_bytes_max} bytes, were more")

    def _feed_body(self, data: bytes) -> bytes | None:
        missing = self._body_missing
        if len(data) < missing:
            self._body_missing -= len(data)
            self._parts.append(data)
            return None
        if len(data) > missing:
            data, self.rest = data[:missing], data[missing:]
        return b"".join((*self._parts, data)) if self._parts else data

    def _feed_chunks(self, data: bytes) -> bytes | None:
        """Chunk after chunk; what is no whole line yet waits for the rest of it."""
        at = 0
        while True:
            if self._body_missing:
                # The two bytes that end a chunk are counted with it.
                part = data[at : at + self._body_missing]
                at += len(part)
                self._body_missing -= len(part)
                self._parts.append(part)
                if self._body_missing:
                    return None
                self._end_chunk()
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                if len(data) - at > _CHUNK_LINE_BYTES_MAX or b"\n" in data[at:]:
                    raise AnswerError("expected the size of a chunk, was something else")
                self._pending = data[at:]
                return None
            size = self._chunk_size(data[at:line_end])
            if size == 0:
                return self._feed_trailers(data, at, line_end)
            self._body_missing = size + 2
            at = line_end + 2

    def _chunk_size(self, line: bytes) -> int:
        found = _CHUNK.fullmatch(line)
        if found is None or len(line) > _CHUNK_LINE_BYTES_MAX:
            raise AnswerError("expected the size of a chunk, was something else")
        size = int(found[1], 16)
        if size:
            self._chunks += 1
            if self._chunks > CHUNKS_MAX:
                raise AnswerError(f"expected at most {CHUNKS_MAX} chunks, were more")
            self._grow(size)
        return size

    def _end_chunk(self) -> None:
        """The last bytes of what was read are the chunk's end; they may have come apart."""
        end = self._parts.pop()
        if len(end) == 1 and self._parts:
            end = self._parts.pop() + end
        if end[-2:] != b"\r\n":
            raise AnswerError("expected a chunk's end, was more of it")
        self._parts.append(end[:-2])

    def _feed_trailers(self, data: bytes, at: int, line_end: int) -> bytes | None:
        """`at`: where the line of the last chunk begins; with it in front, no trailers look like some."""
        end = data.find(b"\r\n\r\n", line_end)
        if end < 0:
            if len(data) - at > HEAD_BYTES_MAX:
                raise AnswerError(f"expected trailers of at most {HEAD_BYTES_MAX} bytes, were more")
            self._pending = data[at:]
            return None
        check_fields(data[line_end + 2 : end + 2])
        self.rest = data[end + 4 :]
        return b"".join(self._parts)
