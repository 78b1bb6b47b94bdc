"""`python -m bench`: the benchmarks. Without a word, all cases; see README.md for the others."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench import budgets, running
from bench.cases import CASES
from bench.chart import results_chart
from bench.growth.run import JOURNAL, PARTS, UP_TO, growth
from bench.interpreters import interpreters
from bench.overload import overload, overload_report
from bench.results import Results, append_history, write
from bench.routers import routers
from bench.run import Options, execute
from bench.soak import soak, soak_report
from bench.stores import ROOT
from bench.tables import as_page, report, shown, table

_FOLDER: Final = ROOT / "bench"
_CHARTS: Final = _FOLDER / "charts"
_CHECKED: Final = frozenset({"web", "sqlite", "memory", "ccxt"})
"""Who is between the budgeted ratios."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what the words (of the command line) ask for; 0, or 1 where a budget is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    whole = commands.add_parser("run", help="every case, as a table, JSON and a chart")
    whole.add_argument("--quick", action="store_true", help="few short rounds: to see that it runs")
    whole.add_argument(
        "--case", action="append", help="only this case", choices=[case.name for case in CASES]
    )
    whole.add_argument("--out", type=Path, default=ROOT / "build" / "bench", help="folder of the results")
    whole.add_argument(
        "--keep", action="store_true", help="into bench/: results, chart and a line of the history"
    )
    checked = commands.add_parser("check", help="the budgeted ratios, held to budgets.toml")
    checked.add_argument("--results", type=Path, help="hold these results (JSON), measure nothing")
    loaded = commands.add_parser("overload", help="at twice the highest rate that is held")
    loaded.add_argument("--keep", action="store_true", help="into bench/overload.json")
    commands.add_parser("routers", help="one router on a core against two on two, on one PostgreSQL")
    soaked = commands.add_parser("soak", help="the same load for minutes: does latency grow, or memory")
    soaked.add_argument("--minutes", type=int, default=10)
    soaked.add_argument("--rate", type=float, default=1000.0, help="orders a second")
    several = commands.add_parser("interpreters", help="the router under several interpreters")
    several.add_argument(
        "paths", nargs="+", help="interpreters that have the router's packages; the first is the base"
    )
    grown = commands.add_parser("growth", help="what grows with connections, products, orders, the journal")
    grown.add_argument("parts", nargs="*", choices=[[], *PARTS, JOURNAL], help="only these", metavar="PART")
    grown.add_argument("--journal-up-to", type=int, default=UP_TO, help="orders of the largest journal")
    grown.add_argument(
        "--out", type=Path, default=ROOT / "build" / "bench" / "growth", help="folder of the charts"
    )
    grown.add_argument("--keep", action="store_true", help="into bench/charts")
    commands.add_parser("decision", help="what a decision costs, in one process")
    arguments = parser.parse_args(words)
    match arguments.command:
        case "check":
            return _check(arguments.results)
        case "decision":
            return _decision()
        case "interpreters":
            print(running.run(interpreters(arguments.paths)))
            return 0
        case "routers":
            print(running.run(routers()))
            return 0
        case "soak":
            print(soak_report(arguments.rate, running.run(soak(arguments.minutes, arguments.rate))))
            return 0
        case "overload":
            return _overload(keep=arguments.keep)
        case "growth":
            growth(arguments.parts, arguments.journal_up_to, _CHARTS if arguments.keep else arguments.out)
            return 0
        case _:
            return _run(arguments if arguments.command else whole.parse_args([]))


def _run(arguments: argparse.Namespace) -> int:
    options = Options(2, 2, 0.1, 0.3) if arguments.quick else Options()
    cases = [case for case in CASES if not arguments.case or case.name in arguments.case]
    results = execute(options, cases)
    print(report(results))
    folder = _FOLDER if arguments.keep else arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "results.json", results)
    (folder / "results.svg").write_text(results_chart(results))
    (folder / "results.md").write_text(as_page("Results", report(results)))
    if arguments.keep:
        append_history(folder / "history.jsonl", results)
    print(f"\n{folder}/results.json, {folder}/results.svg")
    return 0


def _check(stored: Path | None) -> int:
    held = budgets.parse((_FOLDER / "budgets.toml").read_text())
    if stored is not None:
        results = Results.read(stored)
    else:
        cases = [case for case in CASES if case.budgeted]
        results = execute(Options(rates=False, breakdown=False), cases, _CHECKED)
    verdicts = budgets.check(held, results.ratios, _left_out(results))
    print("\n".join(verdict.line() for verdict in verdicts))
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _left_out(results: Results) -> frozenset[str]:
    """Ratios that this machine cannot have: no ccxt, no folder in memory."""
    names = set()
    for case in CASES:
        names |= {f"{case.name}_ccxt_cpu_32"} if "ccxt" in results.missing else set()
        names |= {f"{case.name}_p50_1"} if "memory" in results.missing else set()
    return frozenset(names)


def _overload(*, keep: bool) -> int:
    found = running.run(overload())
    print(overload_report(found))
    if keep:
        (_FOLDER / "overload.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
        )
    return 0 if all(passed for _, passed in found.verdicts()) else 1


def _decision() -> int:
    from bench.decision import CASES as DECISIONS  # noqa: PLC0415 - the router's inside, for this command alone
    from bench.measure import interleaved  # noqa: PLC0415

    rows = []
    for case in DECISIONS:
        found = interleaved(case.floor, case.run, rounds=9)
        rows.append((case.name, f"{found.floor_us:.1f}", f"{found.run_us:.1f}", shown(found.ratio)))
    print(table(("case", "floor µs", "router µs", "ratio"), rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
