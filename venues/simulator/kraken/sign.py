"""Kraken's signature and nonce.

Source: Kraken Spot REST API, "Authentication": `API-Sign` is the HMAC-SHA512 of the URI path and
SHA256(nonce + POST data), under the base64-decoded secret, in base64; the nonce is an always increasing,
unsigned 64-bit integer, and for each key.
"""

import base64
import hashlib
import hmac

_NONCE_MAX = 2**64 - 1
_NONCE_DIGITS = 20


def signature(secret: str, path: str, nonce: str, body: bytes) -> str:
    """Give the `API-Sign` of a request."""
    inner = hashlib.sha256(nonce.encode() + body).digest()
    key = base64.b64decode(secret)
    return base64.b64encode(hmac.new(key, path.encode() + inner, hashlib.sha512).digest()).decode()


def matches(secret: str, path: str, nonce: str, body: bytes, given: str) -> bool:
    """Whether a request was signed with the secret; takes as long whatever is wrong."""
    return hmac.compare_digest(signature(secret, path, nonce, body).encode(), given.encode())


def read_nonce(text: str) -> int | None:
    """Read a nonce; None where it is no unsigned 64-bit integer."""
    if not (text.isascii() and text.isdigit()) or len(text) > _NONCE_DIGITS:
        return None
    found = int(text)
    return found if found <= _NONCE_MAX else None


class Nonces:
    """The highest nonce that a key has used; with a window, each below it once."""

    def __init__(self, window: int = 0) -> None:
        self._window = window
        self._highest = -1
        self._used: set[int] = set()

    def take(self, nonce: int) -> bool:
        """Use a nonce; False for one that goes back, or was used."""
        if nonce <= self._highest - self._window or nonce in self._used or nonce == self._highest:
            return False
        self._highest = max(self._highest, nonce)
        if self._window:
            self._used = {one for one in self._used | {nonce} if one > self._highest - self._window}
        return True
