"""The processes that are measured, floors and routers: each on a core that the driver is not on."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.cores import MEASURED, pin
from bench.settings import RouterConfig

__all__ = ["Measured", "RouterConfig", "memory_folder", "pin", "start_router"]

_START_S: Final = 30.0
_STOP_S: Final = 15.0
_LOOK_S: Final = 0.01
_CLOCK_OF_PROCESS: Final = 2
_TAIL_BYTES: Final = 4000
_SHM: Final = Path("/dev/shm")  # noqa: S108 - the folder in memory that Linux has, and no name in it is guessed


def memory_folder() -> Path | None:
    """A folder in memory, where there is one that can be written to."""
    return _SHM if _SHM.is_dir() and os.access(_SHM, os.W_OK) else None


class Measured:
    """A process that prints a line of JSON with the port that it listens on.

    Its log goes to a file in memory, where there is such a folder: as cheap as a pipe, and nobody reads it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        interpreter: str = sys.executable,
    ) -> None:
        self.name = name
        # Closed and removed in `stop`.
        self._log = tempfile.NamedTemporaryFile(  # noqa: SIM115
            dir=memory_folder(), prefix=f"bench-{name}-", suffix=".log"
        )
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [interpreter, "-m", *command],
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env={**os.environ, **(environment or {})},
        )
        self.port = 0
        self.started_s = 0.0

    def wait(self, start_s: float = _START_S) -> int:
        """Wait until it listens; the port. Raises `RuntimeError` with what it said where it does not."""
        with Path(self._log.name).open("rb") as log:
            while not self.port:
                ended = self._process.poll() is not None
                for raw in log:
                    self._look(raw)
                if not self.port:
                    if ended or time.monotonic() - self._began > start_s:
                        raise RuntimeError(f"{self.name}: expected it to listen, said {''.join(self.tail)}")
                    time.sleep(_LOOK_S)
        pin(self._process.pid, {MEASURED})
        return self.port

    def _look(self, raw: bytes) -> None:
        if b'"listening"' not in raw:
            return
        try:
            event = json.loads(raw)
        except ValueError:
            return
        if event.get("event") == "listening":
            self.port = event["port"]
            self.started_s = time.monotonic() - self._began

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def lines(self) -> int:
        """Lines that it logged so far."""
        with Path(self._log.name).open("rb") as log:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: log.read(1 << 20), b""))

    @property
    def tail(self) -> list[str]:
        """The last lines of its log."""
        with Path(self._log.name).open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL_BYTES))
            return log.read().decode(errors="replace").splitlines(keepends=True)[-10:]

    def cpu_ns(self) -> int:
        """Processor time of all its threads, user and system, in nanoseconds."""
        # The id of another process's clock, as `clock_getcpuclockid` makes it.
        return time.clock_gettime_ns((~self._process.pid << 3) | _CLOCK_OF_PROCESS)

    def threads_ns(self) -> dict[str, int]:
        """Processor time of each thread that it has now, by its number; the main one's is the process id."""
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return {task.name: int((task / "schedstat").read_text().split()[0]) for task in tasks}

    def resident_kb(self) -> int:
        """Resident memory in kilobytes."""
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0])

    def kill(self) -> None:
        """SIGKILL: a crash."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self._process.terminate()
        try:
            code = self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._log.close()
        return code


def start_router(
    name: str,
    config: RouterConfig,
    folder: Path,
    *,
    interpreter: str = sys.executable,
    module: str = "router",
) -> Measured:
    """A router as in production, with these settings; `module` runs it where something runs beside it."""
    path = folder / f"{name}.toml"
    path.write_text(config.text())
    command = [module, "serve", "--config", str(path)]
    return Measured(name, command, {"BENCH_TOKEN": "bench"}, interpreter=interpreter)
