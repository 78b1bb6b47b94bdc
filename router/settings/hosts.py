"""Addresses in settings: which are this machine alone, and which a credential may be sent to."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from router.core.errors import shown
from router.settings_error import SettingsError

_ADDRESS: Final = re.compile(
    r"https?://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(:[0-9]{1,5})?(/(?!\.)[A-Za-z0-9._~-]*)*"
)
"""What every reader of addresses reads alike: no credentials, escapes, query, or steps up."""
_PORTS: Final = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def checked_base_url(base_url: str, key: str, source: str, *, plain_http: bool) -> str:
    """An address that a token may be sent to, as requests are put to it. Raises `SettingsError`.

    One address is one text, so that an account is not taken for two: the host in lower case, no port that is
    the scheme's own, no slash at the end.
    """
    expected = "a URL such as https://app.bitgo.com"
    found = _ADDRESS.fullmatch(base_url)
    try:
        url = urlsplit(base_url)
        host, port = url.hostname, url.port
    except ValueError as error:  # brackets around what is no address, a port that is none
        raise SettingsError(source, key, expected, "another text") from error
    if found is None or host is None or port == 0:
        # What is no address may hold a credential: it is not repeated.
        raise SettingsError(source, key, expected, "another text")
    if url.scheme == "http" and not plain_http and not is_loopback(host):
        # A token over plain http is readable on the way: somebody must have said that the way is private.
        raise SettingsError(source, key, "https, or plain_http = true, off loopback", shown(base_url))
    shown_port = "" if port in (None, _PORTS[url.scheme]) else f":{port}"
    return f"{url.scheme}://{found['host'].lower()}{shown_port}{url.path.rstrip('/')}"
