"""Charts: well-formed, and every figure where it belongs."""

from xml.etree import ElementTree as ET

from bench.figures import Spread
from bench.svg import Dot, Group, Line, curve, dots

NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_a_greater_ratio_stands_further_to_the_right_and_names_are_escaped() -> None:
    rows = [Dot("a < b", Spread(1.0, 0.9, 1.1), ours=False), Dot("c", Spread(4.0, 3.0, 5.0), ours=True)]

    tree = ET.fromstring(dots("title", [Group("heading", rows)]))  # noqa: S314 - written above

    across = [float(each.attrib["cx"]) for each in tree.iter(f"{NAMESPACE}circle")]
    texts = {each.text for each in tree.iter(f"{NAMESPACE}text")}
    assert across == sorted(across)
    assert across[0] < across[1]
    assert {"a < b", "c", "heading", "title"} <= texts


def test_a_curve_rises_with_its_values() -> None:
    points = [(0.0, 1.0), (10.0, 2.0), (1000.0, 4.0)]

    tree = ET.fromstring(curve("t", "x", "y", [Line("l", points)], "slope", log_x=True))  # noqa: S314 - as above

    down = [float(each.attrib["cy"]) for each in tree.iter(f"{NAMESPACE}circle")]
    assert down == sorted(down, reverse=True)
    assert "slope" in {each.text for each in tree.iter(f"{NAMESPACE}text")}


def test_nothing_is_a_chart_too() -> None:
    assert ET.fromstring(dots("empty", [])).tag == f"{NAMESPACE}svg"  # noqa: S314 - as above
    assert ET.fromstring(curve("empty", "x", "y", [], "")).tag == f"{NAMESPACE}svg"  # noqa: S314 - as above
