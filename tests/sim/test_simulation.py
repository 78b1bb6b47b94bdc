"""The proof: whatever happens, no rule is broken; a router that breaks one is found out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.mutants import MUTANTS
from tests.sim.quoter import SPOILED
from tests.sim.run import Tally, first_caught, run_many
from tests.sim.schedule import KILLED_AFTER, Schedule

ROOT = Path(__file__).parents[2]
SCHEDULES = 20_000
MUTANT_SEEDS = 1_000
TRACED = 100

HAPPENED = {
    # on the way to a counterparty, and back
    *("never sent", "lost on the way there", "taken and the answer lost", "arrives after the time-out"),
    *("an answer that cannot be read", "409 for an order that was taken", "slow answer"),
    *("counterparty down", "sent while it was down", "read failed at a counterparty"),
    "no request left for an order",
    # what counterparties do
    *("refused", "refused for credit", "no credit after 200", "no credit after part", "contradiction"),
    *("not shown yet", "slow execution", "execution after the answer", "trades not listed"),
    *("cancel", "cancel refused", "cancel unanswered", "cancel came too late", "fill overtakes cancel"),
    # the prices that they hold
    *("no price given", "quote lost", "slow quote", "quote too slow", "quote far off the market"),
    *(f"quote: {what}" for what in SPOILED),
    *("quote held for no time at all", "counterparty's clock off", "quote accepted"),
    *("quote ended before its answer came", "quote ended before the decision"),
    *("quote ended while the intent was written", "quote ended on the way"),
    *("quote ended at its own clock alone", "quote unknown", "quote accepted already"),
    # their feeds
    *("feed broken off", "feed message lost", "feed message twice", "feed message late"),
    *("feed message without its fill", "feed message with nobody to hear it", "tells less"),
    # the store, the process, the wall
    *("store error", "disk full", "slow write", "read failed", "write lost in a crash", "start failed"),
    *("crashed", "stopped", "clock step", *(f"crash after {what}" for what in KILLED_AFTER)),
    # how orders ended
    *(f"ended {status}" for status in ("filled", "canceled", "rejected", "expired")),
    *(f"ended after {count} attempts" for count in (0, 1, 2)),
    *("ended as interrupted", "ended as not_taken", "ended as price_moved", "ended as store_unavailable"),
    # callers
    *("caller left", "no answer", "asked again", "asked at once", "another body", "told in doubt"),
    *("rfq", "rfq accepted twice"),
}


@pytest.fixture(scope="module")
def tally() -> Tally:
    return run_many(0, SCHEDULES)


@pytest.mark.timeout(600)
def test_no_rule_is_broken_whatever_happens(tally: Tally) -> None:
    assert tally.failures == [], tally.report


def test_every_kind_of_fault_really_happened(tally: Tally) -> None:
    """A fault that does not happen proves nothing."""
    assert HAPPENED - tally.seen.keys() == set()


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_router_that_breaks_a_rule_is_found_out(mutant: str) -> None:
    caught = first_caught(mutant, MUTANT_SEEDS)
    assert caught is not None, f"expected a router that {mutant} to be found within {MUTANT_SEEDS} seeds"


def test_a_failure_says_its_seed_and_shows_its_trace() -> None:
    caught = first_caught("counts a fill once a message", MUTANT_SEEDS)
    assert caught is not None
    seed, violations = caught.failures[0]
    report = caught.report
    assert f"make sim SEED={seed}" in report
    assert f"violated: {violations[0]}" in report
    replayed = Schedule(seed, tracing=True, refit=MUTANTS["counts a fill once a message"]).run()
    assert replayed.violations == violations
    assert "\n".join(f"    {line}" for line in replayed.world.lines[-5:]) in report


def test_a_seed_gives_the_same_trace_in_every_process() -> None:
    """Nothing hangs on the order of sets, on addresses, on the clock, or on what ran before."""
    whole = _digests(0, TRACED, hash_seed="1")
    assert len(set(whole)) == TRACED
    assert _digests(0, TRACED, hash_seed="2") == whole
    half = TRACED // 2
    assert _digests(half, half, hash_seed="3") == whole[half:]


def _digests(first: int, count: int, *, hash_seed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sim", "--digests", "--first", str(first), "--seeds", str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()
