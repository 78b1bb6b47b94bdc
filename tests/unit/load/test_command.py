"""The command against a router that answers as told: what is sent, what is said, how it ends."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from router.cli.app import main
from router.cli.load.live import SECONDS_A_LINE, Live
from router.cli.load.tables import show_report
from router.load.recording import Window
from tests.unit.cli import samples
from tests.unit.cli.conftest import HANG_UP, FakeRouter, Ran, Run, router, run
from tests.unit.load.plans import ACCEPT, ORDER, PLAN, RFQ, TARGET, read
from tests.unit.load.test_report import MIXED

__all__ = ["router", "run"]

SHORT = "[[stages]]\nrate = 100\nduration_s = 0.1\n"
READY = {"ready": True, "checks": {}}


class Loaded:
    """The command with a plan in a folder of its own."""

    def __init__(self, router: FakeRouter, run: Run, folder: Path) -> None:
        self.router = router
        self.folder = folder
        self._run = run
        router.answer("GET", "/readyz", 200, READY)

    async def by(self, text: str, *options: str) -> Ran:
        plan = self.folder / "plan.toml"
        plan.write_text(TARGET + text)
        return await self._run("load", "--plan", str(plan), *options)

    def posted(self) -> list[Any]:
        return [asked.body for asked in self.router.asked if asked.method == "POST"]


@pytest.fixture
def loaded(router: FakeRouter, run: Run, tmp_path: Path) -> Loaded:
    return Loaded(router, run, tmp_path)


async def test_a_plan_is_run_and_reported(loaded: Loaded) -> None:
    loaded.router.answer("POST", "/v1/orders", 200, samples.FILLED)
    ran = await loaded.by(SHORT + ORDER)
    assert ran.code == 0
    assert "ran as planned" in ran.out
    assert "10 of about 10 due in" in ran.out
    assert "loading http://127.0.0.1:" in ran.err
    orders = loaded.posted()
    assert len({order["client_order_id"] for order in orders}) == 10
    assert all(order["quantity"] == "0.5" for order in orders)
    assert loaded.router.asked[0].path == "/readyz"


async def test_two_runs_of_a_plan_ask_the_same_under_other_ids(loaded: Loaded) -> None:
    loaded.router.answer("POST", "/v1/orders", 200, samples.FILLED)
    text = SHORT + ORDER.replace('"0.5"', '{ min = "1", max = "900", step = "1" }')
    await loaded.by(text)
    await loaded.by(text)
    orders = loaded.posted()
    assert len({order["client_order_id"] for order in orders}) == 20
    sizes = [sorted(order["quantity"] for order in part) for part in (orders[:10], orders[10:])]
    assert sizes[0] == sizes[1]


async def test_what_comes_back_is_told_by_status_and_code(loaded: Loaded) -> None:
    loaded.router.answer("POST", "/v1/orders", 200, samples.FILLED)
    loaded.router.answer("POST", "/v1/orders", 422, samples.NO_QUOTES)
    loaded.router.answer("POST", "/v1/orders", 200, HANG_UP)
    ran = await loaded.by(SHORT + ORDER)
    assert ran.code == 0
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "order taken 200 - filled 1" in lines
    assert "order refused 422 no_quotes - 1" in lines
    assert "order unanswered - cut_off - 8" in lines


async def test_an_rfq_is_accepted_on_its_best(loaded: Loaded) -> None:
    loaded.router.answer("POST", "/v1/rfqs", 201, samples.RFQ)
    accept = f"/v1/rfqs/{samples.RFQ['id']}/accept"
    loaded.router.answer("POST", accept, 200, samples.FILLED)
    ran = await loaded.by(SHORT + ACCEPT)
    assert ran.code == 0
    paths = [asked.path for asked in loaded.router.asked if asked.method == "POST"]
    assert (paths.count("/v1/rfqs"), paths.count(accept)) == (10, 10)


async def test_the_report_is_written_where_it_is_wanted(loaded: Loaded, tmp_path: Path) -> None:
    loaded.router.answer("POST", "/v1/orders", 200, samples.FILLED)
    ran = await loaded.by(
        SHORT + ORDER, "--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")
    )
    assert ran.code == 0
    told = json.loads((tmp_path / "r.json").read_bytes())
    assert (told["due"], told["verdicts"], told["target"]) == (10, {"taken": 10}, loaded.router.url)
    assert (tmp_path / "r.html").read_text("utf-8").startswith("<!doctype html>")


async def test_an_expectation_that_is_missed_ends_with_1(loaded: Loaded) -> None:
    loaded.router.answer("POST", "/v1/orders", 200, HANG_UP)
    loaded.router.answer("POST", "/v1/orders", 200, samples.FILLED)
    ran = await loaded.by("[expect]\nunanswered_max = 0\n" + SHORT + ORDER)
    assert ran.code == 1
    assert "unanswered_max: expected at most 0, was 1" in ran.flat


async def test_without_a_single_answer_it_ends_with_4(loaded: Loaded) -> None:
    loaded.router.answer("POST", "/v1/orders", 200, HANG_UP)
    ran = await loaded.by(SHORT + ORDER)
    assert ran.code == 4
    assert "order unanswered" in " ".join(ran.out.split())


async def test_a_router_that_is_not_ready_is_left_alone(loaded: Loaded) -> None:
    loaded.router.answers.clear()
    loaded.router.answer("GET", "/readyz", 503, READY)
    ran = await loaded.by(SHORT + ORDER)
    assert ran.code == 4
    assert "GET /readyz: expected 200, was 503" in ran.flat
    assert loaded.posted() == []
    assert ran.out == ""


async def test_limits_without_a_price_begin_nothing(loaded: Loaded) -> None:
    loaded.router.answer("POST", "/v1/rfqs", 422, samples.NO_QUOTES)
    ran = await loaded.by(SHORT + ORDER + "limit = { offset_bps = 5 }\n")
    assert ran.code == 1
    assert "expected a price of BTC-USD to set limits by, was 422 no_quotes" in ran.flat
    assert len(loaded.posted()) == 1


async def test_a_host_that_the_plan_does_not_name_is_not_even_asked(loaded: Loaded) -> None:
    plan = loaded.folder / "plan.toml"
    plan.write_text(PLAN.replace('["127.0.0.1"]', '["router.staging.example"]'))
    ran = await loaded._run("load", "--plan", str(plan))
    assert ran.code == 2
    assert "--url: expected a host that target.hosts of" in ran.flat
    assert loaded.router.asked == []


async def test_a_plan_can_be_looked_at_without_a_request(loaded: Loaded) -> None:
    ran = await loaded.by(SHORT + ORDER + "weight = 3\n" + RFQ, "--check")
    assert ran.code == 0
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "requests about 10 in 0.1 s, constant arrivals" in lines
    assert "stage 1 100/s 0.1 10" in lines
    assert "order BTC-USD 75 % order BTC-USD buy, sell market" in lines
    assert loaded.router.asked == []


@pytest.mark.parametrize("option", ["--json", "--html"])
async def test_a_report_that_could_not_be_written_is_refused_before_the_load(
    loaded: Loaded, tmp_path: Path, option: str
) -> None:
    for path in (tmp_path, tmp_path / "none" / "r", tmp_path / ("r" * 300)):
        ran = await loaded.by(SHORT + ORDER, option, str(path))
        assert ran.code == 2
        assert f"{option}: expected a file that can be written" in ran.flat
    assert loaded.router.asked == []


async def test_a_report_that_cannot_be_written_after_all_is_said_and_the_table_shown(loaded: Loaded) -> None:
    loaded.router.answer("POST", "/v1/orders", 200, samples.FILLED)
    # The device that can be opened and is always full.
    ran = await loaded.by(SHORT + ORDER, "--json", "/dev/full")
    assert ran.code == 1
    assert "expected to write the report there" in ran.flat
    assert "ran as planned" in ran.out


def test_no_plan_and_a_wrong_plan_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load"]) == 2
    (tmp_path / "plan.toml").write_text(PLAN + "speed = 5\n")
    assert main(["load", "--plan", str(tmp_path / "plan.toml")]) == 2
    assert "mix[0].speed: expected a known key" in " ".join(capsys.readouterr().err.split())


# What is shown while it runs


def second(from_s: float, **changed: object) -> Window:
    told: dict[str, Any] = {
        "from_s": from_s,
        "to_s": from_s + 1,
        "due": 200,
        "followed": 10,
        "sent": 200,
        "verdicts": {"taken": 195, "shed": 3},
        "in_flight": 12,
        "waiting": 0,
        "p50_us": 3100,
        "p99_us": 12_000,
        "max_us": 20_000,
    }
    return Window(**told | changed)


def watched(seconds: int, *, terminal: bool, **changed: object) -> str:
    paper = io.StringIO()
    console = Console(file=paper, width=200, force_terminal=terminal, color_system=None)
    with Live(console, read()) as live:
        for number in range(seconds):
            live.show(second(number, **changed))
    return paper.getvalue()


def test_elsewhere_than_on_a_terminal_a_line_comes_now_and_then() -> None:
    said = watched(2 * SECONDS_A_LINE + 1, terminal=False).splitlines()
    assert len(said) == 2
    assert said[0].startswith("5/2 s")
    for part in ("210/s asked", "198/s done", "12 under way", "p50 3.1 ms", "p99 12 ms", "15 shed"):
        assert part in said[0]


def test_on_a_terminal_a_line_is_written_over_each_second() -> None:
    said = watched(3, terminal=True)
    assert said.count("under way") >= 3
    assert "stage 1" in said
    assert "\x1b[2K" in said


def test_no_errors_are_said_to_be_none_and_who_waits_is_told() -> None:
    said = watched(SECONDS_A_LINE, terminal=False, verdicts={"taken": 5}, waiting=7)
    assert "no errors" in said
    assert "12 under way, 7 waiting" in said


def test_silence_is_not_counted_as_done() -> None:
    said = watched(SECONDS_A_LINE, terminal=False, verdicts={"unanswered": 2, "never_sent": 1})
    assert "0/s done" in said
    assert "10 unanswered, 5 never sent" in said


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_tables_fit_their_paper(width: int) -> None:
    paper = io.StringIO()
    show_report(Console(file=paper, width=width), MIXED)
    lines = paper.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.split()[:2] == ["all", "intended"] for line in lines)
    assert any("unanswered" in line and "cut_off" in line for line in lines)


def test_tables_hold_without_unicode() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", errors="strict", write_through=True) as stream:
        show_report(Console(file=stream, width=100), MIXED)
        assert b"ok: load run run: ran as planned" in raw.getvalue()
