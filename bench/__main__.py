"""`make bench`: every case against its floor, interleaved, as a table of ratios."""

import sys

from bench.decision import CASES
from bench.measure import interleaved


def main() -> int:
    """Run every case and print its ratios; 0."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(f"{'case':<34}{'floor µs':>10}{'router µs':>11}{'ratio':>8}{'min':>7}{'max':>7}")
    for case in CASES:
        result = interleaved(case.floor, case.run, rounds=rounds)
        print(
            f"{case.name:<34}{result.floor_us:>10.1f}{result.run_us:>11.1f}"
            f"{result.ratio:>8.2f}{result.ratio_min:>7.2f}{result.ratio_max:>7.2f}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
