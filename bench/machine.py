"""Where a run takes place: the commit, the interpreter, the packages that matter, the processor."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from bench.cores import describe
from bench.results import Machine
from bench.stores import ROOT

_PACKAGES: Final = ("aiohttp", "msgspec", "uvloop", "structlog", "prometheus-client", "asyncpg", "ccxt")


def commit() -> str:
    """The commit that is checked out, with a `+` where the sources differ; `unknown` outside of git."""
    try:
        named = _git("rev-parse", "--short", "HEAD").strip()
        changed = _git("status", "--porcelain", "--", "router", "venues").strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{named}+" if changed else named


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607 - the git that is on the path


def machine(flush_us: float) -> Machine:
    """This machine, now."""
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Machine(
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        commit=commit(),
        python=platform.python_version(),
        packages=packages,
        processor=_processor(),
        cores=describe(),
        flush_us=round(flush_us, 1),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
