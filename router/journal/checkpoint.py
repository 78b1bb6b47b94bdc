"""Moves the write-ahead log into the file, beside the writer: an intent must not wait for it.

A thread with a connection of its own moves what the log holds when it is asked to; writes go on meanwhile,
into the log. The little that they add is moved by the writer itself, between two transactions: once all of it
is in the file, the next transaction begins the log anew, which so has a bound.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Final

DUE_PAGES: Final = 4000
"""Pages (16 MB) in the log after which it is moved: hot ones are moved once for many writes of them."""
COMMIT_PAGES: Final = 6
"""What a commit adds besides a page a job, about: the last pages of tables and indexes."""


class Checkpointing:
    """The thread. `failed` is told in it what SQLite said, where the log could not be moved."""

    def __init__(self, connection: sqlite3.Connection, failed: Callable[[sqlite3.Error], None]) -> None:
        """Take over `connection` (autocommit mode, usable from another thread), and close it at the end."""
        self._connection = connection
        self._failed = failed
        self._pages = 0
        self._running = False
        self._moved = False
        self._asked: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal-checkpoint", daemon=True)
        self._thread.start()

    def committed(self, writing: sqlite3.Connection, jobs: int) -> None:
        """The writer committed so many jobs on `writing`. In its thread; raises `sqlite3.Error`."""
        self._pages += COMMIT_PAGES + jobs
        if self._moved:
            self._moved = False
            _move(writing)
            self._pages = 0
            self._running = False
        elif self._pages >= DUE_PAGES and not self._running:
            self._running = True
            self._asked.put(self._pages)

    def stop(self) -> None:
        """End; blocks until the thread has."""
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        while self._asked.get() is not None:
            try:
                _move(self._connection)
            except sqlite3.Error as error:
                self._failed(error)
                # It is due again after as many pages as before.
                self._pages = 0
                self._running = False
            else:
                self._moved = True
        self._connection.close()


def _move(connection: sqlite3.Connection) -> None:
    """Move what no reader needs any more; waits for nobody."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
