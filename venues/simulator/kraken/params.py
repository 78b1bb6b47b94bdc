"""A private call's parameters, form-encoded or JSON: read strictly, and none that the call does not take.

Stricter than Kraken may be: a parameter that is not documented for the call is refused, so that a caller who
sends what the description does not know learns it here.
"""

import re
from decimal import Decimal
from urllib.parse import parse_qsl

import msgspec

from venues.simulator.kraken.errors import KrakenError, invalid
from venues.simulator.money import AmountError, parse_amount

# UUID with hyphens, UUID without, or up to 18 characters of text ("Spot Client Order Identifiers").
_CLIENT_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}|[\x21-\x7e]{1,18}"
)
_LIST_MAX = 50


def decoded(body: bytes, content_type: str) -> dict[str, str]:
    """Read a body into its fields; numbers and flags of JSON as their text."""
    try:
        if content_type == "application/json":
            found = msgspec.json.decode(body, type=dict[str, str | int | bool])
            return {name: _text(value) for name, value in found.items()}
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise KrakenError("EGeneral:Invalid arguments") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise KrakenError("EGeneral:Invalid arguments")
    return fields


def _text(value: str | int | bool) -> str:  # noqa: FBT001 - a JSON value, not a switch
    return str(value).lower() if isinstance(value, bool) else str(value)


class Params:
    """The fields of one call."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def only(self, names: tuple[str, ...]) -> None:
        """Refuse a field that is none of these."""
        for name in self._fields:
            if name not in names:
                raise invalid(name)

    def text(self, name: str) -> str | None:
        """Give a field's text; an empty one is as if it was not there."""
        return self._fields.get(name) or None

    def required(self, name: str) -> str:
        """Give a field that must be there."""
        found = self.text(name)
        if found is None:
            raise invalid(name)
        return found

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """Give one of a few words."""
        found = self.text(name)
        if found is not None and found not in allowed:
            raise invalid(name)
        return found

    def flag(self, name: str) -> bool:
        """Give a switch, off unless set; published clients of Python write it with a capital."""
        return self.choice(name, ("true", "false", "True", "False")) in {"true", "True"}

    def amount(self, name: str) -> Decimal | None:
        """Give an amount above zero."""
        found = self.text(name)
        if found is None:
            return None
        try:
            amount = parse_amount(found)
        except AmountError as error:
            raise invalid(name) from error
        if amount <= 0:
            raise invalid(name)
        return amount

    def number(self, name: str, most: int) -> int | None:
        """Give a whole number from 0 to `most`."""
        found = self.text(name)
        if found is None:
            return None
        if not (found.isascii() and found.isdigit()) or len(found) > 18 or int(found) > most:
            raise invalid(name)
        return int(found)

    def listed(self, name: str) -> list[str] | None:
        """Give the parts of a comma-separated list."""
        found = self.text(name)
        if found is None:
            return None
        parts = found.split(",")
        if len(parts) > _LIST_MAX:
            raise invalid(name)
        return parts

    def client_id(self) -> str | None:
        """Give the client order identifier, in one of its three forms."""
        found = self.text("cl_ord_id")
        if found is not None and _CLIENT_ID.fullmatch(found) is None:
            raise invalid("cl_ord_id")
        return found
