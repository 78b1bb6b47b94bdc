"""No percentile is told below what it was, nor a thousandth above it, from a microsecond to a minute."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.load.arrivals import drawing
from router.load.histogram import LATENCY_US_MAX, RELATIVE_ERROR_MAX, Histogram, highest_of

LATENCIES = st.one_of(
    st.integers(0, LATENCY_US_MAX),
    # The edges between buckets, which evenly drawn values never meet.
    st.builds(
        lambda power, off: min(LATENCY_US_MAX, max(0, (1 << power) + off)),
        st.integers(0, 26),
        st.integers(-2, 2),
    ),
)
PERCENTS = ("0", "50", "90", "99", "99.9", "99.99", "100")


def of(*values: int) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def bucket_of(value: int) -> int:
    (bucket,) = of(value).buckets
    return bucket


def nearest_rank(values: list[int], percent: str) -> int:
    return sorted(values)[max(1, math.ceil(Fraction(percent) / 100 * len(values))) - 1]


@given(LATENCIES)
def test_a_bucket_holds_its_value_within_the_error(value: int) -> None:
    highest = highest_of(bucket_of(value))
    assert value <= highest
    assert highest - value <= RELATIVE_ERROR_MAX * value


@given(LATENCIES)
def test_buckets_are_in_order_and_leave_nothing_out(value: int) -> None:
    bucket = bucket_of(value)
    highest = highest_of(bucket)
    assert bucket_of(min(highest, LATENCY_US_MAX)) == bucket
    if highest < LATENCY_US_MAX:
        assert bucket_of(highest + 1) == bucket + 1


def test_a_value_below_2048_us_is_told_as_it_was() -> None:
    assert [highest_of(bucket_of(value)) for value in range(2048)] == list(range(2048))


@given(st.lists(LATENCIES, min_size=1, max_size=300))
def test_percentiles_are_those_of_the_values_within_the_error(values: list[int]) -> None:
    told = of(*values).percentiles(PERCENTS)
    for percent, percentile in zip(PERCENTS, told, strict=True):
        exact = nearest_rank(values, percent)
        assert exact <= percentile <= exact + RELATIVE_ERROR_MAX * exact
    assert told[-1] == max(values)
    assert told == sorted(told)


@given(st.lists(LATENCIES, max_size=60), st.lists(LATENCIES, max_size=60))
def test_two_histograms_together_are_that_of_all_their_values(some: list[int], others: list[int]) -> None:
    both = of(*some)
    both.add(of(*others))
    together = of(*some, *others)
    assert (both.buckets, both.count, both.sum_us, both.max_us, both.beyond) == (
        together.buckets,
        together.count,
        together.sum_us,
        together.max_us,
        together.beyond,
    )


def test_a_percentile_is_at_least_that_share_of_all() -> None:
    histogram = of(*range(1, 1001))
    assert histogram.percentiles(("50", "99", "99.9", "99.91")) == [500, 990, 999, 1000]


def test_what_took_longer_than_a_minute_is_a_minute_and_is_counted() -> None:
    histogram = of(5, LATENCY_US_MAX, LATENCY_US_MAX + 1, 10**12)
    assert (histogram.beyond, histogram.max_us, histogram.count) == (2, LATENCY_US_MAX, 4)
    assert histogram.percentiles(("100",)) == [LATENCY_US_MAX]


def test_a_clock_that_cannot_be_counts_as_zero() -> None:
    assert of(-3).percentiles(("50",)) == [0]
    assert of(-3).sum_us == 0


def test_nothing_counted_has_no_percentiles() -> None:
    assert Histogram().percentiles(PERCENTS) == [0] * len(PERCENTS)
    assert Histogram().mean_us == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_is_that_of_the_values(seed: int) -> None:
    chance = drawing(seed, "values")
    values = [int(chance.lognormvariate(8, 2)) for _ in range(1000)]
    assert of(*values).mean_us == sum(values) // len(values)
