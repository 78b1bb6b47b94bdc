"""`[auth]`: who may call, and what each key allows."""

import enum
import hashlib
from collections.abc import Mapping
from typing import Annotated

import msgspec

from router.core.errors import shown
from router.secrets import Reference, secret
from router.settings.hosts import is_loopback
from router.settings_error import SettingsError


class AuthMode(enum.StrEnum):
    """`none` is allowed on loopback only."""

    NONE = "none"
    KEYS = "keys"


class Scope(enum.StrEnum):
    """What an API key may do."""

    READ = "read"
    TRADE = "trade"
    ADMIN = "admin"
    """Make, change, test and remove connections: who may do that says where tokens are sent."""


class RawKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[auth.keys]]` as it stands in the file."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    key: Reference
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1)]


class RawAuth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[auth]` as it stands in the file."""

    mode: AuthMode = AuthMode.NONE
    keys: tuple[RawKey, ...] = ()


class ApiKey(msgspec.Struct, frozen=True):
    """A caller: the key itself is not kept, only its SHA-256."""

    name: str
    digest: bytes
    scopes: frozenset[Scope]


class AuthSettings(msgspec.Struct, frozen=True):
    """Who may call."""

    mode: AuthMode = AuthMode.NONE
    keys: tuple[ApiKey, ...] = ()


def auth_settings(raw: RawAuth, host: str, source: str, environ: Mapping[str, str]) -> AuthSettings:
    """Check `[auth]` beside the host that the router listens on. Raises `SettingsError`."""
    if raw.mode is AuthMode.NONE:
        if not is_loopback(host):
            raise SettingsError(
                source, "auth.mode", '"keys" where server.host is not loopback', shown(raw.mode)
            )
        if raw.keys:
            raise SettingsError(source, "auth.keys", 'none while auth.mode is "none"', str(len(raw.keys)))
        return AuthSettings()
    if not raw.keys:
        raise SettingsError(source, "auth.keys", 'at least one [[auth.keys]] table with mode "keys"', "none")
    keys = tuple(
        ApiKey(
            name=key.name,
            digest=hashlib.sha256(
                secret(key.key, f"auth.keys[{index}].key", source, environ).reveal().encode()
            ).digest(),
            scopes=frozenset(key.scopes),
        )
        for index, key in enumerate(raw.keys)
    )
    for index, key in enumerate(keys):
        # Of two keys that are the same, which one's scopes would hold? Of two of one name, whose is it?
        if any(key.name == other.name for other in keys[:index]):
            raise SettingsError(source, f"auth.keys[{index}].name", "a name of its own", shown(key.name))
        if any(key.digest == other.digest for other in keys[:index]):
            raise SettingsError(source, f"auth.keys[{index}].key", "a key of its own", "another's")
    return AuthSettings(AuthMode.KEYS, keys)
