"""Credentials of a counterparty that knows its client by several: files, variables, prompts; no argument."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from router.cli.access import UsageError
from router.cli.credentials import Sources, read_credentials
from tests.unit.cli import samples
from tests.unit.cli.conftest import FakeRouter, Run

KEYS = {"access_key": "access-key-7", "passphrase": "pass-phrase-7", "signing_key": "signing-key-7"}
SHOWN: dict[str, Any] = samples.CONNECTIONS["data"][0] | {
    "counterparty": "coinbase_prime",
    "origin": "api",
    "lifecycle": "active",
    "credentials": "sealed",
    "settings": {},
}


def sources(files: list[str] | None = None, variables: list[str] | None = None) -> Sources:
    return Sources(None, None, files, variables)


def files_of(folder: Path, names: dict[str, str]) -> list[str]:
    for name, text in names.items():
        (folder / name).write_text(f"{text}\n")
    return [f"{name}={folder / name}" for name in names]


async def test_a_portfolio_is_connected_with_its_three_credentials(
    router: FakeRouter, run: Run, tmp_path: Path
) -> None:
    router.answer("POST", "/v1/connections", 201, SHOWN)
    options = [part for pair in files_of(tmp_path, KEYS) for part in ("--credential-file", pair)]
    ran = await run(
        *("connections", "add", "Desk", "--counterparty", "coinbase_prime", "--portfolio-id", "p-1"),
        *("--taker-fee-bps", "5", "--pts", *options),
    )
    assert ran.code == 0
    assert router.asked[-1].body == {
        "name": "Desk",
        "type": "exchange",
        "counterparty": "coinbase_prime",
        "portfolio_id": "p-1",
        "taker_fee_bps": "5",
        "pts": True,
        "credentials": KEYS,
    }
    assert not any(text in ran.out + ran.err for text in KEYS.values())


async def test_an_exchange_through_ccxt_is_connected(
    router: FakeRouter, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_SECRET", "kraken-secret-7")
    router.answer("POST", "/v1/connections", 201, SHOWN)
    [file] = files_of(tmp_path, {"api_key": "kraken-key-7"})
    ran = await run(
        *("connections", "add", "Kraken", "--counterparty", "ccxt", "--exchange", "kraken"),
        *("--taker-fee-bps", "26", "--credential-file", file, "--credential-env", "secret=DESK_SECRET"),
    )
    assert ran.code == 0
    body = router.asked[-1].body
    assert isinstance(body, dict)
    assert (body["exchange"], body["credentials"]) == (
        "kraken",
        {"api_key": "kraken-key-7", "secret": "kraken-secret-7"},
    )


async def test_an_edit_names_them_as_the_connection_s_counterparty_does(
    router: FakeRouter, run: Run, tmp_path: Path
) -> None:
    router.answer("GET", "/v1/connections/cb", 200, SHOWN)
    router.answer("PATCH", "/v1/connections/cb", 200, SHOWN)
    options = [part for pair in files_of(tmp_path, KEYS) for part in ("--credential-file", pair)]
    assert (await run("connections", "edit", "cb", *options)).code == 0
    assert router.asked[-1].body == {"credentials": KEYS}
    ran = await run("connections", "edit", "cb", "--token-file", str(tmp_path / "access_key"))
    assert (ran.code, "for access_key, passphrase, signing_key, was a token" in ran.flat) == (2, True)
    router.answer("GET", "/v1/connections/gone", 404, samples.NOT_FOUND)
    assert (await run("connections", "edit", "gone", *options)).code == 1


@pytest.mark.parametrize(
    "pairs",
    [["access-key-7"], ["access_key="], ["token=/x"], ["access_key=/x", "access_key=/y"]],
)
def test_a_pair_that_is_none_is_refused_and_not_repeated(pairs: list[str]) -> None:
    with pytest.raises(
        UsageError, match="expected each of access_key, passphrase, signing_key once"
    ) as raised:
        read_credentials("coinbase_prime", sources(pairs), ask=True)
    assert "access-key-7" not in str(raised.value)


def test_of_a_file_and_a_variable_none_is_chosen(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="api_key: expected a file or a variable, were both"):
        read_credentials("ccxt", sources([f"api_key={tmp_path}"], ["api_key=DESK_KEY"]), ask=True)


def test_a_token_alone_has_its_own_options() -> None:
    with pytest.raises(UsageError, match="expected --token-file or --token-env at bitgo_prime"):
        read_credentials("bitgo_prime", sources(["token=/x"]), ask=True)
    found = read_credentials("bitgo_prime", Sources(None, "T", None, None), ask=False, environ={"T": "v2x"})
    assert {name: secret.reveal() for name, secret in (found or {}).items()} == {"token": "v2x"}
    assert read_credentials("ccxt", sources(), ask=False) is None


def test_what_is_named_nowhere_is_asked_for_without_an_echo() -> None:
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "router", "connections", "add", "Kraken", "--counterparty", "ccxt"),
            *("--credential-env", "api_key=DESK_KEY", "--url", "http://127.0.0.1:9"),
        ],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
        env={**os.environ, "DESK_KEY": "kraken-key-7"},
    )
    os.close(inside)
    shown = b""
    for prompt, typed in ((b"secret (not shown): ", "kraken-secret-7"), (b"if there is one", "")):
        while prompt not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, f"{typed}\n".encode())
    assert process.wait(30) == 4
    try:
        while more := os.read(terminal, 1024):
            shown += more
    except OSError:
        pass  # nobody is at the other end any more
    os.close(terminal)
    assert b"kraken-secret-7" not in shown
    assert b"kraken-key-7" not in shown
