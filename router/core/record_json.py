"""A competition's record as JSON, as it is kept: what the values of an entry are called stands there once.

Every order has such a record, and its entries were mostly names. What was kept before, with every entry as an
object of its own, is read as well.
"""

from decimal import Decimal
from typing import Any

import msgspec

from router.core.model import OrderRequest
from router.core.record import CompetitionRecord, EntryRecord


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """`CompetitionRecord`, with `rows` of `columns` in place of its entries."""

    id: str
    order_id: str | None
    rfq_id: str | None
    request: OrderRequest
    slippage_bps_max: Decimal
    collar_bps: Decimal
    opened_at: int
    deadline_at: int
    closed_at: int
    arrival_price: Decimal | None
    cover_price: Decimal | None
    winner: str | None
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    entries: tuple[EntryRecord, ...] = ()


_COLUMNS = EntryRecord.__struct_fields__
_astuple = msgspec.structs.astuple
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Kept)


def encode_competition(record: CompetitionRecord) -> bytes:
    """A record as JSON; amounts are texts with every digit."""
    return _encoder.encode(
        _Kept(
            record.id,
            record.order_id,
            record.rfq_id,
            record.request,
            record.slippage_bps_max,
            record.collar_bps,
            record.opened_at,
            record.deadline_at,
            record.closed_at,
            record.arrival_price,
            record.cover_price,
            record.winner,
            _COLUMNS,
            tuple(map(_astuple, record.entries)),
        )
    )


def decode_competition(doc: bytes) -> CompetitionRecord:
    """The record of its JSON. Raises `msgspec.MsgspecError`."""
    kept = _decoder.decode(doc)
    entries = kept.entries
    if kept.columns:
        rows = [dict(zip(kept.columns, row, strict=False)) for row in kept.rows]
        entries = msgspec.convert(rows, tuple[EntryRecord, ...])
    return CompetitionRecord(
        kept.id,
        kept.order_id,
        kept.rfq_id,
        kept.request,
        kept.slippage_bps_max,
        kept.collar_bps,
        kept.opened_at,
        kept.deadline_at,
        kept.closed_at,
        kept.arrival_price,
        kept.cover_price,
        kept.winner,
        entries,
    )
