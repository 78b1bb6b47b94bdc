"""What the documents list is what there is: codes, routes, columns, decisions, and every link."""

import re
from pathlib import Path

import pytest

from router.core.errors import Code
from router.http.problems import PROBLEMS
from router.http.reports import tables
from router.http.routes import OPERATIONS
from router.http.routes.margin import AT
from router.http.routes.operation import Operation

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGES.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\[[^\]]+\]\((?P<to>[^)\s]+)\)")
FENCED = re.compile(r"(?ms)^```.*?^```$")
CODE_ROW = re.compile(r"(?m)^\| `([a-z_]+)` \| ([0-9]{3}) \|")


def page(name: str) -> str:
    """A page of `docs/`."""
    return (DOCS / name).read_text("utf-8")


def anchors(path: Path) -> set[str]:
    """What a page's headings can be linked by."""
    headings = re.findall(r"(?m)^#+ (.+)$", FENCED.sub("", path.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_the_page_of_codes_has_each_with_its_status() -> None:
    told = CODE_ROW.findall(page("api.md"))
    assert sorted(told) == sorted((code.value, str(PROBLEMS[code].status)) for code in Code)


@pytest.mark.parametrize(
    "path", [each.path.removeprefix(AT) for each in OPERATIONS if each.path.startswith(AT)]
)
def test_the_page_of_margin_has_every_route(path: str) -> None:
    assert re.search(rf"{re.escape(path)}[` ,]", page("margin.md"))


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.tag == "reports"], ids=lambda each: each.id
)
def test_the_page_of_reports_has_every_route_with_its_filters(operation: Operation) -> None:
    told = re.search(rf"`GET {re.escape(operation.path)}\??([^`]*)`", page("reports.md"))
    assert told, operation.path
    filters = {part.rstrip("=") for part in told[1].split("&") if part}
    assert filters == operation.query_names - {"format"}


@pytest.mark.parametrize("name", ["PORTFOLIO", "BALANCES", "TRADES", "TRANSACTIONS"])
def test_the_page_of_reports_has_the_columns_of_csv(name: str) -> None:
    columns = " ".join(f"`{column}`" for column in getattr(tables, name).columns)
    assert f"CSV columns: {columns}." in page("reports.md")


def test_every_decision_is_in_the_index() -> None:
    listed = re.findall(r"\(adr/([^)]+)\)", page("ARCHITECTURE.md"))
    assert listed == sorted(path.name for path in (DOCS / "adr").glob("*.md"))


def test_every_package_has_a_line_in_the_architecture() -> None:
    folders = {
        path.parent.relative_to(ROOT).as_posix()
        for top in ("router", "venues")
        for path in (ROOT / top).glob("*/__init__.py")
    }
    missing = {folder for folder in folders if f"| `{folder}` |" not in page("ARCHITECTURE.md")}
    assert missing == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for found in LINK.finditer(FENCED.sub("", path.read_text("utf-8"))):
        to, _, anchor = found["to"].partition("#")
        if "://" in to:
            continue
        there = path if not to else (path.parent / to).resolve()
        assert there.exists(), found["to"]
        if anchor:
            assert anchor in anchors(there), found["to"]
