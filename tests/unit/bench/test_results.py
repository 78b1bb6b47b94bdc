"""A run's results: ratios that have budgets, the store's wait, JSON and back, the history."""

from pathlib import Path

import msgspec
import pytest

from bench.budgets import parse
from bench.chart import results_chart
from bench.figures import Block
from bench.rate import Rate, Stage
from bench.results import (
    Breakdown,
    Machine,
    Results,
    Share,
    append_history,
    budgeted,
    case_result,
    history_line,
    read_history,
    store_wait_us,
    write,
)
from bench.tables import report

BENCH = Path(__file__).parents[3] / "bench"
MACHINE = Machine("2026-01-01T00:00Z", "abc123+", "3.11.7", {"aiohttp": "3"}, "a processor", "core 0", 40.0)
TITLES = {"web": "floor", "ccxt": "by hand", "sqlite": "router, SQLite FULL", "memory": "router, in memory"}


def blocks(cpu_us: float, p50_us: int) -> dict[int, list[Block]]:
    found = [Block(10, round(cpu_us * 10_000), [p50_us * 1000] * 10, 10, {}, 0.2) for _ in range(3)]
    return {1: found, 32: found}


def run() -> Results:
    by_kind = {
        "web": blocks(40, 50),
        "ccxt": blocks(800, 900),
        "sqlite": blocks(80, 300),
        "memory": blocks(78, 75),
    }
    case = case_result("streamed", "streamed, 4 connections", "web", TITLES, by_kind)
    stage = Stage(1000, 1.0, 2.0, {}, 0.3)
    return Results(
        machine=MACHINE,
        cases=[case],
        ratios=budgeted("streamed", by_kind),
        store_wait_us={case.title: store_wait_us(case) or 0.0},
        rates=[Rate("router", stage, None, 3), Rate("floor", None, stage, 2)],
        breakdown=[Breakdown("router", 100, [Share("rank", 5.0, 0.5)], [Share("a:f", 1.0, 0.1)])],
        missing={"postgresql": "its programs are not installed"},
    )


def test_the_ratios_that_have_budgets() -> None:
    ratios = {name: spread.median for name, spread in run().ratios.items()}

    assert ratios == {"streamed_cpu_32": 2.0, "streamed_p50_1": 1.5, "streamed_ccxt_cpu_32": 10.0}


def test_latency_without_the_stores_wait_and_that_wait_apart() -> None:
    assert run().store_wait_us == {"streamed, 4 connections": 225.0}


def test_what_did_not_run_has_no_ratio_and_no_wait() -> None:
    by_kind = {"web": blocks(40, 50), "sqlite": blocks(80, 300)}
    case = case_result("asked", "asked", "web", {"web": "floor", "sqlite": "router"}, by_kind)

    assert list(budgeted("asked", by_kind)) == ["asked_cpu_32"]
    assert store_wait_us(case) is None


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    write(tmp_path / "results.json", run())

    assert Results.read(tmp_path / "results.json") == run()


def test_the_history_grows_by_a_line(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"

    append_history(path, run())
    append_history(path, run())

    assert read_history(path.read_text()) == [history_line(run())] * 2
    assert history_line(run()).ratios["streamed_cpu_32"] == 2.0


def test_a_line_that_is_none_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        read_history('{"at": 3}\n')


def test_the_report_has_every_part() -> None:
    text = report(run())

    for part in ("streamed, 4 connections (3 rounds)", "by hand", "2.00 (2.00 to 2.00)", "the store's wait"):
        assert part in text
    for part in ("highest rate", "1000", "rank", "a:f", "streamed_p50_1", "left out: postgresql", "abc123+"):
        assert part in text


def test_the_chart_has_every_subject_but_the_floor() -> None:
    chart = results_chart(run())

    assert chart.startswith("<svg ")
    assert chart.count("by hand") == 2
    assert chart.count("<circle") == 6


def test_the_committed_files_are_read() -> None:
    names = set(parse((BENCH / "budgets.toml").read_text()).ratios)
    readme = (BENCH / "README.md").read_text()

    assert names <= {name for name in names if f"`{name}`" in readme}, "README.md explains every budget"
    for line in read_history((BENCH / "history.jsonl").read_text()):
        assert line.ratios
