"""`python -m bench growth`: every curve, as a table, JSON and a chart each."""

import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench import running
from bench.cores import DRIVER, pin
from bench.growth.curve import Curve
from bench.growth.journal import SIZES, journal
from bench.growth.open_orders import open_orders
from bench.growth.recovery import recovery
from bench.growth.sizes import books, connections, products
from bench.machine import machine
from bench.results import Machine
from bench.stores import Stores
from bench.tables import as_page

PARTS: Final[Mapping[str, Callable[[Stores], Awaitable[list[Curve]]]]] = {
    "connections": connections,
    "products": products,
    "books": books,
    "open-orders": open_orders,
    "recovery": recovery,
}
JOURNAL: Final = "journal"
UP_TO: Final = SIZES[-2]


class Growth(msgspec.Struct, frozen=True):
    """The curves of a run."""

    machine: Machine
    curves: list[Curve]


async def _run(parts: Sequence[str], up_to: int) -> Growth:
    pin(os.getpid(), {DRIVER})
    curves: list[Curve] = []
    with Stores(postgresql=False) as stores:
        here = machine(stores.flush_us())
        for name in parts:
            began = time.monotonic()
            found = await (journal(stores, up_to) if name == JOURNAL else PARTS[name](stores))
            curves += found
            for curve in found:
                print(f"{curve.text()}\n", flush=True)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return Growth(here, curves)


def growth(parts: Sequence[str], up_to: int, folder: Path) -> None:
    """Run the parts (all of them where none is named); `up_to`: orders of the largest journal."""
    found = running.run(_run(parts or [*PARTS, JOURNAL], up_to))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "growth.json"
    before = msgspec.json.decode(path.read_bytes(), type=Growth).curves if path.exists() else []
    named = {curve.name for curve in found.curves}
    # A part that was run alone keeps the others' curves.
    kept = Growth(found.machine, [*(curve for curve in before if curve.name not in named), *found.curves])
    path.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    (folder / "growth.md").write_text(as_page("Growth", "\n\n".join(curve.text() for curve in kept.curves)))
    for curve in found.curves:
        (folder / f"{curve.name}.svg").write_text(curve.svg())
    print(f"{folder}: growth.json and a chart a curve")
