"""How a database is named, where its password comes from, and that no message repeats it."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.journal import open_journal
from router.ports import StoreError
from tests.postgres_server import LOCKED_USER, PostgresServer

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, sys
from router.journal import open_journal
async def main():
    journal = await open_journal(sys.argv[1])
    await journal.check()
    await journal.close()
asyncio.run(main())
"""


@pytest.fixture
def locked(postgres: PostgresServer) -> Iterator[str]:
    """A role that needs its password, hunter2."""
    postgres.sql(f"CREATE ROLE {LOCKED_USER} LOGIN SUPERUSER PASSWORD 'hunter2'")
    yield LOCKED_USER
    postgres.sql(f"DROP OWNED BY {LOCKED_USER}")
    postgres.sql(f"DROP ROLE {LOCKED_USER}")


@pytest.mark.parametrize("variable", ["PGPASSWORD", "PGPASSFILE"])
@pytest.mark.parametrize("password", ["hunter2", "hunter3"])
async def test_a_password_is_read_from_the_environment_or_a_file(
    variable: str, password: str, locked: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    file = tmp_path / "passwords"
    file.write_text(f"*:*:*:*:{password}\n")
    file.chmod(0o600)
    value = password if variable == "PGPASSWORD" else str(file)
    name = postgres.create()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, f"postgresql://{locked}@127.0.0.1:{postgres.port}/{name}"),
        cwd=ROOT,
        env={**os.environ, variable: value},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    postgres.drop(name)

    assert (process.returncode == 0) == (password == "hunter2")
    assert (b"password authentication failed" in said) == (password == "hunter3")
    assert password.encode() not in said


async def test_a_password_in_the_url_is_used(locked: str, postgres: PostgresServer) -> None:
    name = postgres.create()
    journal = await open_journal(f"postgresql://{locked}:hunter2@127.0.0.1:{postgres.port}/{name}")
    await journal.check()
    await journal.close()
    postgres.drop(name)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("{locked}:hunter3@127.0.0.1:{port}/postgres", "password authentication failed"),
        ("router:hunter3@127.0.0.1:{port}/nowhere", 'database "nowhere" does not exist'),
        ("router:hunter3@127.0.0.1:1/postgres", "refused"),
        ("router:hunter3/@127.0.0.1/postgres", "cannot be read"),
        ("router:hunter3@127.0.0.1:{port}/postgres?sslmode=hunter3", "."),
    ],
)
async def test_a_password_is_in_no_message(
    place: str, said: str, locked: str, postgres: PostgresServer
) -> None:
    url = "postgresql://" + place.format(locked=locked, port=postgres.port)

    with pytest.raises(StoreError, match=said) as raised:
        await open_journal(url)

    shown: BaseException | None = raised.value
    while shown is not None:
        assert "hunter3" not in f"{shown} {shown!r}"
        shown = shown.__cause__
