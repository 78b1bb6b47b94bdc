"""Where a token comes from in the terminal: a file, a variable, a prompt; never an argument."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from router.cli.access import Access, UsageError
from router.cli.app import make_app
from router.cli.credentials import check_way, read_token

TOKEN = "v2x-the-token"
UNREACHABLE = ("--url", "http://127.0.0.1:9")


def command(*arguments: str, told: str | None = "", **environment: str) -> tuple[int, str]:
    """Run a command without a terminal."""
    ran = subprocess.run(
        [sys.executable, "-m", "router", "connections", *arguments, *UNREACHABLE],
        input=told,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    assert TOKEN not in ran.stdout + ran.stderr
    return ran.returncode, ran.stderr


def test_a_token_is_read_from_a_file_or_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    variables = {"DESK_TOKEN": TOKEN}

    for found in (
        read_token(str(file), None, ask=False),
        read_token(None, "DESK_TOKEN", ask=False, environ=variables),
    ):
        assert found is not None
        assert found.reveal() == TOKEN
    assert read_token(None, None, ask=False) is None


@pytest.mark.parametrize("content", ["", " \n", f"{TOKEN} more", f"{TOKEN}\nmore", "tökën", "x" * 4097])
def test_what_is_no_token_is_refused_and_not_repeated(content: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(
        UsageError, match=r"expected a token of printable ASCII .* \(it is not shown\)"
    ) as raised:
        read_token(str(file), None, ask=False)
    assert TOKEN not in str(raised.value)


def test_of_two_sources_none_is_chosen(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected one of them, were both"):
        read_token(str(tmp_path / "x"), "DESK_TOKEN", ask=False)
    with pytest.raises(UsageError, match="expected a file that can be read: FileNotFoundError"):
        read_token(str(tmp_path / "x"), None, ask=False)


def test_no_option_takes_the_token_itself() -> None:
    code, said = command("add", "Name", "--token", TOKEN)

    assert code == 2
    assert "--token" in said


@pytest.mark.parametrize(
    ("url", "plain_http", "goes"),
    [
        ("http://127.0.0.1:8080", False, True),
        ("http://localhost:8080", False, True),
        ("https://router.example", False, True),
        ("http://router.example", True, True),
        ("http://router.example", False, False),
        ("http://10.0.0.5:8080", False, False),
    ],
)
def test_a_token_goes_to_another_machine_over_https_or_where_it_was_said(
    url: str, plain_http: bool, goes: bool
) -> None:
    access = Access(url=url, plain_http=plain_http)
    if goes:
        check_way(access)
    else:
        with pytest.raises(UsageError, match="expected https, or --plain-http, to send a token"):
            check_way(access)


def test_without_a_terminal_nobody_is_asked() -> None:
    code, said = command("add", "Name", told="")
    assert (code, "expected --token-file FILE" in said) == (2, True)
    code, said = command("remove", "bitgo", told="")
    assert (code, "expected --yes" in said) == (2, True)


def test_standard_input_gives_it_where_it_is_named() -> None:
    code, said = command("add", "Name", "--token-file", "-", told=f"{TOKEN}\n")

    assert (code, "no connection" in said) == (4, True)


def test_it_is_asked_for_without_an_echo() -> None:
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "router", "connections", "add", "Name", *UNREACHABLE],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    shown = b""
    while b"token from the counterparty" not in shown:
        shown += os.read(terminal, 1024)
    os.write(terminal, f"{TOKEN}\n".encode())
    assert process.wait(30) == 4
    try:
        while more := os.read(terminal, 1024):
            shown += more
    except OSError:
        pass  # nobody is at the other end any more
    os.close(terminal)
    assert TOKEN.encode() not in shown


def test_what_there_is_to_do_with_connections_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    make_app()(["connections", "--help"], exit_on_error=False)
    said = capsys.readouterr().out

    for name in ("add", "list", "show", "edit", "remove", "test"):
        assert f" {name} " in said


@pytest.mark.parametrize("pair", ["xyz", "xyz=", "=1", "xyz=1.5", "xyz=100"])
def test_decimals_are_pairs(pair: str) -> None:
    code, said = command("add", "Name", "--token-file", "-", "--decimals", pair, told=f"{TOKEN}\n")

    assert (code, "--decimals: expected a coin and its decimals" in said) == (2, True)


def test_an_edit_changes_something() -> None:
    code, said = command("edit", "bitgo")

    assert (code, "expected something to change" in said) == (2, True)
