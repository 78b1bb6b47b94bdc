"""Reads the credentials of a connection: what is wrong with one is told without its value, ever.

A credential is the text itself, which is sealed, or a reference to where it is. Where a counterparty wants
several they are all of one kind: what is sealed and what is looked up anew live differently.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from router.core.errors import FieldError
from router.http.connections.bodies import TOKEN_PATTERN
from router.http.decode import Fields
from router.secrets import Reference, Referred, Secret, joined
from router.settings import Counterparty
from router.settings.ccxt import OPTIONAL, REQUIRED
from router.settings.connections import COINBASE_CREDENTIALS

_TOKEN: Final = re.compile(TOKEN_PATTERN)
_PATH: Final = re.compile(r"[^\x00-\x1f\x7f]{1,1024}")
_HIDDEN: Final = "another value (not shown)"
_REFERENCE: Final = '{"env": …} or {"file": …}'
_TEXT: Final = "1 to 4096 printable ASCII characters without spaces"


class Wanted(NamedTuple):
    """The credentials of a counterparty by name. `alone`: the one that there is is not joined with others."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    alone: bool
    described: str


_ONE: Final = Wanted(("token",), (), alone=True, described=f'an object with "token": a string, {_REFERENCE}')
_SEVERAL: Final[Mapping[str | None, Wanted]] = {
    Counterparty.COINBASE_PRIME: Wanted(
        COINBASE_CREDENTIALS,
        (),
        alone=False,
        described='an object with "access_key", "passphrase" and "signing_key", each a string or, all of '
        f"them, {_REFERENCE}",
    ),
    Counterparty.CCXT: Wanted(
        REQUIRED,
        (OPTIONAL,),
        alone=False,
        described='an object with "api_key", "secret" and, where the exchange wants one, "password", each a '
        f"string or, all of them, {_REFERENCE}",
    ),
}


def read_credentials(
    fields: Fields, counterparty: str | None, *, required: bool
) -> tuple[Secret | None, Referred | None]:
    """The credentials, or where they are; neither where there are none, or where they were refused."""
    wanted = _SEVERAL.get(counterparty, _ONE)
    value = fields.get("credentials")
    if value is None:
        if required:
            fields.errors.append(FieldError("credentials", wanted.described, None))
        return None, None
    if not isinstance(value, dict) or not (
        set(wanted.required) <= set(value) <= {*wanted.required, *wanted.optional}
    ):
        fields.errors.append(FieldError("credentials", wanted.described, _HIDDEN))
        return None, None
    if all(isinstance(part, dict) for part in value.values()):
        return None, _references(fields, wanted, value)
    return _texts(fields, wanted, value), None


def _texts(fields: Fields, wanted: Wanted, value: Mapping[str, object]) -> Secret | None:
    parts: dict[str, Secret] = {}
    for name, text in value.items():
        if isinstance(text, str) and _TOKEN.fullmatch(text):
            parts[name] = Secret(text)
            continue
        expected = wanted.described if wanted.alone and not isinstance(text, str) else _TEXT
        fields.errors.append(FieldError(f"credentials.{name}", expected, _HIDDEN))
    if len(parts) < len(value):
        return None
    return parts[wanted.required[0]] if wanted.alone else joined(parts)


def _references(fields: Fields, wanted: Wanted, value: Mapping[str, object]) -> Referred | None:
    found: dict[str, Reference] = {}
    for name, table in value.items():
        reference = _reference(table)
        if reference is None:
            expected = wanted.described if wanted.alone else _REFERENCE
            fields.errors.append(FieldError(f"credentials.{name}", expected, _HIDDEN))
        else:
            found[name] = reference
    if len(found) < len(value):
        return None
    return found[wanted.required[0]] if wanted.alone else found


def _reference(table: object) -> Reference | None:
    if not isinstance(table, dict) or len(table) != 1:
        return None
    (where, named), *_ = table.items()
    if where not in ("env", "file") or not isinstance(named, str) or not _PATH.fullmatch(named):
        return None
    return Reference(env=named) if where == "env" else Reference(file=named)
