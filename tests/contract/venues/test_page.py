"""docs/adding-a-counterparty.md names what there is: methods, abilities, a kit's fields, files."""

import dataclasses
from pathlib import Path

import pytest

from router.ports import Venue
from tests.contract.venues.stage import Can, Kit

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs" / "adding-a-counterparty.md").read_text("utf-8")
METHODS = sorted(
    name for name in vars(Venue) if not name.startswith("_") and name not in ("connection", "health")
)


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in METHODS if not name.endswith("order_budget")),
        *(can.name for can in Can),
        *(field.name for field in dataclasses.fields(Kit)),
        *(path.name for path in sorted(HERE.glob("test_*.py")) if path.name != Path(__file__).name),
    ],
)
def test_the_page_names_it(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_a_kit_is_a_line_of_the_table() -> None:
    table = (HERE / "kits.py").read_text("utf-8")
    kits = [path.stem for path in HERE.glob("kit_*.py")]
    assert kits
    assert [kit for kit in kits if f"tests.contract.venues.{kit} import" not in table] == []
