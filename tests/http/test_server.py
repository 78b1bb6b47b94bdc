"""What never becomes a request is answered as a problem too, and nothing of it is repeated."""

import asyncio
import json

import pytest
from aiohttp import web

from router.http.server import serving

BROKEN = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03secret\r\n\r\n",
    "a broken request line": b"GET\r\n\r\n",
    "a bad header": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization Bearer secret\r\n\r\n",
    "a byte that no header has": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\x00\r\n\r\n",
    "a header too long": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"secret" * 3000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN.keys())
async def test_what_cannot_be_read_is_a_problem_and_is_not_repeated(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(web.Application(), "127.0.0.1", 0, 1.0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == b"400"
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["code"] == "invalid_request"
    assert b"secret" not in answer
    assert b"aiohttp" not in head
    assert caplog.text == ""


async def test_the_port_is_free_again_after_the_block() -> None:
    async with serving(web.Application(), "127.0.0.1", 0, 1.0) as port:
        pass
    async with serving(web.Application(), "127.0.0.1", port, 1.0) as again:
        assert again == port
