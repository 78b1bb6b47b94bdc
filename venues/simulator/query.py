"""Query parameters, read as strictly as bodies: unknown ones and repeated ones are refused."""

from datetime import datetime
from typing import TypeVar

from multidict import MultiMapping

from .clock import parse_time
from .errors import RefusedError, invalid_argument

T = TypeVar("T")
_PAGE_MAX = 500


class Query:
    """The parameters of a call."""

    def __init__(self, given: MultiMapping[str], known: tuple[str, ...], repeated: tuple[str, ...]) -> None:
        for name in given:
            if name not in known and name not in repeated:
                raise invalid_argument(name, f"{name} is not a parameter of this request.")
            if name not in repeated and len(given.getall(name)) > 1:
                raise invalid_argument(name, f"{name} must be given once.")
        self._given = given

    def text(self, name: str) -> str | None:
        """Give a parameter as it is; None if it is absent."""
        return self._given.get(name)

    def texts(self, name: str) -> list[str]:
        """Give all values of a parameter that may be repeated."""
        return self._given.getall(name, [])

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """Give one of the allowed values; None if it is absent."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise invalid_argument(name, f"{name} must be one of {', '.join(allowed)}.")
        return value

    def flag(self, name: str) -> bool | None:
        """Give a boolean, written `true` or `false`; None if it is absent."""
        value = self.choice(name, ("true", "false"))
        return None if value is None else value == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """Give a whole number from zero to `most`."""
        value = self.text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 9 and int(value) <= most):
            raise invalid_argument(name, f"{name} must be an integer from 0 to {most}.")
        return int(value)

    def time(self, name: str) -> datetime | None:
        """Give a moment; None if it is absent."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return parse_time(value)
        except ValueError as error:
            raise invalid_argument(name, f"{name} must be an RFC 3339 date-time.") from error

    def page(self, rows: list[T], default: int = _PAGE_MAX, most: int = _PAGE_MAX) -> list[T]:
        """Cut `offset` and `limit` out of all rows."""
        offset = self.number("offset", 0, 10**9 - 1)
        limit = self.number("limit", default, most)
        return rows[offset : offset + limit]


def path_id(text: str, key: str) -> str:
    """Check that an id in a path is a UUID; `key` is what the published example names."""
    parts = text.split("-")
    if [len(part) for part in parts] != [8, 4, 4, 4, 12] or not all(_is_hex(part) for part in parts):
        raise RefusedError("backend:common:invalidArgument", key=key)
    return text.lower()


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789abcdefABCDEF" for letter in text)
