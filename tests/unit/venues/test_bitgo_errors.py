"""The table of refusals: one case a documented name, written out here."""

import json
from typing import Any

import pytest

from router.core.errors import Code, VenueError
from tests.unit.venues.support import payload
from venues.bitgo.errors import CATALOGUE, failure, refusal, said
from venues.transport.session import Answered

CASES: list[tuple[str, int, Code | None, Code | None, bool]] = [
    # errorName, documented status, code on Spot, code on PTS (None: no definite no), retryable
    ("Error", 401, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:common:forbidden", 403, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:common:inUse", 409, None, None, False),
    ("backend:common:internalServerError", 500, None, None, False),
    ("backend:common:invalidArgument", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:common:invalidRequest", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:common:malformedJSON", 422, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:common:notFound", 404, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:common:positiveIntegerRequired", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:common:rateLimitExceeded", 429, Code.VENUE_UNAVAILABLE, Code.VENUE_UNAVAILABLE, True),
    ("backend:common:required", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:externalAPI:invalidParameters", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:trade:KYCNotApproved", 400, Code.KYC_NOT_APPROVED, Code.KYC_NOT_APPROVED, False),
    ("backend:trade:insufficientFunds", 400, Code.INSUFFICIENT_FUNDS, Code.CREDIT_UNAVAILABLE, False),
    ("backend:trade:invalidClientOrderID", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:trade:invalidLimitPrice", 400, Code.INVALID_LIMIT_PRICE, Code.INVALID_LIMIT_PRICE, False),
    ("backend:trade:invalidQuantity", 400, Code.INVALID_QUANTITY, Code.INVALID_QUANTITY, False),
    ("backend:trade:invalidStopTriggerPrice", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:trade:invalidUserIntent", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    (
        "backend:trade:marginInsufficientCollateral",
        400,
        Code.CREDIT_INSUFFICIENT_COLLATERAL,
        Code.CREDIT_INSUFFICIENT_COLLATERAL,
        False,
    ),
    ("backend:trade:marginLongNOP", 400, Code.CREDIT_LONG_LIMIT, Code.CREDIT_LONG_LIMIT, False),
    ("backend:trade:marginShortNOP", 400, Code.CREDIT_SHORT_LIMIT, Code.CREDIT_SHORT_LIMIT, False),
    (
        "backend:trade:marginTotalShortNOP",
        400,
        Code.CREDIT_TOTAL_SHORT_LIMIT,
        Code.CREDIT_TOTAL_SHORT_LIMIT,
        False,
    ),
    ("backend:trade:orderNotCancelable", 400, Code.ORDER_NOT_CANCELABLE, Code.ORDER_NOT_CANCELABLE, False),
    ("backend:trade:productAlgoStrategyDisabled", 400, Code.TRADING_DISABLED, Code.TRADING_DISABLED, False),
    (
        "backend:trade:productMarginTradingDisabled",
        400,
        Code.CREDIT_MARGIN_DISABLED,
        Code.CREDIT_MARGIN_DISABLED,
        False,
    ),
    ("backend:trade:productSideTradingDisabled", 400, Code.TRADING_DISABLED, Code.TRADING_DISABLED, False),
    ("backend:trade:productTradingDisabled", 400, Code.TRADING_DISABLED, Code.TRADING_DISABLED, False),
    ("backend:trade:tradingDisabled", 400, Code.TRADING_DISABLED, Code.TRADING_DISABLED, False),
    ("backend:trade:unsupportedProduct", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED, False),
    ("backend:trade:velocityLimitBreached", 400, Code.VELOCITY_LIMIT, Code.VELOCITY_LIMIT, True),
    ("backend:trade:willTriggerLiquidation", 400, Code.CREDIT_LIQUIDATION, Code.CREDIT_LIQUIDATION, False),
]


def answer(body: Any, status: int = 400) -> Answered:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answered(status, {}, raw)


def test_the_table_has_the_documented_names_and_no_others() -> None:
    assert [case[0] for case in CASES] == sorted(CATALOGUE)


@pytest.mark.parametrize(("name", "status", "spot", "pts", "retryable"), CASES, ids=[c[0] for c in CASES])
def test_every_documented_name_has_its_meaning(
    name: str, status: int, spot: Code | None, pts: Code | None, retryable: bool
) -> None:
    for on_pts, expected in ((False, spot), (True, pts)):
        found = refusal(VenueError(name, "said so", "unk-1", status), "bitgo-1", pts=on_pts)
        if expected is None:
            assert found is None
        else:
            assert found is not None
            assert (found.code, found.retryable, found.connection_id) == (expected, retryable, "bitgo-1")
            assert found.venue_error == VenueError(name, "said so", "unk-1", status)


def test_a_name_that_is_not_documented_is_no_refusal() -> None:
    assert refusal(VenueError("backend:trade:brandNew", http_status=400), "c", pts=True) is None


@pytest.mark.parametrize("status", [200, 302, 500, 502, 503])
def test_a_refusal_outside_4xx_is_none(status: int) -> None:
    assert refusal(VenueError("backend:trade:marginLongNOP", http_status=status), "c", pts=True) is None


def test_the_plain_word_error_refuses_at_401_alone() -> None:
    assert refusal(VenueError("Error", http_status=400), "c", pts=False) is None


def test_an_error_that_is_a_text() -> None:
    expected = VenueError(
        "backend:common:inUse", "backend:common:inUse key=clientOrderId", "unk-nqo97l23l2ofpvgkbb8z", 409
    )
    assert said(answer(payload("error_in_use"), 409)) == expected


def test_an_error_that_is_an_object() -> None:
    expected = VenueError("backend:trade:invalidQuantity", "Amount must be at least 10 USD.", None, 400)
    assert said(answer(payload("error_invalid_quantity"))) == expected


def test_the_message_of_the_context_tells_most() -> None:
    found = said(answer(payload("error_with_context")))
    assert found.message == "limitPrice exceeds maximum decimal precision of 2"


def test_an_unauthorized_answer_is_told_as_such_and_never_shows_a_token() -> None:
    found = refusal(said(answer(payload("error_unauthorized"), 401)), "c", pts=False)
    assert found is not None
    assert "token" in found.detail


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>upstream</html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"error":"x"}',
        b'{"errorName":7,"error":"x"}',
        b'{"errorName":"backend:trade:marginLongNOP"',
    ],
)
def test_a_body_that_is_none_of_theirs_names_nothing(body: bytes) -> None:
    assert said(answer(body, 400)) == VenueError(http_status=400)


def test_what_is_repeated_is_short_and_printable() -> None:
    found = said(answer({"errorName": "x" * 1000, "error": "a\x1b[31m\n" * 1000, "reqId": ["odd"]}))
    assert found.name is not None
    assert len(found.name) == 128
    assert found.message is not None
    assert len(found.message) == 512
    assert found.message.isprintable()
    assert found.request_id is None


@pytest.mark.parametrize(
    ("reason", "description", "pts", "expected"),
    [
        ("insufficientFunds", None, True, Code.CREDIT_UNAVAILABLE),
        ("insufficientFunds", None, False, Code.INSUFFICIENT_FUNDS),
        ("internalError", "it broke", True, Code.VENUE_REJECTED),
        ("internalError", "it broke", False, Code.VENUE_REJECTED),
        (None, None, True, Code.VENUE_REJECTED),
        ("internalError", "backend:trade:marginLongNOP", True, Code.CREDIT_LONG_LIMIT),
        (None, "refused: backend:trade:willTriggerLiquidation.", True, Code.CREDIT_LIQUIDATION),
        ("internalError", "backend:common:internalServerError", True, Code.VENUE_REJECTED),
        ("internalError", "backend:trade:insufficientFunds", True, Code.CREDIT_UNAVAILABLE),
        ("internalError", "backend:trade:brandNew", True, Code.VENUE_REJECTED),
    ],
)
def test_a_failure_after_the_order_was_taken(
    reason: str | None, description: str | None, pts: bool, expected: Code
) -> None:
    found = failure(reason, description, "c", pts=pts)
    assert found.code is expected
    assert found.venue_error == VenueError(reason, description)
