"""What the headers, fields and queries of margin requests must be: one function a request."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, cast

import msgspec
from multidict import MultiMapping

from router.core.errors import FieldError, InvalidRequestError, shown
from router.core.movement import ActivityQuery, ActivityType, Move, MoveKind
from router.core.moving import MoveFound
from router.http import bodies
from router.http.decode import ERRORS_MAX, Fields, decode_object, parse_time
from router.http.margin import bodies as margin_bodies
from router.http.requests import ID, ID_EXPECTED, page_query

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
OFFSET_MAX: Final = 1_000_000
"""Rows of a counterparty's list that can be paged through."""
CURRENCY_EXPECTED: Final = "a currency such as USD: 1 to 32 of A-Za-z0-9*.:_-"
_CURRENCY: Final = re.compile(margin_bodies.CURRENCY_PATTERN)
_OPERATOR: Final = re.compile(bodies.OPERATOR_PATTERN)
_REASON: Final = re.compile(bodies.REASON_PATTERN)
_OFFSET: Final = re.compile("o-([1-9][0-9]{0,6})", re.ASCII)
_TRANSFER_FIELDS: Final = frozenset(margin_bodies.MarginTransferBody.__struct_fields__)
_POSITIONS_FIELDS: Final = frozenset(margin_bodies.MarginPositionsBody.__struct_fields__)
_FINDING_FIELDS: Final = frozenset(margin_bodies.MarginFindingBody.__struct_fields__)


class Said(msgspec.Struct, frozen=True):
    """What a request says that was found out."""

    found: MoveFound
    operator: str
    reason: str
    venue_id: str | None


class OffsetPage(msgspec.Struct, frozen=True):
    """Which rows of a counterparty's list are asked for."""

    offset: int
    limit: int

    def next_cursor(self, rows: int) -> str | None:
        """The cursor after a page of so many rows; a list that ends with a full page has an empty one."""
        following = self.offset + self.limit
        return f"o-{following}" if rows >= self.limit and following <= OFFSET_MAX else None


class SnapshotQuery(msgspec.Struct, frozen=True):
    """Which positions are asked for; `until` in nanoseconds, exclusive."""

    until: int
    currencies: tuple[str, ...]
    use_future_transfers: bool


def idempotency_key(headers: Iterable[str]) -> str:
    """The caller's key from the values of its header. Raises `InvalidRequestError`, naming the header."""
    values = list(headers)
    if len(values) == 1 and ID.fullmatch(values[0]) is not None:
        return values[0]
    was = shown(values[0]) if len(values) == 1 else "more than one" if values else None
    raise InvalidRequestError(FieldError(IDEMPOTENCY_KEY, f"this header with {ID_EXPECTED}", was))


def transfer(raw: bytes, kind: MoveKind) -> Move:
    """A move of an amount from a body. Raises `InvalidRequestError` with every field error."""
    fields = Fields(decode_object(raw), _TRANSFER_FIELDS)
    currency = fields.text("currency", _CURRENCY, CURRENCY_EXPECTED, required=True)
    quantity = fields.amount("quantity", positive=True, required=True)
    fields.raise_if_any()
    return Move(kind, currency=currency, quantity=quantity)


def positions(raw: bytes, kind: MoveKind) -> Move:
    """A move of positions, all or by currency, from a body. Raises as `transfer` does."""
    fields = Fields(decode_object(raw), _POSITIONS_FIELDS)
    every, named = fields.get("all"), fields.get("currencies")
    if every is None and named is None:
        fields.missing("all", "true, or currencies in its place")
    elif every is not None and every is not True:
        fields.refuse("all", "true or null", every)
    elif every is True and named is not None:
        fields.refuse("currencies", "null where all is true", named)
    currencies = None if named is None else _currencies(fields, named)
    fields.raise_if_any()
    return Move(kind, currencies=currencies)


def finding(raw: bytes) -> Said:
    """A finding from a body. Raises as `transfer` does."""
    fields = Fields(decode_object(raw), _FINDING_FIELDS)
    found = fields.choice("finding", tuple(MoveFound), required=True)
    operator = fields.text("operator", _OPERATOR, "a name of 1 to 64 printable characters", required=True)
    reason = fields.text("reason", _REASON, "1 to 500 printable characters", required=True)
    venue_id = fields.text("venue_id", ID, ID_EXPECTED, required=False)
    if found is MoveFound.ABSENT and fields.get("venue_id") is not None:
        fields.refuse("venue_id", "null where the operation is absent", fields.get("venue_id"))
    fields.raise_if_any()
    # Nothing was refused, so what is required is there.
    return Said(cast("MoveFound", found), cast("str", operator), cast("str", reason), venue_id)


def offset_page(query: MultiMapping[str]) -> OffsetPage:
    """A page of a counterparty's list. Raises `InvalidRequestError`."""
    asked = page_query(query)
    if asked.cursor is None:
        return OffsetPage(0, asked.limit)
    found = _OFFSET.fullmatch(asked.cursor)
    if found is None or int(found[1]) > OFFSET_MAX:
        raise wrong_cursor(asked.cursor)
    return OffsetPage(int(found[1]), asked.limit)


def wrong_cursor(cursor: str | None) -> InvalidRequestError:
    """What is said of a cursor that no answer gave."""
    return InvalidRequestError(FieldError("cursor", "a next_cursor of an answer", shown(cursor)))


def snapshot_query(query: MultiMapping[str], now: int) -> SnapshotQuery:
    """Which unsettled positions are asked for; by default those of now. Raises `InvalidRequestError`."""
    errors: list[FieldError] = []
    until = _time(query, "until", errors)
    flag = query.get("use_future_transfers", "false")
    if flag not in ("true", "false"):
        errors.append(FieldError("use_future_transfers", "true or false", shown(flag)))
    currencies = _listed(query, "currencies", errors)
    _raise_if_any(errors)
    return SnapshotQuery(now if until is None else until, currencies, flag == "true")


def activity_query(query: MultiMapping[str]) -> ActivityQuery:
    """Which activity is asked for. Raises `InvalidRequestError`."""
    errors: list[FieldError] = []
    since, until = _time(query, "from", errors), _time(query, "to", errors)
    if since is not None and until is not None and until <= since:
        errors.append(FieldError("to", "a time after from", shown(query.get("to"))))
    currencies = _listed(query, "currencies", errors)
    known: Mapping[str, ActivityType] = {kind.value: kind for kind in ActivityType}
    named = query["types"].split(",") if "types" in query else []
    if any(name not in known for name in named):
        expected = f"a list, with commas, of {', '.join(known)}"
        errors.append(FieldError("types", expected, shown(query.get("types"))))
    _raise_if_any(errors)
    return ActivityQuery(since, until, currencies, tuple(known[name] for name in dict.fromkeys(named)))


def _currencies(fields: Fields, value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not 1 <= len(value) <= margin_bodies.CURRENCIES_MAX:
        expected = f"null or a list of 1 to {margin_bodies.CURRENCIES_MAX} currencies"
        fields.refuse("currencies", expected, value)
        return None
    named: dict[str, None] = {}
    for index, member in enumerate(value):
        if not isinstance(member, str) or _CURRENCY.fullmatch(member) is None:
            fields.refuse(f"currencies[{index}]", CURRENCY_EXPECTED, member)
        elif member in named:
            fields.refuse(f"currencies[{index}]", "a currency once", member)
        else:
            named[member] = None
    # The order says nothing: a repeat in another order is the same request.
    return tuple(sorted(named))


def _listed(query: MultiMapping[str], name: str, errors: list[FieldError]) -> tuple[str, ...]:
    if name not in query:
        return ()
    members = query[name].split(",")
    if len(members) > margin_bodies.CURRENCIES_MAX or not all(_CURRENCY.fullmatch(each) for each in members):
        errors.append(FieldError(name, "currencies with commas between them", shown(query[name])))
    return tuple(dict.fromkeys(members))


def _time(query: MultiMapping[str], name: str, errors: list[FieldError]) -> int | None:
    if name not in query:
        return None
    try:
        return parse_time(query[name])
    except ValueError as error:
        errors.append(FieldError(name, str(error), shown(query[name])))
        return None


def _raise_if_any(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidRequestError(*errors[:ERRORS_MAX])
