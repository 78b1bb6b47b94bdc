"""What must survive: one port (`router.ports.Journal`) and the stores behind it.

SQLite is the store of a single router, and the only one that is built in.
"""

import asyncio

from router.journal.location import sqlite_path
from router.journal.sqlite import SqliteJournal
from router.ports import Journal

__all__ = ["open_journal"]


async def open_journal(url: str) -> Journal:
    """Open the store that a URL of the settings names, and bring its tables up to date.

    `sqlite:///var/lib/caas-router/router.db` is the file `/var/lib/caas-router/router.db`;
    `sqlite:router.db` and `sqlite://./router.db` are relative to the working directory. The store is this
    router's until it is closed: a second one on the same file is refused.

    Raises `StoreError`, which repeats nothing of a URL but its scheme: the rest may hold a password.
    """
    path = sqlite_path(url)
    return await asyncio.to_thread(SqliteJournal.open, path)
