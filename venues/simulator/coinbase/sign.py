"""Who is calling: the four headers of a signed request.

Source: Coinbase Prime, "REST API Authentication": the signature is base64(HMAC-SHA256(signing key,
timestamp + method + path + body)), the path without the query, the timestamp in whole Unix seconds and within
30 seconds.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from venues.simulator.coinbase.errors import PrimeError

AGE_S_MAX = 30
# Two clocks that agree to a second still differ at the turn of one.
AHEAD_S_MAX = 1
_SECONDS = re.compile(r"[0-9]{1,12}")
_HEADERS = (
    "X-CB-ACCESS-KEY",
    "X-CB-ACCESS-PASSPHRASE",
    "X-CB-ACCESS-SIGNATURE",
    "X-CB-ACCESS-TIMESTAMP",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a portfolio's key consists of; never shown."""

    access_key: str
    passphrase: str = field(repr=False)
    signing_key: str = field(repr=False)

    def check(self, headers: Mapping[str, str], method: str, path: str, body: bytes, now_s: float) -> None:
        """Let a request through, or refuse it with 401.

        `path` is the path as it was sent, with `/v1` and without the query; `now_s` is in Unix seconds.
        """
        _, passphrase, signature, timestamp = (headers.get(name, "") for name in _HEADERS)
        if not _same(passphrase, self.passphrase):
            raise PrimeError("The passphrase is not valid.", 401)
        if _SECONDS.fullmatch(timestamp) is None:
            raise PrimeError("The timestamp is no whole number of Unix seconds.", 401)
        age_s = now_s - int(timestamp)
        if age_s > AGE_S_MAX:
            raise PrimeError("The timestamp is too old.", 401)
        if age_s < -AHEAD_S_MAX:
            raise PrimeError("The timestamp is in the future.", 401)
        message = f"{timestamp}{method}{path}".encode() + body
        digest = hmac.new(self.signing_key.encode(), message, hashlib.sha256).digest()
        if not _same(signature, base64.b64encode(digest).decode()):
            raise PrimeError("The signature is not valid.", 401)


def key_of(headers: Mapping[str, str]) -> str:
    """Give the access key of a request, or refuse one that lacks a header with 401."""
    for name in _HEADERS:
        if not headers.get(name):
            raise PrimeError(f"The header {name} is missing.", 401)
    return headers[_HEADERS[0]]


def _same(given: str, wanted: str) -> bool:
    # A header can hold bytes that are no text.
    return hmac.compare_digest(given.encode(errors="surrogateescape"), wanted.encode())
