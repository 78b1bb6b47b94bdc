"""A connection's life: ready, down and back, within its budget, and discreet about its credentials."""

import asyncio
import logging
from decimal import Decimal

import pytest

from router.core.model import TimeInForce
from router.ports import CancelTaken, ConnectionState, Refused, Taken, VenueUnreachableError
from router.ports.quotes import QuoteRefusedError
from tests.contract.venues.kits import having, lacking
from tests.contract.venues.stage import Call, Can, Kit, Stage, staged, tight

D = Decimal


async def test_it_does_not_trade_before_it_was_reconciled(kit: Kit) -> None:
    async with staged(kit, ready=False) as stage:
        stage.listener.gate.clear()
        await stage.listener.until(lambda: stage.listener.reconciled == 1)
        assert stage.venue.health().state is ConnectionState.CONNECTING
        assert not stage.venue.trades
        assert not stage.venue.health().trades
        stage.listener.gate.set()
        await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.READY)
        assert stage.venue.trades


async def test_one_that_fails_is_down_until_it_answers_and_is_reconciled_before_it_trades(
    stage: Stage,
) -> None:
    await stage.fault("status", None, status=500)
    # Whatever is asked counts: five in a row open the breaker, and what the upkeep reads may be among them.
    for _ in range(5):
        with pytest.raises(VenueUnreachableError):
            await stage.venue.look_up(stage.order(), None)
    assert stage.venue.health().state is ConnectionState.DOWN
    assert not stage.venue.trades
    stage.listener.states.clear()
    stage.listener.refuse_reconcile = 1
    before = stage.listener.reconciled
    await stage.heal()
    await stage.listener.until(lambda: stage.venue.health().state is ConnectionState.READY)
    assert stage.listener.states[0] is ConnectionState.CONNECTING
    # The first was refused: it was tried again before it traded.
    assert stage.listener.reconciled >= before + 2


@pytest.mark.parametrize("name", having(Can.FEED))
async def test_without_its_feed_it_is_degraded_and_reconciled_when_it_is_back(stage: Stage) -> None:
    stage.listener.states.clear()
    before = stage.listener.reconciled
    await stage.control("POST", "disconnect")
    await stage.listener.until(lambda: ConnectionState.DEGRADED in stage.listener.states)
    await stage.listener.until(
        lambda: stage.listener.reconciled > before and stage.venue.health().state is ConnectionState.READY
    )


@pytest.mark.parametrize("name", lacking(Can.FEED))
async def test_one_without_a_feed_is_ready_and_never_degraded(stage: Stage) -> None:
    assert ConnectionState.DEGRADED not in stage.listener.states
    assert stage.venue.health().state is ConnectionState.READY


async def test_refusals_are_answers_and_open_no_breaker(kit: Kit, stage: Stage) -> None:
    no = next(no for no in kit.refusals if not no.retryable and no.says.get("http_status") != 401)
    await stage.fault("refuse", Call.ORDER, **no.says)
    for number in range(8):
        assert isinstance(await stage.submit(stage.order(f"o-{number}")), Refused)
    assert stage.venue.health().trades


# The budget of requests


async def test_a_burst_stays_within_the_budget(kit: Kit) -> None:
    async with staged(kit, requests_per_second=10, timing=tight(read_ms=2500)) as stage:
        await asyncio.gather(
            *(_try_price(stage) for _ in range(12)),
            *(_try_look_up(stage, number) for number in range(4)),
            *(_try_order(stage, number) for number in range(12)),
        )
        assert await stage.all_arrived() > 8
        assert await stage.limited() == 0
        assert not any(result == "rate_limited" for _, result, _ in stage.listener.requests)


async def _try_price(stage: Stage) -> None:
    try:
        await stage.price(wait_ms=300)
    except (VenueUnreachableError, QuoteRefusedError):
        return


async def _try_look_up(stage: Stage, number: int) -> None:
    try:
        await stage.venue.look_up(stage.order(f"none-{number}"), None)
    except VenueUnreachableError:
        return


async def _try_order(stage: Stage, number: int) -> None:
    if stage.venue.take_order_budget():
        assert isinstance(await stage.venue.submit(stage.order(f"burst-{number}", quantity=D("0.1"))), Taken)


async def test_without_budget_there_is_no_order_and_a_cancel_still_goes(kit: Kit) -> None:
    async with staged(kit, requests_per_second=10) as stage:
        order = stage.order(limit_price=D("95.00"), time_in_force=TimeInForce.GTC)
        report = await stage.taken(order)
        taken = 0
        while taken < 100 and stage.venue.take_order_budget():
            taken += 1
        assert not stage.venue.has_order_budget()
        assert await stage.venue.cancel(order, report.venue_order_id) == CancelTaken()
        for _ in range(taken):
            stage.venue.return_order_budget()
        assert stage.venue.has_order_budget()


# Secrets


async def test_no_credential_is_in_a_log_a_repr_or_an_error(
    kit: Kit, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[object] = [stage.venue, vars(stage.venue), stage.venue.health(), stage.venue.connection]
    for kind in ("html", "reset", "garbage", "truncated"):
        await stage.fault(kind, None, count=1)
        try:
            await stage.price(wait_ms=150)
        except VenueUnreachableError as error:
            seen += [error, error.__cause__, error.__context__]
    for secret in kit.secrets:
        # A counterparty that repeats a credential in what it says.
        await stage.fault("refuse", Call.ORDER, count=1, **_repeating(kit, secret))
        seen.append(await stage.submit(stage.order(f"o-{len(seen)}")))
    seen += [stage.listener.requests, stage.listener.bad, stage.venue.health()]
    shown = "".join(repr(item) + str(item) for item in seen) + caplog.text
    for secret in kit.secrets:
        assert secret not in shown


def _repeating(kit: Kit, secret: str) -> dict[str, object]:
    said = dict(kit.refusals[0].says)
    return said | {"error_name": f"{said['error_name']} {secret}"}
