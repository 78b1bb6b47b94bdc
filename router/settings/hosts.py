"""Addresses in settings: which are this machine alone, and which a credential may be sent to."""

import ipaddress
from urllib.parse import urlsplit

from router.core.errors import shown
from router.settings_error import SettingsError


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def checked_base_url(base_url: str, key: str, source: str, *, plain_http: bool) -> str:
    """An address that a token may be sent to, without a slash at its end. Raises `SettingsError`."""
    expected = "a URL such as https://app.bitgo.com"
    try:
        url = urlsplit(base_url)
        known = url.scheme in ("http", "https") and url.hostname is not None and url.port != 0
    except ValueError as error:  # brackets that do not close, a port that is none
        raise SettingsError(source, key, expected, "another text") from error
    host = url.hostname
    plain = base_url.isascii() and base_url.isprintable() and " " not in base_url
    if not known or not plain or host is None or "@" in url.netloc or url.query or url.fragment:
        # What is no address may hold a credential: it is not repeated.
        raise SettingsError(source, key, expected, "another text")
    if url.scheme == "http" and not plain_http and not is_loopback(host):
        # A token over plain http is readable on the way: somebody must have said that the way is private.
        raise SettingsError(source, key, "https, or plain_http = true, off loopback", shown(base_url))
    return base_url.rstrip("/")
