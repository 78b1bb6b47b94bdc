"""Runs schedules: one, event by event, or many, on every core."""

import gc
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import msgspec

from tests.sim.mutants import MUTANTS
from tests.sim.schedule import Schedule, as_it_is

CHUNK = 250
"""Schedules in a row in one process; garbage is collected between two chunks and not within."""
TAIL_LINES = 60
SHOWN_MAX = 5
"""Failures that are shown whole; of the others there is the seed."""


class Tally(msgspec.Struct):
    """What schedules came to. `failures`: seed and violations; `seen`: how often what happened."""

    schedules: int = 0
    orders: int = 0
    in_doubt: int = 0
    seen: Counter[str] = msgspec.field(default_factory=Counter)
    failures: list[tuple[int, list[str]]] = msgspec.field(default_factory=list)
    seconds: float = 0
    mutant: str | None = None

    def add(self, other: "Tally") -> None:
        """Count another one's schedules in."""
        self.schedules += other.schedules
        self.orders += other.orders
        self.in_doubt += other.in_doubt
        self.seen += other.seen
        self.failures += other.failures

    @property
    def summary(self) -> str:
        """One line, and a line each of what happened how often."""
        violations = sum(len(found) for _, found in self.failures)
        line = (
            f"{self.schedules} schedules, {self.orders} orders, {self.seen['crashed']} crashes, "
            f"{self.seen['stopped']} stops, {self.in_doubt} orders in doubt, {violations} violations, "
            f"{self.seconds:.1f} s, {self.schedules / max(self.seconds, 1e-9):.0f} schedules/s"
        )
        return "\n".join([line, *(f"  {count:8} {what}" for what, count in sorted(self.seen.items()))])

    @property
    def report(self) -> str:
        """Every seed that failed; of the first few what was violated, and how the trace ended."""
        parts = []
        refit = as_it_is if self.mutant is None else MUTANTS[self.mutant]
        for seed, violations in self.failures[:SHOWN_MAX]:
            lines = Schedule(seed, tracing=True, refit=refit).run().world.lines[-TAIL_LINES:]
            parts.append(f"seed {seed} (make sim SEED={seed} shows it whole)")
            parts += [f"  violated: {each}" for each in violations]
            parts += [f"    {line}" for line in lines]
        if self.failures:
            parts.append(f"seeds that failed: {sorted(seed for seed, _ in self.failures)}")
        return "\n".join(parts)


def run_chunk(first: int, count: int, mutant: str | None = None) -> Tally:
    """Run schedules in this process, from seed `first`."""
    tally = Tally(schedules=count, mutant=mutant)
    refit = as_it_is if mutant is None else MUTANTS[mutant]
    gc.collect()
    gc.disable()
    try:
        for seed in range(first, first + count):
            schedule = Schedule(seed, refit=refit).run()
            tally.orders += len(schedule.disk.orders)
            tally.in_doubt += schedule.in_doubt
            tally.seen += schedule.world.seen
            if schedule.violations:
                tally.failures.append((seed, schedule.violations))
    finally:
        gc.enable()
    return tally


def run_many(first: int, count: int, *, processes: int | None = None) -> Tally:
    """Run schedules in as many processes as there are cores."""
    began = time.monotonic()
    tally = Tally()
    processes = processes or os.cpu_count() or 1
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for part in pool.map(run_chunk, *zip(*_chunks(first, count), strict=True)):
            tally.add(part)
    tally.seconds = time.monotonic() - began
    return tally


def digest(seed: int) -> str:
    """A schedule's trace in one word."""
    return Schedule(seed, tracing=True).run().world.digest


def first_caught(mutant: str, seeds: int) -> Tally | None:
    """The first schedules in which a mutant is found out; None if it never is."""
    for first in range(0, seeds, 50):
        tally = run_chunk(first, min(50, seeds - first), mutant)
        if tally.failures:
            return tally
    return None


def _chunks(first: int, count: int) -> Iterator[tuple[int, int]]:
    for start in range(first, first + count, CHUNK):
        yield start, min(CHUNK, first + count - start)
