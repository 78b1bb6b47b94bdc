"""`load`: a plan run against a router, watched, and reported."""

import asyncio
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from rich.text import Text

from router.cli import answering, paper
from router.cli.access import Flag, UsageError
from router.cli.client import UnreachableError
from router.cli.exits import Exit
from router.cli.load.live import Live
from router.cli.load.tables import show_plan, show_report
from router.load.clock import LoopClock
from router.load.page import page
from router.load.plan import Plan
from router.load.plan import load as read_plan
from router.load.report import Report
from router.load.reporting import make_report
from router.load.running import Run, UnpricedError
from router.open_files import allow_many
from router.settings_error import SettingsError

HELP: Final = """Exit codes: 0 ran as planned · 1 ran, and requests were never sent or an expectation of the \
plan was missed, or nothing could be begun · 2 wrong usage or plan, nothing was sent · 4 the router cannot \
be reached, or gave no answer at all · 130 interrupted, with a report of what came until then."""


def load(
    *,
    plan: Path,
    url: str | None = None,
    json: Path | None = None,
    html: Path | None = None,
    check: Flag = False,
) -> int:
    """Load a router in staging by a plan, and report what came of it.

    An open loop: each request has its time, whatever became of those before it,
    and its latency counts from that time. Orders are real to the router: what it
    trades with is traded with. Only a host that the plan names is ever loaded.

    Interrupt it to stop sending and wait for the answers under way; interrupt it
    again not to wait. The report is shown either way.

    Parameters
    ----------
    plan
        The plan, a TOML file: docs/load.md has its keys.
    url
        The router's address in place of the plan's target.url; its host must be in target.hosts.
    json
        Write the report there, as JSON.
    html
        Write the report there, as a page with charts.
    check
        Read the plan and say what it would do; nothing is sent.
    """

    def run() -> Exit:
        try:
            chosen = read_plan(plan, url)
        except SettingsError as error:
            raise UsageError(str(error)) from error
        for option, path in (("--json", json), ("--html", html)):
            _check_writable(option, path)
        if check:
            show_plan(paper.out(), chosen)
            return Exit.DONE
        import uvloop  # noqa: PLC0415 - as in `_loaded`

        allow_many()
        report = uvloop.run(_loaded(chosen))
        show_report(paper.out(), report)
        written = _written(json, msgspec.json.format(msgspec.json.encode(report)))
        written = _written(html, page(report).encode()) and written
        return _ended(report) if written else Exit.REFUSED

    try:
        return answering.guarded(run)
    except UnpricedError as error:
        answering.complain(str(error))
        return Exit.REFUSED


def _ended(report: Report) -> Exit:
    if report.interrupted:
        raise KeyboardInterrupt
    if not report.answered and report.due:
        return Exit.UNREACHABLE
    return Exit.DONE if report.as_planned else Exit.REFUSED


def _check_writable(option: str, path: Path | None) -> None:
    """Raise `UsageError` where no report can be written: before the load, and not after an hour of it."""
    if path is None:
        return
    try:
        existed = path.exists()
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise UsageError(f"{option}: expected a file that can be written: {error.strerror}") from error


def _written(path: Path | None, content: bytes) -> bool:
    """Write a report; what hinders is told, after the table that was shown."""
    if path is None:
        return True
    try:
        path.write_bytes(content)
    except OSError as error:
        answering.complain(f"{path}: expected to write the report there: {error.strerror}")
        return False
    return True


async def _loaded(plan: Plan) -> Report:
    # No other command of the desk should wait for an HTTP library of this size to be loaded.
    from router.load.sending import HttpSender  # noqa: PLC0415

    started_at = datetime.now(UTC)
    run_id = f"{started_at:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    errors = paper.err()
    async with HttpSender(plan.target, plan.run.timeout_ms / 1000) as sender:
        wrong = await sender.ready()
        if wrong is not None:
            raise UnreachableError(f"{plan.target.url}: {wrong}")
        run = Run(plan, sender, LoopClock(precise=plan.run.precise), run_id)
        await run.price()
        errors.print(Text(f"loading {plan.target.url} for {plan.duration_s:g} s, run {run_id}"))
        began = time.monotonic()
        with _stopped_by_signals(run), Live(errors, plan) as live:
            await run.run(live.show)
        duration_s = time.monotonic() - began
    return make_report(
        plan,
        run.recorder,
        run_id=run_id,
        started_at=started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        duration_s=duration_s,
        interrupted=run.stopped,
    )


@contextmanager
def _stopped_by_signals(run: Run) -> Iterator[None]:
    """End the run orderly by Ctrl-C and SIGTERM, where signals come to this thread."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    for number in numbers:
        loop.add_signal_handler(number, run.stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
