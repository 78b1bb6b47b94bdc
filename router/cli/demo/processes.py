"""Processes of the demonstration: start one, learn its port from its log, end it whatever happens."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

START_S_MAX: Final = 20.0
"""Seconds for a process to listen: an interpreter on a loaded machine takes a few."""
STOP_S_MAX: Final = 12.0
"""Seconds for SIGTERM to be obeyed, a little more than the router's own deadline; then SIGKILL."""
TAIL_LINES: Final = 20


class DemoError(Exception):
    """The demonstration cannot go on."""


class Process:
    """`caas-router NAME --config FILE` in the interpreter that runs this; its log goes to a file."""

    def __init__(self, name: str, config: Path, log: Path, extra: Mapping[str, str]) -> None:
        self.name = name
        self._log = log
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._port: int | None = None
        self._told = threading.Event()
        # A session of its own: Ctrl-C reaches the demonstration alone, which then ends its children in order.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
            [sys.executable, "-m", "router", name, "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, **extra},
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        stream = self._process.stderr
        if stream is None:
            raise DemoError(f"expected the log of {name} to be readable, was not")
        self._reader = threading.Thread(target=self._follow, args=(stream,), daemon=True)
        self._reader.start()

    def port(self) -> int:
        """The port that its event `listening` names. Raises `DemoError` if it does not come."""
        self._told.wait(START_S_MAX)
        if self._port is None:
            state = "is still starting" if self.is_running else f"ended with {self._process.returncode}"
            raise DemoError(f"{self.name} {state} and does not listen; its log ends so:\n{self.tail}")
        return self._port

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process.poll() is None

    @property
    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self._tail)

    def stop(self) -> int:
        """End it, by SIGTERM and at last by SIGKILL; its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join(STOP_S_MAX)
        if self._process.stderr is not None:
            self._process.stderr.close()
        return code

    def _follow(self, stream: IO[str]) -> None:
        with self._log.open("w", encoding="utf-8") as log:
            for line in stream:
                log.write(line)
                self._tail.append(line.rstrip())
                if self._port is None:
                    self._learn(line)
        self._told.set()

    def _learn(self, line: str) -> None:
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and event.get("event") == "listening":
                self._port = int(event["port"])
                self._told.set()
