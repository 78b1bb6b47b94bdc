"""Operations and their events as JSON, for a store that does not look into them."""

from typing import Final, TypeVar

import msgspec

from router.core.moving import MoveEvent, Operation
from router.ports import StoreError
from router.ports.records import MoveRecord

_T = TypeVar("_T")

_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")
_OPERATION: Final = msgspec.json.Decoder(Operation)
_EVENT: Final[msgspec.json.Decoder[MoveEvent]] = msgspec.json.Decoder(MoveEvent)


def record_of(operation: Operation) -> MoveRecord:
    """An operation as a store keeps it. Raises `StoreError` for one that JSON cannot hold."""
    return MoveRecord(
        id=operation.id,
        connection_id=operation.connection.id,
        key=operation.key,
        final=operation.is_final,
        created_at=operation.created_at,
        updated_at=operation.updated_at,
        doc=_encoded(operation),
    )


def encode_event(event: MoveEvent) -> bytes:
    """An event as a store keeps it. Raises `StoreError` for one that JSON cannot hold."""
    return _encoded(event)


def operation_of(record: MoveRecord) -> Operation:
    """An operation from its record; raises `StoreError` where it is not what this program writes."""
    return _decoded(_OPERATION, record.doc)


def decode_event(doc: bytes) -> MoveEvent:
    """An event from its JSON; raises `StoreError` where it is not what this program writes."""
    return _decoded(_EVENT, doc)


def _encoded(record: Operation | MoveEvent) -> bytes:
    try:
        return _ENCODER.encode(record)
    except (msgspec.EncodeError, UnicodeEncodeError) as error:
        raise StoreError(
            f"expected a record that can be written as JSON, was: {type(error).__name__}"
        ) from error


def _decoded(decoder: msgspec.json.Decoder[_T], doc: bytes) -> _T:
    try:
        return decoder.decode(doc)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"expected a record that this program wrote, was: {error}") from error
