"""Budgets of ratios: read from `budgets.toml`, held to what a run found. Pure."""

from collections.abc import Mapping

import msgspec

from bench.figures import Spread


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One bound on a ratio's median; exactly one of `at_most` and `at_least`.

    `target`: what the ratio should reach, where that is more than what is held today.
    """

    says: str
    at_most: float | None = None
    at_least: float | None = None
    target: float | None = None

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("expected one of at_most and at_least, was both or neither")


class Budgets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All budgets. `slack_percent`: by how much a ratio may miss its budget before it counts, for noise."""

    slack_percent: float
    ratios: dict[str, Budget]


class Verdict(msgspec.Struct, frozen=True):
    """What became of a budget; `worse_percent` is how far past its bound the ratio is, negative within it."""

    name: str
    says: str
    bound: float
    found: Spread | None
    worse_percent: float
    passed: bool

    def line(self) -> str:
        """The verdict in words."""
        state = "ok  " if self.passed else "FAIL"
        if self.found is None:
            return f"{state} {self.name}: expected at {self.bound:g}, was not measured ({self.says})"
        side = "past" if self.worse_percent > 0 else "within"
        return (
            f"{state} {self.name}: expected {self.bound:g}, was {self.found.median:.2f} "
            f"({self.found.least:.2f} to {self.found.greatest:.2f}), {abs(self.worse_percent):.0f} % {side}: "
            f"{self.says}"
        )


def parse(text: str) -> Budgets:
    """Read the file; raises `msgspec.ValidationError` where it says something else."""
    return msgspec.toml.decode(text, type=Budgets)


def check(
    budgets: Budgets, ratios: Mapping[str, Spread], left_out: frozenset[str] = frozenset()
) -> list[Verdict]:
    """Hold every budget to what was found; one that was not measured fails unless it is in `left_out`."""
    return [
        _verdict(name, budget, budgets, ratios.get(name), left_out) for name, budget in budgets.ratios.items()
    ]


def _verdict(
    name: str, budget: Budget, budgets: Budgets, found: Spread | None, left_out: frozenset[str]
) -> Verdict:
    bound = budget.at_most if budget.at_most is not None else budget.at_least or 0.0
    if found is None:
        return Verdict(name, budget.says, bound, None, 0.0, passed=name in left_out)
    past = found.median / bound - 1 if budget.at_most is not None else bound / found.median - 1
    return Verdict(name, budget.says, bound, found, 100 * past, passed=100 * past <= budgets.slack_percent)
