"""Which core is whose: what is measured has one, the counterparty and the driver have another."""

import os
from pathlib import Path
from typing import Final

_CORES: Final = tuple(sorted(os.sched_getaffinity(0)))
SHARED: Final = len(_CORES) < 2
"""Whether there is one core for all: then a figure has the driver's turns in it, and the results say so."""
MEASURED: Final = _CORES[0]
DRIVER: Final = _CORES[-1]


def pin(pid: int, cores: set[int]) -> None:
    """Let a process, and every thread that it has by now, run on these cores only, as far as it has them."""
    if not cores <= set(_CORES):
        return
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)


def describe() -> str:
    """The cores in one line, for the head of the results."""
    if SHARED:
        return f"one core ({MEASURED}) for all: figures have the driver's turns in them"
    return f"measured on core {MEASURED}, stub and driver on core {DRIVER}"
