"""The router with a sampler in it: `python -m bench.breakdown.sampled serve --config FILE`.

A timer of the kernel counts the processor time of the loop's thread and interrupts it: what is seen then is
the Python function that runs, or that called what runs. Waiting is not in it, and neither are other threads.
A thread that looked on from outside would cost the loop its lock each time; a profiler that hooks every call
makes small functions look dear.

SIGUSR1 forgets what was seen, SIGUSR2 writes it to `FILE.samples` (JSON: stacks from the inside out, each
frame as `module:function`, and how often).
"""

import ctypes
import json
import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

from router.cli.app import main

INTERVAL_NS: Final = 1_000_000
_CLOCK_THREAD_CPUTIME_ID: Final = 3
_SIGEV_THREAD_ID: Final = 4
_DEPTH_MAX: Final = 60


class _Event(ctypes.Structure):
    """`struct sigevent` of Linux, as far as it is used: 64 bytes in all."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("thread", ctypes.c_int),
        ("rest", ctypes.c_char * 44),
    )


class _Times(ctypes.Structure):
    """`struct itimerspec`."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


class Sampler:
    """Counts stacks of the thread that started it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stacks: Counter[tuple[str, ...]] = Counter()

    def start(self) -> None:
        """Begin; the thread must be the main one, which is the one that handles signals."""
        signal.signal(signal.SIGPROF, self._seen)
        signal.signal(signal.SIGUSR1, lambda _number, _frame: self._stacks.clear())
        signal.signal(signal.SIGUSR2, lambda _number, _frame: self._write())
        library = ctypes.CDLL(None, use_errno=True)
        event = _Event(signal=signal.SIGPROF, notify=_SIGEV_THREAD_ID, thread=threading.get_native_id())
        timer = ctypes.c_void_p()
        if library.timer_create(_CLOCK_THREAD_CPUTIME_ID, ctypes.byref(event), ctypes.byref(timer)):
            raise OSError(ctypes.get_errno(), "expected a timer of the thread's processor time, was refused")
        times = _Times(0, INTERVAL_NS, 0, INTERVAL_NS)
        if library.timer_settime(timer, 0, ctypes.byref(times), None):
            raise OSError(ctypes.get_errno(), "expected the timer to start, was refused")

    def _seen(self, _number: int, frame: FrameType | None) -> None:
        stack: list[str] = []
        while frame is not None and len(stack) < _DEPTH_MAX:
            stack.append(f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_qualname}")
            frame = frame.f_back
        self._stacks[tuple(stack)] += 1

    def _write(self) -> None:
        # Another sample may be taken while this is written.
        stacks, self._stacks = self._stacks, Counter()
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps([[list(stack), count] for stack, count in stacks.items()]))
        partial.rename(self._path)


if __name__ == "__main__":
    Sampler(Path(f"{sys.argv[-1]}.samples")).start()
    # As the command runs: what is measured is the router, and only it.
    sys.argv[0] = os.fspath(Path(sys.executable).with_name("caas-router"))
    raise SystemExit(main())
