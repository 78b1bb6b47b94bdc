"""Credentials: where they are, and what holds them without ever showing them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec

from router.settings_error import SettingsError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is: in a variable of the environment or in a file."""

    env: str | None = None
    file: str | None = None


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
