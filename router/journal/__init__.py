"""What must survive: one port (`router.ports.records.Store`) and the stores behind it.

SQLite is the store of a single router. PostgreSQL is that of several on one database.
"""

import asyncio
from typing import Final

from router.journal.location import sqlite_path
from router.journal.sqlite import SqliteJournal
from router.journal.writer import Broken
from router.ports.records import Store

__all__ = ["open_journal"]

_POSTGRES: Final = ("postgresql", "postgres")


async def open_journal(url: str, broken: Broken | None = None) -> Store:
    """Open the store that a URL of the settings names, and bring its tables up to date.

    `sqlite:///var/lib/caas-router/router.db` is the file `/var/lib/caas-router/router.db`;
    `sqlite:router.db` and `sqlite://./router.db` are relative to the working directory. Such a store is this
    router's until it is closed: a second one on the same file is refused. `postgresql://user@host:5432/name`
    is a database that any number of routers share; what a URL leaves out comes from the variables that
    PostgreSQL's own programs read (`PGPASSWORD`, `PGPASSFILE`, `PGSSLMODE`).

    `broken` is told, from any thread, when the store can no longer be believed (`StoreBrokenError`): whoever
    runs on what it says must end.

    Raises `StoreError`, which repeats nothing of a URL but its scheme: the rest may hold a password.
    """
    if url.partition(":")[0] in _POSTGRES:
        from router.journal.postgres import PostgresJournal  # noqa: PLC0415 - its driver is loaded where it is used

        return await PostgresJournal.open(url, broken=broken)
    path = sqlite_path(url)
    return await asyncio.to_thread(SqliteJournal.open, path, broken=broken)
