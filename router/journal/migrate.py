"""Bring a store's tables up to date: numbered SQL, each applied once and known by its SHA-256.

What every store goes by stands first (`known_migrations`, `pending`), then how it is done to a SQLite file.
A file is refused, and left as it was, when it is another program's (`application_id`), when a newer program
wrote it, or when a migration that it went through is not the one that this program has: its tables would not
be those that the statements in `sqlite.py` were written for.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Final

import msgspec

from router.ports import StoreError

APPLICATION_ID: Final = 0x63616173
"""`caas` in ASCII: what the file's header says of whose it is."""
_NAME = re.compile(r"(?P<version>[0-9]{4})_[a-z0-9_]+\.sql")
_BOOK: Final = """
CREATE TABLE IF NOT EXISTS migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
)
"""


class Migration(msgspec.Struct, frozen=True):
    """One step of the tables' history; `version` counts from 1 without a gap."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The checksum that is kept with it once it was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def known_migrations(store: str) -> tuple[Migration, ...]:
    """The migrations of a store (`sqlite`, `postgres`) that come with the program, oldest first."""
    found = []
    for file in resources.files("router.journal").joinpath("migrations", store).iterdir():
        named = _NAME.fullmatch(file.name)
        if named is not None:
            found.append(Migration(int(named["version"]), file.name, file.read_text("utf-8")))
    found.sort(key=lambda migration: migration.version)
    if [migration.version for migration in found] != list(range(1, len(found) + 1)) or not found:
        raise StoreError(f"expected migrations numbered from 1 without a gap, was {[m.name for m in found]}")
    return tuple(found)


def pending(
    done: Sequence[tuple[int, str, str]], migrations: Sequence[Migration], newest: int, where: object
) -> Sequence[Migration]:
    """The migrations that a store has still to go through.

    `done`: version, name and SHA-256 of those that it went through, oldest first; `newest`: the highest
    version that it says of itself; `where` is what messages call it. Raises `StoreError` for a store that a
    newer program wrote, or that went through another migration than this program's.
    """
    newest = max([newest, *(version for version, _, _ in done)])
    if newest > len(migrations):
        raise StoreError(
            f"expected a journal of version {len(migrations)} or older at {where}, was version {newest}: "
            "a newer caas-router wrote it"
        )
    for (version, name, sha256), migration in zip(done, migrations, strict=False):
        if (version, sha256) != (migration.version, migration.sha256):
            raise StoreError(
                f"expected migration {migration.name} with SHA-256 {migration.sha256} at {where}, "
                f"was {name} with {sha256}"
            )
    return migrations[len(done) :]


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], path: object) -> int:
    """Apply what is missing, in one exclusive transaction; returns how many were applied.

    `connection` is in autocommit mode, `path` is what messages call it. Raises `StoreError`; then nothing
    was changed.
    """
    try:
        connection.execute("BEGIN EXCLUSIVE")
        try:
            applied = _apply(connection, migrations, path)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(
            f"expected a journal that can be brought up to date at {path}, was: {error}"
        ) from error
    return applied


def _apply(connection: sqlite3.Connection, migrations: Sequence[Migration], path: object) -> int:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner != APPLICATION_ID and (owner != 0 or tables != 0):
        raise StoreError(f"expected a journal of caas-router at {path}, was another program's database")
    connection.execute(_BOOK)
    done = connection.execute("SELECT version, name, sha256 FROM migrations ORDER BY version").fetchall()
    (stated,) = connection.execute("PRAGMA user_version").fetchone()
    missing = pending(done, migrations, stated, path)
    for migration in missing:
        for statement in statements(migration.sql):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO migrations (version, name, sha256) VALUES (?, ?, ?)",
            (migration.version, migration.name, migration.sha256),
        )
    if missing:
        # Both stand in the file's header and are part of the transaction.
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
    return len(missing)


def statements(sql: str) -> Iterator[str]:
    """The statements of a migration. `executescript` would do, but it commits before it begins."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in pending.splitlines()):
        raise StoreError(f"expected a migration that ends with a whole statement, was {pending.strip()[:80]}")
