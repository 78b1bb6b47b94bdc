"""The page of logs and metrics has every event, every field of `order`, every series and its labels."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from router.core.model import Outcome, Reason, Source
from router.observe.course import OrderLine
from tests.fakes.world import Seen
from tests.http.samples import NOW, VIEWS
from tests.unit.observe.test_observer import entry, record

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "observing.md").read_text("utf-8")
SOURCES = [path.read_text("utf-8") for path in sorted((ROOT / "router" / "observe").glob("*.py"))]
TOLD = re.compile(r'(?:(?:log|_log)(?:\.\w+)?|log\.info\)|OrderLine|self\.warning)\(\s*"([a-z_]+)"')


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    _, _, below = PAGE.partition(f"\n{heading}\n")
    section = re.split(r"(?m)^#", below)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cell: str) -> set[str]:
    """The names between backticks."""
    return set(re.findall(r"`([a-z_]+)`", cell))


def in_first(heading: str) -> set[str]:
    """The names in a table's first column."""
    return {name for row in rows(heading) for name in names(row[0])}


def test_every_event_is_on_the_page() -> None:
    told = {name for source in SOURCES for name in TOLD.findall(source)}
    assert len(told) > 35
    assert in_first("## The log") == told


def test_every_field_of_an_order_s_line_is_on_the_page() -> None:
    common = {"event", "level", "timestamp"}
    assert in_first("### `order`") == set(OrderLine.__struct_fields__) - common


def labels_by_name() -> dict[str, set[str]]:
    """Of each family that a busy router shows, the labels but those of buckets."""
    seen = Seen()
    metrics = seen.metrics
    metrics.watch(lambda: VIEWS, lambda: NOW)
    won = entry("bitgo-spot", Outcome.WON, source=Source.BOOK, asked_at=0, answered_at=1)
    seen.observer.competition_closed(record(won, entry("b", Outcome.FAILED, Reason.TIMEOUT), winner="b"))
    seen.observer.request_answered("bitgo-spot", "submit", "ok", 1, None)
    seen.observer.bad_data("bitgo-spot", "BTC-USD", "crossed")
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        sample.name.removeprefix("caas_router_").removesuffix("_bucket"): set(sample.labels) - {"le"}
        for family in families
        for sample in family.samples
        if not sample.name.endswith(("_created", "_sum", "_count"))
    }


def test_every_series_is_on_the_page_with_its_labels() -> None:
    told = {name: names(row[1]) for row in rows("## Metrics") for name in names(row[0])}
    assert told == labels_by_name()
