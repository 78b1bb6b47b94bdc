"""Results as text tables. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from bench.figures import Spread
from bench.rate import P99_MS_MAX, Rate
from bench.results import Breakdown, CaseResult, Results


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need to be: the first to the left, the others to the right."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_page(title: str, text: str) -> str:
    """A report as a page of Markdown."""
    head = f"# {title}\n\nWritten by `python -m bench`; README.md says how it is measured."
    return f"{head}\n\n```text\n{text}\n```\n"


def shown(spread: Spread) -> str:
    """A ratio with its range."""
    return f"{spread.median:.2f} ({spread.least:.2f} to {spread.greatest:.2f})"


def wrong_text(wrong: Mapping[str, int]) -> str:
    """Answers that were no fill, by how they began."""
    return ", ".join(f"{count} x {what}" for what, count in sorted(wrong.items())) or "-"


def case_table(case: CaseResult) -> str:
    """A case: a row a subject and load."""
    rows = []
    for in_flight in sorted(case.subjects[0].loads):
        for subject in case.subjects:
            load = subject.loads[in_flight]
            rows.append(
                (
                    subject.title,
                    str(in_flight),
                    f"{load.cpu_us.median:.1f}",
                    shown(subject.cpu_ratio[in_flight]),
                    f"{load.p50_us.median:.0f}",
                    f"{load.p99_us.median:.0f}",
                    f"{load.p999_us:.0f}",
                    shown(subject.p50_ratio[in_flight]),
                    f"{load.requests_per_order:.2f}",
                    wrong_text(load.wrong),
                )
            )
    header = (
        *(f"{case.title} ({case.subjects[0].loads[1].rounds} rounds)", "in flight", "CPU µs", "x floor"),
        *("p50 µs", "p99 µs", "p99.9 µs", "p50 x floor", "requests", "no fill"),
    )
    return table(header, rows)


def rate_table(rates: Sequence[Rate]) -> str:
    """The highest rates held."""
    rows = []
    for rate in rates:
        held, lost = rate.held, rate.first_lost
        rows.append(
            (
                rate.name,
                "-" if held is None else f"{held.rate_per_second:.0f}",
                "-" if held is None else f"{held.p50_ms:.1f}",
                "-" if held is None else f"{held.p99_ms:.1f}",
                "-" if lost is None else f"{lost.rate_per_second:.0f}",
                "-" if held is None else f"{100 * held.driver_busy:.0f} %",
            )
        )
    return table(
        (
            f"highest rate with p99 < {P99_MS_MAX:.0f} ms",
            "held /s",
            "p50 ms",
            "p99 ms",
            "lost at",
            "driver busy",
        ),
        rows,
    )


def breakdown_table(breakdown: Breakdown) -> str:
    """Where an order's microseconds go."""
    stages = table(
        (f"{breakdown.title} ({breakdown.samples} samples)", "µs", "share"),
        [(each.stage, f"{each.us:.1f}", f"{100 * each.share:.1f} %") for each in breakdown.stages],
    )
    functions = table(
        ("the most expensive by themselves", "µs", "share"),
        [(each.stage, f"{each.us:.1f}", f"{100 * each.share:.1f} %") for each in breakdown.functions],
    )
    return f"{stages}\n\n{functions}"


def report(results: Results) -> str:
    """The whole run."""
    machine = results.machine
    head = (
        f"{machine.at} commit {machine.commit} Python {machine.python}, {machine.processor}, "
        f"{machine.cores}; a flush to the disk {machine.flush_us:.0f} µs"
    )
    waits = [
        f"the store's wait, {name}, one at a time: {wait:.0f} µs of the median"
        for name, wait in results.store_wait_us.items()
    ]
    missing = [f"left out: {what}: {why}" for what, why in results.missing.items()]
    ratios = table(
        ("ratio", "median (range)"), [(name, shown(spread)) for name, spread in results.ratios.items()]
    )
    return "\n\n".join(
        [
            head,
            *(case_table(case) for case in results.cases),
            *(["\n".join(waits)] if waits else []),
            *([rate_table(results.rates)] if results.rates else []),
            *(breakdown_table(each) for each in results.breakdown),
            ratios,
            *(["\n".join(missing)] if missing else []),
        ]
    )
