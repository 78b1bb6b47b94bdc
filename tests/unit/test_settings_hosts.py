"""Addresses that a token may be sent to: what cannot be meant is refused before anything is sent there."""

import pytest

from router.settings.hosts import checked_base_url
from router.settings_error import SettingsError
from venues.coinbase.encode import address


@pytest.mark.parametrize(
    "base_url",
    [
        "https://\\x",
        "https://x\\@y.example",
        "https://x.example?",
        "https://x.example#",
        "https://x.example/a?",
        "HTTPS://x.example",
        "https://%2f",
        "https://x.example:99999",
        "https://[::1",
        "https://[x]",
        'https://"x"',
        "https://x.example/../",
        "https://x.example/%2e%2e",
        "https://",
        "https://:443",
    ],
)
def test_what_is_no_address_of_a_counterparty_is_refused_without_being_repeated(base_url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        checked_base_url(base_url, "base_url", "request", plain_http=True)
    assert (refused.value.key, refused.value.was) == ("base_url", "another text")


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://app.bitgo.com", "https://app.bitgo.com/v1/x"),
        ("https://app.bitgo.com/", "https://app.bitgo.com/v1/x"),
        ("https://gateway.example:8443/prime/live/", "https://gateway.example:8443/prime/live/v1/x"),
        ("http://[::1]:8080", "http://[::1]:8080/v1/x"),
        ("http://prime_gateway:80", "http://prime_gateway/v1/x"),
        # One account is one connection, however its address is written.
        ("https://App.BitGo.com:443", "https://app.bitgo.com/v1/x"),
    ],
)
def test_what_is_accepted_is_the_address_that_requests_go_to(base_url: str, expected: str) -> None:
    checked = checked_base_url(base_url, "base_url", "request", plain_http=True)
    assert str(address(checked, "/v1/x")) == expected
    assert checked + "/v1/x" == expected
