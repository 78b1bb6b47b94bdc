"""Reads credentials where they are typed or kept, on the desk's machine; never from the command line itself.

What stands on a command line is seen by every user of the machine and stays in the shell's history.
"""

import getpass
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from router.cli.access import Access, UsageError
from router.secrets import Secret
from router.settings import is_loopback
from router.settings.ccxt import OPTIONAL, REQUIRED
from router.settings.connections import COINBASE_CREDENTIALS

TOKEN_LENGTH_MAX: Final = 4096
STDIN: Final = "-"
_TOKEN = re.compile(r"[!-~]+")


class Names(NamedTuple):
    """What a counterparty's credentials are called. An optional one is not asked for again."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


SEVERAL: Final = {"coinbase_prime": Names(COINBASE_CREDENTIALS), "ccxt": Names(REQUIRED, (OPTIONAL,))}
"""Counterparties that know their client by more than a token."""


class Sources(NamedTuple):
    """Where the options say that credentials are: the token, or pairs such as `secret=FILE`."""

    token_file: str | None
    token_env: str | None
    files: list[str] | None
    variables: list[str] | None

    @property
    def named(self) -> bool:
        """Whether there are any."""
        return any(value is not None for value in self)


def read_credentials(
    counterparty: str, sources: Sources, *, ask: bool, environ: Mapping[str, str] = os.environ
) -> dict[str, Secret] | None:
    """The credentials that a counterparty wants, each from where it is; what is named nowhere is asked for.

    None where none was named and none is asked for. Raises `UsageError`, which repeats none.
    """
    names = SEVERAL.get(counterparty)
    if names is None:
        if sources.files or sources.variables:
            raise UsageError(
                f"expected --token-file or --token-env at {counterparty}, which has a token alone"
            )
        token = read_token(sources.token_file, sources.token_env, ask=ask, environ=environ)
        return None if token is None else {"token": token}
    wanted = (*names.required, *names.optional)
    if sources.token_file is not None or sources.token_env is not None:
        raise UsageError(
            f"expected --credential-file NAME=FILE or --credential-env NAME=VARIABLE at {counterparty} "
            f"for {', '.join(wanted)}, was a token"
        )
    if not sources.named and not ask:
        return None
    kept = _pairs("--credential-file", sources.files, wanted)
    said = _pairs("--credential-env", sources.variables, wanted)
    if twice := [name for name in wanted if name in kept and name in said]:
        raise UsageError(f"{twice[0]}: expected a file or a variable, were both")
    found = {
        **{name: _checked(_read(file), f"--credential-file: {name}") for name, file in kept.items()},
        **{
            name: _checked(environ.get(variable, ""), f"--credential-env: the variable {variable}")
            for name, variable in said.items()
        },
    }
    missing = [name for name in names.required if name not in found]
    if missing or not found:
        # Who is asked for one is asked for what is optional too; who named all in a script is not.
        found |= _prompted(missing, [name for name in names.optional if name not in found])
    return {name: found[name] for name in wanted if name in found}


def _pairs(option: str, pairs: list[str] | None, names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, equals, where = pair.partition("=")
        if not equals or not where or name not in names or name in found:
            # It is not repeated: a credential itself may have been put here.
            raise UsageError(f"{option}: expected each of {', '.join(names)} once, with = and where it is")
        found[name] = where
    return found


def _prompted(required: list[str], optional: list[str]) -> dict[str, Secret]:
    if not sys.stdin.isatty():
        raise UsageError(
            "expected --credential-file or --credential-env for "
            f"{', '.join(required)}, or a terminal to ask on"
        )
    found = {name: _checked(getpass.getpass(f"{_words(name)} (not shown): "), name) for name in required}
    for name in optional:
        text = getpass.getpass(f"{_words(name)}, if there is one (not shown): ")
        if text.strip():
            found[name] = _checked(text, name)
    return found


def _words(name: str) -> str:
    return name.replace("_", " ")


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
            # A line each, where several are read from there.
            return sys.stdin.readline(TOKEN_LENGTH_MAX + 2)
        with Path(token_file).open(encoding="utf-8") as opened:
            return opened.read(TOKEN_LENGTH_MAX + 2)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"expected a file that can be read: {type(error).__name__}") from error


def _checked(text: str, where: str) -> Secret:
    token = text.strip()
    if len(token) > TOKEN_LENGTH_MAX or _TOKEN.fullmatch(token) is None:
        raise UsageError(f"{where}: expected a token of printable ASCII without spaces (it is not shown)")
    return Secret(token)
