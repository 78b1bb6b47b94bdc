"""Orders and events as JSON, and the cursor of a list: what any store keeps, whatever it keeps it in.

Amounts are strings with every digit and their scale (`Decimal("1.50")` comes back as that, not as 1.5), times
are integers, and an event carries its tag (`router.core.order`) as `type`.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from router.core.order import Contradicted, Event, Order
from router.ports import StoreError

_T = TypeVar("_T")

_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")
_ORDER: Final = msgspec.json.Decoder(Order)
_EVENT: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)
_CURSOR: Final = re.compile(r"(?P<at>0|[1-9][0-9]{0,18}):(?P<id>.{1,128})", re.ASCII | re.DOTALL)
_TIME_MAX: Final = 2**63 - 1
"""The largest integer that a store's column holds."""


def encode(record: Order | Event) -> bytes:
    """A record as JSON. Raises `StoreError` for one that JSON cannot hold (half a surrogate pair)."""
    try:
        return _ENCODER.encode(record)
    except (msgspec.EncodeError, UnicodeEncodeError) as error:
        raise StoreError(
            f"expected a record that can be written as JSON, was: {type(error).__name__}"
        ) from error


def decode_order(doc: bytes) -> Order:
    """An order from its JSON; raises `StoreError` where it is not what this program writes."""
    return _decoded(_ORDER, doc)


def decode_event(doc: bytes) -> Event:
    """An event from its JSON; raises `StoreError` where it is not what this program writes."""
    return _decoded(_EVENT, doc)


def shown_elsewhere(order: Order, event: Event) -> tuple[str, str] | None:
    """The connection, and its counterparty's id, of what an earlier attempt was executed under; else None.

    The order itself has the id of its last attempt.
    """
    if not isinstance(event, Contradicted):
        return None
    return order.attempts[event.number - 1].connection_id, event.report.venue_order_id


def _decoded(decoder: msgspec.json.Decoder[_T], doc: bytes) -> _T:
    try:
        return decoder.decode(doc)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"expected a record that this program wrote, was: {error}") from error


def encode_cursor(created_at: int, order_id: str) -> str:
    """Where a page ended, opaque to callers: the creation time (ns) and the id of its last order."""
    return base64.urlsafe_b64encode(f"{created_at}:{order_id}".encode()).decode("ascii").rstrip("=")


def next_cursor(found: Sequence[Order], limit: int) -> str | None:
    """The cursor after a page of `limit` orders, `found` being one more where there are more."""
    return encode_cursor(found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None


def decode_cursor(cursor: str) -> tuple[int, str]:
    """What `encode_cursor` put in; raises `ValueError` for any text that it did not make."""
    try:
        text = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        ).decode()
    except (UnicodeError, binascii.Error) as error:
        raise ValueError("expected a cursor of this list, was another text") from error
    found = _CURSOR.fullmatch(text)
    if (
        found is None
        or int(found["at"]) > _TIME_MAX
        or encode_cursor(int(found["at"]), found["id"]) != cursor
    ):
        raise ValueError("expected a cursor of this list, was another text")
    return int(found["at"]), found["id"]
