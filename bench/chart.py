"""The chart of a run: processor time and latency of each subject, as multiples of its case's floor. Pure."""

from bench.results import CaseResult, Results
from bench.svg import Dot, Group, dots


def results_chart(results: Results) -> str:
    """The run as one SVG."""
    groups = []
    for case in results.cases:
        groups.append(_group(case, f"{case.title}: CPU an order, 32 in flight", 32, cpu=True))
        groups.append(_group(case, f"{case.title}: median latency, one at a time", 1, cpu=False))
    title = f"Multiples of the floor (aiohttp.web in, bare protocol out), {results.machine.commit}"
    return dots(title, groups)


def _group(case: CaseResult, heading: str, in_flight: int, *, cpu: bool) -> Group:
    found = [
        Dot(
            subject.title,
            (subject.cpu_ratio if cpu else subject.p50_ratio)[in_flight],
            ours=subject.title.startswith("router"),
        )
        for subject in case.subjects
        if subject.kind != case.floor
    ]
    return Group(heading, found)
