"""Who asks: the headers that a request carries, made of the bytes that it is sent with.

The signature is base64 of HMAC-SHA256 over timestamp, method, path and body, keyed with the signing key's
bytes as they were given. `path` has `/v1` in it and no query; `body` is what goes out, or nothing.
"""

import base64
import hmac

import msgspec

from router.secrets import Secret, parted
from router.settings.connections import COINBASE_CREDENTIALS

SECOND_NS = 1_000_000_000


class Keys(msgspec.Struct, frozen=True):
    """The credentials of one portfolio; none of them is ever shown."""

    access_key: Secret
    passphrase: Secret
    signing_key: Secret

    def all(self) -> tuple[Secret, ...]:
        """Each of them: what no message may repeat."""
        return (self.access_key, self.passphrase, self.signing_key)


def keys_of(token: Secret) -> Keys:
    """The credentials out of the settings' joined one. Raises `ValueError`, which shows none."""
    return Keys(*parted(token, *COINBASE_CREDENTIALS))


def signed_headers(keys: Keys, method: str, path: str, body: bytes | None, now: int) -> dict[str, str]:
    """The headers of one request at `now`, nanoseconds since the epoch: made for it, kept nowhere."""
    timestamp = str(now // SECOND_NS)
    message = f"{timestamp}{method}{path}".encode() + (body or b"")
    digest = hmac.digest(keys.signing_key.reveal().encode(), message, "sha256")
    headers = {
        "X-CB-ACCESS-KEY": keys.access_key.reveal(),
        "X-CB-ACCESS-PASSPHRASE": keys.passphrase.reveal(),
        "X-CB-ACCESS-TIMESTAMP": timestamp,
        "X-CB-ACCESS-SIGNATURE": base64.b64encode(digest).decode(),
    }
    if body is not None:
        headers["Content-Type"] = "application/json"
    return headers
