"""Moves of margin money: what goes out, once, and what each answer makes of it."""

import asyncio
import json
from typing import Any

import pytest

from router.core.account import Value
from router.core.errors import Code, VenueError
from router.core.movement import (
    CloseRequest,
    CloseStatus,
    Move,
    Moved,
    MovedBalance,
    MoveKind,
    MoveNeverSent,
    MoveRefused,
    MoveUnanswered,
    Withdrawal,
    WithdrawalStatus,
)
from router.ports import Lane
from tests.unit.build import D
from tests.unit.venues.support import payload
from tests.unit.venues.test_bitgo_account import HANG, RESET, TOKEN, Answer, books
from venues.bitgo.errors import CATALOGUE, move_refusal
from venues.transport.times import parse_time

COLLATERAL = Move(MoveKind.COLLATERAL_TRANSFER, currency="BTC", quantity=D("2"))
POSITION = Move(MoveKind.POSITION_TRANSFER, currency="BTC", quantity=D("0.50"))
COVER = Move(MoveKind.COVER, currencies=("BTC", "ETH"))
COVER_ALL = Move(MoveKind.COVER)
CLOSE = Move(MoveKind.CLOSE, currencies=("BTC",))
CLOSE_ALL = Move(MoveKind.CLOSE)
WITHDRAWAL = Move(MoveKind.COLLATERAL_WITHDRAWAL, currency="BTC", quantity=D("0.5"))
PATHS = {
    MoveKind.COLLATERAL_TRANSFER: "margin/collateral/transfer",
    MoveKind.POSITION_TRANSFER: "margin/positions/transfer",
    MoveKind.COVER: "margin/positions/cover",
    MoveKind.CLOSE: "margin/positions/close",
    MoveKind.COLLATERAL_WITHDRAWAL: "margin/collateral/withdrawalrequests",
}
ANSWERS: dict[MoveKind, tuple[int, Any]] = {
    MoveKind.COLLATERAL_TRANSFER: (200, payload("margin_collateral_transfer")),
    MoveKind.POSITION_TRANSFER: (200, payload("margin_position_transfer")),
    MoveKind.COVER: (200, payload("margin_cover")),
    MoveKind.CLOSE: (202, payload("margin_close_request")),
    MoveKind.COLLATERAL_WITHDRAWAL: (202, payload("margin_withdrawal")),
}
EACH = [COLLATERAL, POSITION, COVER, CLOSE, WITHDRAWAL]
IN_BTC = (MovedBalance("BTC", D(2), Value(D("1000000"), "USD"), None),)
CLOSING = CloseRequest(
    "b2c3d4e5-f6g7-8901-bcde-f23456789012", CloseStatus.PENDING, parse_time("2024-01-15T11:00:00.000Z")
)
WITHDRAWING = Withdrawal(
    id="a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    currency="BTC",
    quantity=D("0.5"),
    status=WithdrawalStatus.PENDING,
    at=parse_time("2024-01-15T10:30:00.000Z"),
    modified_at=parse_time("2024-01-15T10:30:00.000Z"),
)


def named(move: Move) -> str:
    return move.kind.value


def error(name: str, text: str = "no") -> dict[str, str]:
    return {"error": text, "errorName": name, "reqId": "unk-1"}


@pytest.mark.parametrize(
    ("move", "body"),
    [
        (COLLATERAL, {"currency": "BTC", "quantity": "2"}),
        (POSITION, {"currency": "BTC", "quantity": "0.50"}),
        (COVER, {"currencies": ["BTC", "ETH"]}),
        (COVER_ALL, {"all": True}),
        (CLOSE, {"currencies": ["BTC"]}),
        (CLOSE_ALL, {"all": True}),
        (WITHDRAWAL, {"currency": "BTC", "quantity": "0.5"}),
    ],
)
async def test_what_goes_out(move: Move, body: Any) -> None:
    async with books({PATHS[move.kind]: ANSWERS[move.kind]}, pts=True) as (found, there):
        assert isinstance(await found.margin.send(move), Moved)
        sent = there.requests[0]
        assert (sent.method, there.paths[0]) == ("POST", PATHS[move.kind])
        assert sent.headers["Content-Type"] == "application/json"
        assert json.loads(there.bodies[0]) == body


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (
            COLLATERAL,
            Moved(
                (
                    MovedBalance(
                        "BTC", D(2), Value(D("1000000"), "USD"), "2bf68bb7-513d-40af-9fc9-249060c3c7ac"
                    ),
                ),
                venue_ids=("2bf68bb7-513d-40af-9fc9-249060c3c7ac",),
            ),
        ),
        (
            POSITION,
            Moved(
                (
                    MovedBalance(
                        "BTC", D(2), Value(D("1000000"), "USD"), "3af68cc8-624e-41b0-a0ca-350171d4c8bd"
                    ),
                ),
                venue_ids=("3af68cc8-624e-41b0-a0ca-350171d4c8bd",),
            ),
        ),
        (COVER, Moved(IN_BTC)),
        (CLOSE, Moved(close=CLOSING, venue_ids=(CLOSING.id,))),
        (WITHDRAWAL, Moved(withdrawal=WITHDRAWING, venue_ids=(WITHDRAWING.id,))),
    ],
    ids=lambda case: named(case) if isinstance(case, Move) else "",
)
async def test_what_was_done(move: Move, expected: Moved) -> None:
    async with books({PATHS[move.kind]: ANSWERS[move.kind]}, pts=True) as (found, _):
        assert await found.margin.send(move) == expected


async def test_a_collateral_transfer_as_the_guide_shows_it_has_no_id() -> None:
    shown = payload("margin_collateral_transfer", transferId=...)
    async with books({PATHS[COLLATERAL.kind]: shown}, pts=True) as (found, there):
        assert await found.margin.send(COLLATERAL) == Moved(IN_BTC)
        assert len(there.requests) == 1


async def test_a_cover_s_transfers_are_asked_for_so_that_no_later_one_is_mistaken_for_it() -> None:
    row = payload("margin_activity", type="position-transfer", accountId="acc")
    rows = [row | {"id": "t-1"}, row | {"id": "t-2"}, payload("margin_activity", accountId="acc")]

    def activity(request: Any) -> Any:
        return {"positionsActivity": rows if request.query["offset"] == "0" else []}

    answers: dict[str, Answer] = {
        PATHS[COVER.kind]: ANSWERS[COVER.kind],
        "margin/positions/activity": activity,
    }
    async with books(answers, pts=True) as (found, there):
        assert await found.margin.send(COVER) == Moved(IN_BTC, venue_ids=("t-1", "t-2"))
        query = dict(there.query(1))
        assert query["type"] == "position-transfer"
        assert parse_time(query["transactionDateGte"]) > 0


CATALOGUED = [
    # errorName, status, and whether it is a definite no: to a close or a withdrawal, to any other move
    ("Error", 401, Code.VENUE_REJECTED, Code.VENUE_REJECTED),
    ("backend:common:forbidden", 403, Code.VENUE_REJECTED, Code.VENUE_REJECTED),
    ("backend:common:invalidArgument", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED),
    ("backend:common:invalidRequest", 400, Code.VENUE_REJECTED, Code.VENUE_REJECTED),
    ("backend:common:malformedJSON", 422, Code.VENUE_REJECTED, Code.VENUE_REJECTED),
    ("backend:common:rateLimitExceeded", 429, Code.VENUE_UNAVAILABLE, Code.VENUE_UNAVAILABLE),
    ("backend:trade:insufficientFunds", 400, Code.INSUFFICIENT_FUNDS, Code.INSUFFICIENT_FUNDS),
    ("backend:trade:willTriggerLiquidation", 400, Code.CREDIT_LIQUIDATION, Code.CREDIT_LIQUIDATION),
    ("backend:common:inUse", 409, Code.VENUE_REJECTED, None),
    ("backend:common:invalidArgument", 409, None, None),
    ("backend:common:inUse", 400, None, None),
    ("backend:common:internalServerError", 500, None, None),
    ("backend:common:invalidArgument", 500, None, None),
    ("backend:trade:somethingNew", 400, None, None),
]


@pytest.mark.parametrize(("name", "status", "one_at_a_time", "other"), CATALOGUED)
def test_which_answers_are_a_definite_no(
    name: str, status: int, one_at_a_time: Code | None, other: Code | None
) -> None:
    said = VenueError(name, "no", "unk-1", status)
    for kind in (*MoveKind, None):
        refused = move_refusal(said, "books", kind)
        expected = one_at_a_time if kind in (MoveKind.CLOSE, MoveKind.COLLATERAL_WITHDRAWAL) else other
        assert (None if refused is None else refused.code) == expected
        assert refused is None or (refused.venue_error, refused.connection_id) == (said, "books")


def test_no_row_of_the_catalogue_makes_a_5xx_a_no() -> None:
    for name in CATALOGUE:
        assert move_refusal(VenueError(name, http_status=503), "books", MoveKind.CLOSE) is None


@pytest.mark.parametrize("move", EACH, ids=named)
async def test_a_documented_refusal(move: Move) -> None:
    said = (400, error("backend:trade:insufficientFunds"))
    async with books({PATHS[move.kind]: said}, pts=True) as (found, there):
        outcome = await found.margin.send(move)
        assert isinstance(outcome, MoveRefused)
        assert outcome.error.code is Code.INSUFFICIENT_FUNDS
        assert outcome.error.venue_error is not None
        assert outcome.error.venue_error.request_id == "unk-1"
        assert len(there.requests) == 1


@pytest.mark.parametrize("move", EACH, ids=named)
@pytest.mark.parametrize(
    "said",
    [
        (500, error("backend:common:internalServerError")),
        (502, {}),
        (404, {"error": "no such path"}),
        (301, {}),
        (200, {}),
        (200, []),
        (200, {"balances": None}),
        (200, {"balances": 1}),
        (200, {"balances": [{"currency": "BTC"}]}),
        (200, {"balances": [{"currency": "", "quantity": "1"}]}),
        (200, {"balances": [{"currency": "BTC", "quantity": "one"}]}),
        b"<html>",
        b"[" * 200_000,
        b'{"balances": ' + b"[" * 200_000,
        b'{"other": ' + b"[" * 200_000,
        RESET,
    ],
    ids=str,
)
async def test_whatever_else_comes_leaves_a_move_in_doubt(move: Move, said: Answer) -> None:
    async with books({PATHS[move.kind]: said}, pts=True) as (found, there):
        outcome = await found.margin.send(move)
        assert isinstance(outcome, MoveUnanswered)
        assert TOKEN not in outcome.detail
        assert len(there.requests) == 1


async def test_no_answer_in_time_leaves_a_move_in_doubt() -> None:
    async with books({PATHS[CLOSE.kind]: HANG}, pts=True, order_ms=1000) as (found, there):
        assert isinstance(await found.margin.send(CLOSE), MoveUnanswered)
        assert len(there.requests) == 1


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (COLLATERAL, payload("margin_collateral_transfer", currency="ETH")),
        (POSITION, payload("margin_cover", balances=[{"currency": "ETH", "quantity": "2"}])),
        (WITHDRAWAL, payload("margin_withdrawal", currency="ETH")),
        (WITHDRAWAL, payload("margin_withdrawal", quantity="0.6")),
        (CLOSE, payload("margin_close_request", status="unheard-of")),
        (CLOSE, payload("margin_close_request", closePositionsRequestId="")),
    ],
)
async def test_an_answer_about_another_move_leaves_this_one_in_doubt(move: Move, said: Any) -> None:
    async with books({PATHS[move.kind]: said}, pts=True) as (found, _):
        assert isinstance(await found.margin.send(move), MoveUnanswered)


@pytest.mark.parametrize(
    "move",
    [
        Move(MoveKind.COLLATERAL_TRANSFER, currency="BTC"),
        Move(MoveKind.COLLATERAL_WITHDRAWAL, quantity=D(1)),
        Move(MoveKind.POSITION_TRANSFER, currency="BTC", quantity=D(0)),
        Move(MoveKind.CLOSE, currencies=()),
    ],
)
async def test_a_move_that_says_too_little_is_never_sent(move: Move) -> None:
    async with books(pts=True) as (found, there):
        outcome = await found.margin.send(move)
        assert isinstance(outcome, MoveNeverSent)
        assert "expected" in outcome.detail
        assert there.requests == []


async def test_a_connection_that_is_not_open_never_sends() -> None:
    async with books(pts=True) as (found, there):
        left = found.budget.left()
        await found.client.close()
        assert isinstance(await found.margin.send(CLOSE), MoveNeverSent)
        assert (there.requests, found.budget.left()) == ([], left)


async def test_a_move_goes_in_the_lane_of_orders() -> None:
    answers = {PATHS[CLOSE.kind]: ANSWERS[CLOSE.kind]}
    async with books(answers, pts=True, per_second=10, read_ms=50) as (found, there):
        while found.budget.try_take(Lane.BALANCES):
            pass
        assert isinstance(await found.margin.send(CLOSE), Moved)
        while found.budget.try_take(Lane.ORDER):
            pass
        assert found.budget.can_take(Lane.LOOK_UP)
        assert isinstance(await found.margin.send(CLOSE), MoveNeverSent)
        assert len(there.requests) == 1


async def test_who_stops_waiting_does_not_stop_the_move() -> None:
    async with books({PATHS[CLOSE.kind]: HANG}, pts=True) as (found, there):
        caller = asyncio.create_task(found.margin.send(CLOSE))
        await there.arrived.wait()
        caller.cancel()
        await asyncio.wait({caller})
        assert caller.cancelled()
        (moving,) = found.account.moving()
        there.release.set()
        assert isinstance(await moving, MoveUnanswered)
        assert len(found.account.moving()) == 0


async def test_a_move_that_is_cut_off_by_the_end_of_the_connection_is_in_doubt() -> None:
    async with books({PATHS[CLOSE.kind]: HANG}, pts=True) as (found, there):
        caller = asyncio.create_task(found.margin.send(CLOSE))
        await there.arrived.wait()
        for moving in found.account.moving():
            moving.cancel()
        assert isinstance(await caller, MoveUnanswered)


async def test_a_move_that_waits_for_its_request_when_the_connection_ends_was_never_sent() -> None:
    async with books(pts=True, per_second=10) as (found, there):
        while found.budget.try_take(Lane.ORDER):
            pass
        caller = asyncio.create_task(found.margin.send(CLOSE))
        # The caller's task begins, and then the move's own, which waits for its request.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (moving,) = found.account.moving()
        moving.cancel()
        assert isinstance(await caller, MoveNeverSent)
        assert there.requests == []


async def test_a_withdrawal_is_cancelled_and_the_same_again_is_the_same() -> None:
    path = f"{PATHS[WITHDRAWAL.kind]}/{WITHDRAWING.id}"
    cancelled = payload("margin_withdrawal", status="cancelled")
    async with books({f"{path}/cancel": cancelled}, pts=True) as (found, there):
        first = await found.margin.cancel_withdrawal(WITHDRAWING.id)
        assert isinstance(first, Moved)
        assert first.withdrawal is not None
        assert first.withdrawal.status is WithdrawalStatus.CANCELLED
        there.answers = {path: cancelled}
        for said in ((400, error("backend:common:invalidRequest")), (500, {})):
            there.answers[f"{path}/cancel"] = said
            assert await found.margin.cancel_withdrawal(WITHDRAWING.id) == first
        assert [request.method for request in there.requests] == ["PATCH", "PATCH", "GET", "PATCH", "GET"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "a?b"])
async def test_what_could_be_no_withdrawal_is_not_cancelled(name: str) -> None:
    async with books(pts=True) as (found, there):
        assert isinstance(await found.margin.cancel_withdrawal(name), MoveNeverSent)
        assert there.requests == []


async def test_a_withdrawal_that_can_no_longer_be_cancelled() -> None:
    path = f"{PATHS[WITHDRAWAL.kind]}/{WITHDRAWING.id}"
    answers: dict[str, Answer] = {
        path: payload("margin_withdrawal", status="completed"),
        f"{path}/cancel": (400, error("backend:common:invalidRequest")),
    }
    async with books(answers, pts=True) as (found, _):
        assert isinstance(await found.margin.cancel_withdrawal(WITHDRAWING.id), MoveRefused)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ((404, error("backend:common:notFound")), MoveRefused),
        ((400, error("backend:externalAPI:invalidParameters")), MoveRefused),
        ((409, error("backend:common:inUse")), MoveUnanswered),
        ((500, {}), MoveUnanswered),
        (payload("margin_withdrawal", id="another"), MoveUnanswered),
    ],
)
async def test_a_cancel_that_was_not_confirmed(said: Answer, kind: type) -> None:
    path = f"{PATHS[WITHDRAWAL.kind]}/{WITHDRAWING.id}/cancel"
    async with books({path: said}, pts=True) as (found, _):
        assert isinstance(await found.margin.cancel_withdrawal(WITHDRAWING.id), kind)
