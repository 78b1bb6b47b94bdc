"""Answers out of bytes: what is one, what is none, and that it does not matter how the bytes were split."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venues.transport.http1.answer import CHUNKS_MAX, INTERIM_MAX, AnswerParser
from venues.transport.http1.head import FIELDS_MAX, HEAD_BYTES_MAX, AnswerError
from venues.transport.session import Answered

BODY_MAX = 100
OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\nok"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


class Whole(NamedTuple):
    """An answer, and the parser that has read it."""

    answer: Answered
    parser: AnswerParser
    rest: bytes


def read(data: bytes, cuts: Iterable[int] = (), body_max: int = BODY_MAX) -> Whole | str:
    """What comes of bytes, cut at some places: an answer, `unfinished`, or why it is none."""
    parser = AnswerParser()
    parser.expect(body_max)
    places = [0, *sorted(cut for cut in cuts if 0 < cut < len(data)), len(data)]
    for begin, end in itertools.pairwise(places):
        try:
            found = parser.feed(data[begin:end])
        except AnswerError as error:
            return error.detail
        if found is not None:
            return Whole(found, parser, parser.rest + data[end:])
    return "unfinished"


def whole(data: bytes, body_max: int = BODY_MAX) -> Whole:
    """What is an answer."""
    found = read(data, body_max=body_max)
    assert isinstance(found, Whole), found
    return found


def shown(data: bytes, cuts: Iterable[int] = ()) -> object:
    """All that can be seen of an answer, or that there was none."""
    found = read(data, cuts)
    if isinstance(found, str):
        return "unfinished" if found == "unfinished" else "refused"
    answer, parser, rest = found
    kept = parser.keeps and not rest
    return (answer.status, dict(answer.headers), answer.body, kept, parser.keeps_s, rest)


GOOD = {
    "length": (OK + TWO, (200, b"ok", True)),
    "no body": (OK + b"Content-Length: 0\r\n\r\n", (200, b"", True)),
    "no reason": (b"HTTP/1.1 200\r\n" + TWO, (200, b"ok", True)),
    "empty reason": (b"HTTP/1.1 200 \r\n" + TWO, (200, b"ok", True)),
    "reason in another alphabet": (b"HTTP/1.1 404 \xe9t\xe9\r\n" + TWO, (404, b"ok", True)),
    "no space after the colon": (OK + b"content-length:2\r\n\r\nok", (200, b"ok", True)),
    "spaces around a value": (OK + b"Content-Length: \t2 \t\r\n\r\nok", (200, b"ok", True)),
    "an empty value": (OK + b"X:\r\n" + TWO, (200, b"ok", True)),
    "closed after": (OK + b"Connection: Close\r\n" + TWO, (200, b"ok", False)),
    "closed after, among others": (OK + b"Connection: x, close\r\n" + TWO, (200, b"ok", False)),
    "closed after, in a second field": (
        OK + b"Connection: x\r\nconnection: close\r\n" + TWO,
        (200, b"ok", False),
    ),
    "kept": (OK + b"Connection: keep-alive\r\n" + TWO, (200, b"ok", True)),
    "not encoded": (OK + b"Content-Encoding: identity\r\n" + TWO, (200, b"ok", True)),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"", True)),
    "204 of length 0": (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", (204, b"", True)),
    "304 of some length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", (304, b"", True)),
    "chunks": (OK + CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n", (200, b"ok", True)),
    "chunks in hexadecimal": (OK + CHUNKED + b"0A\r\n0123456789\r\n0\r\n\r\n", (200, b"0123456789", True)),
    "no chunks": (OK + CHUNKED + b"0\r\n\r\n", (200, b"", True)),
    "a chunk with an extension": (OK + CHUNKED + b"2;a=b\r\nok\r\n0 ;c\r\n\r\n", (200, b"ok", True)),
    "chunks that hold line ends": (OK + CHUNKED + b"4\r\n\r\n\r\n\r\n0\r\n\r\n", (200, b"\r\n\r\n", True)),
    "trailers": (OK + CHUNKED + b"2\r\nok\r\n0\r\nX: y\r\nZ: w\r\n\r\n", (200, b"ok", True)),
    "in capitals": (OK + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\r\n", (200, b"ok", True)),
    "100 before": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + TWO, (200, b"ok", True)),
    "103 before": (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK + TWO, (200, b"ok", True)),
    "something after": (OK + TWO + b"HTTP/1.1", (200, b"ok", False)),
    "something after chunks": (OK + CHUNKED + b"2\r\nok\r\n0\r\n\r\nx", (200, b"ok", False)),
    "something after a 204": (b"HTTP/1.1 204 No Content\r\n\r\nx", (204, b"", False)),
}

BAD = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "an older version": b"HTTP/1.0 200 OK\r\n" + TWO,
    "a newer version": b"HTTP/2 200\r\n" + TWO,
    "lower case": b"http/1.1 200 OK\r\n" + TWO,
    "two digits": b"HTTP/1.1 20 OK\r\n" + TWO,
    "four digits": b"HTTP/1.1 2000 OK\r\n" + TWO,
    "a status of another alphabet": "HTTP/1.1 \N{ARABIC-INDIC DIGIT TWO}00 OK\r\n".encode() + TWO,
    "status 0": b"HTTP/1.1 000 OK\r\n" + TWO,
    "status 600": b"HTTP/1.1 600 OK\r\n" + TWO,
    "a line before": b"\r\n" + OK + TWO,
    "a bare LF after the status": b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
    "a bare LF after a field": OK + b"X: y\nContent-Length: 2\r\n\r\nok",
    "bare LFs alone": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "a bare CR": OK + b"X: y\rZ: w\r\n" + TWO,
    "a NUL": OK + b"X: \0\r\n" + TWO,
    "a folded line": OK + b"X: y\r\n z\r\n" + TWO,
    "a folded first line": OK + b" X: y\r\n" + TWO,
    "no colon": OK + b"what\r\n" + TWO,
    "no name": OK + b": y\r\n" + TWO,
    "a space before the colon": OK + b"Content-Length : 2\r\n\r\nok",
    "a space in a name": OK + b"X Y: z\r\n" + TWO,
    "neither length nor chunks": OK + b"\r\nok",
    "a length twice": OK + b"Content-Length: 2\r\n" + TWO,
    "two lengths": OK + b"Content-Length: 3\r\n" + TWO,
    "two lengths in one field": OK + b"Content-Length: 2, 2\r\n\r\nok",
    "a signed length": OK + b"Content-Length: +2\r\n\r\nok",
    "a negative length": OK + b"Content-Length: -1\r\n\r\n",
    "a length in hexadecimal": OK + b"Content-Length: 0x2\r\n\r\nok",
    "a length with an underscore": OK + b"Content-Length: 0_2\r\n\r\nok",
    "a length of another alphabet": OK + "Content-Length: \N{ARABIC-INDIC DIGIT TWO}\r\n\r\nok".encode(),
    "a length in latin superscript": OK + b"Content-Length: \xb2\r\n\r\nok",
    "an empty length": OK + b"Content-Length:\r\n\r\nok",
    "a length of many digits": OK + b"Content-Length: 00000000002\r\n\r\nok",
    "too long a body": OK + b"Content-Length: 101\r\n\r\n" + b"x" * 101,
    "length and chunks": OK + b"Content-Length: 2\r\n" + CHUNKED + b"2\r\nok\r\n0\r\n\r\n",
    "chunks twice": OK + b"Transfer-Encoding: chunked\r\n" + CHUNKED + b"0\r\n\r\n",
    "chunks of another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "another coding": OK + b"Transfer-Encoding: gzip\r\n\r\n",
    "a coding hidden from some": OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "an encoded body": OK + b"Content-Encoding: gzip\r\n" + TWO,
    "a body encoded after another": OK + b"Content-Encoding: identity\r\nContent-Encoding: br\r\n" + TWO,
    "too many chunked bytes": OK + CHUNKED + b"64\r\n" + b"x" * 100 + b"\r\n1\r\nx\r\n0\r\n\r\n",
    "a chunk too long": OK + CHUNKED + b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n",
    "a chunk of many digits": OK + CHUNKED + b"000000002\r\nok\r\n0\r\n\r\n",
    "a signed chunk": OK + CHUNKED + b"+2\r\nok\r\n0\r\n\r\n",
    "a chunk of no size": OK + CHUNKED + b"\r\nok\r\n0\r\n\r\n",
    "a chunk of a size in 0x": OK + CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
    "a chunk with spaces after": OK + CHUNKED + b"2 \r\nok\r\n0\r\n\r\n",
    "a chunk's bare LF": OK + CHUNKED + b"2\nok\r\n0\r\n\r\n",
    "a chunk longer than it says": OK + CHUNKED + b"2\r\noks\r\n0\r\n\r\n",
    "a chunk that ends in something else": OK + CHUNKED + b"2\r\nokxx0\r\n\r\n",
    "a chunk that ends in LF": OK + CHUNKED + b"2\r\nok\n0\r\n\r\n",
    "an extension that is endless": OK + CHUNKED + b"2;" + b"a" * 300 + b"\r\nok\r\n0\r\n\r\n",
    "trailers that are none": OK + CHUNKED + b"2\r\nok\r\n0\r\nwhat\r\n\r\n",
    "a change of protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "a body after 100": b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nok" + OK + TWO,
    "chunks after 100": b"HTTP/1.1 100 Continue\r\n" + CHUNKED + OK + TWO,
    "a body after 204": b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
    "chunks after 204": b"HTTP/1.1 204 No Content\r\n" + CHUNKED + b"0\r\n\r\n",
    "endless 100s": b"HTTP/1.1 100 Continue\r\n\r\n" * (INTERIM_MAX + 1) + OK + TWO,
    "too many fields": OK + b"X: y\r\n" * FIELDS_MAX + TWO,
    "a head too long": OK + b"X: " + b"y" * HEAD_BYTES_MAX + b"\r\n" + TWO,
    "an endless head": OK + b"X: " + b"y" * HEAD_BYTES_MAX,
}

UNFINISHED = {
    "nothing": b"",
    "a piece of the first line": b"HTTP/1.",
    "a status line": OK,
    "a head without its end": OK + b"Content-Length: 0\r\n",
    "a body that stops": OK + b"Content-Length: 3\r\n\r\nok",
    "a chunk that stops": OK + CHUNKED + b"3\r\nok",
    "a chunk without its end": OK + CHUNKED + b"2\r\nok",
    "no last chunk": OK + CHUNKED + b"2\r\nok\r\n",
    "no end after the last chunk": OK + CHUNKED + b"2\r\nok\r\n0\r\n",
    "half an end after the last chunk": OK + CHUNKED + b"2\r\nok\r\n0\r\n\r",
    "an answer to come": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_an_answer(name: str) -> None:
    data, expected = GOOD[name]
    answer, parser, _ = whole(data)
    assert (answer.status, answer.body, parser.keeps) == expected


@pytest.mark.parametrize("name", BAD)
def test_what_is_none(name: str) -> None:
    found = read(BAD[name])
    assert isinstance(found, str), found
    assert found.startswith("expected ") or ": expected " in found, found


@pytest.mark.parametrize("name", UNFINISHED)
def test_what_may_become_one(name: str) -> None:
    assert read(UNFINISHED[name]) == "unfinished"


@pytest.mark.parametrize("name", [*GOOD, *BAD, *UNFINISHED])
def test_byte_by_byte_it_is_the_same(name: str) -> None:
    data = {**{key: good for key, (good, _) in GOOD.items()}, **BAD, **UNFINISHED}[name]
    assert shown(data, tuple(range(len(data)))) == shown(data)


SAMPLES = [data for data, _ in GOOD.values()] + list(BAD.values())


@given(st.sampled_from(SAMPLES), st.sets(st.integers(1, 400), max_size=12))
@settings(max_examples=500, deadline=None)
def test_however_it_is_split_it_is_the_same(data: bytes, cuts: set[int]) -> None:
    assert shown(data, tuple(cuts)) == shown(data)


PIECES = (
    *(OK, TWO, CHUNKED, b"\r\n", b"\n", b"\r", b" ", b":", b"5", b"ok", b";x", b"X: y\r\n"),
    *(b"2\r\nok\r\n", b"0\r\n\r\n", b"0\r\n", b"Content-Length: ", b"Connection: close\r\n"),
    *(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204 No Content\r\n"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=14), st.sets(st.integers(1, 200), max_size=8))
@settings(max_examples=1000, deadline=None)
def test_whatever_comes_is_the_same_however_it_is_split(pieces: list[bytes], cuts: set[int]) -> None:
    data = b"".join(pieces)
    assert shown(data, tuple(cuts)) == shown(data)


@given(st.binary(max_size=300))
@settings(max_examples=500, deadline=None)
def test_noise_is_no_answer(data: bytes) -> None:
    assert isinstance(read(data), str)


@given(st.binary(max_size=BODY_MAX), st.lists(st.integers(1, 30), max_size=20), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_body_arrives_as_it_was_sent(body: bytes, sizes: list[int], ends: bool) -> None:
    """In one piece, and in chunks of these sizes."""
    assert whole(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body).answer.body == body
    chunks, left = b"", body
    for size in sizes:
        part, left = left[:size], left[size:]
        chunks += b"%x\r\n%b\r\n" % (len(part), part) if part else b""
    chunks += b"%X\r\n%b\r\n" % (len(left), left) if left else b""
    trailer = b"X: y\r\n" if ends else b""
    assert whole(OK + CHUNKED + chunks + b"0\r\n" + trailer + b"\r\n").answer.body == body


def test_more_chunks_than_any_body_has_are_refused() -> None:
    data = OK + CHUNKED + b"1\r\nx\r\n" * (CHUNKS_MAX + 1) + b"0\r\n\r\n"
    assert read(data, body_max=CHUNKS_MAX * 2) == f"expected at most {CHUNKS_MAX} chunks, were more"


def test_a_body_too_long_is_refused_before_it_is_here() -> None:
    assert read(OK + b"Content-Length: 101\r\n\r\n") == "expected at most 100 bytes, were more"
    assert read(OK + CHUNKED + b"65\r\n") == "expected at most 100 bytes, were more"


def test_a_refusal_does_not_repeat_what_came() -> None:
    for name, data in BAD.items():
        found = read(data)
        assert isinstance(found, str)
        assert "SSH" not in found, name
        assert "what" not in found, name


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("timeout=5", 5), ("timeout=5, max=100", 5), ("max=100, timeout=72", 72), ("max=1", None), ("x", None)],
)
def test_what_a_server_says_of_its_patience(value: str, seconds: int | None) -> None:
    found = whole(OK + f"Keep-Alive: {value}\r\n".encode() + TWO)
    assert found.parser.keeps_s == seconds


def test_headers_are_found_in_any_case_and_the_first_of_several() -> None:
    headers = whole(OK + b"X-A: One \r\nx-a: two\r\nX-Ab: \xe9\r\n" + TWO).answer.headers
    assert headers.get("x-A") == headers["X-a"] == "One"
    assert headers["X-AB"] == "é"
    assert headers.get("X") is None
    assert headers.get("A", "none") == "none"
    assert "content-length" in headers
    assert list(headers) == ["x-a", "x-ab", "content-length"]
    assert len(headers) == 3
    with pytest.raises(KeyError):
        headers["Y"]


def test_one_parser_reads_one_answer_after_another() -> None:
    parser = AnswerParser()
    for data, (status, body, _) in GOOD.values():
        parser.expect(BODY_MAX)
        assert not parser.begun
        found = parser.feed(data)
        assert found is not None
        assert (found.status, found.body) == (status, body)
        parser.expect(BODY_MAX)
        assert parser.feed(data[:12]) is None
        assert parser.begun
        assert parser.feed(data[12:]) == found
