"""A competition's record comes back from its JSON as it was, also from the JSON of before."""

import msgspec
import pytest

from router.core.model import Outcome, Reason, Source
from router.core.record import CompetitionRecord, EntryRecord
from router.core.record_json import decode_competition, encode_competition
from tests.unit import build
from tests.unit.build import T0, D

WON = EntryRecord(
    connection=build.connection(),
    outcome=Outcome.WON,
    reason=None,
    source=Source.BOOK,
    firm=False,
    price=D("100.00"),
    price_worst=D("1E+2"),
    all_in_price=D("100.10"),
    fee=D("0.050"),
    quantity_base=D("0.5"),
    complete=True,
    rank=1,
    late=False,
    asked_at=T0,
    answered_at=T0 + 1,
    valid_until=None,
    quote_id=None,
    detail=None,
)
OUT = EntryRecord(
    build.connection("bitgo-pts", pts=True),
    Outcome.EXCLUDED,
    Reason.RATE_LIMITED,
    *(None, False, None, None, None, None, None, False, None, False, None, None, None, None),
    "Übergröße",
)
RECORD = CompetitionRecord(
    *("c-1", "o-1", None, build.request(), D(50), D(500), T0, T0 + 9, T0 + 2, D("99.90"), None, "bitgo-spot"),
    (WON, OUT),
)


@pytest.mark.parametrize("entries", [(WON, OUT), (WON,), ()])
def test_a_record_is_the_same_again(entries: tuple[EntryRecord, ...]) -> None:
    record = msgspec.structs.replace(RECORD, entries=entries)

    kept = decode_competition(encode_competition(record))

    assert record == kept
    assert [str(entry.price_worst) for entry in record.entries] == [
        str(entry.price_worst) for entry in kept.entries
    ]


def test_a_record_of_before_is_read() -> None:
    assert decode_competition(msgspec.json.encode(RECORD)) == RECORD


def test_the_names_of_an_entry_are_kept_once() -> None:
    assert encode_competition(RECORD).count(b'"quantity_base"') == 1


@pytest.mark.parametrize(
    "doc",
    [
        b"",
        b"{}",
        encode_competition(RECORD).replace(b'"won"', b'"gained"'),
        b"[" + encode_competition(RECORD),
    ],
)
def test_what_is_no_record_is_refused(doc: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_competition(doc)
