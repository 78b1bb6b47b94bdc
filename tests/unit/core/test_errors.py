"""Errors say what was expected and what came, and never more of it than fits a line."""

import pytest

from router.core.errors import (
    SHOWN_LENGTH_MAX,
    Code,
    FieldError,
    InvalidRequestError,
    NotFoundError,
    RfqExpiredError,
    RouterError,
    UnavailableError,
    shown,
)
from router.core.model import Outcome, Reason


def test_a_bad_request_names_each_field() -> None:
    error = InvalidRequestError(
        FieldError("quantity", "a decimal string", "1"), FieldError("side", "buy or sell", None)
    )

    assert error.code is Code.INVALID_REQUEST
    assert str(error) == "quantity: expected a decimal string, was 1; side: expected buy or sell"
    assert [entry.field for entry in error.errors] == ["quantity", "side"]
    assert not error.retryable


def test_every_no_carries_its_code() -> None:
    told: list[tuple[RouterError, Code, bool]] = [
        (NotFoundError("an order"), Code.NOT_FOUND, False),
        (RfqExpiredError("too late"), Code.RFQ_EXPIRED, False),
        (UnavailableError(Code.SHUTTING_DOWN, "stopping"), Code.SHUTTING_DOWN, True),
    ]
    for error, code, retryable in told:
        assert (error.code, error.retryable) == (code, retryable)
        assert str(error) == error.detail


def test_credit_is_told_from_everything_else() -> None:
    credit = {code for code in Code if code.is_credit}

    assert {code.value for code in credit} == {
        "credit_short_limit",
        "credit_long_limit",
        "credit_total_short_limit",
        "credit_insufficient_collateral",
        "credit_liquidation",
        "credit_margin_disabled",
        "credit_frozen",
        "credit_unavailable",
    }


def test_every_reason_excludes_or_fails() -> None:
    failures = {reason.value for reason in Reason if reason.outcome is Outcome.FAILED}

    assert failures == {
        "insufficient_depth",
        "stale_book",
        "timeout",
        "invalid_quote",
        "quote_expired",
        "outside_collar",
        "venue_error",
    }
    assert {reason.outcome for reason in Reason} == {Outcome.FAILED, Outcome.EXCLUDED}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        (None, "null"),
        ([1, True], "[1,true]"),
        ('"\n', '"\\"\\n"'),
        (1 << 70, str(1 << 70)),
        (object, "<class 'object'>"),
    ],
)
def test_a_value_is_shown_as_its_json(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_long_value_is_cut() -> None:
    told = shown("x" * 1000)

    assert len(told) == SHOWN_LENGTH_MAX
    assert told.endswith("…")


def test_what_nests_without_end_is_shown_too() -> None:
    nested: list[object] = []
    nested.append(nested)

    assert len(shown(nested)) <= SHOWN_LENGTH_MAX
    assert len(shown("\ud800" * 200)) <= SHOWN_LENGTH_MAX
