"""Orders and how they end, balances, refusals by their codes, cancelling, digits."""

import time
from decimal import Decimal

import pytest

from router.core.errors import Code
from router.core.model import Side, TimeInForce, VenueState
from router.ports import CancelRefused, CancelTaken, CancelUnanswered, Refused, Unanswered
from router.ports import VenueUnreachableError as Unreachable
from tests.contract.venues.kits import KITS
from tests.contract.venues.stage import BTC, SECOND, USD, Call, Kit, Situation, Stage, staged

D = Decimal
WORKING = (VenueState.PENDING, VenueState.WORKING)


# Balances


async def test_spot_balances_are_stated_to_the_last_digit_and_pts_balances_never_asked_for(
    kit: Kit, stage: Stage
) -> None:
    before = time.time_ns()
    await stage.venue.read_balances()
    if kit.pts:
        assert await stage.arrived(Call.BALANCES) == 0
        assert stage.listener.statements == []
        return
    balances, asked_at = stage.listener.statements[-1]
    assert balances == {"USD": USD, "BTC": BTC}
    assert before <= asked_at <= time.time_ns()


async def test_fills_in_numbers_have_the_balances_read_once(kit: Kit, stage: Stage) -> None:
    before, stated = await stage.arrived(Call.BALANCES), len(stage.listener.statements)
    said = time.time_ns()
    for _ in range(50):
        stage.venue.balances_spoiled()
    if kit.pts:
        await stage.venue.read_balances()
        assert await stage.arrived(Call.BALANCES) == 0
        return
    await stage.listener.until(lambda: len(stage.listener.statements) > stated)
    assert stage.listener.statements[-1][1] >= said
    assert await stage.arrived(Call.BALANCES) == before + 1


async def test_balances_that_cannot_be_read_are_not_made_up(kit: Kit, stage: Stage) -> None:
    stated = len(stage.listener.statements)
    for kind in ("html", "garbage"):
        await stage.fault(kind, Call.BALANCES)
        if kit.pts:
            await stage.venue.read_balances()
        else:
            with pytest.raises(Unreachable):
                await stage.venue.read_balances()
    assert len(stage.listener.statements) == stated


# Taken


async def test_an_order_that_wins_fills_and_every_fill_is_told_once(stage: Stage) -> None:
    order = await stage.winning()
    report = await stage.ended(await stage.taken(order))
    assert (report.venue_client_order_id, report.state) == ("o-1", VenueState.DONE)
    assert (report.filled_base, report.filled_quote) == (D(1), D("100.10"))
    fills = await stage.venue.fills(report.venue_order_id)
    assert [(fill.price, fill.quantity_base, fill.quantity_quote) for fill in fills] == [
        (D("100.10"), D(1), D("100.10"))
    ]
    found = await stage.venue.look_up(order, report.venue_order_id)
    assert found is not None
    assert [fill.id for fill in found.fills] == [fill.id for fill in fills]
    assert await stage.arrived(Call.ORDER) == 1


@pytest.mark.parametrize(
    ("side", "limit", "expected"),
    [(Side.BUY, "100.20", "700.90"), (Side.SELL, "99.80", "699.10")],
    ids=["buy", "sell"],
)
async def test_an_order_goes_through_the_levels(stage: Stage, side: Side, limit: str, expected: str) -> None:
    order = stage.order(side=side, quantity=D(7), limit_price=D(limit))
    report = await stage.ended(await stage.taken(order))
    assert (report.state, report.filled_base, report.filled_quote) == (VenueState.DONE, D(7), D(expected))
    fills = await stage.venue.fills(report.venue_order_id)
    assert len({fill.id for fill in fills}) == 2
    assert sum(fill.quantity_quote for fill in fills) == D(expected)


@pytest.mark.parametrize("side", list(Side))
async def test_an_order_in_the_quote_currency(stage: Stage, side: Side) -> None:
    limit, spent = (D("100.10"), D("50.05")) if side is Side.BUY else (D("99.90"), D("49.95"))
    order = stage.order(side=side, quantity=spent, quantity_currency="USD", limit_price=limit)
    report = await stage.ended(await stage.taken(order))
    assert (report.state, report.filled_base, report.filled_quote) == (VenueState.DONE, D("0.5"), spent)


async def test_what_an_ioc_order_does_not_fill_is_cancelled(stage: Stage) -> None:
    report = await stage.ended(await stage.taken(stage.order(quantity=D(7), limit_price=D("100.10"))))
    assert (report.state, report.filled_base) == (VenueState.CANCELED, D(5))
    assert report.error is None


async def test_a_fok_order_fills_whole_or_not_at_all(stage: Stage) -> None:
    order = stage.order(quantity=D(7), limit_price=D("100.10"), time_in_force=TimeInForce.FOK)
    report = await stage.ended(await stage.taken(order))
    assert (report.state.is_final, report.filled_base) == (True, D(0))


async def test_an_order_rests_until_the_market_comes(stage: Stage) -> None:
    order = stage.order(limit_price=D("95.00"), time_in_force=TimeInForce.GTC)
    report = await stage.taken(order)
    assert report.state in WORKING
    assert (await stage.found(order, lambda one: one.state is VenueState.WORKING)).filled_base == 0
    await stage.bring(Situation.FALLEN)
    done = await stage.found(order, lambda one: one.state is VenueState.DONE)
    assert (done.filled_base, len(done.fills)) == (D(1), 1)
    assert done.fills[0].price < D("95.00")


async def test_no_digit_of_an_order_is_lost(stage: Stage) -> None:
    order = stage.order(quantity=D("0.12345678"), limit_price=D("100.19"))
    report = await stage.ended(await stage.taken(order))
    assert report.filled_base == D("0.12345678")
    assert report.filled_quote == D("12.358023678")
    body = str(await stage.bodies(Call.ORDER))
    # As the wire wants them: plain decimals in strings, no exponent, no binary fraction.
    assert "'0.12345678'" in body or '"0.12345678"' in body
    assert "'100.19'" in body or '"100.19"' in body


async def test_recent_orders_are_listed_under_our_ids(stage: Stage) -> None:
    since = time.time_ns() - SECOND
    await stage.ended(await stage.taken(stage.order("first")))
    await stage.taken(stage.order("second", limit_price=D("95.00"), time_in_force=TimeInForce.GTC))
    found = {report.venue_client_order_id: report.state for report in await stage.venue.recent_orders(since)}
    assert set(found) == {"first", "second"}
    assert found["first"] is VenueState.DONE
    assert found["second"] in WORKING


# Refused


async def test_every_refusal_of_the_table_is_a_definite_no_with_its_code(kit: Kit) -> None:
    left = list(kit.refusals)
    while left:
        async with staged(kit) as stage:
            while left:
                no = left.pop(0)
                await stage.fault("refuse", Call.ORDER, count=1, **no.says)
                result = await stage.submit(stage.order(f"o-{len(left)}"))
                assert isinstance(result, Refused), no
                assert (result.error.code, result.error.retryable) == (no.code, no.retryable), no
                assert result.error.connection_id == stage.venue.connection.id
                assert result.error.venue_error is not None
                if not stage.venue.has_order_budget():
                    break  # It was told to wait: the next one is refused on a fresh account.


async def test_what_only_looks_like_a_refusal_is_in_doubt(kit: Kit, stage: Stage) -> None:
    for number, says in enumerate(kit.doubts):
        order = stage.order(f"o-{number}")
        await stage.fault("refuse", Call.ORDER, count=1, **says)
        assert isinstance(await stage.submit(order), Unanswered), says
        await stage.heal()
        assert await stage.venue.look_up(order, None) is None
    assert await stage.arrived(Call.ORDER) == len(kit.doubts)


@pytest.mark.parametrize(
    ("name", "want"), [(name, want) for name, kit in KITS.items() for want in kit.credit]
)
async def test_want_of_credit_ends_an_order_with_its_own_code(kit: Kit, stage: Stage, want: str) -> None:
    step, code = kit.credit[want]
    order = await stage.winning()
    await stage.control(*step)
    # Nothing of it is known before: a PTS account always joins.
    assert stage.venue.health().trades
    result = await stage.submit(order)
    assert isinstance(result, Refused)
    assert (result.error.code, result.error.code.is_credit) == (code, True)
    assert result.error.venue_error is not None


async def test_the_counterpartys_own_refusal_of_a_size(stage: Stage) -> None:
    result = await stage.submit(stage.order(quantity=D("0.00000001")))
    assert isinstance(result, Refused)
    assert result.error.code in (Code.INVALID_QUANTITY, Code.VENUE_REJECTED)
    assert not result.error.code.is_credit


# Cancelling


async def test_a_cancel_is_taken_once_and_what_is_over_cannot_be_cancelled(stage: Stage) -> None:
    order = stage.order(limit_price=D("95.00"), time_in_force=TimeInForce.GTC)
    report = await stage.taken(order)
    assert await stage.venue.cancel(order, report.venue_order_id) == CancelTaken()
    await stage.found(order, lambda one: one.state is VenueState.CANCELED)
    refused = await stage.venue.cancel(order, report.venue_order_id)
    assert isinstance(refused, CancelRefused)
    assert refused.error.code is Code.ORDER_NOT_CANCELABLE


@pytest.mark.parametrize("kind", ["lost_after", "reset", "html"])
async def test_a_cancel_without_an_answer_says_so_and_is_sent_once(stage: Stage, kind: str) -> None:
    order = stage.order(limit_price=D("95.00"), time_in_force=TimeInForce.GTC)
    report = await stage.taken(order)
    await stage.fault(kind, Call.CANCEL, count=1, **({"status": 502} if kind == "html" else {}))
    assert isinstance(await stage.venue.cancel(order, report.venue_order_id), CancelUnanswered)
    assert await stage.arrived(Call.CANCEL) == 1
