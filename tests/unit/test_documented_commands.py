"""What a reader copies from the documents works: each command can be meant, each settings file is one."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from router.cli.app import make_app
from router.settings import parse
from venues.simulator.settings import build

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [README, *(path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md")))]
CONSOLE = re.compile(r"(?ms)^```console\n(.*?)^```$")
COMMAND = re.compile(r"(?m)^\$ (?:\w+=\S+ )*(?:\\\n\s*)?(?:\.venv/bin/)?caas-router ((?:.*\\\n)*.*)$")
EXAMPLE = re.compile(r"(?m)^\| `\w+` \|.*\| `(order .*)` \|$")
HEREDOC = re.compile(r"(?ms)^\$ cat > (\S+) <<'TOML'\n(.*?)^TOML$")


def commands() -> list[str]:
    """What stands after `caas-router` in consoles, and the examples of the table of order types."""
    blocks = [block for page in PAGES for block in CONSOLE.findall(page)]
    shown = [command for block in blocks for command in COMMAND.findall(block)]
    return sorted({*shown, *EXAMPLE.findall(README)})


def test_the_documents_show_commands() -> None:
    shown = [shlex.split(command, comments=True)[0] for command in commands()]
    assert {"serve", "simulate", "order", "orders", "connections", "report", "margin"} <= set(shown)
    assert len(EXAMPLE.findall(README)) == 5


@pytest.mark.parametrize("command", commands())
def test_every_command_can_be_meant(command: str) -> None:
    tokens = shlex.split(command.replace("\\\n", " "), comments=True)
    called, bound, unused = make_app().parse_args(tokens, exit_on_error=False, print_error=False)[:3]
    assert callable(called)
    assert bound is not None
    assert not unused


def test_the_settings_of_the_readme_are_settings() -> None:
    files = dict(HEREDOC.findall(README))
    found = parse(tomllib.loads(files["router.toml"]), "router.toml", {"BITGO_SPOT_TOKEN": "secret"})
    assert [entry.connection.id for entry in found.connections] == ["bitgo-spot"]
    assert build(tomllib.loads(files["simulator.toml"])).server.port == 9100
