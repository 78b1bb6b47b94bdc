"""Which router, with which key: what every command of the desk takes."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from cyclopts import Group, Parameter

from router.cli.client import Client
from router.secrets import Secret
from router.settings import is_loopback

URL_VARIABLE: Final = "CAAS_ROUTER_URL"
KEY_VARIABLE: Final = "CAAS_ROUTER_KEY"
KEY_LENGTH_MAX: Final = 512
_ADDRESS: Final = "--url: expected an address such as http://127.0.0.1:8080, was another text"
_KEY = re.compile(r"[\x21-\x7e]+")
_GROUP = Group("Router", sort_key=10)


Flag = Annotated[bool, Parameter(negative="", show_default=False)]


class UsageError(Exception):
    """The command line cannot be meant; nothing was sent."""


@Parameter(name="*", group=_GROUP)
@dataclass(frozen=True, kw_only=True)
class Access:
    """Where the router is and how its answers are shown."""

    url: Annotated[str, Parameter(env_var=URL_VARIABLE)] = "http://127.0.0.1:8080"
    "The router's address."

    key_file: Path | None = None
    "A file with the API key; without it, the variable CAAS_ROUTER_KEY. Never the key itself."

    plain_http: Flag = False
    "Send the key over plain http to another machine: the way there is private."

    timeout_s: float = 30.0
    "Seconds to wait for the router."

    json: Flag = False
    "Print the router's answers as they came, one to a line."

    def client(self) -> Client:
        """A client for the router. Raises `UsageError`."""
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UsageError(_ADDRESS) from error
        if not host or parts.scheme not in ("http", "https") or port == 0 or parts.query or parts.fragment:
            raise UsageError(_ADDRESS)
        if parts.username is not None or parts.password is not None:
            raise UsageError("--url: expected no user and no password in it, was one with them")
        if not 0 < self.timeout_s <= 3600:
            raise UsageError(f"--timeout-s: expected more than 0 and at most 3600, was {self.timeout_s:g}")
        key = self._key()
        if key is not None and parts.scheme == "http" and not is_loopback(host) and not self.plain_http:
            # A key over plain http is readable on the way: somebody must have said that the way is private.
            raise UsageError("--url: expected https, or --plain-http, to send a key to another machine")
        return Client(self.url, key, self.timeout_s)

    def _key(self) -> Secret | None:
        if self.key_file is None:
            where, text = KEY_VARIABLE, os.environ.get(KEY_VARIABLE, "")
            if not text:
                return None
        else:
            where = "--key-file"
            try:
                text = self.key_file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(
                    f"{where}: expected a file that can be read: {type(error).__name__}"
                ) from error
        if len(text) > KEY_LENGTH_MAX or _KEY.fullmatch(text) is None:
            raise UsageError(f"{where}: expected a key of printable ASCII without spaces (it is not shown)")
        return Secret(text)


HERE: Final = Access()
"""The router on this machine, without a key."""
