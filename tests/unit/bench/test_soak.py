"""The table of a long load."""

from bench.soak import Minute, soak_report


def test_growth_of_the_tail_and_of_memory_is_told_by_the_minute() -> None:
    minutes = [
        Minute(60_000, 1.0, 2.0 + 0.5 * n, 9.0, 100.0 + 2 * n, {"503": n} if n else {}) for n in range(3)
    ]

    text = soak_report(1000, minutes)

    assert "slope: p99 +0.500 ms a minute, memory +2.00 MB a minute" in text
    assert "2 x 503" in text
