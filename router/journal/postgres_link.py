"""A PostgreSQL server: connections to it, and its errors in words that repeat no secret."""

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import asyncpg

from router.journal.migrate import known_migrations, pending
from router.ports import StoreError

CONNECT_S: Final = 5.0
STATEMENT_S: Final = 5.0
"""How long one statement may take before its caller is told that the store does not answer."""
_LOCK_MIGRATIONS: Final = 0x63616173_00000001
"""Of the database's advisory locks: whoever holds it brings the tables up to date."""
_SESSION: Final[Mapping[str, str]] = {
    "application_name": "caas-router",
    # What a write that returned promises, whatever the server's own default is.
    "synchronous_commit": "on",
    # A connection that was lost half-way lets its locks go in time, though nobody told the server.
    "idle_in_transaction_session_timeout": "5s",
    "statement_timeout": "5s",
    "jit": "off",
    # Planned for the size that a table has now. A plan that is kept from when it was small goes through all
    # of it, and does so still when it is large.
    "plan_cache_mode": "force_custom_plan",
}
_BOOK: Final = """
CREATE TABLE IF NOT EXISTS migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  sha256 text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)
"""

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:  # generic in the stubs alone
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

FAULTS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What a call of asyncpg raises; a time-out is an `OSError` too."""


async def connect(url: str) -> Connection:
    """A connection to the database that a URL names. Raises `StoreError`.

    A password stands in the URL, or in `PGPASSWORD` or the file that `PGPASSFILE` names.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            return await asyncpg.connect(
                url, timeout=CONNECT_S, command_timeout=STATEMENT_S, server_settings=dict(_SESSION)
            )
    except FAULTS as error:
        raise failure("a PostgreSQL server that can be reached", error) from error
    except ValueError as error:
        # asyncpg repeats parts of what it could not read, which may be a password: the cause is dropped.
        del error
    raise StoreError(
        "expected a store.url such as postgresql://user@host:5432/database, was one that cannot be read"
    ) from None


async def make_pool(url: str, size: int) -> Pool:
    """Connections for reading, at most `size`; each is replaced when it is lost. Raises `StoreError`."""
    try:
        async with asyncio.timeout(CONNECT_S):
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                timeout=CONNECT_S,
                command_timeout=STATEMENT_S,
                server_settings=dict(_SESSION),
            )
    except FAULTS as error:
        raise failure("a PostgreSQL server that can be reached", error) from error


def failure(expected: str, error: BaseException) -> StoreError:
    """A `StoreError` that says what a server or the way to it said."""
    return StoreError(f"expected {expected}, was: {_said(error)}")


def _said(error: BaseException) -> str:
    if isinstance(error, asyncpg.PostgresError):
        return f"{error.args[0] if error.args else ''} ({error.sqlstate})"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # in place of its own text, which has the address in it
    return type(error).__name__


async def migrate(connection: Connection) -> int:
    """Bring the tables up to date, in one transaction and one router at a time; how many steps it took.

    Raises `StoreError`; then nothing was changed.
    """
    migrations = known_migrations("postgres")
    where = "store.url"
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_MIGRATIONS)
            await connection.execute(_BOOK)
            rows = await connection.fetch("SELECT version, name, sha256 FROM migrations ORDER BY version")
            missing = pending([(row[0], row[1], row[2]) for row in rows], migrations, 0, where)
            for migration in missing:
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO migrations (version, name, sha256) VALUES ($1, $2, $3)",
                    migration.version,
                    migration.name,
                    migration.sha256,
                )
    except FAULTS as error:
        raise failure("a journal that can be brought up to date", error) from error
    return len(missing)
