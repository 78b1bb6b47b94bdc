"""What is wrong with a settings file: which key in which file, what was expected, what was there."""

import re
from collections.abc import Mapping

import msgspec

from router.core.errors import shown


class SettingsError(Exception):
    """The settings cannot be meant; the process does not start. `was` never repeats a secret."""

    def __init__(self, source: str, key: str, expected: str, was: str | None = None) -> None:
        super().__init__(f"{source}: {key}: expected {expected}" + ("" if was is None else f", was {was}"))
        self.key = key
        self.expected = expected
        self.was = was


_PATH = re.compile(r" - at `\$(?P<path>.*?)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")
_SECRET_KEYS = ("token", "key", "previous_keys", "access_key", "passphrase", "signing_key")


def explained(
    error: msgspec.ValidationError,
    table: object,
    source: str,
    kind: type[msgspec.Struct],
    under: str = "",
) -> SettingsError:
    """Turn msgspec's message into key, expectation and value; one under a secret's key is not repeated.

    `kind` is what `table` was to be, `under` where the table stands in the file. Of a choice msgspec says
    only that the value is none of it.
    """
    text = str(error)
    found = _PATH.search(text)
    # A key of a table of free keys is shown as "[...]": the table as a whole is named.
    path = found["path"].lstrip(".").replace("[...]", "") if found else ""
    said = text[: found.start()] if found else text
    named = ".".join(part for part in (under, path) if part)
    within = f"{named}." if named else ""
    secret = any(part in _SECRET_KEYS for part in re.split(r"[.\[\]]+", path))
    if unknown := _UNKNOWN.search(said):
        if secret:
            return SettingsError(source, named, "env or file alone", "another key (not shown)")
        return SettingsError(source, within + unknown["name"], "a known key", "an unknown one")
    if missing := _MISSING.search(said):
        return SettingsError(source, within + missing["name"], "a value", "none")
    expected, _, _ = said.partition(", got ")
    expected = expected.removeprefix("Expected ").replace("`", "")
    if choices := _choices_at(kind, path):
        expected = " or ".join(f'"{choice}"' for choice in choices)
    value = _at(table, path)
    return SettingsError(
        source, named or "file", expected, "another value (not shown)" if secret else shown(value)
    )


def _at(table: object, path: str) -> object:
    value = table
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        if name and isinstance(value, Mapping):
            value = value.get(name)
        elif index and isinstance(value, list):
            value = value[int(index)]
        else:
            return None
    return value


def _choices_at(kind: type[msgspec.Struct], path: str) -> list[object]:
    """The values that an enumeration at a path takes; none where there is no enumeration."""
    found: msgspec.inspect.Type = msgspec.inspect.type_info(kind)
    for name, _ in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        if name and isinstance(found, msgspec.inspect.StructType):
            types = {field.encode_name: field.type for field in found.fields}
            found = types.get(name, msgspec.inspect.AnyType())
        elif not name and isinstance(found, msgspec.inspect.VarTupleType):
            found = found.item_type
    if isinstance(found, msgspec.inspect.UnionType):
        found = found.types[0]  # of a setting that may be left out, what it is where it is not
    if not isinstance(found, msgspec.inspect.EnumType):
        return []
    return [member.value for member in found.cls]
