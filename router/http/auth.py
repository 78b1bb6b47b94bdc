"""Who calls, and what the key allows: `Authorization: Bearer`, compared by SHA-256 in constant time."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from router.core.errors import Code, RouterError
from router.settings import ApiKey, AuthMode, AuthSettings, Scope

KEY_LENGTH_MAX: Final = 512
"""Characters of a key that are looked at; what is longer is no key of ours and is not hashed."""


class AuthError(RouterError):
    """The call is not allowed; `challenge` is what `WWW-Authenticate` says of it (RFC 6750)."""

    def __init__(self, code: Code, detail: str, challenge: str) -> None:
        super().__init__(code, detail)
        self.challenge = challenge


class Authenticator:
    """Checks calls against the settings' keys."""

    def __init__(self, settings: AuthSettings) -> None:
        self._open = settings.mode is AuthMode.NONE
        self._keys = settings.keys

    @property
    def needs_key(self) -> bool:
        """Whether callers must have a key."""
        return not self._open

    def check(self, headers: Sequence[str], scope: Scope) -> None:
        """Let a call with these `Authorization` headers through, or raise `AuthError`.

        Scopes stand for themselves: `trade` does not imply `read`.
        """
        if self._open:
            return
        key = self._key(headers)
        if scope not in key.scopes:
            raise AuthError(
                Code.FORBIDDEN,
                f"expected a key with the scope {scope.value}, was one without it",
                f'Bearer realm="caas-router", error="insufficient_scope", scope="{scope.value}"',
            )

    def _key(self, headers: Sequence[str]) -> ApiKey:
        expected = "expected one header Authorization: Bearer with an API key"
        if not headers:
            raise AuthError(Code.UNAUTHENTICATED, f"{expected}, was none", 'Bearer realm="caas-router"')
        scheme, _, presented = headers[0].partition(" ")
        presented = presented.strip(" ")
        found: ApiKey | None = None
        if len(headers) == 1 and scheme.lower() == "bearer" and 0 < len(presented) <= KEY_LENGTH_MAX:
            digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).digest()
            # Every key is compared, so that the time tells neither which one matched nor how far.
            for key in self._keys:
                if hmac.compare_digest(key.digest, digest):
                    found = key
        if found is None:
            raise AuthError(
                Code.UNAUTHENTICATED,
                f"{expected}, was another",
                'Bearer realm="caas-router", error="invalid_token"',
            )
        return found
