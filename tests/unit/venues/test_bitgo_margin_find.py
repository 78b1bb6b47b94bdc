"""What is found of a move that was sent and not answered: ours, nobody's, or no way to tell."""

from collections.abc import Callable
from typing import Any

import pytest

from router.core.movement import Move, Moved, MoveKind, MoveUnanswered
from router.ports import Lane, OffWireError, VenueUnreachableError
from tests.unit.venues.support import SECOND, payload
from tests.unit.venues.test_bitgo_account import Answer, books
from tests.unit.venues.test_bitgo_margin_moves import (
    CLOSE,
    CLOSE_ALL,
    COLLATERAL,
    COVER,
    POSITION,
    WITHDRAWAL,
)
from venues.bitgo.margin_evidence import SKEW_NS
from venues.transport.times import format_time, parse_time

SENT = parse_time("2026-01-02T03:04:05Z")
REQUESTS = "margin/positions/close/requests"
WITHDRAWALS = "margin/collateral/withdrawalrequests"
ACTIVITY = "margin/positions/activity"


def listed(*rows: Any, served: int = 2) -> Callable[[Any], Any]:
    """A list under whatever name its path has, with a largest page."""

    def answer(request: Any) -> Any:
        offset = int(request.query["offset"])
        name = "positionsActivity" if request.path.endswith("activity") else "data"
        return {name: list(rows[offset : offset + served])}

    return answer


def close(name: str, at: int = SENT, **changed: Any) -> dict[str, Any]:
    fields = {"accountId": "acc", "closePositionsRequestId": name, "creationDate": format_time(at)}
    return payload("margin_close_request", **fields | changed)  # type: ignore[no-any-return]  # JSON


def withdrawal(name: str, at: int = SENT, **changed: Any) -> dict[str, Any]:
    fields = {"accountId": "acc", "id": name, "creationDate": format_time(at)}
    return payload("margin_withdrawal", **fields | changed)  # type: ignore[no-any-return]  # JSON


def transfer(name: str, at: int = SENT, **changed: Any) -> dict[str, Any]:
    fields = {
        "type": "position-transfer",
        "accountId": "acc",
        "id": name,
        "quantity": "0.5",
        "transactionDate": format_time(at),
    }
    return payload("margin_activity", **fields | changed)  # type: ignore[no-any-return]  # JSON


MAKERS: dict[MoveKind, tuple[str, Callable[..., dict[str, Any]], Move]] = {
    MoveKind.CLOSE: (REQUESTS, close, CLOSE_ALL),
    MoveKind.COLLATERAL_WITHDRAWAL: (WITHDRAWALS, withdrawal, WITHDRAWAL),
    MoveKind.POSITION_TRANSFER: (ACTIVITY, transfer, POSITION),
    MoveKind.COVER: (ACTIVITY, transfer, COVER),
}


@pytest.fixture(params=MAKERS, ids=lambda kind: kind.value)
def traced(request: pytest.FixtureRequest) -> tuple[str, Callable[..., dict[str, Any]], Move]:
    """Where a kind of move shows, a row of it, and a move."""
    return MAKERS[request.param]


Traced = tuple[str, Callable[..., dict[str, Any]], Move]


async def find(answers: dict[str, Answer], move: Move, *known: str) -> Any:
    async with books(answers, pts=True) as (found, _):
        return await found.margin.find(move, SENT, known)


async def test_the_one_that_appeared_since_is_it(traced: Traced) -> None:
    path, row, move = traced
    rows = [row("old", SENT - SKEW_NS - SECOND), row("known"), row("new", SENT + SECOND)]
    outcome = await find({path: listed(*rows)}, move, "known")
    assert isinstance(outcome, Moved)
    assert outcome.venue_ids == ("new",)


async def test_clocks_may_differ_by_a_minute(traced: Traced) -> None:
    path, row, move = traced
    outcome = await find({path: listed(row("new", SENT - SKEW_NS))}, move)
    assert isinstance(outcome, Moved)
    assert await find({path: listed(row("new", SENT - SKEW_NS - 1000))}, move) is None


async def test_nothing_is_no_trace(traced: Traced) -> None:
    path, row, move = traced
    assert await find({path: listed()}, move) is None
    assert await find({path: listed(row("known"))}, move, "known") is None


async def test_two_that_could_be_it_decide_nothing(traced: Traced) -> None:
    path, row, move = traced
    outcome = await find({path: listed(row("one"), row("two"))}, move)
    assert isinstance(outcome, MoveUnanswered)
    assert "one, two" in outcome.detail


async def test_a_row_that_changed_between_two_pages_is_one_row() -> None:
    rows = [close("one"), close("two", SENT - 2 * SKEW_NS), close("one", status="completed")]
    outcome = await find({REQUESTS: listed(*rows)}, CLOSE_ALL)
    assert isinstance(outcome, Moved)
    assert outcome.close is not None
    assert outcome.close.status == "completed"


async def test_a_list_that_ignores_the_offset_ends_where_it_repeats(traced: Traced) -> None:
    path, row, move = traced
    name = "positionsActivity" if path == ACTIVITY else "data"
    outcome = await find({path: {name: [row("one")]}}, move)
    assert isinstance(outcome, Moved)


async def test_a_row_that_cannot_be_read_might_have_been_it(traced: Traced) -> None:
    path, row, move = traced
    with pytest.raises(OffWireError):
        await find({path: listed(row("new", quantity="x", status="x", type="x"))}, move)


async def test_another_account_s_row_is_none_of_ours(traced: Traced) -> None:
    path, row, move = traced
    theirs = row("theirs", accountId="another")
    assert await find({path: listed(theirs)}, move) is None
    outcome = await find({path: listed(theirs, row("ours", accountId=...))}, move)
    assert isinstance(outcome, Moved)
    assert outcome.venue_ids == ("ours",)


async def test_a_counterparty_that_does_not_answer_tells_nothing(traced: Traced) -> None:
    path, _, move = traced
    for said in ((500, {}), {"another": []}):
        with pytest.raises(VenueUnreachableError):
            await find({path: said}, move)


async def test_what_is_asked_of_the_lists() -> None:
    since = format_time(SENT - SKEW_NS)
    for path, _, move, expected in (
        (*MAKERS[MoveKind.CLOSE], [("dateGte", since)]),
        (*MAKERS[MoveKind.COLLATERAL_WITHDRAWAL], []),
        (
            *MAKERS[MoveKind.COVER],
            [
                ("transactionDateGte", since),
                ("currency", "BTC"),
                ("currency", "ETH"),
                ("type", "position-transfer"),
            ],
        ),
    ):
        async with books({path: listed()}, pts=True) as (found, there):
            await found.margin.find(move, SENT, ())
            assert there.query() == [*expected, ("offset", "0"), ("limit", "100")]


@pytest.mark.parametrize(
    ("move", "row"),
    [
        (WITHDRAWAL, withdrawal("w", currency="ETH")),
        (WITHDRAWAL, withdrawal("w", quantity="0.51")),
        (POSITION, transfer("t", currency="ETH")),
        (POSITION, transfer("t", quantity="0.49")),
        (POSITION, transfer("t", quantity="-0.5")),
        (POSITION, transfer("t", type="fill-base-leg")),
        (COVER, transfer("t", currency="SOL")),
        (COVER, transfer("t", quantity="-1")),
    ],
    ids=str,
)
async def test_another_content_is_another_move(move: Move, row: dict[str, Any]) -> None:
    path = MAKERS[move.kind][0]
    assert await find({path: listed(row)}, move) is None


async def test_amounts_are_the_same_whatever_their_zeros() -> None:
    assert isinstance(await find({WITHDRAWALS: listed(withdrawal("w", quantity="0.500"))}, WITHDRAWAL), Moved)
    assert isinstance(await find({ACTIVITY: listed(transfer("t", quantity="0.5"))}, POSITION), Moved)


async def test_a_cover_is_one_transfer_to_each_short_position() -> None:
    rows = [transfer("t-1", currency="BTC"), transfer("t-2", currency="ETH", quantity="7")]
    assert await find({ACTIVITY: listed(*rows)}, COVER) == Moved(venue_ids=("t-1", "t-2"))


@pytest.mark.parametrize(("currency", "is_it"), [("BTC", True), ("ETH", False)])
async def test_a_close_whose_orders_are_of_other_currencies_is_another(currency: str, is_it: bool) -> None:
    order = payload("margin_close_order", currency=currency)
    answers: dict[str, Answer] = {
        REQUESTS: listed(close("r-1")),
        f"{REQUESTS}/r-1/orders": {"orders": [order]},
    }
    assert isinstance(await find(answers, CLOSE), Moved) is is_it


async def test_a_close_without_orders_yet_may_be_it() -> None:
    answers: dict[str, Answer] = {REQUESTS: listed(close("r-1")), f"{REQUESTS}/r-1/orders": {"orders": []}}
    assert isinstance(await find(answers, CLOSE), Moved)


async def test_a_transfer_of_collateral_leaves_no_trace() -> None:
    async with books(pts=True) as (found, there):
        outcome = await found.margin.find(COLLATERAL, SENT, ())
        assert isinstance(outcome, MoveUnanswered)
        assert "no trace" in outcome.detail
        assert there.requests == []


async def test_the_search_goes_in_the_lane_of_look_ups() -> None:
    async with books({REQUESTS: listed()}, pts=True, per_second=10) as (found, _):
        while found.budget.try_take(Lane.BALANCES):
            pass
        assert await found.margin.find(CLOSE_ALL, SENT, ()) is None
