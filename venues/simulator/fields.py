"""Taking typed values out of a JSON object, each refusal naming its field."""

from datetime import datetime
from decimal import Decimal

import msgspec

from .clock import parse_time
from .errors import INVALID_ARGUMENT, RefusedError, invalid_argument, required
from .money import AmountError, parse_amount

_INTEGER_MAX = 10_000_000


class Fields:
    """A JSON object of a request."""

    def __init__(self, raw: dict[str, object]) -> None:
        self.raw = raw

    @classmethod
    def from_json(cls, body: bytes) -> "Fields":
        """Decode a body; 422 if it is no JSON, 400 if it is no object."""
        try:
            raw = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RefusedError("backend:common:malformedJSON") from error
        if not isinstance(raw, dict):
            raise RefusedError("backend:common:invalidRequest")
        return cls(raw)

    def only(self, known: tuple[str, ...]) -> None:
        """Refuse a field that is not known."""
        for name in self.raw:
            if name not in known:
                raise invalid_argument(name, f"{name} is not a field of this request.")

    def require(self, names: tuple[str, ...]) -> None:
        """Refuse the request if one of the fields is absent or an empty string."""
        for name in names:
            if name not in self.raw or self.raw[name] == "":
                raise required(name)

    def text(self, name: str) -> str | None:
        """Give a string; None if it is absent."""
        if name not in self.raw:
            return None
        value = self.raw[name]
        if not isinstance(value, str):
            raise invalid_argument(name, f"{name} must be a string.")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """Give one of the allowed strings; None if it is absent."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise invalid_argument(name, f"{name} must be one of {', '.join(allowed)}.")
        return value

    def amount(self, name: str) -> Decimal | None:
        """Give a decimal that was written as a string; None if it is absent."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return parse_amount(value)
        except AmountError as error:
            raise RefusedError(INVALID_ARGUMENT, key=name, message=f"{name} must be a decimal.") from error

    def price(self, name: str) -> Decimal | None:
        """Give a price above zero; `positiveIntegerRequired` is documented for limitPrice too."""
        value = self.amount(name)
        if value is not None and value == 0:
            raise RefusedError("backend:common:positiveIntegerRequired", key=name)
        return value

    def positive_integer(self, name: str) -> int | None:
        """Give a whole number of at least one; None if it is absent."""
        if name not in self.raw:
            return None
        value = self.raw[name]
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid_argument(name, f"{name} must be an integer.")
        if not 1 <= value <= _INTEGER_MAX:
            raise RefusedError("backend:common:positiveIntegerRequired", key=name)
        return value

    def flag(self, name: str) -> bool | None:
        """Give a boolean; None if it is absent."""
        if name not in self.raw:
            return None
        value = self.raw[name]
        if not isinstance(value, bool):
            raise invalid_argument(name, f"{name} must be a boolean.")
        return value

    def texts(self, name: str) -> list[str] | None:
        """Give a list of strings; None if it is absent."""
        if name not in self.raw:
            return None
        value = self.raw[name]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise invalid_argument(name, f"{name} must be a list of strings.")
        return list(value)

    def time(self, name: str) -> datetime | None:
        """Give a moment; None if it is absent."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return parse_time(value)
        except ValueError as error:
            raise invalid_argument(name, f"{name} must be an RFC 3339 date-time.") from error

    def inner(self, name: str) -> "Fields | None":
        """Give an object inside; None if it is absent."""
        if name not in self.raw:
            return None
        value = self.raw[name]
        if not isinstance(value, dict):
            raise invalid_argument(name, f"{name} must be an object.")
        return Fields(value)
