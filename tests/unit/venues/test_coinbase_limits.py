"""Rate limits: 25 requests a second with bursts of 50 to a portfolio, and an address that all share."""

import asyncio
from typing import Any

import pytest

from router.core.model import Connection
from router.ports import BudgetSpentError, ConnectionState, Lane, NeverSent
from router.settings import CompetitionSettings
from tests.unit.build import D
from tests.unit.venues.coinbase_kit import BELOW, Prime, outbound, portfolio, settings
from tests.unit.venues.support import SECOND, LoopClock, WallClock, draws, virtually
from venues.coinbase.adapter import CoinbasePrime
from venues.registry import Registry
from venues.transport.address import AddressLimit
from venues.transport.budget import RequestBudget, burst
from venues.transport.standing import Standing

HOST = "https://api.prime.coinbase.com"


def accounts(clock: LoopClock, count: int, per_second: int = 100) -> list[RequestBudget]:
    address = AddressLimit(per_second, 30)
    requests, window_ns = burst(25, 2)
    return [RequestBudget(requests, clock, window_ns, address) for _ in range(count)]


def test_fifty_at_once_are_twenty_five_a_second() -> None:
    async def main() -> None:
        clock = LoopClock()
        (budget,) = accounts(clock, 1)
        began = clock.now()
        sent: list[int] = []
        for _ in range(150):
            await budget.take(Lane.CANCEL, began + 60 * SECOND)
            sent.append(clock.now() - began)
            budget.answered({}, 200)
        assert sent[49] == 0
        assert sent[50] >= 2 * SECOND
        for index, at in enumerate(sent):
            # A bucket of fifty that is filled at twenty-five a second would let through no less.
            assert index + 1 <= 50 + 25 * at / SECOND
        assert sent[-1] < 5 * SECOND

    virtually(main)


def test_an_address_bounds_all_its_accounts_together() -> None:
    async def main() -> None:
        clock = LoopClock()
        budgets = accounts(clock, 4, per_second=10)
        taken = sum(budget.try_take(Lane.CANCEL) for budget in budgets for _ in range(5))
        assert taken == 10
        assert [budget.left() for budget in budgets] == [0] * 4
        assert not budgets[3].can_take(Lane.CANCEL)

    virtually(main)


def test_what_the_address_refuses_costs_the_account_nothing() -> None:
    async def main() -> None:
        clock = LoopClock()
        one, two = accounts(clock, 2, per_second=1)
        assert one.try_take(Lane.CANCEL)
        assert not any(two.try_take(Lane.CANCEL) for _ in range(60))
        one.unused()
        assert two.left() == 1

    virtually(main)


def test_who_waits_for_the_address_is_served_when_another_account_gives_back() -> None:
    async def main() -> None:
        clock = LoopClock()
        one, two = accounts(clock, 2, per_second=1)
        assert one.try_take(Lane.CANCEL)
        waiting = asyncio.create_task(two.take(Lane.ORDER, clock.now() + 60 * SECOND))
        await asyncio.sleep(5)
        assert not waiting.done()
        one.unused()
        await waiting
        two.answered({}, 200)
        began = clock.now()
        await one.take(Lane.ORDER, began + 60 * SECOND)
        assert clock.now() - began >= SECOND
        one.answered({}, 200)

    virtually(main)


def test_one_that_gives_up_waiting_leaves_its_place_at_the_address() -> None:
    async def main() -> None:
        clock = LoopClock()
        one, two = accounts(clock, 2, per_second=1)
        assert one.try_take(Lane.CANCEL)
        with pytest.raises(BudgetSpentError):
            await two.take(Lane.ORDER, clock.now() + SECOND)
        one.unused()
        assert two.try_take(Lane.CANCEL)

    virtually(main)


def refuse(budget: RequestBudget, headers: dict[str, str] | None = None) -> None:
    assert budget.try_take(Lane.CANCEL)
    budget.answered(headers or {}, 429)


async def waited_s(budget: RequestBudget, clock: LoopClock) -> int:
    """How long it takes until a request is free, in whole seconds; it is answered."""
    began = clock.now()
    await budget.take(Lane.CANCEL, began + 120 * SECOND)
    budget.answered({}, 200)
    return (clock.now() - began) // SECOND


def test_the_first_429_is_taken_for_the_accounts_own() -> None:
    async def main() -> None:
        clock = LoopClock()
        one, two = accounts(clock, 2)
        refuse(one)
        assert not one.can_take(Lane.CANCEL)
        assert two.can_take(Lane.CANCEL)
        assert await waited_s(one, clock) == 1

    virtually(main)


@pytest.mark.parametrize("second", [0, 1])
def test_a_429_after_a_429_is_the_address_and_holds_for_every_account(second: int) -> None:
    async def main() -> None:
        clock = LoopClock()
        budgets = accounts(clock, 3)
        refuse(budgets[0])
        await asyncio.sleep(1.1)
        refuse(budgets[second])
        assert not any(budget.can_take(Lane.CANCEL) for budget in budgets)
        assert [budget.left() for budget in budgets] == [0, 0, 0]
        # Whoever asked meanwhile is served when it is over.
        assert await asyncio.gather(*(waited_s(budget, clock) for budget in budgets)) == [30, 30, 30]

    virtually(main)


def test_what_was_on_its_way_when_the_first_was_refused_says_nothing_new() -> None:
    async def main() -> None:
        clock = LoopClock()
        one, two = accounts(clock, 2)
        for budget in (one, one, two):
            assert budget.try_take(Lane.CANCEL)
        for budget in (one, one, two):
            budget.answered({}, 429)
        assert await waited_s(one, clock) == 1

    virtually(main)


def test_an_answer_after_a_429_says_that_it_was_not_the_address() -> None:
    async def main() -> None:
        clock = LoopClock()
        one, two = accounts(clock, 2)
        refuse(one)
        await asyncio.sleep(1.1)
        assert await waited_s(two, clock) == 0
        await asyncio.sleep(1.1)
        refuse(one)
        assert two.can_take(Lane.CANCEL)

    virtually(main)


def test_no_answer_after_a_429_says_nothing() -> None:
    async def main() -> None:
        clock = LoopClock()
        one, two = accounts(clock, 2)
        refuse(one)
        await asyncio.sleep(1.1)
        assert two.try_take(Lane.CANCEL)
        two.answered({}, None)
        refuse(one)
        assert not two.can_take(Lane.CANCEL)

    virtually(main)


@pytest.mark.parametrize(("stated_s", "others_wait_s"), [(30, 30), (45, 45), (29, 0)])
def test_a_stated_pause_as_long_as_the_penalty_is_the_address_at_once(
    stated_s: int, others_wait_s: int
) -> None:
    async def main() -> None:
        clock = LoopClock()
        one, two = accounts(clock, 2)
        refuse(one, {"Retry-After": str(stated_s)})
        assert await waited_s(two, clock) == others_wait_s
        assert await waited_s(one, clock) == stated_s - others_wait_s

    virtually(main)


def test_a_429_of_one_address_leaves_another_counterparty_alone() -> None:
    async def main() -> None:
        clock = LoopClock()
        (one,), (two,) = accounts(clock, 1), accounts(clock, 1)
        refuse(one, {"Retry-After": "30"})
        assert two.can_take(Lane.ORDER)

    virtually(main)


@pytest.mark.parametrize("penalty_s", [0, 61])
def test_a_penalty_that_would_not_be_kept_is_refused(penalty_s: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 60"):
        AddressLimit(100, penalty_s)


def registry() -> Registry:
    return Registry(CompetitionSettings(), WallClock(), draws())


def built(made: Registry, name: str, **changed: Any) -> CoinbasePrime:
    connection = Connection(name, name, changed.pop("pts", False), "coinbase_prime", D(0))
    base_url = changed.pop("base_url", HOST)
    return made.build(settings(base_url, connection=connection, requests_per_second=25, **changed))


async def test_spot_and_pts_of_one_portfolio_share_its_requests() -> None:
    made = registry()
    spot, pts = built(made, "spot"), built(made, "pts", pts=True)
    other = built(made, "other", portfolio_id="other")
    assert [each.health().budget_left for each in (spot, pts, other)] == [50, 50, 50]
    while spot.take_order_budget():
        pass
    assert not pts.has_order_budget()
    # It has nothing left and took nothing: not a byte goes out.
    assert isinstance(await pts.submit(outbound()), NeverSent)
    pts.return_order_budget()
    assert not pts.has_order_budget()
    assert other.has_order_budget()
    spot.return_order_budget()
    assert pts.has_order_budget()


async def test_portfolios_of_one_host_share_its_address_and_those_of_another_do_not() -> None:
    made = registry()
    here = [built(made, f"p-{number}", portfolio_id=f"p-{number}") for number in range(3)]
    elsewhere = built(made, "elsewhere", base_url="https://other")
    for venue in here:
        while venue.take_order_budget():
            pass
    assert here[2].health().budget_left < 50
    assert sum(50 - venue.health().budget_left for venue in here) >= 98
    assert elsewhere.health().budget_left == 50


async def test_a_portfolio_that_is_refused_for_its_rate_takes_no_order_until_that_is_over() -> None:
    prime = Prime()
    prime.says(f"{BELOW}/order", {"message": "slow down"}, 429, "POST", Retry_After="7")
    async with portfolio(prime) as found:
        await found.submit(outbound())
        assert not found.venue.has_order_budget()
        assert found.venue.health().trades


def test_one_that_streams_nothing_is_ready_without_a_feed() -> None:
    async def main() -> None:
        states: list[ConnectionState] = []
        standing = Standing(LoopClock(), lambda: states.append(standing.health(1).state), streams=False)
        standing.products_known()
        assert states == []
        standing.synchronous(await standing.sync_wanted())
        assert states == [ConnectionState.READY]
        assert not standing.is_degraded

    virtually(main)
