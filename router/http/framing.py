"""Where aiohttp's parser stands on a connection: between two requests, inside of one, or no longer plain.

A pure account of the bytes that were handed to it, by the lengths that requests say. It is sure or it says
so: once anything comes that it cannot tell from its first bytes (a head in two pieces, a chunked body, a
request before the answer to the last one), it has lost count for good.
"""

import re
from typing import Final

HEAD_BYTES_MAX: Final = 4096
"""A longer head is not looked into: no desk's is, and it would be kept."""
_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n")
_NOT_PLAIN: Final = (b"transfer-encoding", b"upgrade", b"expect")


class Framing:
    """`between`: all requests so far came whole and were answered. `lost`: that can no longer be known.

    `head`: the latest request's, up to and with its empty line; `length`: of its body, by its own word.
    """

    __slots__ = ("_left", "between", "head", "length", "lost")

    def __init__(self) -> None:
        self.between = True
        self.lost = False
        self.head = b""
        self.length = 0
        self._left = 0

    def fed(self, data: bytes) -> None:
        """Count bytes that the parser is handed; at least one."""
        if self.lost:
            return
        if self.between:
            end = data.find(_END, 0, HEAD_BYTES_MAX) + len(_END)
            length = _length(data[:end]) if end >= len(_END) else None
            if length is None:
                self.lose()
                return
            self.between = False
            self.head, self.length = data[:end], length
            self._left = end + length
        # Otherwise the rest of a body, or a request that does not wait for the answer to the one before.
        self._left -= len(data)
        if self._left < 0:
            self.lose()

    def answered(self, length: int | None, *, whole: bool) -> bool:
        """The request was answered. `length` and `whole`: what the parser says of its body.

        Whether this account and the parser's agree: then the parser stands between two requests.
        """
        if not self.lost and self._left == 0 and whole and (length or 0) == self.length:
            self.between = True
        else:
            self.lose()
        return self.between

    def lose(self) -> None:
        """Count no more."""
        self.lost = True
        self.between = False
        self.head = b""


def _length(head: bytes) -> int | None:
    """The length of the body that a head announces; None where that is not plain."""
    lower = head.lower()
    if any(word in lower for word in _NOT_PLAIN):
        return None
    said = _LENGTH.findall(lower)
    if len(said) != lower.count(b"content-length"):
        return None
    return 0 if not said else int(said[0]) if len(said) == 1 else None
