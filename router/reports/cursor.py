"""Cursors: opaque texts that say where a report goes on, and of which report and filters they are."""

import base64
import binascii
import hashlib
from typing import Final, NoReturn, TypeVar

import msgspec

from router.core.errors import FieldError, InvalidRequestError, shown

T = TypeVar("T")

CURSOR_LENGTH_MAX: Final = 3072
"""Characters: a place in each of eighty accounts; an address line of HTTP takes twice as many."""
_DIGEST_BYTES: Final = 8
_ENCODER: Final = msgspec.msgpack.Encoder()


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    filters: bytes
    place: msgspec.Raw


def digest(*parts: object) -> bytes:
    """A few bytes that stand for a report's filters, or for a connection's id."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=_DIGEST_BYTES).digest()


def encode(filters: bytes, place: msgspec.Struct) -> str:
    """A place in the report that `filters` stands for."""
    sealed = _Sealed(filters, msgspec.Raw(_ENCODER.encode(place)))
    return base64.urlsafe_b64encode(_ENCODER.encode(sealed)).decode("ascii").rstrip("=")


def decode(text: str, filters: bytes, kind: type[T]) -> T:
    """The place in a cursor. Raises `InvalidRequestError` for one that this report did not give."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        sealed = msgspec.msgpack.decode(raw, type=_Sealed)
        if sealed.filters != filters:
            refuse(text, "the next_cursor of an answer to the same filters")
        return msgspec.msgpack.decode(sealed.place, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        refuse(text)


def refuse(text: str, expected: str = "a next_cursor of an answer") -> NoReturn:
    """Say that a cursor is none of this report's."""
    raise InvalidRequestError(FieldError("cursor", expected, shown(text))) from None
