"""`make bench-check` on stored results: what it says and how it ends."""

from pathlib import Path

import msgspec
import pytest

from bench.__main__ import main
from bench.figures import Spread
from bench.results import Machine, Results, write

MACHINE = Machine("2026-01-01T00:00Z", "abc123", "3.11.7", {}, "a processor", "core 0", 40.0)
WITHIN = {
    "streamed_cpu_32": 1.0,
    "streamed_p50_1": 1.0,
    "asked_cpu_32": 1.0,
    "asked_p50_1": 1.0,
    "streamed_ccxt_cpu_32": 1000.0,
}


def stored(path: Path, ratios: dict[str, float], missing: dict[str, str] | None = None) -> list[str]:
    spreads = {name: Spread(value, value, value) for name, value in ratios.items()}
    write(path, Results(MACHINE, [], spreads, {}, [], [], missing or {}))
    return ["check", "--results", str(path)]


def test_ratios_within_their_budgets_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(stored(tmp_path / "results.json", WITHIN)) == 0
    assert capsys.readouterr().out.count("ok  ") == len(WITHIN)


@pytest.mark.parametrize("name", sorted(WITHIN))
def test_each_budget_can_fail(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worse = 0.001 if "ccxt" in name else 1000.0

    assert main(stored(tmp_path / "results.json", WITHIN | {name: worse})) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL")]
    assert len(failed) == 1
    assert name in failed[0]


def test_what_this_machine_cannot_measure_is_left_out_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    some = {name: value for name, value in WITHIN.items() if "p50" not in name}

    assert main(stored(path, some)) == 1
    assert main(stored(path, some, {"memory": "there is none"})) == 0
    assert main(stored(path, some, {"ccxt": "not installed"})) == 1


def test_results_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("{}")

    with pytest.raises(msgspec.ValidationError):
        main(["check", "--results", str(path)])
