"""How reports read: one request at a time to an account, whoever asks; and who may read reports."""

import ast
import asyncio
from pathlib import Path

import pytest

from router.ports import BudgetSpentError
from router.reports.reading import TRIES, TRIES_BUDGET, Reader
from router.reports.rows import Failed
from tests.unit import build
from tests.unit.reports.fakes import DOWN, no_pause

ROOT = Path(__file__).parents[3]


async def test_requests_to_an_account_go_one_at_a_time() -> None:
    reader, gate, begun = Reader(no_pause), asyncio.Event(), asyncio.Event()
    running: list[str] = []
    most = 0

    async def request(name: str) -> str:
        nonlocal most
        running.append(name)
        most = max(most, running.count("a"))
        if name == "b":
            begun.set()  # the last to be asked for: every other one has had its turn to begin
        await gate.wait()
        running.remove(name)
        return name

    calls = [
        asyncio.create_task(
            reader.read(build.connection(name), lambda name=name: request(name), patient=False)
        )
        for name in ("a", "a", "a", "b")
    ]
    await begun.wait()
    gate.set()

    assert await asyncio.gather(*calls) == ["a", "a", "a", "b"]
    assert most == 1


@pytest.mark.parametrize(
    ("error", "patient", "asked"),
    [
        (DOWN, False, 1),
        (DOWN, True, TRIES),
        (BudgetSpentError("none came free"), False, TRIES_BUDGET),
        (BudgetSpentError("none came free"), True, TRIES_BUDGET),
    ],
)
async def test_how_often_a_read_is_tried(error: Exception, patient: bool, asked: int) -> None:
    waited: list[float] = []
    calls = 0

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    async def call() -> str:
        nonlocal calls
        calls += 1
        raise error

    found = await Reader(pause).read(build.connection(), call, patient=patient)

    assert isinstance(found, Failed)
    assert (calls, len(waited)) == (asked, asked - 1)
    assert waited == sorted(waited)


def imported(path: Path) -> set[str]:
    """Every module that a module names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_nothing_that_decides_or_sends_reads_a_report() -> None:
    deciding = ("core", "service", "journal", "observe", "ports")
    for path in (p for package in deciding for p in (ROOT / "router" / package).rglob("*.py")):
        assert not any(name.startswith("router.reports") for name in imported(path)), path
    venues = [p for p in (ROOT / "venues").rglob("*.py") if any("router.reports" in n for n in imported(p))]
    assert venues == []


def test_reports_stand_on_ports_and_core_alone() -> None:
    allowed = ("router.reports", "router.ports", "router.core")
    for path in (ROOT / "router" / "reports").rglob("*.py"):
        own = [name for name in imported(path) if name.startswith(("router", "venues"))]
        assert [name for name in own if not name.startswith(allowed) and name != "router"] == [], path


def test_what_is_imported_is_seen(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import a.b\nfrom c import d\n")
    assert imported(module) == {"a.b", "c", "c.d"}
