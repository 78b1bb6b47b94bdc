"""Credentials: where they are, and what holds them without ever showing them."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import msgspec

from router.settings_error import SettingsError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEX = re.compile(r"[0-9A-Fa-f]+")
SEALING_KEY_BYTES: Final = 32
SEALING_KEY_ID_BYTES: Final = 8


class Secret:
    """A credential; never printed, logged or encoded. `reveal()` is called where it goes on the wire."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The credential itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


class SealingKeyError(ValueError):
    """A text is no key; `was` says what is wrong with it without repeating it."""

    def __init__(self, was: str) -> None:
        self.expected = f"{SEALING_KEY_BYTES} bytes in base64 or hexadecimal"
        self.was = was
        super().__init__(f"expected {self.expected}, was {was}")


class SealingKey:
    """A key that credentials are sealed with (AES-256); never printed, logged or encoded."""

    __slots__ = ("_raw", "id")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != SEALING_KEY_BYTES:
            raise SealingKeyError(f"{len(raw)} bytes")
        self._raw = raw
        self.id = hashlib.sha256(b"caas-router sealing key id\0" + raw).digest()[:SEALING_KEY_ID_BYTES]
        """Tells keys apart; says nothing of the key."""

    @classmethod
    def parse(cls, text: str) -> "SealingKey":
        """A key from its text. Raises `SealingKeyError`."""
        if len(text) == 2 * SEALING_KEY_BYTES and _HEX.fullmatch(text):
            return cls(bytes.fromhex(text))
        try:
            padded = text + "=" * (-len(text) % 4)
            raw = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise SealingKeyError("another text (not shown)") from error
        return cls(raw)

    def reveal(self) -> bytes:
        """The key itself."""
        return self._raw

    def __repr__(self) -> str:
        return "SealingKey(…)"

    __str__ = __repr__


def joined(parts: Mapping[str, Secret]) -> Secret:
    """Several credentials of one connection as one, to be sealed and handed on together."""
    return Secret(msgspec.json.encode({name: part.reveal() for name, part in parts.items()}).decode())


def parted(whole: Secret, *names: str) -> tuple[Secret, ...]:
    """The credentials of these names out of what `joined` made. Raises `ValueError`, which shows none."""
    try:
        parts = msgspec.json.decode(whole.reveal(), type=dict[str, str])
        return tuple(Secret(parts[name]) for name in names)
    except (msgspec.MsgspecError, KeyError):
        # From None: what could not be read may be in the first error's text.
        raise ValueError(f"expected credentials with {', '.join(names)}, was another text") from None


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is: in a variable of the environment or in a file."""

    env: str | None = None
    file: str | None = None


Referred = Reference | Mapping[str, Reference]
"""Where a connection's credentials are: its one token, or several by name."""


def secret(reference: Reference, key: str, source: str, environ: Mapping[str, str]) -> Secret:
    """Read a credential from where it is; `key` and `source` name it. Raises `SettingsError`."""
    if (reference.env is None) == (reference.file is None):
        raise SettingsError(source, key, '{ env = "NAME" } or { file = "/path" }', "another table")
    if reference.env is not None:
        if _VARIABLE.fullmatch(reference.env) is None:
            # What is no name may be the secret itself, pasted into the wrong place: it is not repeated.
            raise SettingsError(source, f"{key}.env", "the name of a variable", "another text")
        value = environ.get(reference.env, "")
        if not value:
            raise SettingsError(source, key, f"a value in the variable {reference.env}", "none")
    else:
        try:
            value = Path(cast("str", reference.file)).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise SettingsError(
                source, f"{key}.file", "a file that can be read", type(error).__name__
            ) from error
        if not value:
            raise SettingsError(source, f"{key}.file", "a value in the file", "nothing")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise SettingsError(source, key, "printable ASCII without spaces", "another text (not shown)")
    return Secret(value)
