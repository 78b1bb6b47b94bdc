"""A process that keeps orders until it is killed: it prints an order's id once its write has returned."""

import asyncio
import itertools
import sys

import msgspec

from router.core.order import CancelRequested, step
from router.journal import open_journal
from tests.unit import build


async def keep_on(url: str, prefix: str) -> None:
    """Accept orders, eight at a time, each with one event; say which ones are durable."""
    journal = await open_journal(url)

    async def keep(number: int) -> None:
        name = f"{prefix}-{number}"
        order = build.order(id=name, request=msgspec.structs.replace(build.request(), client_order_id=name))
        await journal.accept(order)
        event = CancelRequested()
        await journal.append(step(order, event, build.T0 + 1), event, build.T0 + 1)
        print(name, flush=True)  # noqa: T201  the parent reads it

    for first in itertools.count(step=8):
        await asyncio.gather(*(keep(number) for number in range(first, first + 8)))


if __name__ == "__main__":
    asyncio.run(keep_on(sys.argv[1], sys.argv[2]))
