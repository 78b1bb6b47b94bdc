"""The shared request budget: who waits, who is served, what headers do."""

import asyncio

import pytest

from router.ports import BudgetSpentError, Lane
from tests.unit.venues.support import SECOND, LoopClock, virtually
from venues.transport.address import AddressLimit
from venues.transport.budget import RequestBudget, header_number
from venues.transport.slots import COOL_NS

LIMITS = {"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "500"}


def test_an_order_is_taken_at_once_or_not_at_all() -> None:
    async def main() -> None:
        budget = RequestBudget(10, LoopClock())
        taken = [budget.try_take(Lane.ORDER) for _ in range(9)]
        assert taken == [True] * 8 + [False]
        assert not budget.can_take(Lane.ORDER)
        assert budget.left() == 2

    virtually(main)


@pytest.mark.parametrize("lane", list(Lane))
def test_asking_whether_there_is_one_takes_none_and_is_answered_as_taking(lane: Lane) -> None:
    async def main() -> None:
        clock = LoopClock()
        address = AddressLimit(4, 60)
        for budget in (RequestBudget(3, clock), RequestBudget(6, clock, address=address)):
            left = budget.left()
            while budget.can_take(lane):
                assert budget.left() == left
                assert budget.try_take(lane)
                left -= 1
            assert not budget.try_take(lane)
            assert budget.left() == left

    virtually(main)


def test_who_waits_is_served_when_a_slot_has_rested() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(1, clock)
        await budget.take(Lane.REST, clock.now() + SECOND)
        budget.answered({}, 200)
        began = clock.now()
        await budget.take(Lane.REST, began + 5 * SECOND)
        assert clock.now() - began >= COOL_NS

    virtually(main)


def test_lanes_come_before_the_order_of_arrival() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(1, clock)
        assert budget.try_take(Lane.CANCEL)
        served: list[str] = []

        async def one(lane: Lane, name: str) -> None:
            await budget.take(lane, clock.now() + 60 * SECOND)
            served.append(name)
            budget.answered({}, 200)

        asked = [
            (Lane.REST, "rest"),
            (Lane.BALANCES, "balances 1"),
            (Lane.BALANCES, "balances 2"),
            (Lane.LOOK_UP, "look-up"),
            (Lane.CANCEL, "cancel"),
        ]
        async with asyncio.TaskGroup() as group:
            for lane, name in asked:
                group.create_task(one(lane, name))
            await asyncio.sleep(0)
            budget.answered({}, 200)
        assert served == ["cancel", "look-up", "balances 1", "balances 2", "rest"]

    virtually(main)


def test_an_order_does_not_take_what_a_cancel_waits_for() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(1, clock)
        assert budget.try_take(Lane.CANCEL)
        waiting = asyncio.create_task(budget.take(Lane.CANCEL, clock.now() + 60 * SECOND))
        await asyncio.sleep(0)
        budget.answered({}, 200)
        # The slot has rested by now, and the timer that serves the waiting has not run yet.
        asyncio.get_running_loop().call_later(
            COOL_NS / SECOND, lambda: taken.append(budget.try_take(Lane.ORDER))
        )
        taken: list[bool] = []
        await waiting
        assert taken == [False]

    virtually(main)


def test_a_deadline_ends_the_wait_and_says_that_nothing_was_sent() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(1, clock)
        assert budget.try_take(Lane.CANCEL)
        began = clock.now()
        with pytest.raises(BudgetSpentError, match="balances"):
            await budget.take(Lane.BALANCES, began + SECOND)
        assert clock.now() - began == pytest.approx(SECOND, rel=0.01)
        budget.unused()
        assert budget.left() == 1

    virtually(main)


def test_one_who_is_cancelled_while_waiting_keeps_nothing() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(1, clock)
        assert budget.try_take(Lane.CANCEL)
        waiting = asyncio.create_task(budget.take(Lane.REST, clock.now() + 60 * SECOND))
        await asyncio.sleep(0)
        # Served and cancelled in the same pass of the loop.
        budget.unused()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert budget.left() == 1

    virtually(main)


def test_who_gave_up_and_who_was_served_are_ahead_of_nobody() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(5, clock)
        assert all(budget.try_take(Lane.CANCEL) for _ in range(5))
        soon = clock.now() + SECOND // 2
        waiting = [asyncio.create_task(budget.take(lane, soon)) for lane in Lane for _ in range(3)]
        await asyncio.sleep(0.1)
        for task in waiting[::2]:
            task.cancel()
        await asyncio.sleep(0)
        budget.unused()  # serves the first that waits still
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError, BudgetSpentError, type(None)}
        last = asyncio.create_task(budget.take(Lane.REST, clock.now() + SECOND))
        await asyncio.sleep(0)
        for _ in range(3):
            budget.unused()
        # Three are free, and one of them is left to cancels: as if nobody had ever waited before the last.
        assert [budget.try_take(Lane.LOOK_UP) for _ in range(3)] == [True, True, False]
        last.cancel()
        await asyncio.wait({last})

    virtually(main)


def test_who_comes_later_does_not_overtake_who_waits_in_the_same_lane() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(1, clock)
        assert budget.try_take(Lane.CANCEL)
        budget.answered({}, 200)
        served: list[str] = []

        async def one(name: str) -> None:
            await budget.take(Lane.REST, clock.now() + 60 * SECOND)
            served.append(name)
            budget.answered({}, 200)

        async with asyncio.TaskGroup() as group:
            group.create_task(one("first"))
            await asyncio.sleep(0)
            # The slot has rested by then, and the timer that serves the waiting has not run yet.
            asyncio.get_running_loop().call_later(COOL_NS / SECOND, lambda: group.create_task(one("second")))
            await asyncio.sleep(2)
        assert served == ["first", "second"]

    virtually(main)


def test_a_slot_that_comes_free_sooner_than_another_is_not_waited_for_as_long() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(2, clock)
        budget.state("slow", 2, 10 * SECOND)
        began = clock.now()
        assert budget.try_take(Lane.CANCEL)
        assert budget.try_take(Lane.CANCEL)
        budget.answered({}, 200)
        waiting = asyncio.create_task(budget.take(Lane.CANCEL, began + 60 * SECOND))
        await asyncio.sleep(0)
        budget.state("slow", 2)
        budget.answered({}, 200)
        await waiting
        assert COOL_NS <= clock.now() - began < 2 * SECOND

    virtually(main)


def test_whoever_waits_longer_is_served_at_the_time_of_the_first_slot() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(2, clock)
        assert budget.try_take(Lane.CANCEL)
        assert budget.try_take(Lane.CANCEL)
        budget.answered({}, 200)
        began = clock.now()
        first = asyncio.create_task(budget.take(Lane.CANCEL, began + 60 * SECOND))
        await asyncio.sleep(0.5)
        # Another answer, and another one who waits: the first slot comes free when it was to.
        budget.answered({}, 200)
        second = asyncio.create_task(budget.take(Lane.CANCEL, began + 60 * SECOND))
        await first
        assert COOL_NS <= clock.now() - began < COOL_NS + SECOND // 100
        await second
        assert COOL_NS + SECOND // 2 <= clock.now() - began < COOL_NS + SECOND // 2 + SECOND // 100

    virtually(main)


def test_a_429_blocks_the_account_for_its_retry_after() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(10, clock)
        assert budget.try_take(Lane.ORDER)
        budget.answered({"Retry-After": "3"}, 429)
        assert budget.left() == 0
        began = clock.now()
        await budget.take(Lane.CANCEL, began + 60 * SECOND)
        assert 3 * SECOND <= clock.now() - began < 4 * SECOND

    virtually(main)


def test_retry_after_counts_on_a_429_alone() -> None:
    async def main() -> None:
        budget = RequestBudget(10, LoopClock())
        assert budget.try_take(Lane.ORDER)
        budget.answered({"Retry-After": "3"}, 200)
        assert budget.left() == 9

    virtually(main)


def test_what_is_left_there_is_believed_where_it_is_less() -> None:
    async def main() -> None:
        budget = RequestBudget(10, LoopClock())
        assert budget.try_take(Lane.ORDER)
        budget.answered(LIMITS, 200)
        assert budget.left() == 0
        await asyncio.sleep(0.6)
        assert budget.left() == 9

    virtually(main)


@pytest.mark.parametrize("garbage", ["", "-1", "1.5", "NaN", "²", "1_0", "9" * 30, "soon", "٣"])
def test_garbage_in_a_header_is_no_number(garbage: str) -> None:
    assert header_number({"Retry-After": garbage}, "Retry-After") is None


def test_the_lowest_limit_that_is_stated_holds_as_long_as_it_is() -> None:
    async def main() -> None:
        budget = RequestBudget(10, LoopClock())
        budget.state("spot", 10)
        budget.state("pts", 4)
        assert budget.requests_per_second == 4
        budget.state("spot", 20)
        assert budget.left() == 4
        budget.state("pts", 15)
        assert budget.left() == 15
        budget.unstate("pts")
        budget.unstate("nobody")
        assert budget.left() == 20
        budget.unstate("spot")
        assert budget.left() == 20

    virtually(main)


def test_a_raised_limit_serves_who_waits_at_once() -> None:
    async def main() -> None:
        clock = LoopClock()
        budget = RequestBudget(1, clock)
        budget.state("spot", 1)
        assert budget.try_take(Lane.CANCEL)
        waits = asyncio.create_task(budget.take(Lane.CANCEL, clock.now() + 60 * SECOND))
        await asyncio.sleep(0)
        began = clock.now()
        budget.state("spot", 2)
        await waits
        assert clock.now() == began

    virtually(main)
