"""Budgets: what is read, what passes, what fails and how it says so."""

import msgspec
import pytest

from bench.budgets import Budgets, check, parse
from bench.figures import Spread

TEXT = """
slack_percent = 10
[ratios.cost]
says = "what it costs"
at_most = 2.0
[ratios.gain]
says = "what it gains"
at_least = 8
"""


def found(cost: float = 1.5, gain: float = 9.0) -> dict[str, Spread]:
    return {"cost": Spread(cost, cost, cost), "gain": Spread(gain, gain, gain)}


def passed(ratios: dict[str, Spread], left_out: frozenset[str] = frozenset()) -> dict[str, bool]:
    return {verdict.name: verdict.passed for verdict in check(parse(TEXT), ratios, left_out)}


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        (found(), {"cost": True, "gain": True}),
        (found(cost=2.19), {"cost": True, "gain": True}),
        (found(cost=2.21), {"cost": False, "gain": True}),
        (found(gain=7.3), {"cost": True, "gain": True}),
        (found(gain=7.2), {"cost": True, "gain": False}),
    ],
)
def test_a_ratio_may_miss_its_budget_by_the_slack_and_no_more(
    ratios: dict[str, Spread], expected: dict[str, bool]
) -> None:
    assert passed(ratios) == expected


def test_the_median_decides_and_not_the_range() -> None:
    ratios = found() | {"cost": Spread(1.9, 1.0, 7.0)}

    assert passed(ratios) == {"cost": True, "gain": True}


def test_what_was_not_measured_fails_unless_this_machine_cannot() -> None:
    ratios = {"cost": found()["cost"]}

    assert passed(ratios) == {"cost": True, "gain": False}
    assert passed(ratios, frozenset({"gain"})) == {"cost": True, "gain": True}


def test_a_verdict_says_which_by_how_much_and_what_it_means() -> None:
    worse, gain = check(parse(TEXT), found(cost=3.0))

    assert worse.line() == "FAIL cost: expected 2, was 3.00 (3.00 to 3.00), 50 % past: what it costs"
    assert gain.line() == "ok   gain: expected 8, was 9.00 (9.00 to 9.00), 11 % within: what it gains"


@pytest.mark.parametrize(
    "text",
    [
        TEXT + "at_most = 3\n",
        TEXT.replace("at_most = 2.0\n", ""),
        TEXT.replace("at_most", "at_moist"),
        TEXT.replace("slack_percent = 10", ""),
    ],
)
def test_a_file_that_says_something_else_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse(text)


def test_no_budgets_are_no_verdicts() -> None:
    assert check(Budgets(0, {}), found()) == []
