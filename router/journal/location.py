"""Where a SQLite store is: its URL, its directory and file with their modes, and the lock on it."""

import fcntl
import os
from pathlib import Path
from typing import Final

from router.ports import StoreError

_SCHEME: Final = "sqlite"
DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600


def sqlite_path(url: str) -> Path:
    """The file that a URL names: what follows `sqlite://` is a path, taken as it stands.

    So `sqlite:///var/lib/x.db` is absolute; relative ones are `sqlite:x.db` and `sqlite://./x.db`. There is
    no host, no parameter, no escape and no database in memory: a journal that is gone with its process is
    none. Raises `StoreError`.
    """
    scheme, colon, rest = url.partition(":")
    if not colon or scheme != _SCHEME:
        raise StoreError(
            "expected a store.url such as sqlite:///var/lib/caas-router/router.db or "
            "postgresql://user@host/name, was another scheme"
        )
    path = rest
    if rest.startswith("//"):
        path = rest[2:]
        if not path.startswith(("/", "./", "../")):
            raise StoreError(
                "expected a path after sqlite://, absolute (/…) or relative (./…), was neither: "
                "a SQLite store has no host"
            )
    if path in ("", "/", ".", "..") or path.endswith("/"):
        raise StoreError("expected the path of a file in store.url, was a directory or nothing")
    if path.startswith(":"):
        raise StoreError(
            "expected the path of a file in store.url, was a database in memory: it would not last"
        )
    if "?" in path or "#" in path or "\0" in path:
        raise StoreError("expected a path alone in store.url, was one with parameters")
    return Path(path)


def prepare_file(path: Path) -> None:
    """Make the file and its missing directories, readable by this user alone (0600, 0700).

    The files that SQLite puts beside it take its mode. Raises `StoreError`.
    """
    try:
        missing = [parent for parent in path.parents if not parent.exists()]
        for parent in reversed(missing):
            parent.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            os.fchmod(descriptor, FILE_MODE)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(
            f"expected a journal file that can be written at {path}, was: {error.strerror}"
        ) from error


class FileLock:
    """This process's exclusive hold on a store, by an advisory lock on a file beside it.

    The kernel lets go of it when the process dies, however it dies. The lock file itself stays: whoever
    removed it would let two processes lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock or raise `StoreError`, which names the file and, where it is known, the holder."""
        self.path = path.with_name(path.name + ".lock")
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise StoreError(
                f"expected a lock file that can be written at {self.path}, was: {error.strerror}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise StoreError(
                f"expected {path} to be used by one router, was in use by another"
                + (f" (process {holder})" if holder.isdigit() else "")
                + f", which holds {self.path}"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let go; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
