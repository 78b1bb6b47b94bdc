"""One run of the bench: cases one after another, in each of them floors and routers in turn."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from importlib.util import find_spec

import msgspec

from bench import running
from bench.breakdown.run import breakdown
from bench.cases import ALL, CASES, LOADS, Case
from bench.cores import DRIVER, pin
from bench.figures import Spread
from bench.machine import machine
from bench.rate import Rate, Stage, highest, stage_of
from bench.results import Breakdown, CaseResult, Results, budgeted, case_result, store_wait_us
from bench.stores import Stores
from bench.subject import Subject, interleaved

_CONNECTIONS_MAX = 256
"""Connections that orders of an open loop go over; an order that finds none free waits, and is the slower."""


class Options(msgspec.Struct, frozen=True):
    """How long a run may be: rounds of budgeted cases and of others, seconds of a block and of a stage."""

    rounds_budgeted: int = 9
    rounds: int = 5
    block_s: float = 0.4
    stage_s: float = 1.0
    rates: bool = True
    breakdown: bool = True


async def run(
    options: Options, cases: Sequence[Case] = CASES, kinds: frozenset[str] = ALL, *, postgresql: bool = True
) -> Results:
    """Run the cases with the subjects of these kinds."""
    pin(os.getpid(), {DRIVER})
    found: list[CaseResult] = []
    ratios: dict[str, Spread] = {}
    rates: list[Rate] = []
    waits: dict[str, float] = {}
    parts: list[Breakdown] = []
    with Stores(postgresql=postgresql and "postgresql" in kinds) as stores:
        here = machine(stores.flush_us())
        for case in cases:
            began = time.monotonic()
            result, budgets, held = await _case(case, options, stores, kinds)
            found.append(result)
            ratios |= budgets
            rates += held
            wait = store_wait_us(result)
            if wait is not None:
                waits[case.title] = wait
            told(f"{case.title}: {time.monotonic() - began:.0f} s")
        if options.breakdown:
            parts = [await breakdown(way, stores) for way in ("streamed", "asked")]
        missing = dict(stores.missing)
    if "ccxt" in kinds and find_spec("ccxt") is None:
        missing["ccxt"] = "the extra is not installed (make ccxt)"
    return Results(here, found, ratios, waits, rates, parts, missing)


async def _case(
    case: Case, options: Options, stores: Stores, kinds: frozenset[str]
) -> tuple[CaseResult, dict[str, Spread], list[Rate]]:
    plans = case.plans(stores, kinds)
    async with AsyncExitStack() as stack:
        subjects = []
        for plan in plans:
            subject = await Subject.start(plan, stores.folder)
            stack.push_async_callback(subject.stop)
            subjects.append(subject)
        rounds = options.rounds_budgeted if case.budgeted else options.rounds
        by_name = await interleaved(subjects, LOADS, rounds, options.block_s)
        blocks = {name.removeprefix(f"{case.name}-"): found for name, found in by_name.items()}
        titles = {plan.name.removeprefix(f"{case.name}-"): plan.title for plan in plans}
        result = case_result(case.name, case.title, "web", titles, blocks)
        rates = []
        if case.budgeted and options.rates:
            for subject, shown in zip(subjects, result.subjects, strict=True):
                if shown.kind in ("web", "sqlite"):
                    guess = 0.7e6 / shown.loads[32].cpu_us.median
                    rates.append(await _rate(f"{case.title}, {shown.title}", subject, guess, options.stage_s))
        return result, budgeted(case.name, blocks) if case.budgeted else {}, rates


async def _rate(name: str, subject: Subject, guess: float, stage_s: float) -> Rate:
    async def probe(rate: float) -> Stage:
        wall, busy = time.perf_counter(), time.process_time()
        block = await subject.driver.open_loop(rate, stage_s, _CONNECTIONS_MAX)
        busy = (time.process_time() - busy) / (time.perf_counter() - wall)
        stage = stage_of(rate, block.latencies_ns, block.wrong, busy)
        told(f"  {name}: {rate:.0f}/s, p99 {stage.p99_ms:.1f} ms {stage.wrong or ''}")
        return stage

    # Connections are opened and warm before the first stage counts.
    await subject.driver.open_loop(guess / 4, 0.3, _CONNECTIONS_MAX)
    return await highest(name, guess, probe)


def told(text: str) -> None:
    """Say on stderr how far the run is."""
    print(text, file=sys.stderr, flush=True)


def execute(
    options: Options, cases: Sequence[Case] = CASES, kinds: frozenset[str] = ALL, *, postgresql: bool = True
) -> Results:
    """Run it on a loop of its own."""
    return running.run(run(options, cases, kinds, postgresql=postgresql))
