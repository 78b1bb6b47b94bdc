"""Where log lines go: a file descriptor that is written to without ever waiting for whoever reads it.

A pipe that nobody empties, a terminal that was stopped, a disk that is full: none of them may stop the
router, nor an order that is about to be told of. What the descriptor does not take at once waits, up to a
bound; what does not fit is counted, and told when there is room again.
"""

import asyncio
import os
import select
import threading
import time
from typing import BinaryIO, Final, Protocol

HOLD_S: Final = 0.005
"""How long a line that may wait is held, for others to be written with it: a write costs 2 µs, whatever its
length, since it wakes the reader."""
AGAIN_S: Final = 0.1
"""How soon a descriptor that took nothing is tried again."""
WAITING_BYTES_MAX: Final = 1024 * 1024
"""What may wait: some seconds of a busy router's lines."""


class Sink(Protocol):
    """Takes whole lines, each with its line feed, from any thread. `lost`: how many were given up."""

    lost: int

    def write(self, line: bytes) -> None:
        """Write a line, and what is held before it, now. Never raises for what becomes of it."""

    def hold(self, line: bytes) -> None:
        """Write a line within moments, together with others; a kill may take it along."""

    def flush(self, within_s: float) -> bool:
        """Write what waits, in at most `within_s` seconds; whether nothing is left."""


class InStream:
    """A stream that takes everything at once: a file in memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self.lost = 0
        self._stream = stream

    def write(self, line: bytes) -> None:
        """Write a line."""
        self._stream.write(line)

    def hold(self, line: bytes) -> None:
        """Write a line: there is nothing to be gained by holding it."""
        self._stream.write(line)

    def flush(self, within_s: float) -> bool:  # noqa: ARG002 - the port's; nothing waits here
        """Nothing waits."""
        return True


class Descriptor:
    """A file descriptor, as a rule that of stderr.

    It is left as it was found: to make it non-blocking would make it so for every process that shares it. So
    it is asked whether it takes `PIPE_BUF` bytes, which one that says yes takes without waiting.
    """

    def __init__(
        self, number: int, *, hold_s: float = HOLD_S, waiting_bytes_max: int = WAITING_BYTES_MAX
    ) -> None:
        self.lost = 0
        self._number = number
        self._hold_s = hold_s
        self._waiting_bytes_max = waiting_bytes_max
        self._waiting = bytearray()
        self._poll = select.poll()
        self._poll.register(number, select.POLLOUT)
        # The store's thread tells of its end itself.
        self._lock = threading.Lock()
        self._due: asyncio.TimerHandle | None = None

    def write(self, line: bytes) -> None:
        """Write a line, and what is held before it, as far as the descriptor takes it now."""
        with self._lock:
            self._add(line)
            self._drain(0)
        if self._waiting:
            self._arm(AGAIN_S)

    def hold(self, line: bytes) -> None:
        """Write a line within `HOLD_S`; at once where no loop runs that could do it later."""
        with self._lock:
            self._add(line)
        if self._due is None and not self._arm(self._hold_s):
            self.flush(0)

    def flush(self, within_s: float) -> bool:
        """Write what waits, and wait up to `within_s` seconds for the descriptor to take it."""
        with self._lock:
            self._drain(within_s)
            return not self._waiting

    def _arm(self, after_s: float) -> bool:
        """Have what waits written later, by the loop that runs here; False if none does."""
        if self._due is not None:
            return True
        try:
            self._due = asyncio.get_running_loop().call_later(after_s, self._later)
        except RuntimeError:
            return False
        return True

    def _later(self) -> None:
        self._due = None
        if not self.flush(0):
            self._arm(AGAIN_S)

    def _add(self, line: bytes) -> None:
        if len(self._waiting) + len(line) > self._waiting_bytes_max:
            self.lost += 1
        else:
            self._waiting += line

    def _drain(self, within_s: float) -> None:
        waiting = self._waiting
        until = time.monotonic() + within_s if within_s else 0.0
        while waiting:
            left_s = max(0.0, until - time.monotonic()) if within_s else 0.0
            if not self._poll.poll(left_s * 1000):
                return
            # Whole lines as far as they fit: other writers of the same pipe cannot come between.
            whole = len(waiting)
            if whole > select.PIPE_BUF:
                whole = waiting.rfind(b"\n", 0, select.PIPE_BUF) + 1 or select.PIPE_BUF
            try:
                written = os.write(self._number, waiting[:whole])
            except BlockingIOError:
                return
            except OSError:
                # Nobody reads any more, or the disk is full: no order may fail for its line.
                self.lost += waiting.count(b"\n")
                waiting.clear()
                return
            del waiting[:written]
