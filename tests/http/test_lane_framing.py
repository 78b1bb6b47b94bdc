"""The account of where aiohttp's parser stands: it is right, or it says that it does not know."""

import pytest

from router.http.framing import HEAD_BYTES_MAX, Framing

HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: router\r\nContent-Length: 3\r\n\r\n"
WITHOUT_BODY = b"GET /healthz HTTP/1.1\r\nHost: router\r\n\r\n"


def fed(*pieces: bytes) -> Framing:
    framing = Framing()
    for piece in pieces:
        framing.fed(piece)
    return framing


def test_nothing_came() -> None:
    framing = Framing()
    assert (framing.between, framing.lost) == (True, False)


def test_a_whole_request_and_its_answer() -> None:
    framing = fed(HEAD + b"abc")
    assert (framing.between, framing.lost) == (False, False)
    assert (framing.head, framing.length) == (HEAD, 3)

    assert framing.answered(3, whole=True)
    assert framing.between


def test_a_body_in_pieces() -> None:
    framing = fed(HEAD, b"a", b"bc")
    assert framing.answered(3, whole=True)
    assert framing.head == HEAD


def test_a_request_without_a_body_has_the_length_0() -> None:
    framing = fed(WITHOUT_BODY)
    assert framing.length == 0
    assert framing.answered(None, whole=True)


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"abcd",),
        (HEAD + b"abc", b"d"),
        (HEAD + b"a", b"bcd"),
        (WITHOUT_BODY + WITHOUT_BODY,),
        (HEAD[:-1], HEAD[-1:] + b"abc"),
        (HEAD.replace(b"Content-Length: 3", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",),
        (HEAD.replace(b"Host", b"TRANSFER-encoding: x\r\nHost") + b"abc",),
        (HEAD.replace(b"Host: router", b"Connection: Upgrade"),),
        (HEAD.replace(b"Host: router", b"Expect: 100-continue"),),
        (HEAD.replace(b"Host: router", b"Content-Length: 3"),),
        (HEAD.replace(b"Host: router", b"Content-Length: 3\r\nHost: router"),),
        (HEAD.replace(b": 3", b": +3"),),
        (HEAD.replace(b": 3", b" : 3"),),
        (HEAD.replace(b": 3", b": 3, 3"),),
        (HEAD.replace(b": 3", b":"),),
        (HEAD.replace(b"router", b"r" * HEAD_BYTES_MAX) + b"abc",),
    ],
)
def test_what_is_not_plain_is_lost_for_good(pieces: tuple[bytes, ...]) -> None:
    framing = fed(*pieces)
    assert (framing.lost, framing.between, framing.head) == (True, False, b"")
    framing.fed(HEAD + b"abc")
    assert not framing.answered(3, whole=True)


@pytest.mark.parametrize(
    ("pieces", "length", "whole"),
    [
        # The parser read another length, has not read all, or has all where some is still to come.
        ((HEAD + b"abc",), 2, True),
        ((HEAD + b"abc",), None, True),
        ((HEAD + b"abc",), 3, False),
        ((HEAD + b"ab",), 3, True),
        ((WITHOUT_BODY,), 1, True),
    ],
)
def test_where_the_parser_says_otherwise_it_is_lost(
    pieces: tuple[bytes, ...], length: int | None, whole: bool
) -> None:
    framing = fed(*pieces)
    assert not framing.answered(length, whole=whole)
    assert (framing.lost, framing.between) == (True, False)
