"""The page on loading is of this code: its plan is one, and it names every key, default and outcome."""

import re
import tomllib
from pathlib import Path

import pytest

from router.load.arrivals import Stage
from router.load.outcomes import Trouble, Verdict
from router.load.plan import Expectations, RunSettings, parse
from router.load.plan_mix import RawEntry, RawLimit

PAGE = (Path(__file__).parents[3] / "docs" / "load.md").read_text("utf-8")
ROWS = dict(re.findall(r"(?m)^\| ((?:`[a-z0-9_.\[\]]+`(?:, )?)+) \| *([^|]*?) *\|", PAGE))
"""The default of each row of the table of keys, by its first column."""
KEYS = {key for names in ROWS for key in re.findall(r"`([^`]+)`", names)}


def test_the_plan_of_the_page_is_one() -> None:
    (text,) = re.findall(r"(?ms)^```toml\n(.*?)^```$", PAGE)
    plan = parse(tomllib.loads(text), "plan.toml", {"LOAD_KEY": "key"})
    assert (plan.requests, plan.duration_s) == (4200, 30)
    assert [stage.measured for stage in plan.stages] == [False, True, True]


def test_every_key_is_on_the_page() -> None:
    expected = {f"target.{name}" for name in ("hosts", "url", "key", "plain_http")}
    expected |= {f"run.{name}" for name in RunSettings.__struct_fields__}
    expected |= {f"expect.{name}" for name in Expectations.__struct_fields__}
    expected |= {f"stages[].{name}" for name in Stage.__struct_fields__}
    expected |= {f"mix[].{name}" for name in RawEntry.__struct_fields__}
    assert expected == {key for key in KEYS if "." in key}
    assert all(f"`{name}`" in PAGE for name in RawLimit.__struct_fields__)


@pytest.mark.parametrize("name", RunSettings.__struct_fields__)
def test_every_default_of_a_run_is_the_one_on_the_page(name: str) -> None:
    default = getattr(RunSettings(), name)
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    assert ROWS[f"`run.{name}`"] == f"`{shown}`"


def test_every_outcome_is_on_the_page() -> None:
    for verdict in Verdict:
        assert f"\n| {verdict.replace('_', ' ')} |" in PAGE
    for trouble in Trouble:
        assert f"`{trouble}`" in PAGE
