"""The router's own counters, gauges and histograms show what prometheus_client's would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from router.observe.families import Counts, Gauges, Histograms

BOUNDS = (0.000_05, 0.000_1, 0.25, 1, 30)
NS = 1_000_000_000
ODD = 'b"\\\n,}'
"""A value with all that must be escaped."""

Samples = dict[tuple[str, str, str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Samples:
    """What Prometheus reads: name, kind, help and labels of each sample, and its value."""
    return {
        (sample.name, family.type, family.documentation, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def shown(family: Counts | Gauges | Histograms) -> Samples:
    """A family of the router's own."""
    return read("".join(family.lines()))


def library(registry: CollectorRegistry) -> Samples:
    """What the library shows."""
    return read(generate_latest(registry).decode())


def alike(ours: Samples, theirs: Samples) -> None:
    """Equal but for the moments at which series were made, and for what floats lose that are added up."""
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        close = key[0].endswith(("_created", "_sum"))
        assert ours[key] == (pytest.approx(value, rel=1e-6, abs=1e-12) if close else value), key


@given(st.lists(st.tuples(st.sampled_from(["a", ODD]), st.integers(0, 40 * NS))))
def test_durations_are_shown_as_the_library_shows_them(durations: list[tuple[str, int]]) -> None:
    registry = CollectorRegistry()
    own = Histograms("x_seconds", "How long", BOUNDS, "connection", "operation")
    theirs = Histogram(
        "x_seconds", "How long", ["connection", "operation"], buckets=BOUNDS, registry=registry
    )
    sums: dict[str, int] = {}
    for name, duration_ns in durations:
        own.of(name, "submit").observe(duration_ns)
        theirs.labels(name, "submit").observe(duration_ns / NS)
        sums[name] = sums.get(name, 0) + duration_ns
    alike(shown(own), library(registry))
    for name, sum_ns in sums.items():
        labels = frozenset({("connection", name), ("operation", "submit")})
        assert shown(own)["x_seconds_sum", "histogram", "How long", labels] == sum_ns / NS


def test_a_histogram_without_labels_is_shown_as_the_library_shows_it() -> None:
    registry = CollectorRegistry()
    own = Histograms("x_seconds", "How long", BOUNDS)
    own.of()
    Histogram("x_seconds", "How long", buckets=BOUNDS, registry=registry)
    alike(shown(own), library(registry))


@pytest.mark.parametrize("bound_ns", [round(bound * NS) for bound in BOUNDS])
def test_a_bucket_holds_its_own_bound(bound_ns: int) -> None:
    family = Histograms("x_seconds", "How long", BOUNDS)
    for duration_ns in (bound_ns, bound_ns + 1):
        family.of().observe(duration_ns)
    bucket = ("x_seconds_bucket", "histogram", "How long", frozenset({("le", str(bound_ns / NS))}))
    assert shown(family)[bucket] == 1


def test_counts_are_shown_as_the_library_shows_them() -> None:
    registry = CollectorRegistry()
    own = Counts("x", "How often", "result", "connection")
    theirs = Counter("x", "How often", ["result", "connection"], registry=registry)
    for labels, times in ((("a", "ok"), 3), ((ODD, "no"), 0), (("a", "no"), 1000)):
        own.of(*labels).value += times
        theirs.labels(*labels).inc(times)
    alike(shown(own), library(registry))
    text = generate_latest(registry).decode().splitlines(keepends=True)
    moments = "x_created{"
    assert [line for line in own.lines() if moments not in line] == [
        line for line in text if moments not in line
    ]


def test_gauges_are_shown_as_the_library_shows_them() -> None:
    registry = CollectorRegistry()
    own = Gauges("x", "How many", "connection")
    theirs = Gauge("x", "How many", ["connection"], registry=registry)
    for name, value in (("a", 2), (ODD, 0)):
        own.of(name).value += value
        theirs.labels(name).inc(value)
    alike(shown(own), library(registry))


def test_a_family_without_series_is_named_as_the_library_names_it() -> None:
    registry = CollectorRegistry()
    Counter("x", "How often", ["connection"], registry=registry)
    assert "".join(Counts("x", "How often", "connection").lines()) == generate_latest(registry).decode()


def test_a_quiet_series_is_shown_from_its_first_duration_on() -> None:
    family = Histograms("x_seconds", "How long", BOUNDS, "connection", quiet=True)
    series = family.of("a")
    assert shown(family) == {}
    series.observe(1)
    assert len(shown(family)) == len(BOUNDS) + 4
