"""Two functions in turn, A B A B …: on a shared machine only their ratio means something."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

from bench.figures import Spread, spread

BLOCK_S = 0.05


class Ratio(NamedTuple):
    """Medians of the blocks in microseconds a call, and the ratio pair by pair."""

    floor_us: float
    run_us: float
    ratio: Spread


def interleaved(floor: Callable[[], object], run: Callable[[], object], *, rounds: int) -> Ratio:
    """Time both in alternating blocks of about `BLOCK_S` each, after a warm-up."""
    floor_calls, run_calls = _calls(floor), _calls(run)
    floors, runs = [], []
    for _ in range(rounds):
        floors.append(_block(floor, floor_calls))
        runs.append(_block(run, run_calls))
    ratios = [after / before for before, after in zip(floors, runs, strict=True)]
    return Ratio(
        statistics.median(floors) * 1e6,
        statistics.median(runs) * 1e6,
        spread(ratios),
    )


def _calls(function: Callable[[], object]) -> int:
    for _ in range(50):
        function()
    return max(1, int(BLOCK_S / max(_block(function, 50), 1e-7)))


def _block(function: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls
