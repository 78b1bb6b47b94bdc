"""Where a store is: URLs that are taken and refused, modes, and the lock that one process has."""

import os
import stat
from pathlib import Path

import pytest

from router.journal import open_journal
from router.journal.location import FileLock, prepare_file, sqlite_path
from router.ports import StoreError


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/lib/caas-router/router.db", "/var/lib/caas-router/router.db"),
        ("sqlite:router.db", "router.db"),
        ("sqlite:data/router.db", "data/router.db"),
        ("sqlite://./router.db", "router.db"),
        ("sqlite://../router.db", "../router.db"),
        ("sqlite:/srv/a b%20c.db", "/srv/a b%20c.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    assert Path(path) == sqlite_path(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "another scheme"),
        ("router.db", "another scheme"),
        ("mysql://host/db", "another scheme"),
        ("postgresql+asyncpg://user:hunter2@host/db", "another scheme"),
        ("postgresql://user:hunter2/@localhost:port/db", "cannot be read"),
        ("postgresql://user:hunter2@localhost:1/db", "can be reached"),
        ("sqlite://host/router.db", "no host"),
        ("sqlite://router.db", "no host"),
        ("sqlite:", "a directory or nothing"),
        ("sqlite:///", "a directory or nothing"),
        ("sqlite:///var/lib/", "a directory or nothing"),
        ("sqlite::memory:", "in memory"),
        ("sqlite:///x.db?mode=memory", "parameters"),
        ("sqlite:///x.db#y", "parameters"),
    ],
)
async def test_any_other_url_is_refused_and_not_repeated(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as raised:
        await open_journal(url)

    assert "hunter2" not in str(raised.value)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes_in(folder: Path) -> dict[str, int]:
    return {entry.name: mode(entry) for entry in folder.iterdir()}


def test_directories_and_file_are_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "router.db"

    prepare_file(path)

    assert (mode(path.parent.parent), mode(path.parent), mode(path)) == (0o700, 0o700, 0o600)


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    path.touch()
    path.chmod(0o644)

    prepare_file(path)

    assert mode(path) == 0o600


async def test_no_file_beside_the_journal_can_be_read_by_others(tmp_path: Path) -> None:
    journal = await open_journal(f"sqlite://{tmp_path}/router.db")
    modes = modes_in(tmp_path)
    await journal.close()

    assert modes == dict.fromkeys(("router.db", "router.db-wal", "router.db-shm", "router.db.lock"), 0o600)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="can be written at"):
        prepare_file(tmp_path / "file" / "router.db")
    with pytest.raises(StoreError, match="can be written at"):
        prepare_file(tmp_path)


def test_a_lock_is_held_by_one_and_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    lock = FileLock(path)

    with pytest.raises(StoreError) as raised:
        FileLock(path)

    assert f"(process {os.getpid()})" in str(raised.value)
    assert f"{path}.lock" in str(raised.value)
    lock.release()
    lock.release()
    FileLock(path).release()


def test_a_lock_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="lock file"):
        FileLock(tmp_path / "nowhere" / "router.db")
