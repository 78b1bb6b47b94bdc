"""The demonstration's verdicts can fail: a difference is told, and a process that dies is too."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from router.cli.client import Client
from router.cli.demo import proof
from router.cli.demo.parties import Desk, StageHand
from router.cli.demo.processes import DemoError, Process
from router.cli.demo.scene import Scene
from router.cli.demo.stage import COINBASE, MARGIN, TREASURY
from tests.unit.cli import samples
from tests.unit.cli.conftest import FakeRouter

PARTIES = (TREASURY, MARGIN, COINBASE)
SENT = {"method": "POST", "path": f"/accounts/{TREASURY.account_id}/orders", "client_order_id": "o-1-1-x"}
BOOKED = {"client_order_id": "o-1-1-x", "status": "completed", "filled_quantity": "0.5"}
ASKED = {"method": "GET", "path": f"/accounts/{MARGIN.account_id}/balances", "client_order_id": None}


def scene_at(url: str) -> tuple[Scene, io.StringIO]:
    paper = io.StringIO()
    client = Client(url)
    return Scene(Console(file=paper, width=120), Desk(client), StageHand(client), PARTIES), paper


def test_what_differs_is_told_and_kept() -> None:
    scene, paper = scene_at("http://127.0.0.1:9")
    scene.open(1, "A step", "It is announced.")
    scene.expect("winner", "A", "A")
    scene.expect("order", "filled", "rejected")
    scene.close()
    assert scene.differences == ["1. A step: order: announced filled, came rejected"]
    assert "✓ as announced: winner A" in paper.getvalue()
    assert "✗ order: announced filled, came rejected" in paper.getvalue()


def test_a_step_that_breaks_is_a_difference() -> None:
    scene, paper = scene_at("http://127.0.0.1:9")
    scene.open(1, "A step", "It is announced.")
    scene.fail(DemoError("nobody came"))
    assert len(scene.differences) == 1
    assert "nobody came" in paper.getvalue()


Change = Callable[[dict[str, list[object]]], None]


@pytest.mark.parametrize(
    ("change", "differences"),
    [
        (lambda seen: None, 0),
        (lambda seen: seen["sent"].append(SENT), 1),
        (lambda seen: seen["sent"].clear(), 1),
        (lambda seen: seen["booked"].clear(), 1),
        (lambda seen: seen["booked"].append(BOOKED), 1),
        (lambda seen: seen["booked"].append(BOOKED | {"client_order_id": "o-2-1-x"}), 1),
        (lambda seen: seen["booked"].append(BOOKED | {"client_order_id": None}), 1),
        (lambda seen: seen["pts"].append(ASKED), 1),
        (lambda seen: seen["limited"].append(1), 1),
        (lambda seen: seen["quotes"].append({"quote_id": "q-1", "order_id": None}), 0),
        (lambda seen: seen["quotes"].append({"quote_id": "q-1", "order_id": "v-1"}), 1),
    ],
)
async def test_the_proof_finds_what_is_wrong_at_the_counterparty(
    router: FakeRouter, change: Change, differences: int
) -> None:
    seen: dict[str, list[object]] = {
        "sent": [SENT],
        "booked": [BOOKED],
        "pts": [],
        "limited": [],
        "quotes": [],
    }
    change(seen)
    logs = {TREASURY: (seen["sent"], seen["booked"]), MARGIN: (seen["pts"], []), COINBASE: ([], [])}
    for account, (sent, booked) in logs.items():
        place = "/".join(("/_simulator", *account.control))
        router.answer("GET", f"{place}/requests", 200, {"data": sent})
        router.answer("GET", f"{place}/orders", 200, {"data": booked})
    quotes = "/".join(("/_simulator", *COINBASE.control, "quotes"))
    router.answer("GET", quotes, 200, {"data": seen["quotes"]})
    router.answer("GET", "/_simulator/state", 200, {"counters": {"rate_limited": len(seen["limited"])}})
    router.answer("GET", "/v1/orders", 200, samples.page(samples.FILLED))
    scene, paper = scene_at(router.url)
    await asyncio.to_thread(proof.prove, scene)
    assert differences == len(scene.differences), paper.getvalue()


def test_a_process_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    process = Process("serve", tmp_path / "none.toml", tmp_path / "log", {})
    try:
        with pytest.raises(DemoError, match=r"(?s)serve .* does not listen.*none\.toml"):
            process.port()
    finally:
        assert process.stop() == 2
    assert "none.toml" in (tmp_path / "log").read_text()
