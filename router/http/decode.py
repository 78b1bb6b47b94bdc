"""Bytes → a JSON object → its fields, every error found and named.

One path for good and bad bodies: msgspec decodes to a plain object (a microsecond), and `Fields` reads it
field by field. A decode straight into a struct would stop at the first error, and would take the last of two
equal keys, which is how one reader of a body sees another order than the next.
"""

import enum
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, TypeVar

import msgspec

from router.core.errors import (
    SHOWN_LENGTH_MAX,
    AmountError,
    Code,
    FieldError,
    InvalidRequestError,
    RouterError,
    shown,
)
from router.core.money import parse_amount, parse_positive

ERRORS_MAX: Final = 32
"""Field errors in one answer: more are no help, and an answer must not grow with what was sent."""

_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_MAX: Final = 2**63 - 1
"""Nanoseconds that a journal can hold."""

Choice = TypeVar("Choice", bound=enum.StrEnum)


def parse_time(text: object) -> int:
    """A time of RFC 3339 as nanoseconds since the epoch, to the microsecond; from 1970 to 2262.

    Raises `ValueError`, which says what was expected.
    """
    expected = 'a time of RFC 3339 such as "2026-01-02T03:04:05Z", from 1970 to 2262'
    try:
        since = msgspec.convert(text, _Time) - _EPOCH
    except msgspec.ValidationError as error:
        raise ValueError(expected) from error
    at = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
    if not 0 <= at <= _TIME_MAX:
        raise ValueError(expected)
    return at


def malformed(detail: str) -> RouterError:
    """What is said of a body that is no JSON."""
    return RouterError(Code.MALFORMED_JSON, detail)


def decode_object(raw: bytes) -> dict[str, object]:
    """The JSON object in a body; every key stands once.

    Raises `RouterError` (`malformed_json`) and `InvalidRequestError`.
    """
    if not raw.strip():
        raise malformed("expected a JSON object, was an empty body")
    try:
        value = msgspec.json.decode(raw)
    except RecursionError as error:
        raise malformed("expected a JSON object, was one nested too deep") from error
    except UnicodeDecodeError as error:
        raise malformed("expected UTF-8, was another encoding") from error
    except ValueError as error:
        raise malformed(f"expected JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidRequestError(FieldError("body", "a JSON object", shown(value)))
    if not _keys_once(raw, value):
        _refuse_repeated(raw)
    return value


def _keys_once(raw: bytes, value: dict[str, object]) -> bool:
    """Whether it is plain that no key was dropped: as many strings are left as there were.

    Every string has two quotation marks and, escaped, perhaps more: equal numbers leave room for no other
    string. What is not plain is not refused yet.
    """
    strings = len(value)
    for item in value.values():
        if type(item) is str:
            strings += 1
        elif type(item) is list:
            strings += sum(type(member) is str for member in item)
    return raw.count(b'"') == 2 * strings


def _refuse_repeated(raw: bytes) -> None:
    """Read the body again, slowly, and raise for keys that stand more than once in its object."""
    pairs: list[tuple[str, object]] = []

    def outermost(read: list[tuple[str, object]]) -> None:
        pairs[:] = read  # objects end from the inside out: the last one is the body

    try:
        json.loads(raw, object_pairs_hook=outermost, parse_int=str, parse_float=str, strict=False)
    except RecursionError as error:
        raise malformed("expected a JSON object, was one nested too deep") from error
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for name, _ in pairs:
        if name in seen:
            repeated[name] = None
        seen.add(name)
    if repeated:
        raise InvalidRequestError(
            *(FieldError(cut(name), "a field once", "more than once") for name in [*repeated][:ERRORS_MAX])
        )


def cut(name: str) -> str:
    """A name that came from outside as an answer repeats it. It is Unicode: JSON and URLs were checked."""
    return name if len(name) <= SHOWN_LENGTH_MAX else name[: SHOWN_LENGTH_MAX - 1] + "…"


class Fields:
    """Reads an object's fields and gathers what is wrong with them; a reader of a bad field gives None."""

    def __init__(self, values: dict[str, object], known: frozenset[str]) -> None:
        self._values = values
        self.errors: list[FieldError] = []
        for name, value in values.items():
            if name not in known:
                self.refuse(cut(name), "no field of this name", value)

    def get(self, name: str) -> object:
        """The value as it came; None where it is null or absent."""
        return self._values.get(name)

    def refuse(self, field: str, expected: str, was: object) -> None:
        """Note an error; `was` is the value that came."""
        self.errors.append(FieldError(field, expected, shown(was)))

    def missing(self, name: str, expected: str) -> None:
        """Note that a field is null or absent."""
        self.errors.append(FieldError(name, expected, "null" if name in self._values else None))

    def raise_if_any(self) -> None:
        """Raise `InvalidRequestError` with everything that was noted, up to `ERRORS_MAX`."""
        if self.errors:
            raise InvalidRequestError(*self.errors[:ERRORS_MAX])

    def text(self, name: str, pattern: re.Pattern[str], expected: str, *, required: bool) -> str | None:
        """A string that matches `pattern` whole."""
        value = self.get(name)
        if value is None:
            if required:
                self.missing(name, expected)
            return None
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            self.refuse(name, expected, value)
            return None
        return value

    def choice(self, name: str, accepted: Sequence[Choice], *, required: bool) -> Choice | None:
        """One of an enumeration's values, as far as they are accepted here."""
        value = self.get(name)
        expected = " or ".join(f'"{member.value}"' for member in accepted)
        if value is None:
            if required:
                self.missing(name, expected)
            return None
        for member in accepted:
            if member.value == value:
                return member
        self.refuse(name, expected, value)
        return None

    def amount(self, name: str, *, positive: bool, required: bool) -> Decimal | None:
        """A decimal string, greater than zero where `positive`."""
        value = self.get(name)
        if value is None:
            if required:
                self.missing(name, 'a decimal string such as "0.5"')
            return None
        try:
            return parse_positive(value) if positive else parse_amount(value)
        except AmountError as error:
            self.refuse(name, error.expected, value)
            return None

    def flag(self, name: str) -> bool | None:
        """`true` or `false`; null or absent is None."""
        value = self.get(name)
        if value is not None and not isinstance(value, bool):
            self.refuse(name, "true or false", value)
            return None
        return value

    def time(self, name: str) -> int | None:
        """A time of RFC 3339 as nanoseconds since the epoch; null or absent is None."""
        value = self.get(name)
        if value is None:
            return None
        try:
            return parse_time(value)
        except ValueError as error:
            self.refuse(name, str(error), value)
            return None

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A JSON integer from `low` to `high`; null or absent is None."""
        value = self.get(name)
        if value is None:
            return None
        if type(value) is not int or not low <= value <= high:
            self.refuse(name, f"a whole number from {low} to {high}", value)
            return None
        return value
