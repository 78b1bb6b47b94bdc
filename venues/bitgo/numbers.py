"""Amounts of the margin wire, in every form that it has had. Pure.

Since 2025-11 an amount is a decimal text; before, and in one published example still, it is a JSON number,
which is read digit by digit and never through a float. Some amounts were bare numbers before they became
`{quantity, currency}` (2026-01-06).
"""

import re
from decimal import Decimal
from typing import Final

import msgspec

from router.core.account import Value
from router.core.errors import AmountError
from router.core.money import AMOUNT_LENGTH_MAX, ZERO, mul, parse_signed
from router.ports import OffWireError
from venues.transport.reader import decode

NULL: Final = msgspec.Raw(b"null")
"""What stands for a field that is left out."""
PERCENT: Final = Decimal("0.01")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
_NEGATIVE_ZERO = re.compile(r"-0(?:\.0+)?", re.ASCII)


class Amount(msgspec.Struct):
    """`Amount3` of the description."""

    quantity: msgspec.Raw
    currency: str


def is_null(raw: msgspec.Raw) -> bool:
    """Whether it was null, or left out."""
    return bytes(raw) == b"null"


def signed(raw: msgspec.Raw, field: str) -> Decimal:
    """An amount that may be below zero: a decimal text, or a JSON number. Raises `OffWireError`."""
    text = bytes(raw)
    if text.startswith(b'"'):
        said = decode(raw, str)
        # The description's pattern of a position lets a zero have a sign.
        return _parsed(said[1:] if _NEGATIVE_ZERO.fullmatch(said) else said, field)
    if len(text) > AMOUNT_LENGTH_MAX or _NUMBER.fullmatch(text) is None:
        raise OffWireError(f"{field}: expected a decimal text or a number, was another thing")
    number = Decimal(text.decode())
    return ZERO if number == 0 else _parsed(f"{number:f}", field)


def amount(raw: msgspec.Raw, field: str) -> Decimal:
    """An amount that is zero or more. Raises `OffWireError`."""
    found = signed(raw, field)
    if found < 0:
        raise OffWireError(f"{field}: expected zero or more, was less")
    return found


def ratio(raw: msgspec.Raw, field: str, *, per_cent: bool) -> Decimal | None:
    """A ratio, whatever unit it is stated in: 5.10 per cent is 0.0510. Null stays None."""
    if is_null(raw):
        return None
    stated = signed(raw, field)
    return mul(stated, PERCENT) if per_cent else stated


def value(raw: msgspec.Raw, field: str) -> Value | None:
    """An amount with its currency; null stays None. Raises `OffWireError`."""
    if is_null(raw):
        return None
    if not bytes(raw).startswith(b"{"):
        raise OffWireError(f"{field}: expected a quantity and a currency, was another thing")
    found = decode(raw, Amount)
    if not found.currency:
        raise OffWireError(f"{field}.currency: expected a currency, was an empty text")
    return Value(signed(found.quantity, f"{field}.quantity"), found.currency)


def stated_value(raw: msgspec.Raw, field: str) -> Value:
    """An amount with its currency that may not be left out. Raises `OffWireError`."""
    found = value(raw, field)
    if found is None:
        raise OffWireError(f"{field}: expected a quantity and a currency, was nothing")
    return found


def value_beside(raw: msgspec.Raw, field: str, *others: Value | None) -> Value | None:
    """An amount whose old form is a bare number, in the currency of the amounts that it is compared with.

    None where these state no currency, or two: a number alone says nothing. Raises `OffWireError`.
    """
    if is_null(raw) or bytes(raw).startswith(b"{"):
        return value(raw, field)
    found = signed(raw, field)
    currencies = {other.currency for other in others if other is not None}
    return Value(found, currencies.pop()) if len(currencies) == 1 else None


def _parsed(text: str, field: str) -> Decimal:
    try:
        return parse_signed(text)
    except AmountError as error:
        raise OffWireError(f"{field}: expected {error.expected}") from error
