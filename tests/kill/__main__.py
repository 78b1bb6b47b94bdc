"""`make kill CYCLES=5000`: kill the real router again and again, and say whether a promise was broken."""

import argparse
import asyncio
import sys
import time
from collections import Counter

from tests.kill.run import run, summary


def main() -> int:
    """Run the command; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="make kill", description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    figures: Counter[str] = Counter()
    began = time.monotonic()
    wrong = asyncio.run(run(given.cycles, given.seed, figures))
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    sys.stdout.write(f"{summary(figures, len(wrong), time.monotonic() - began)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
