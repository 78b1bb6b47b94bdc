"""`[vault]`: what stored credentials are sealed with, and which references to others HTTP may make."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from router.core.errors import shown
from router.secrets import Reference, SealingKey, SealingKeyError, secret
from router.settings_error import SettingsError

_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RawVault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[vault]` as it stands in the file."""

    key: Reference | None = None
    previous_keys: tuple[Reference, ...] = ()
    files_under: str | None = None
    variables_prefix: str | None = None


class VaultSettings(msgspec.Struct, frozen=True):
    """How credentials are kept.

    `key` seals; `previous_keys` open what was sealed before a rotation. `files_under` and `variables_prefix`
    bound the references to credentials that a caller may make over HTTP; None: none.
    """

    key: SealingKey | None = None
    previous_keys: tuple[SealingKey, ...] = ()
    files_under: Path | None = None
    variables_prefix: str | None = None


def vault_settings(raw: RawVault, source: str, environ: Mapping[str, str]) -> VaultSettings:
    """Check `[vault]` and read its keys. Raises `SettingsError`."""
    under = raw.files_under
    if under is not None and (not under.startswith("/") or under.strip("/") == "" or "\0" in under):
        raise SettingsError(source, "vault.files_under", "an absolute directory, not /", shown(under))
    prefix = raw.variables_prefix
    if prefix is not None and _PREFIX.fullmatch(prefix) is None:
        raise SettingsError(
            source, "vault.variables_prefix", "the beginning of variables' names", shown(prefix)
        )
    if raw.key is None and raw.previous_keys:
        raise SettingsError(
            source, "vault.previous_keys", "none without vault.key", str(len(raw.previous_keys))
        )
    keys = [] if raw.key is None else [_key(raw.key, "vault.key", source, environ)]
    for index, reference in enumerate(raw.previous_keys):
        key = _key(reference, f"vault.previous_keys[{index}]", source, environ)
        if any(key.id == other.id for other in keys):
            raise SettingsError(source, f"vault.previous_keys[{index}]", "a key of its own", "another's")
        keys.append(key)
    return VaultSettings(
        key=keys[0] if keys else None,
        previous_keys=tuple(keys[1:]),
        files_under=None if under is None else Path(under),
        variables_prefix=prefix,
    )


def _key(reference: Reference, key: str, source: str, environ: Mapping[str, str]) -> SealingKey:
    try:
        return SealingKey.parse(secret(reference, key, source, environ).reveal())
    except SealingKeyError as error:
        raise SettingsError(source, key, error.expected, error.was) from error
