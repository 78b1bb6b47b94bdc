"""The limit on open files: raised as far as a process may, never lowered."""

import resource
from collections.abc import Iterator

import pytest

from router.open_files import WANTED, allow_many


@pytest.fixture(autouse=True)
def limits() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_low_limit_is_raised_as_far_as_the_system_lets_it(limits: tuple[int, int]) -> None:
    hard = limits[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

    allow_many()

    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, hard)


def test_a_limit_that_is_high_enough_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.open_files.WANTED", 256)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    allow_many()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_a_system_that_does_not_let_it_be_raised_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with monkeypatch.context() as patched:
        patched.setattr(resource, "setrlimit", refuse)
        allow_many()

    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 256
