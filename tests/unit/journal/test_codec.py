"""The codec keeps what it is given, digit by digit, and refuses what it did not write."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.model import VenueState
from router.core.order import CancelRequested, ProvedAbsent, Reported, WentInDoubt
from router.journal import codec
from router.ports import StoreError
from tests.unit import build


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_amount_comes_back_digit_by_digit(amount: Decimal) -> None:
    kept = codec.decode_order(codec.encode(build.order(filled_base=amount)))

    assert amount.as_tuple() == kept.filled_base.as_tuple()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str) -> None:
    event = ProvedAbsent(text)

    assert event == codec.decode_event(codec.encode(event))


@pytest.mark.parametrize(
    ("event", "tag"),
    [
        (CancelRequested(), b'{"type":"cancel_requested"}'),
        (WentInDoubt("x", 1), b'{"type":"went_in_doubt","detail":"x","sent_at":1}'),
    ],
)
def test_an_event_carries_its_tag(event: CancelRequested | WentInDoubt, tag: bytes) -> None:
    assert tag == codec.encode(event)


def test_an_amount_is_a_string() -> None:
    encoded = codec.encode(Reported(build.report(VenueState.DONE, build.fill("a", "0.50"))))

    assert b'"quantity_base":"0.50"' in encoded


@pytest.mark.parametrize(
    "doc", [b"", b"{", b"{}", b'{"type":"unheard_of"}', b"[]", b"\xff", b'{"id":"\xff"}']
)
def test_what_this_program_did_not_write_is_refused(doc: bytes) -> None:
    with pytest.raises(StoreError, match="this program wrote"):
        codec.decode_order(doc)
    with pytest.raises(StoreError, match="this program wrote"):
        codec.decode_event(doc)


@given(st.integers(0, 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_a_cursor_comes_back(at: int, name: str) -> None:
    assert (at, name) == codec.decode_cursor(codec.encode_cursor(at, name))


@given(st.text())
def test_any_other_text_is_no_cursor(text: str) -> None:
    try:
        at, name = codec.decode_cursor(text)
    except ValueError:
        return
    assert text == codec.encode_cursor(at, name)


def test_a_time_that_no_column_holds_is_no_cursor() -> None:
    with pytest.raises(ValueError, match="expected a cursor"):
        codec.decode_cursor(codec.encode_cursor(2**63, "order-1"))
