"""The page of statements and the tests that show them are held together."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "statements.md"
TESTS = ROOT / "tests" / "e2e" / "statements"
ROW = re.compile(r"\| (?P<number>[0-9]+) \| (?P<statement>.+) \| (?P<shown>.+) \| `(?P<test>\w+::\w+)` \|")


def rows() -> list[re.Match[str]]:
    """The page's rows, each whole: number, statement, what shows it, test."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| [0-9]", line)]
    found = [(line, ROW.fullmatch(line)) for line in lines]
    assert [line for line, row in found if row is None] == []
    return [row for _, row in found if row is not None]


def named() -> list[str]:
    """The tests that there are, as the page names them."""
    return [
        f"{path.stem.removeprefix('test_')}::{node.name.removeprefix('test_')}"
        for path in sorted(TESTS.glob("test_*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


def test_every_statement_has_a_test_and_every_test_a_statement() -> None:
    assert sorted({row["test"] for row in rows()}) == sorted(set(named()))


def test_statements_are_numbered_without_a_gap() -> None:
    assert [int(row["number"]) for row in rows()] == list(range(1, len(rows()) + 1))


def test_the_documents_say_more_than_fifty_things() -> None:
    assert len(rows()) > 50
