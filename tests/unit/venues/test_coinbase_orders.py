"""Orders: one attempt, and which answer means what."""

from typing import Any

import pytest

from router.core.errors import Code
from router.core.instruction import SteadyPace, Stop
from router.core.model import OrderType, TimeInForce
from router.ports import CancelRefused, CancelTaken, CancelUnanswered, NeverSent, Refused, Taken, Unanswered
from tests.unit.build import D
from tests.unit.venues.coinbase_kit import BELOW, VENUE_ORDER, Prime, ask, fixture, outbound, portfolio
from tests.unit.venues.support import WallClock

ACCEPTED = {"order_id": VENUE_ORDER}
QUOTE = fixture("quote") | {"expiration_time": ""}


def taking(step: str = "order") -> Prime:
    prime = Prime()
    prime.says(f"{BELOW}/{step}", ACCEPTED, method="POST")
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}", fixture("order"))
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}/fills", fixture("fills"))
    return prime


async def submitted(prime: Prime, *, pts: bool = False, **changed: Any) -> Any:
    async with portfolio(prime, pts=pts) as found:
        return await found.submit(outbound(**changed))


async def test_an_order_without_a_quote_is_placed() -> None:
    prime = taking()
    assert isinstance(await submitted(prime), Taken)
    assert [body["limit_price"] for body in prime.posted("order")] == ["100.00"]
    assert prime.posted("accept_quote") == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"message": "order rejected"}),
        (401, {"message": "unauthenticated"}),
        (403, {"message": "not permitted"}),
        (404, {"message": "unknown product"}),
        (422, {"message": "too small"}),
    ],
)
async def test_a_4xx_with_a_message_is_a_definite_no(status: int, body: Any) -> None:
    prime = Prime()
    prime.says(f"{BELOW}/order", body, status, "POST")
    result = await submitted(prime)
    assert isinstance(result, Refused)
    assert (result.error.code, result.error.retryable) == (Code.VENUE_REJECTED, False)
    assert result.error.venue_error is not None
    assert result.error.venue_error.message == body["message"]
    assert len(prime.posted("order")) == 1


@pytest.mark.parametrize("body", [{"message": "slow down"}, b"", b"<html>"])
async def test_a_429_is_a_definite_no_and_worth_another_try(body: Any) -> None:
    prime = Prime()
    prime.says(f"{BELOW}/order", body, 429, "POST")
    result = await submitted(prime)
    assert isinstance(result, Refused)
    assert (result.error.code, result.error.retryable) == (Code.VENUE_UNAVAILABLE, True)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (408, {"message": "time-out"}),
        (409, {"message": "in use"}),
        (425, {"message": "too early"}),
        (400, {"message": "client_order_id is not unique among active orders"}),
        (400, {"message": "Client Order ID already exists"}),
        (400, {}),
        (400, {"message": ""}),
        (400, {"message": 7}),
        (400, b"<html>no</html>"),
        (404, b""),
        (500, {"message": "internal"}),
        (502, b"<html>"),
        (302, {"message": "elsewhere"}),
        (200, {"order_id": ""}),
        (200, {}),
        (200, b"{"),
        (200, {"order_id": 7}),
    ],
)
async def test_every_other_answer_leaves_the_order_in_doubt(status: int, body: Any) -> None:
    prime = Prime()
    prime.says(f"{BELOW}/order", body, status, "POST")
    assert isinstance(await submitted(prime), Unanswered)
    assert len(prime.posted("order")) == 1


async def test_no_answer_is_in_doubt_and_nothing_is_sent_again() -> None:
    prime = taking()
    gate = prime.hold("order")
    assert isinstance(await submitted(prime), Unanswered)
    gate.set()
    assert len(prime.asked) - sum(line.startswith("GET") for line in prime.lines()) <= 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (
            {"type": OrderType.STEADY_PACE, "instruction": SteadyPace(D("0.1"), 5)},
            Code.VENUE_REJECTED,
        ),
        (
            {"type": OrderType.STOP, "instruction": Stop(D(90)), "limit_price": None},
            Code.INVALID_LIMIT_PRICE,
        ),
        (
            {"type": OrderType.MARKET, "limit_price": None, "time_in_force": TimeInForce.FOK},
            Code.VENUE_REJECTED,
        ),
    ],
)
async def test_what_the_wire_has_no_words_for_is_refused_before_the_send(
    changed: dict[str, Any], code: Code
) -> None:
    prime = Prime()
    async with portfolio(prime) as found:
        left = found.venue.health().budget_left
        result = await found.submit(outbound(**changed))
        assert found.venue.health().budget_left == left
    assert isinstance(result, Refused)
    assert result.error.code is code
    assert not any(line.startswith("POST") for line in prime.lines())


class Jumping(WallClock):
    """The wall's clock, ahead of it by what a test says."""

    ahead_ns = 0

    def now(self) -> int:
        return super().now() + self.ahead_ns


@pytest.mark.parametrize("pts", [False, True])
async def test_a_quote_that_ended_between_ranking_and_sending_is_not_accepted_late(*, pts: bool) -> None:
    prime, clock = taking("accept_quote"), Jumping()
    prime.says(f"{BELOW}/rfq", QUOTE, method="POST")
    async with portfolio(prime, pts=pts, clock=clock) as found:
        quote = await found.venue.request_quote(ask(), 2**62)
        clock.ahead_ns = quote.valid_until - clock.now()
        left = found.venue.health().budget_left
        result = await found.submit(outbound(quote_id=quote.quote_id))
        assert found.venue.health().budget_left == left
    assert isinstance(result, Refused)
    assert (result.error.code, result.error.retryable) == (Code.PRICE_MOVED, True)
    assert prime.posted("accept_quote") == []


async def test_a_quote_that_ended_on_its_way_is_a_price_that_moved() -> None:
    prime, clock = Prime(), Jumping()
    prime.says(f"{BELOW}/rfq", QUOTE, method="POST")

    def late(_: Any) -> Any:
        clock.ahead_ns = 4_000_000_000
        return 400, {"message": "no such quote"}, {}

    prime.answers(f"{BELOW}/accept_quote", late, "POST")
    async with portfolio(prime, clock=clock) as found:
        quote = await found.venue.request_quote(ask(), 2**62)
        result = await found.submit(outbound(quote_id=quote.quote_id))
    assert isinstance(result, Refused)
    assert result.error.code is Code.PRICE_MOVED
    assert result.error.venue_error is not None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"frozen": True, "frozen_reason": "past due"}, Code.CREDIT_FROZEN),
        ({"frozen": True, "enabled": False}, Code.CREDIT_FROZEN),
        ({"enabled": False}, Code.CREDIT_UNAVAILABLE),
        ({"available": "50.04"}, Code.CREDIT_UNAVAILABLE),
        ({"available": "-1"}, Code.CREDIT_UNAVAILABLE),
        ({"available": "0", "currency": "EUR"}, Code.CREDIT_UNAVAILABLE),
        ({"available": "1", "currency": "EUR"}, Code.VENUE_REJECTED),
        ({"available": "50.05"}, Code.VENUE_REJECTED),
        ({}, Code.VENUE_REJECTED),
    ],
)
async def test_a_refusal_on_credit_is_what_the_line_shows_after_it(line: dict[str, Any], code: Code) -> None:
    prime = Prime()
    prime.says(f"{BELOW}/rfq", QUOTE, method="POST")
    prime.refuses("accept_quote", "rejected by risk")
    prime.credit(**line)
    async with portfolio(prime, pts=True) as found:
        quote = await found.venue.request_quote(ask(), 2**62)
        result = await found.submit(outbound(quote_id=quote.quote_id))
    assert isinstance(result, Refused)
    assert result.error.code is code
    assert "rejected by risk" in result.error.detail
    assert result.error.venue_error is not None
    assert prime.count("GET credit") == 1


async def test_an_order_is_worth_its_limit_where_it_accepts_no_quote() -> None:
    prime = Prime()
    prime.refuses("order")
    prime.credit(available="49.99")
    assert (await submitted(prime, pts=True)).error.code is Code.CREDIT_UNAVAILABLE
    prime.credit(available="50.00")
    assert (await submitted(prime, pts=True)).error.code is Code.VENUE_REJECTED


async def test_a_spot_refusal_and_one_of_who_asks_say_nothing_of_credit() -> None:
    prime = Prime()
    prime.credit(frozen=True)
    prime.refuses("order")
    assert (await submitted(prime)).error.code is Code.VENUE_REJECTED
    prime.refuses("order", status=401)
    assert (await submitted(prime, pts=True)).error.code is Code.VENUE_REJECTED
    prime.refuses("order", status=429)
    assert (await submitted(prime, pts=True)).error.code is Code.VENUE_UNAVAILABLE
    assert prime.count("GET credit") == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"frozen": True}, Code.CREDIT_FROZEN),
        ({"enabled": False}, Code.CREDIT_UNAVAILABLE),
        ({"available": "0"}, Code.VENUE_REJECTED),
        ({}, Code.VENUE_REJECTED),
    ],
)
async def test_what_is_forbidden_is_about_credit_where_the_line_is_closed(
    line: dict[str, Any], code: Code
) -> None:
    prime = Prime()
    prime.refuses("order", status=403)
    prime.credit(**line)
    assert (await submitted(prime, pts=True)).error.code is code


@pytest.mark.parametrize("answer", [(404, {"message": "none"}), (200, {}), (200, {"post_trade_credit": {}})])
async def test_a_refusal_whose_line_cannot_be_read_stays_a_plain_one(answer: tuple[int, Any]) -> None:
    prime = Prime()
    prime.refuses("order", "no")
    prime.says(f"{BELOW}/credit", answer[1], answer[0])
    result = await submitted(prime, pts=True)
    assert result.error.code is Code.VENUE_REJECTED
    assert result.error.detail == "the counterparty refused: no"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"id": VENUE_ORDER}, CancelTaken),
        (400, {"message": "order is done"}, CancelRefused),
        (409, {"message": "in flight"}, CancelUnanswered),
        (500, {"message": "oops"}, CancelUnanswered),
    ],
)
async def test_a_cancel_is_taken_refused_or_unanswered(status: int, body: Any, kind: type) -> None:
    prime = taking()
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}/cancel", body, status, "POST")
    async with portfolio(prime) as found:
        result = await found.venue.cancel(outbound(), VENUE_ORDER)
        assert isinstance(result, kind)
        if isinstance(result, CancelRefused):
            assert result.error.code is Code.ORDER_NOT_CANCELABLE
        if isinstance(result, CancelTaken):
            # There is no feed that would tell that it has ended.
            await found.listener.until(lambda: bool(found.listener.reports))


async def test_a_cancel_that_could_not_be_sent_is_venue_unavailable() -> None:
    async with portfolio(Prime()) as found:
        pass
    result = await found.venue.cancel(outbound(), VENUE_ORDER)
    assert isinstance(result, CancelRefused)
    assert (result.error.code, result.error.retryable) == (Code.VENUE_UNAVAILABLE, True)
    assert isinstance(await found.submit(outbound()), NeverSent)
