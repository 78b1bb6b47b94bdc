"""The router and its floor under several interpreters, in one run: what the interpreter makes of each."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from bench.cores import DRIVER, pin
from bench.figures import cpu_us, load_of, p50_us, ratio
from bench.stores import Stores
from bench.subject import Plan, Subject, interleaved
from bench.tables import shown, table, wrong_text

LOADS: Final = (1, 32)
ROUNDS: Final = 7
_FLOORS: Final = {"bare": "bare", "F2": "web"}
_BLOCK_S: Final = 0.4
_PACKAGES: Final = ("aiohttp", "msgspec", "uvloop")


def version_of(interpreter: str) -> str:
    """What an interpreter calls itself. Raises `CalledProcessError` where it lacks what the router needs."""
    script = f"import platform, {', '.join(_PACKAGES)}; print(platform.python_version())"
    done = subprocess.run([interpreter, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


async def interpreters(paths: list[str]) -> str:
    """A table: each interpreter's router and floors, as multiples of the first one's, round by round."""
    pin(os.getpid(), {DRIVER})
    versions: dict[str, str] = {}
    for path in paths:
        version = version_of(path)
        versions[f"{version}-again" if version in versions else version] = path
    with Stores(postgresql=False) as stores:
        async with AsyncExitStack() as stack:
            subjects = []
            for plan in _plans(versions, stores):
                subject = await Subject.start(plan, stores.folder)
                stack.push_async_callback(subject.stop)
                subjects.append(subject)
            blocks = await interleaved(subjects, LOADS, ROUNDS, _BLOCK_S)
    rows = []
    first = next(iter(versions))
    for kind in (*_FLOORS, "router"):
        for version in versions:
            for in_flight in LOADS:
                own, base = blocks[f"{kind}-{version}"][in_flight], blocks[f"{kind}-{first}"][in_flight]
                load = load_of(in_flight, own)
                rows.append(
                    (
                        *(f"{kind}, {version}", str(in_flight), f"{load.cpu_us.median:.1f}"),
                        *(shown(ratio(cpu_us(own), cpu_us(base))), f"{load.p50_us.median:.0f}"),
                        shown(ratio(p50_us(own), p50_us(base))),
                        wrong_text(load.wrong),
                    )
                )
    header = (
        "streamed, 4 connections",
        "in flight",
        "CPU µs",
        f"x {first}",
        "p50 µs",
        f"x {first}",
        "no fill",
    )
    return table(header, rows)


def _plans(versions: Mapping[str, str], stores: Stores) -> list[Plan]:
    floors = [
        Plan(f"{kind}-{version}", "", "streamed", 4, floor=floor, interpreter=path)
        for kind, floor in _FLOORS.items()
        for version, path in versions.items()
    ]
    routers = [
        Plan(
            f"router-{version}",
            "router",
            "streamed",
            4,
            store=stores.url("sqlite", f"router_{version}"),
            interpreter=path,
        )
        for version, path in versions.items()
    ]
    return floors + routers
