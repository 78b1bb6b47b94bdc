"""Requests as bytes: what is prepared once and what differs, and that nothing can be put into them."""

import pytest

from router.secrets import Secret
from tests.unit.venues.support import virtually
from venues.transport.http1.line import Line
from venues.transport.http1.request import Origin, Prepared, Template
from venues.transport.reader import bearer
from venues.transport.session import Exchange, NotSent
from venues.transport.timing import Timing


def template(method: str = "POST", target: str = "/orders", *, json: bool = True) -> Template:
    return Template(method, Origin("h", 443, tls=True, path="/api"), target, "caas-router/1", json=json)


def test_a_request_is_its_template_who_asks_and_the_body() -> None:
    assert template().render(bearer(Secret("t0ken")), b'{"a":1}') == (
        b"POST /api/orders HTTP/1.1\r\n"
        b"Host: h\r\n"
        b"User-Agent: caas-router/1\r\n"
        b"Accept: application/json\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Content-Type: application/json\r\n"
        b"Authorization: Bearer t0ken\r\n"
        b"Content-Length: 7\r\n"
        b"\r\n"
        b'{"a":1}'
    )


def test_a_template_is_used_again_for_another() -> None:
    used = template()
    first = used.render({"A": "1"}, b"one")
    assert used.render({"B": "2"}, b"fourteen") != first
    assert used.render({"A": "1"}, b"one") == first


@pytest.mark.parametrize(("method", "states"), [("POST", True), ("PUT", True), ("GET", False)])
def test_a_request_without_a_body_says_so_where_one_could_be(method: str, states: bool) -> None:
    request = template(method, json=False).render({"A": "1"})
    assert (b"\r\nContent-Length: 0\r\n" in request) is states
    assert b"Content-Type" not in request
    assert request.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "\x7f", "é", "\u0662"])
def test_a_credential_that_is_no_fields_value_goes_nowhere(value: str) -> None:
    with pytest.raises(ValueError, match="expected credentials of printable ASCII, were others"):
        template().render({"Authorization": value})


def test_a_line_with_such_a_credential_sends_nothing() -> None:
    """Nothing is raised either: what the request took from the budget is given back."""

    async def main() -> object:
        line = Line("http://127.0.0.1:1", "t", Timing())
        return await line.exchange(line.template("POST", "/x"), {"A": "a\nb"}, b"", 100, 100)

    assert virtually(main) == NotSent("expected credentials of printable ASCII, were others")


def test_a_prepared_request_is_the_same_and_shows_nothing_of_who_asks() -> None:
    asked = []

    def who() -> dict[str, str]:
        asked.append("who")
        return bearer(Secret("t0ken"))

    prepared = Prepared(template(), who)
    for body in (b'{"a":1}', b'{"a":1234}', b""):
        assert prepared.render(body) == template().render(bearer(Secret("t0ken")), body)
    assert asked == ["who"]
    assert "t0ken" not in "".join(repr(getattr(prepared, name)) for name in Prepared.__slots__)


def test_a_prepared_request_with_such_a_credential_is_never_sent() -> None:
    line = Line("http://127.0.0.1:1", "t", Timing())
    prepared = line.prepared("POST", "/x", lambda: {"A": "a\nb"})
    told: list[Exchange] = []
    for _ in range(2):
        line.send(prepared, b"", 100, 100, told.append)
    assert told == [NotSent("expected credentials of printable ASCII, were others")] * 2


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y", "/é", "/a\tb"])
def test_a_target_that_is_not_encoded_is_a_mistake(target: str) -> None:
    with pytest.raises(ValueError, match="expected printable ASCII in a request"):
        template(target=target)


@pytest.mark.parametrize(
    ("base_url", "expected", "authority"),
    [
        ("https://app.bitgo.com", Origin("app.bitgo.com", 443, tls=True), "app.bitgo.com"),
        ("http://localhost", Origin("localhost", 80, tls=False), "localhost"),
        ("http://127.0.0.1:8080/a/b/", Origin("127.0.0.1", 8080, tls=False, path="/a/b"), "127.0.0.1:8080"),
        ("https://[::1]:8443", Origin("::1", 8443, tls=True), "[::1]:8443"),
        ("https://h:80", Origin("h", 80, tls=True), "h:80"),
    ],
)
def test_where_a_base_url_leads(base_url: str, expected: Origin, authority: str) -> None:
    found = Origin.parse(base_url)
    assert found == expected
    assert found.authority == authority


@pytest.mark.parametrize("base_url", ["ftp://h", "h", "https://", ""])
def test_what_leads_nowhere(base_url: str) -> None:
    with pytest.raises(ValueError, match="expected an address of http or https"):
        Origin.parse(base_url)
