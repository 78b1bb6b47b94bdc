"""The loop that the service's tests stand on."""

import asyncio
import itertools

import pytest

from tests.virtual_loop import (
    EPOCH_NS,
    DeadlockError,
    LeftoverError,
    LoopClock,
    TimeLimitError,
    in_virtual_time,
    run,
)


@in_virtual_time
async def test_time_jumps_to_the_next_timer_and_the_clock_reads_it() -> None:
    clock = LoopClock()
    assert clock.now() == EPOCH_NS

    await asyncio.sleep(30)

    assert 30_000_000_000 <= clock.now() - EPOCH_NS <= 30_000_000_010


def test_a_day_is_over_before_the_tests_are_stopped() -> None:
    run(asyncio.sleep(86_000))


@in_virtual_time
async def test_timers_fire_in_the_order_of_their_times() -> None:
    fired: list[str] = []

    async def after(delay_s: float, name: str) -> None:
        await asyncio.sleep(delay_s)
        fired.append(name)

    await asyncio.gather(after(3, "c"), after(1, "a"), after(2, "b"))

    assert fired == ["a", "b", "c"]


@in_virtual_time
async def test_a_timeout_ends_what_it_bounds() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await asyncio.Event().wait()


def test_a_deadlock_is_an_error_that_names_who_waits() -> None:
    async def waits_for_nobody() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match=r"waits_for_nobody[\s\S]* in Event\.wait"):
        run(waits_for_nobody())


def test_what_never_ends_runs_into_the_limit() -> None:
    async def turns() -> None:
        for _ in itertools.count():
            await asyncio.sleep(1)

    with pytest.raises(TimeLimitError, match="turns"):
        run(turns(), limit_s=100)


def test_a_task_left_behind_is_an_error() -> None:
    kept = set()

    async def leaves_one() -> None:
        kept.add(asyncio.create_task(asyncio.sleep(10), name="forgotten"))

    with pytest.raises(LeftoverError, match="forgotten"):
        run(leaves_one())


def test_an_exception_nobody_took_is_an_error() -> None:
    async def fails_in_a_callback() -> None:
        asyncio.get_running_loop().call_soon(int, "nine")
        await asyncio.sleep(0.1)

    with pytest.raises(LeftoverError, match="callback") as caught:
        run(fails_in_a_callback())
    assert isinstance(caught.value.__cause__, ValueError)


def test_what_the_main_task_raises_is_raised() -> None:
    async def fails() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(fails())


async def test_the_clock_needs_a_virtual_loop() -> None:
    with pytest.raises(TypeError, match="VirtualLoop"):
        LoopClock().now()
