"""Reads a token where it is typed or kept, on the desk's machine; never from the command line itself.

What stands on a command line is seen by every user of the machine and stays in the shell's history.
"""

import getpass
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from router.cli.access import Access, UsageError
from router.secrets import Secret
from router.settings import is_loopback

TOKEN_LENGTH_MAX: Final = 4096
STDIN: Final = "-"
_TOKEN = re.compile(r"[!-~]+")


def check_way(access: Access) -> None:
    """Raise `UsageError` where a token would be readable on its way to the router."""
    url = urlsplit(access.url)
    if url.scheme == "http" and not is_loopback(url.hostname or "") and not access.plain_http:
        raise UsageError("--url: expected https, or --plain-http, to send a token to another machine")


def read_token(
    token_file: str | None,
    token_env: str | None,
    *,
    ask: bool,
    environ: Mapping[str, str] = os.environ,
) -> Secret | None:
    """The token from a file (`-`: standard input), a variable, or, where `ask`, from a prompt without echo.

    None where none was named and none is asked for. Raises `UsageError`, which does not repeat it.
    """
    if token_file is not None and token_env is not None:
        raise UsageError("--token-file, --token-env: expected one of them, were both")
    if token_file is not None:
        return _checked(_read(token_file), "--token-file")
    if token_env is not None:
        return _checked(environ.get(token_env, ""), f"--token-env: the variable {token_env}")
    if not ask:
        return None
    if not sys.stdin.isatty():
        raise UsageError(
            "expected --token-file FILE, --token-file - or --token-env NAME, or a terminal to ask on"
        )
    return _checked(getpass.getpass("token from the counterparty (not shown): "), "token")


def _read(token_file: str) -> str:
    try:
        if token_file == STDIN:
            return sys.stdin.readline(TOKEN_LENGTH_MAX + 2)
        with Path(token_file).open(encoding="utf-8") as opened:
            return opened.read(TOKEN_LENGTH_MAX + 2)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file: expected a file that can be read: {type(error).__name__}") from error


def _checked(text: str, where: str) -> Secret:
    token = text.strip()
    if len(token) > TOKEN_LENGTH_MAX or _TOKEN.fullmatch(token) is None:
        raise UsageError(f"{where}: expected a token of printable ASCII without spaces (it is not shown)")
    return Secret(token)
