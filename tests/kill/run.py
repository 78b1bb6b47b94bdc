"""Many cycles: in epochs with a simulator and a store of their own, a few lanes at a time."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from tests.kill.lane import Lane, Store, ViolationError

EPOCH_CYCLES: Final = 50
"""Cycles over one simulator and one store: both keep every order, and each check reads them."""
LANES: Final = 2

Stores = Callable[[Path], AbstractAsyncContextManager[Store]]
"""Makes the store of an epoch, whose files are in the directory."""


@asynccontextmanager
async def sqlite(directory: Path) -> AsyncIterator[Store]:
    """A file."""
    yield Store(f"sqlite://{directory}/router.db")


async def run(
    cycles: int,
    seed: int,
    figures: Counter[str],
    stores: Stores = sqlite,
    *,
    lanes: int = LANES,
    epoch_cycles: int = EPOCH_CYCLES,
) -> list[str]:
    """Run cycles; a line for each epoch that broke a promise, whose files are kept."""
    begins = range(0, cycles, epoch_cycles)
    epochs = [(seed + n, min(epoch_cycles, cycles - begin)) for n, begin in enumerate(begins)]
    wrong: list[str] = []

    async def lane() -> None:
        while epochs:
            seed, length = epochs.pop(0)
            directory = Path(tempfile.mkdtemp(prefix=f"kill-{seed}-"))
            try:
                async with stores(directory) as store:
                    await Lane(directory, seed, store, figures).run(length)
            except ViolationError as error:
                wrong.append(str(error))
                continue
            shutil.rmtree(directory)

    async with asyncio.TaskGroup() as group:
        for _ in range(lanes):
            group.create_task(lane())
    return wrong


def summary(figures: Counter[str], violations: int, seconds: float) -> str:
    """The figures of a run in a line."""
    told = ", ".join(f"{name} {figures[name]}" for name in NAMES)
    return (
        f"{told}, violations {violations}, seconds {seconds:.1f}, cycles/s {figures['cycles'] / seconds:.2f}"
    )


NAMES: Final = (
    *("cycles", "orders", "kills", "kills during start-up", "kills during sends"),
    *("interrupted", "in doubt at a start", "in doubt, found", "in doubt, absent"),
)
