"""The demonstration from start to end: two processes up, the steps, two processes down, nothing left."""

import contextlib
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console
from rich.text import Text

from router.cli.answers import UnreadableError
from router.cli.client import Client, ClientError
from router.cli.demo import closing, proof, stage, steps
from router.cli.demo.accounts import Account
from router.cli.demo.parties import Desk, StageHand, wait_until
from router.cli.demo.processes import DemoError, Process
from router.cli.demo.scene import Scene
from router.cli.exits import Exit
from router.cli.paper import marks_of

ENDINGS: Final = (signal.SIGTERM, signal.SIGHUP)
INTERRUPTED: Final = 130


def play(console: Console, *, keep: bool, accounts: Sequence[Account] | None = None) -> int:
    """Play everything; 0 if every step came out as announced, 1 if one did not, 130 if it was interrupted.

    `accounts`: who takes part; unsaid, everybody who can.
    """
    accounts = stage.cast() if accounts is None else accounts
    folder = Path(tempfile.mkdtemp(prefix="caas-router-demo-"))
    began = time.monotonic()
    differences: list[str] = []
    try:
        with _ended_like_ctrl_c():
            differences = _play(console, folder, accounts)
    except KeyboardInterrupt:
        console.print(Text("interrupted; both processes are stopped"))
        return INTERRUPTED
    except (DemoError, ClientError, UnreadableError) as error:
        console.print(Text(f"{marks_of(console).bad} {error}", style="bold red"))
        return Exit.REFUSED
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    kept = f"settings, journal and logs are in {folder}" if keep else "nothing is left running or on disk"
    console.print(Text(f"{time.monotonic() - began:.1f} s; {kept}.", style="dim"))
    return Exit.REFUSED if differences else Exit.DONE


def _play(console: Console, folder: Path, accounts: Sequence[Account]) -> list[str]:
    """Up, the steps, down; what differed from what was announced."""
    drawn = stage.draw_secrets(accounts)
    running: list[Process] = []
    try:
        stage.write_simulator(folder / "simulator.toml", accounts, drawn)
        running.append(Process("simulate", folder / "simulator.toml", folder / "simulator.log", {}))
        venue_port = running[0].port()
        stage.write_router(folder / "router.toml", folder / "router.db", accounts, venue_port)
        running.append(Process("serve", folder / "router.toml", folder / "router.log", drawn))
        port = running[1].port()
        said = (
            f"The simulated counterparties listen on 127.0.0.1:{venue_port}, the router on 127.0.0.1:{port}."
        )
        console.print(Text(said))
        scene = Scene(
            console,
            Desk(Client(f"http://127.0.0.1:{port}")),
            StageHand(Client(f"http://127.0.0.1:{venue_port}")),
            accounts,
        )
        wait_until("the router ready", scene.desk.is_ready)
        _act(scene, running)
    finally:
        # The router first: it drains while its counterparty still answers.
        with _undisturbed():
            codes = {process.name: process.stop() for process in reversed(running)}
    return scene.differences + _ended(console, codes)


def _act(scene: Scene, running: list[Process]) -> None:
    """Play the steps; one that breaks is counted, and the next is played while the processes live."""
    for step in (*steps.PLAYED, proof.prove, closing.report):
        try:
            step(scene)
        except (DemoError, ClientError, UnreadableError) as error:
            scene.fail(error)
            for process in running:
                if not process.is_running:
                    raise DemoError(f"{process.name} has ended; its log ends so:\n{process.tail}") from error


def _ended(console: Console, codes: dict[str, int]) -> list[str]:
    """Say how the processes ended; what differed."""
    marks = marks_of(console)
    said = f" {marks.dot} ".join(f"{name} ended with {code}" for name, code in codes.items())
    well = not any(codes.values())
    console.print()
    console.print(
        Text(f"{marks.good if well else marks.bad} SIGTERM: {said}", style="green" if well else "bold red")
    )
    return [] if well else [said]


@contextlib.contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demonstration as Ctrl-C does: its processes are stopped.

    Ctrl-C too: a shell that starts a command in the background has it ignored, and Python leaves it so.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, *ENDINGS)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a second Ctrl-C not keep processes from being stopped; stopping has a bound of its own."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *ENDINGS)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
