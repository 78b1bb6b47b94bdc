"""Keeps credentials sealed: AES-256-GCM, so that who reads the store alone learns no token.

What is sealed is bound to where it belongs (`Place`): a sealed token copied to another connection, or a
connection pointed at another address by a hand in the database, does not open. The key is the settings'
(`[vault] key`), or, beside a SQLite store and without a configured one, a file made at the first need.
`docs/adr/0009` says what this protects against and what it does not.

A sealed credential is one byte of format, the key's id, a nonce and the ciphertext with its tag:

    01 | key id (8) | nonce (12) | AES-GCM(token, associated data: format, connection id, base URL)

A nonce is drawn at random for each sealing; a key would have to seal 2^32 tokens before that is of concern.
"""

import base64
import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from router.secrets import SEALING_KEY_BYTES, SEALING_KEY_ID_BYTES, SealingKey, SealingKeyError, Secret

FORMAT: Final = b"\x01"
NONCE_BYTES: Final = 12
KEY_FILE_MODE: Final = 0o600
KEY_FILE_BYTES_MAX: Final = 1024
_HEAD: Final = len(FORMAT) + SEALING_KEY_ID_BYTES + NONCE_BYTES
_PURPOSE: Final = b"caas-router connection credentials"


class VaultError(Exception):
    """There is no key to seal with; says why, without any secret."""


class SealedError(Exception):
    """What is sealed cannot be opened: its key is not here, or it is not what was sealed in this place."""


class Place(msgspec.Struct, frozen=True):
    """Where a credential belongs: its connection, and the only address that it is sent to."""

    connection_id: str
    base_url: str

    def bound(self) -> bytes:
        """The associated data; neither part can hold a zero byte, so no two places have the same."""
        return b"\0".join(
            (_PURPOSE, FORMAT, self.connection_id.encode(), self.base_url.encode("ascii", "backslashreplace"))
        )


class Opened(msgspec.Struct, frozen=True):
    """A credential. `stale`: a key of before sealed it, so it should be sealed anew."""

    secret: Secret
    stale: bool


class Vault:
    """Seals with one key, opens with that and those before it.

    `key_file`: beside the database; None where a key that one process makes would not be the others' too.
    """

    def __init__(
        self, key: SealingKey | None, previous: Sequence[SealingKey] = (), key_file: Path | None = None
    ) -> None:
        self._configured = key is not None
        self._key = key
        self._previous = {each.id: each for each in previous}
        self._key_file = key_file
        self._file_wrong: str | None = None
        if key_file is not None and key_file.exists():
            self._take(key_file)

    @property
    def problem(self) -> str | None:
        """Why nothing could be sealed now; None where it could."""
        if self._key is not None:
            return None
        if self._key_file is None:
            return "expected [vault] key in the settings, was none"
        return self._file_wrong

    def seal(self, secret: Secret, place: Place) -> bytes:
        """Seal a credential for a place. It blocks where it makes the key file. Raises `VaultError`."""
        key = self._sealing_key()
        nonce = os.urandom(NONCE_BYTES)
        cipher = AESGCM(key.reveal())
        return FORMAT + key.id + nonce + cipher.encrypt(nonce, secret.reveal().encode(), place.bound())

    def open(self, sealed: bytes, place: Place) -> Opened:
        """Open what was sealed for this place. Raises `SealedError`."""
        if len(sealed) <= _HEAD or not sealed.startswith(FORMAT):
            raise SealedError("expected a credential sealed by this format, was another")
        key_id, nonce = sealed[1 : 1 + SEALING_KEY_ID_BYTES], sealed[1 + SEALING_KEY_ID_BYTES : _HEAD]
        current = self._key is not None and self._key.id == key_id
        key = self._key if current else self._previous.get(key_id)
        if key is None:
            raise SealedError(f"expected the key {key_id.hex()} that sealed it, was not among those here")
        try:
            opened = AESGCM(key.reveal()).decrypt(nonce, sealed[_HEAD:], place.bound())
        except InvalidTag as error:
            raise SealedError("expected what was sealed for this connection and address, was not") from error
        return Opened(Secret(opened.decode()), stale=not current)

    def _sealing_key(self) -> SealingKey:
        if self._key is None and self._key_file is not None and self._file_wrong is None:
            _make(self._key_file)
            self._take(self._key_file)
        if self._key is None:
            raise VaultError(self.problem or "expected a key, was none")
        return self._key

    def _take(self, path: Path) -> None:
        """Use a key file: to seal with, or, beside a configured key, to open what it sealed."""
        try:
            key = _read(path)
        except (OSError, SealingKeyError) as error:
            # It is left as it is: it may be what a backup of the right one is to be put in place of.
            said = error.strerror if isinstance(error, OSError) else str(error)
            self._file_wrong = f"{path}: {said}"
            return
        if self._configured:
            self._previous.setdefault(key.id, key)
        else:
            self._key = key


def _read(path: Path) -> SealingKey:
    with path.open("rb") as opened:
        text = opened.read(KEY_FILE_BYTES_MAX)
    return SealingKey.parse(text.decode("ascii", "replace").strip())


def _make(path: Path) -> None:
    """Make a key file that is whole or not there, readable by this user alone. Raises `VaultError`."""
    text = base64.b64encode(os.urandom(SEALING_KEY_BYTES)) + b"\n"
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(draft, flags, KEY_FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(text)
                opened.flush()
                os.fsync(opened.fileno())
            # A link, for it replaces nothing: a key that is there already has sealed something.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise VaultError(f"expected a key file that can be made at {path}, was: {error.strerror}") from error
