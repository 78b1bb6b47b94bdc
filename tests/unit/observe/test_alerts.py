"""The alert rules name series that are there from the first scrape on: else no alarm would be raised."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from router.observe.metrics import Metrics
from router.ports import ConnectionState
from tests.http.samples import NOW, VIEWS

RULES = (Path(__file__).parents[3] / "deploy" / "alerts.yaml").read_text("utf-8")


def series() -> dict[str, set[str]]:
    """The names of the samples of a router that has done nothing yet, each with its labels' names."""
    metrics = Metrics()
    metrics.watch(lambda: VIEWS, lambda: NOW)
    families = text_string_to_metric_families(metrics.text().decode())
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def test_every_series_of_the_rules_is_there_from_the_start() -> None:
    named = set(re.findall(r"caas_router_\w+", RULES))
    assert len(named) == 7
    assert named <= set(series())


def test_every_label_is_one_of_its_series() -> None:
    found = series()
    grouped = re.findall(r"sum by \((.*?)\).*?(caas_router_\w+)", RULES)
    assert grouped
    for labels, name in grouped:
        assert set(labels.split(", ")) <= found[name] | {"job", "instance"}


def test_every_state_is_one() -> None:
    states = {state for found in re.findall(r'state=~"(.*?)"', RULES) for state in found.split("|")}
    assert states == {state.value for state in ConnectionState if state.value in ("ready", "degraded")}


def test_every_rule_says_what_it_means() -> None:
    rules = RULES.split("- alert: ")[1:]
    assert len(rules) == 8
    for rule in rules:
        for part in ("expr:", "severity:", "summary:", "description:"):
            assert part in rule, rule
