"""The demonstration as a stranger runs it: every step as announced, and nothing left afterwards."""

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "router", "demo")
STEPS = (
    "0. Five connections, three counterparties",
    "1. Spot wins",
    "2. PTS wins where Spot lacks the balance",
    "3. A firm quote wins: PTS beats Spot on price",
    "4. A firm quote that ends too soon loses",
    "5. PTS without credit",
    "6. A timeout, found again",
    "7. An RFQ, accepted",
    "8. What the counterparties' side saw",
    "9. Who won how often, and why others were out",
)
RIVAL = re.compile(
    r"^\d +((?:BitGo|Coinbase) \w+)(?: PTS)? +[\d.]+ +(book|rfq) +(?:(indicative|firm) +(-|[\d:.]{12}))",
    re.MULTILINE,
)
WITH_CCXT = importlib.util.find_spec("ccxt") is not None
ALONE = "from router.cli import paper; from router.cli.demo import play, stage; "
PORTS = re.compile(r"127\.0\.0\.1:(\d+)")


def environment(tmp_path: Path, **changes: str) -> dict[str, str]:
    """As here, but without a terminal's variables and with a directory of its own for temporary files."""
    bare = {name: value for name, value in os.environ.items() if name not in ("TERM", "COLUMNS")}
    return bare | {"TMPDIR": str(tmp_path)} | changes


def rivals_of(step: str) -> list[tuple[str, str, str]]:
    """Four connections of a step's competition as ranked: name, source, kind of price.

    A firm one with the time at which it ended.
    """
    return [(name, source, kind) for name, source, kind, _ in RIVAL.findall(step)]


def assert_closed(said: str) -> None:
    ports = PORTS.findall(said)
    assert len(ports) >= 2
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(port))) != 0


def test_every_step_comes_out_as_announced_and_nothing_is_left(tmp_path: Path) -> None:
    ran = subprocess.run(
        COMMAND,
        env=environment(tmp_path, COLUMNS="100"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    places = [ran.stdout.find(f"\n{step} ") for step in STEPS]
    assert -1 not in places
    assert places == sorted(places)
    # A verdict for each step, and one for the end of the processes.
    assert ran.stdout.count("✓") == len(STEPS) + 1
    # The refusal of step 5 is shown with its own mark; no verdict is.
    assert re.findall("✗ .*", ran.stdout) == [
        "✗ the order ended with: credit_long_limit (No credit: long limit)"
    ]
    assert "BitGo Margin PTS" in ran.stdout
    first = ran.stdout.partition(f"\n{STEPS[1]} ")[2].partition(f"\n{STEPS[2]} ")[0]
    assert rivals_of(first) == [
        ("BitGo Treasury", "book", "indicative"),
        ("Coinbase Desk", "rfq", "firm"),
        ("BitGo Margin", "book", "indicative"),
        ("Coinbase Credit", "rfq", "firm"),
    ]
    assert ("★ won" in first, "Kraken" in first) == (True, WITH_CCXT)
    assert_closed(ran.stdout)
    assert list(tmp_path.iterdir()) == []


def test_without_ccxt_the_four_others_play(tmp_path: Path) -> None:
    ran = subprocess.run(
        (
            sys.executable,
            "-c",
            ALONE + "raise SystemExit(play.play(paper.out(), keep=False, accounts=stage.WITHOUT_CCXT))",
        ),
        env=environment(tmp_path, COLUMNS="100"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    assert "ccxt is not installed here" in ran.stdout
    assert "connections ready: 4" in ran.stdout
    # Named where it is told why it stays away, and nowhere as one that took part.
    assert "Kraken won" not in ran.stdout


def test_a_terminal_without_utf8_gets_the_same_in_its_letters(tmp_path: Path) -> None:
    ran = subprocess.run(
        COMMAND,
        env=environment(tmp_path, PYTHONIOENCODING="ascii"),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b""), ran.stdout.decode("ascii", "replace")
    assert ran.stdout.isascii()
    assert ran.stdout.count(b"ok: as announced") == len(STEPS)


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """A demonstration that has begun its steps, and what it has said so far."""
    process = subprocess.Popen(
        COMMAND, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said: list[str] = []
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        for line in process.stdout:
            said.append(line)
            if line.startswith(STEPS[1]):
                break
        yield process, said
    finally:
        guard.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_stops_what_it_started(
    playing: tuple["subprocess.Popen[str]", list[str]], ending: signal.Signals, tmp_path: Path
) -> None:
    process, said = playing
    process.send_signal(ending)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130, rest
    assert_closed("".join(said))
    assert list(tmp_path.iterdir()) == []
