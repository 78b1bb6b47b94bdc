"""Medians, percentiles, ratios and slopes."""

import pytest

from bench.figures import Block, Spread, cpu_us, load_of, p50_us, percentile, ratio, slope, spread


def block(cpu_ns: int, latencies_ns: list[int], wrong: dict[str, int] | None = None) -> Block:
    return Block(len(latencies_ns), cpu_ns, latencies_ns, 2 * len(latencies_ns), wrong or {}, 0.5)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1), (0.1, 1), (0.5, 5), (0.51, 6), (0.99, 10), (1.0, 10)],
)
def test_a_percentile_is_the_least_value_that_the_share_does_not_exceed(share: float, expected: int) -> None:
    assert percentile(list(range(1, 11)), share) == expected


def test_nothing_has_no_percentile_and_no_spread() -> None:
    with pytest.raises(ValueError, match="expected at least one value"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="expected at least one value"):
        spread([])


def test_a_load_is_medians_over_rounds_and_tails_over_all_orders() -> None:
    load = load_of(
        4, [block(8_000, [1000, 2000]), block(4_000, [3000, 9000], {"503": 1}), block(2_000, [2000, 2000])]
    )

    assert load.cpu_us == Spread(2.0, 1.0, 4.0)
    assert load.p50_us == Spread(2.0, 1.0, 3.0)
    assert load.p999_us == 9.0
    assert (load.rounds, load.orders, load.requests_per_order) == (3, 6, 2.0)
    assert load.wrong == {"503": 1}


def test_a_ratio_is_between_two_of_the_same_round() -> None:
    """The second round's machine was three times slower, for both."""
    ours = [block(20_000, [100] * 10), block(60_000, [300] * 10), block(22_000, [100] * 10)]
    floor = [block(10_000, [50] * 10), block(30_000, [150] * 10), block(10_000, [50] * 10)]

    assert ratio(cpu_us(ours), cpu_us(floor)) == Spread(2.0, 2.0, 2.2)
    assert ratio(p50_us(ours), p50_us(floor)) == Spread(2.0, 2.0, 2.0)


def test_rounds_that_do_not_pair_are_no_ratio() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("points", "expected"),
    [([(0, 1), (1, 3), (2, 5)], 2.0), ([(0, 4), (10, 4)], 0.0), ([(3, 7)], 0.0), ([(3, 7), (3, 9)], 0.0)],
)
def test_a_slope(points: list[tuple[float, float]], expected: float) -> None:
    assert slope(points) == pytest.approx(expected)
