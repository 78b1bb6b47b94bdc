"""Calls that share one run, and ends that are seen through."""

import asyncio

import pytest

from tests.unit.venues.support import virtually
from venues.transport.coalesce import Coalesced
from venues.transport.ending import see_through, settle


class Work:
    def __init__(self) -> None:
        self.begun = 0
        self.fails = 0

    async def __call__(self) -> None:
        self.begun += 1
        number = self.begun
        await asyncio.sleep(1)
        if number <= self.fails:
            raise OSError("no")


def test_who_asks_while_one_runs_gets_one_that_begins_afterwards() -> None:
    async def main() -> None:
        work = Work()
        shared = Coalesced(work)
        first = asyncio.create_task(shared())
        await asyncio.sleep(0.5)
        later = [asyncio.create_task(shared()) for _ in range(5)]
        await asyncio.sleep(0.4)
        assert work.begun == 1
        await asyncio.gather(first, *later)
        assert work.begun == 2

    virtually(main)


def test_a_third_does_not_share_a_run_that_has_begun() -> None:
    async def main() -> None:
        work = Work()
        shared = Coalesced(work)
        tasks = [asyncio.create_task(shared())]
        for _ in range(2):
            await asyncio.sleep(0.6)
            tasks.append(asyncio.create_task(shared()))
        await asyncio.gather(*tasks)
        assert work.begun == 3
        await shared()
        assert work.begun == 4

    virtually(main)


def test_one_who_asks_between_two_runs_shares_the_one_to_come() -> None:
    async def main() -> None:
        work = Work()
        shared = Coalesced(work)
        first = asyncio.create_task(shared())
        await asyncio.sleep(0.5)
        second = asyncio.create_task(shared())
        third: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        # In the pass of the loop in which the first run ends.
        loop.call_later(0.5, lambda: third.append(loop.create_task(shared())))
        await asyncio.gather(first, second)
        await third[0]
        assert work.begun == 2

    virtually(main)


def test_a_failure_is_told_to_those_who_asked_for_that_run() -> None:
    async def main() -> None:
        work = Work()
        work.fails = 1
        shared = Coalesced(work)
        first = asyncio.create_task(shared())
        await asyncio.sleep(0.5)
        second = asyncio.create_task(shared())
        with pytest.raises(OSError, match="no"):
            await first
        await second
        assert work.begun == 2

    virtually(main)


def test_one_who_stops_waiting_does_not_end_it_for_the_others() -> None:
    async def main() -> None:
        work = Work()
        shared = Coalesced(work)
        first = asyncio.create_task(shared())
        await asyncio.sleep(0.5)
        second = asyncio.create_task(shared())
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert work.begun == 2

    virtually(main)


def test_closing_ends_what_runs_and_what_waits() -> None:
    async def main() -> None:
        work = Work()
        shared = Coalesced(work)
        tasks = [asyncio.create_task(shared())]
        await asyncio.sleep(0.5)
        tasks.append(asyncio.create_task(shared()))
        await asyncio.sleep(0)
        await shared.close()
        assert all(
            isinstance(end, asyncio.CancelledError)
            for end in await asyncio.gather(*tasks, return_exceptions=True)
        )
        assert work.begun == 1

    virtually(main)


def test_settling_lets_tasks_end_and_cancels_the_rest() -> None:
    async def main() -> None:
        quick = asyncio.create_task(asyncio.sleep(0.5))
        slow = asyncio.create_task(asyncio.sleep(60))
        await settle([quick, slow], 1000)
        assert not quick.cancelled()
        assert slow.cancelled()
        await settle([], 1000)

    virtually(main)


def test_an_end_is_seen_through_however_often_it_is_cancelled() -> None:
    async def main() -> None:
        ended: list[bool] = []

        async def end() -> None:
            await asyncio.sleep(1)
            ended.append(True)

        task = asyncio.create_task(see_through(end()))
        for _ in range(3):
            await asyncio.sleep(0.1)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]

    virtually(main)
