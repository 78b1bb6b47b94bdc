"""`python -m tests.sim`: replay one schedule with its trace, or run many; exit 1 if a rule was broken."""

import argparse
import sys

from tests.sim.mutants import MUTANTS
from tests.sim.run import digest, run_many
from tests.sim.schedule import Schedule, as_it_is


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one, event by event")
    parser.add_argument(
        "--mutant", choices=sorted(MUTANTS), help="with --seed: of a router that breaks a rule"
    )
    parser.add_argument("--seeds", type=int, default=20_000, help="run so many")
    parser.add_argument("--first", type=int, default=0, help="from this seed on")
    parser.add_argument("--digests", action="store_true", help="only the traces' digests, in this process")
    chosen = parser.parse_args()
    out = sys.stdout
    if chosen.seed is not None:
        refit = MUTANTS.get(chosen.mutant, as_it_is)
        replayed = Schedule(chosen.seed, tracing=True, refit=refit).run()
        out.writelines(f"{line}\n" for line in replayed.world.lines)
        out.writelines(f"violated: {each}\n" for each in replayed.violations)
        out.write(f"seed {chosen.seed}, {len(replayed.violations)} violations, {replayed.world.digest}\n")
        return int(bool(replayed.violations))
    if chosen.digests:
        out.writelines(
            f"{seed} {digest(seed)}\n" for seed in range(chosen.first, chosen.first + chosen.seeds)
        )
        return 0
    tally = run_many(chosen.first, chosen.seeds)
    out.write(f"{tally.summary}\n")
    if tally.failures:
        out.write(f"{tally.report}\n")
    return int(bool(tally.failures))


if __name__ == "__main__":
    sys.exit(main())
