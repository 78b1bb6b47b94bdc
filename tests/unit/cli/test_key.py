"""The API key: where it comes from, where it goes, and that it shows up nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from router.cli.app import main
from tests.unit.cli import samples
from tests.unit.cli.conftest import FakeRouter, Run

KEY = "k3y-that-nobody-may-read"


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    return str(path)


async def test_the_key_of_a_file_goes_out_as_a_bearer(router: FakeRouter, run: Run, key_file: str) -> None:
    router.answer("GET", "/v1/connections", 200, samples.CONNECTIONS)
    ran = await run("connections", "--key-file", key_file)
    assert ran.code == 0
    assert router.asked[0].authorization == f"Bearer {KEY}"
    assert KEY not in ran.out + ran.err


async def test_without_a_key_none_is_sent(router: FakeRouter, run: Run) -> None:
    router.answer("GET", "/v1/connections", 200, samples.CONNECTIONS)
    await run("connections")
    assert router.asked[0].authorization is None


async def test_errors_do_not_show_the_key(router: FakeRouter, run: Run, key_file: str) -> None:
    unauthenticated = samples.FAILED | {"code": "unauthenticated", "status": 401}
    router.answer("GET", "/v1/connections", 401, unauthenticated)
    ran = await run("connections", "--key-file", key_file)
    assert ran.code == 1
    assert KEY not in ran.out + ran.err


@pytest.mark.parametrize("content", ["two words", "", "ünlesbar", "x" * 513])
async def test_what_is_no_key_is_refused_and_not_repeated(
    router: FakeRouter, run: Run, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    ran = await run("connections", "--key-file", str(path))
    assert ran.code == 2
    assert router.asked == []
    assert not content or content not in ran.flat


async def test_a_key_file_that_is_not_there_is_a_wrong_setting(run: Run, tmp_path: Path) -> None:
    assert (await run("connections", "--key-file", str(tmp_path / "none"))).code == 2


def test_a_key_is_not_sent_over_plain_http_to_another_machine(
    key_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # An address of the documentation range: if it were asked, the answer would be 4.
    assert main(["connections", "--url", "http://192.0.2.1", "--key-file", key_file]) == 2
    assert KEY not in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "nonsense", "http://u:secret@127.0.0.1", "http://[::1"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connections", "--url", url]) == 2
    assert "secret" not in capsys.readouterr().err


def test_the_environment_names_the_router_and_the_key() -> None:
    env = os.environ | {"CAAS_ROUTER_URL": "http://192.0.2.1", "CAAS_ROUTER_KEY": KEY}
    ran = subprocess.run(
        [sys.executable, "-m", "router", "connections"], env=env, capture_output=True, text=True, check=False
    )
    # Refused for want of https: so it knew of both.
    assert ran.returncode == 2
    assert "https" in ran.stderr
    assert KEY not in ran.stdout + ran.stderr
