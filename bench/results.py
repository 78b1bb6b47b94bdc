"""What a run of the bench found, as it is written to JSON and to the history. Pure but for the files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.figures import Block, Load, Spread, cpu_us, load_of, p50_us, ratio
from bench.rate import Rate

Blocks = Mapping[str, Mapping[int, Sequence[Block]]]
"""Blocks by the kind of subject (a floor, a store) and by orders in flight."""


class Machine(msgspec.Struct, frozen=True):
    """Where a run took place. `flush_us`: what a flush to the disk of the store takes."""

    at: str
    commit: str
    python: str
    packages: dict[str, str]
    processor: str
    cores: str
    flush_us: float


class Subject(msgspec.Struct, frozen=True):
    """A floor or a router in a case; ratios are to the case's floor, round by round, by orders in flight."""

    kind: str
    title: str
    loads: dict[int, Load]
    cpu_ratio: dict[int, Spread]
    p50_ratio: dict[int, Spread]


class CaseResult(msgspec.Struct, frozen=True):
    """A case; `floor` is the kind of subject that the ratios are to."""

    name: str
    title: str
    floor: str
    subjects: list[Subject]


class Share(msgspec.Struct, frozen=True):
    """What a stage of an order takes: microseconds of processor an order, and its share of all."""

    stage: str
    us: float
    share: float


class Breakdown(msgspec.Struct, frozen=True):
    """Where an order's microseconds go, and the functions that cost most by themselves."""

    title: str
    samples: int
    stages: list[Share]
    functions: list[Share]


class Results(msgspec.Struct, frozen=True):
    """A whole run. `ratios` are those that `budgets.toml` names."""

    machine: Machine
    cases: list[CaseResult]
    ratios: dict[str, Spread]
    store_wait_us: dict[str, float]
    rates: list[Rate]
    breakdown: list[Breakdown]
    missing: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> "Results":
        """From JSON; raises `msgspec.ValidationError` where it is something else."""
        return msgspec.json.decode(path.read_bytes(), type=cls)


class HistoryLine(msgspec.Struct, frozen=True):
    """A line of the history: ratios with the commit that they belong to."""

    at: str
    commit: str
    python: str
    ratios: dict[str, float]


def case_result(name: str, title: str, floor: str, titles: Mapping[str, str], blocks: Blocks) -> CaseResult:
    """A case from its blocks; `titles` names the kinds in the order in which they are shown."""
    subjects = []
    for kind, shown in titles.items():
        own = blocks[kind]
        subjects.append(
            Subject(
                kind=kind,
                title=shown,
                loads={k: load_of(k, found) for k, found in own.items()},
                cpu_ratio={k: ratio(cpu_us(found), cpu_us(blocks[floor][k])) for k, found in own.items()},
                p50_ratio={k: ratio(p50_us(found), p50_us(blocks[floor][k])) for k, found in own.items()},
            )
        )
    return CaseResult(name, title, floor, subjects)


def budgeted(name: str, blocks: Blocks) -> dict[str, Spread]:
    """The ratios of a case that have budgets, as far as who they are between has run.

    The latency one at a time is that of the router whose store is in memory: the same code, without the wait
    for a disk. That wait is given apart.
    """
    found = {f"{name}_cpu_32": ratio(cpu_us(blocks["sqlite"][32]), cpu_us(blocks["web"][32]))}
    if "memory" in blocks:
        found[f"{name}_p50_1"] = ratio(p50_us(blocks["memory"][1]), p50_us(blocks["web"][1]))
    if "ccxt" in blocks:
        found[f"{name}_ccxt_cpu_32"] = ratio(cpu_us(blocks["ccxt"][32]), cpu_us(blocks["sqlite"][32]))
    return found


def store_wait_us(case: CaseResult) -> float | None:
    """What the disk adds to the median latency of one order at a time, in microseconds; None if unknown."""
    loads = {subject.kind: subject.loads for subject in case.subjects}
    if "sqlite" not in loads or "memory" not in loads:
        return None
    return loads["sqlite"][1].p50_us.median - loads["memory"][1].p50_us.median


def history_line(results: Results) -> HistoryLine:
    """The run's line."""
    machine = results.machine
    ratios = {name: round(spread.median, 3) for name, spread in results.ratios.items()}
    return HistoryLine(machine.at, machine.commit, machine.python, ratios)


def read_history(text: str) -> list[HistoryLine]:
    """Every line; raises `msgspec.ValidationError` for one that is none."""
    decoder: Final = msgspec.json.Decoder(HistoryLine)
    return [decoder.decode(line) for line in text.splitlines() if line.strip()]


def append_history(path: Path, results: Results) -> None:
    """Put the run's line at the end."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(history_line(results)) + b"\n")


def write(path: Path, results: Results) -> None:
    """As JSON, rounded to what means something."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
