"""What an answer is counted as."""

import pytest

from router.load.mix import Kind
from router.load.outcomes import (
    STATUS_LENGTH_MAX,
    Answer,
    Body,
    Error,
    Outcome,
    Priced,
    Trouble,
    Verdict,
    outcome_of,
)

ORDER, RFQ, ACCEPT = Kind.ORDER, Kind.RFQ, Kind.ACCEPT
NO_QUOTES = Body(status=422, code="no_quotes")
NO_STORE = Body(status=503, code="store_unavailable")


@pytest.mark.parametrize(
    ("operation", "came", "expected"),
    [
        (ORDER, Answer(200, Body(status="filled")), (Verdict.TAKEN, 200, None, "filled")),
        (ACCEPT, Answer(200, Body(status="filled")), (Verdict.TAKEN, 200, None, "filled")),
        (
            ORDER,
            Answer(202, Body(status="pending_new", in_doubt=True)),
            (Verdict.TAKEN, 202, None, "pending_new, in doubt"),
        ),
        (
            ORDER,
            Answer(200, Body(status="canceled", error=Error("price_moved"))),
            (Verdict.TAKEN, 200, "price_moved", "canceled"),
        ),
        (RFQ, Answer(201, Body(best=Priced("1"))), (Verdict.TAKEN, 201, None, "priced")),
        (RFQ, Answer(201, Body()), (Verdict.TAKEN, 201, None, "not priced")),
        (ORDER, Answer(422, NO_QUOTES), (Verdict.REFUSED, 422, "no_quotes", None)),
        (RFQ, Answer(422, NO_QUOTES), (Verdict.REFUSED, 422, "no_quotes", None)),
        (
            ORDER,
            Answer(429, Body(code="too_many_requests"), retry_after=True),
            (Verdict.SHED, 429, "too_many_requests", None),
        ),
        (ORDER, Answer(503, NO_STORE, retry_after=True), (Verdict.SHED, 503, "store_unavailable", None)),
        (ORDER, Answer(503, NO_STORE), (Verdict.FAILED, 503, "store_unavailable", None)),
        (ORDER, Answer(429, Body(code="other")), (Verdict.REFUSED, 429, "other", None)),
        (ORDER, Answer(500, Body(code="internal_error")), (Verdict.FAILED, 500, "internal_error", None)),
        (ORDER, Answer(500, Body(), retry_after=True), (Verdict.FAILED, 500, None, None)),
        (ORDER, Answer(307, None), (Verdict.FAILED, 307, "unreadable", None)),
        (ORDER, Answer(200, None), (Verdict.FAILED, 200, "unreadable", None)),
        (ORDER, Answer(503, None, retry_after=True), (Verdict.SHED, 503, "unreadable", None)),
        (ORDER, Trouble.TIMEOUT, (Verdict.UNANSWERED, None, "timeout", None)),
        (ORDER, Trouble.CUT_OFF, (Verdict.UNANSWERED, None, "cut_off", None)),
    ],
)
def test_an_answer_is_counted_by_status_code_and_order_status(
    operation: Kind, came: Answer | Trouble, expected: tuple[object, ...]
) -> None:
    assert (operation, *expected) == outcome_of(operation, came)


def test_a_strange_text_is_kept_short() -> None:
    told = outcome_of(ORDER, Answer(400, Body(code="x" * 500)))
    assert told == Outcome(ORDER, Verdict.REFUSED, 400, "x" * STATUS_LENGTH_MAX, None)
