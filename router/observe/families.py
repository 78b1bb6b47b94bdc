"""Counters, gauges and histograms that cost next to nothing: plain integers, written out at a scrape.

prometheus_client's own take a lock for each value, try the buckets one by one, and make half a dozen objects
of each line of an exposition, during which no order goes on. That is for programs with threads; here one
thread counts. Names, labels and values are what the library would show.
"""

import time
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, Generic, TypeVar

_NS: Final = 1e9
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Count:
    """One series of a counter or of a gauge: whoever counts adds to `value`."""

    __slots__ = ("created", "value")

    def __init__(self) -> None:
        self.value = 0
        self.created = time.time()


class Durations:
    """One series of a histogram of durations. Its sum is exact: nanoseconds are whole."""

    __slots__ = ("_bounds", "counts", "created", "sum_ns")

    def __init__(self, bounds_ns: Sequence[int]) -> None:
        self._bounds = bounds_ns
        self.counts = [0] * (len(bounds_ns) + 1)
        """By bucket, each for itself; the last one has no end."""
        self.sum_ns = 0
        self.created = time.time()

    def observe(self, duration_ns: int) -> None:
        """Count one duration."""
        # The first bound that is not below it: a bucket holds its own bound.
        self.counts[bisect_left(self._bounds, duration_ns)] += 1
        self.sum_ns += duration_ns


Series = TypeVar("Series", Count, Durations)


class _Family(ABC, Generic[Series]):
    """Series of one name by the values of their labels."""

    kind = ""
    suffix = ""

    def __init__(self, name: str, text: str, labels: tuple[str, ...]) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._series: dict[tuple[str, ...], Series] = {}

    def of(self, *values: str) -> Series:
        """The series of these values of the labels, in their order; shown from now on."""
        found = self._series.get(values)
        if found is None:
            found = self._series[values] = self._make()
        return found

    def lines(self) -> Iterator[str]:
        """The family as it stands, in Prometheus' text format, each line with its line feed."""
        yield from _head(self._name + self.suffix, self._text, self.kind)
        made_at = []
        for values, series in self._shown():
            yield from self._samples(values, series)
            made_at.append(f"{self._name}_created{self._labelled(values)} {series.created!r}\n")
        if made_at and self.kind != Gauges.kind:
            yield from _head(f"{self._name}_created", self._text, "gauge")
            yield from made_at

    @abstractmethod
    def _make(self) -> Series:
        """A series that nothing was counted in yet."""

    def _shown(self) -> Iterator[tuple[tuple[str, ...], Series]]:
        yield from self._series.items()

    @abstractmethod
    def _samples(self, values: tuple[str, ...], series: Series) -> Iterator[str]:
        """The lines of a series."""

    def _labelled(self, values: tuple[str, ...], **more: str) -> str:
        """Labels as they are written, by name."""
        labels = dict(zip(self._labels, values, strict=True), **more)
        if not labels:
            return ""
        told = ",".join(f'{name}="{labels[name].translate(_ESCAPES)}"' for name in sorted(labels))
        return f"{{{told}}}"


class Counts(_Family[Count]):
    """A counter by its labels; its name without `_total`."""

    kind = "counter"
    suffix = "_total"

    def __init__(self, name: str, text: str, *labels: str) -> None:
        super().__init__(name, text, labels)

    def _make(self) -> Count:
        return Count()

    def _samples(self, values: tuple[str, ...], series: Count) -> Iterator[str]:
        yield f"{self._name}_total{self._labelled(values)} {float(series.value)}\n"


class Gauges(_Family[Count]):
    """A gauge by its labels: a number that goes up and down again."""

    kind = "gauge"

    def __init__(self, name: str, text: str, *labels: str) -> None:
        super().__init__(name, text, labels)

    def _make(self) -> Count:
        return Count()

    def _samples(self, values: tuple[str, ...], series: Count) -> Iterator[str]:
        yield f"{self._name}{self._labelled(values)} {float(series.value)}\n"


class Histograms(_Family[Durations]):
    """A histogram of durations by its labels, its buckets in seconds.

    `quiet`: a series is shown from its first duration on, and not before.
    """

    kind = "histogram"

    def __init__(
        self, name: str, text: str, bounds_s: Sequence[float], *labels: str, quiet: bool = False
    ) -> None:
        super().__init__(name, text, labels)
        self._quiet = quiet
        self._bounds_ns = [round(bound * _NS) for bound in bounds_s]
        self._bounds = [*(str(float(bound)) for bound in bounds_s), "+Inf"]

    def _make(self) -> Durations:
        return Durations(self._bounds_ns)

    def _shown(self) -> Iterator[tuple[tuple[str, ...], Durations]]:
        for values, series in self._series.items():
            if not self._quiet or any(series.counts):
                yield values, series

    def _samples(self, values: tuple[str, ...], series: Durations) -> Iterator[str]:
        # What stands on either side of a bucket's bound is the same in all of them.
        left, right = self._labelled(values, le="\0").split("\0")
        counts = list(accumulate(series.counts))
        for bound, count in zip(self._bounds, counts, strict=True):
            yield f"{self._name}_bucket{left}{bound}{right} {float(count)}\n"
        labels = self._labelled(values)
        yield f"{self._name}_count{labels} {float(counts[-1])}\n"
        yield f"{self._name}_sum{labels} {series.sum_ns / _NS!r}\n"


def _head(name: str, text: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {text}\n"
    yield f"# TYPE {name} {kind}\n"
