"""How much of the router runs in a call: lines of its modules, counted, so that growth shows as a number."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROUTER = str(Path(__file__).parents[3] / "router")


def lines_run(call: Callable[[], object]) -> int:
    """How many lines of `router/` a call runs, each as often as it runs."""
    count = 0

    def line(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(ROUTER) else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
