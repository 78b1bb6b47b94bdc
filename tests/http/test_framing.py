"""Bodies by size and framing, over a socket of our own; and exceptions that nobody meant."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient

from router.http.context import Failure
from router.ports import StoreError
from tests.http import samples
from tests.http.fakes import FakeDesk

BYTES_MAX = 4096
GOOD = json.dumps(samples.BODY).encode()


async def exchange(client: TestClient, *sent: bytes) -> tuple[list[int], dict]:
    """Send bytes and read the answer: every status up to the first that is final, and its body."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    statuses: list[int] = []
    try:
        for part in sent:
            writer.write(part)
            await writer.drain()
        while not statuses or statuses[-1] < 200:
            start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            statuses.append(int(start.split()[1]))
        headers = dict(line.split(": ", 1) for line in lines if line)
        return statuses, json.loads(await reader.readexactly(int(headers["Content-Length"])))
    finally:
        writer.close()
        await writer.wait_closed()


async def abandon(client: TestClient, *sent: bytes) -> bytes:
    """Send bytes, end the sending side, and read whatever comes until the router has closed too."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        for part in sent:
            writer.write(part)
            await writer.drain()
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def head(*lines: str) -> bytes:
    """The head of a POST of JSON, after whose answer the connection closes."""
    own = (
        "POST /v1/orders HTTP/1.1",
        "Host: router",
        "Connection: close",
        "Content-Type: application/json",
    )
    return "\r\n".join((*own, *lines, "", "")).encode()


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


async def test_a_body_of_the_largest_size_is_taken(client: TestClient) -> None:
    answer = await client.post(
        "/v1/orders", data=GOOD.ljust(BYTES_MAX), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 200


async def test_a_larger_body_is_refused(client: TestClient, desk: FakeDesk) -> None:
    answer = await client.post(
        "/v1/orders", data=GOOD.ljust(BYTES_MAX + 1), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 413
    problem = await answer.json()
    assert problem["code"] == "request_too_large"
    assert problem["detail"] == "expected a body of at most 4096 bytes, was a larger one"
    assert desk.requests == []


async def test_a_larger_body_is_refused_by_its_length_alone(client: TestClient) -> None:
    statuses, problem = await exchange(client, head(f"Content-Length: {BYTES_MAX + 1}"))
    assert (statuses, problem["code"]) == ([413], "request_too_large")


async def test_a_larger_body_is_refused_where_no_length_was_said(client: TestClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield GOOD
        for _ in range(BYTES_MAX // 64 + 1):
            yield b" " * 64

    answer = await client.post("/v1/orders", data=parts(), headers={"Content-Type": "application/json"})
    assert answer.status == 413
    assert (await answer.json())["code"] == "request_too_large"


async def test_a_chunked_body_is_taken(client: TestClient, desk: FakeDesk) -> None:
    whole = chunked(GOOD[:50]) + chunked(GOOD[50:]) + b"0\r\n\r\n"
    statuses, order = await exchange(client, head("Transfer-Encoding: chunked"), whole)
    assert (statuses, order["status"]) == ([200], "filled")
    assert desk.requests == [samples.REQUEST]


@pytest.mark.parametrize("body_deadline_s", [0.01])
async def test_a_body_that_does_not_come_whole_is_not_waited_for(client: TestClient, desk: FakeDesk) -> None:
    statuses, problem = await exchange(
        client, head("Transfer-Encoding: chunked", "Expect: 100-continue"), chunked(GOOD[:50])
    )
    assert (statuses[-1], problem["code"]) == (400, "malformed_json")
    assert desk.requests == []


async def test_a_body_that_is_framed_wrongly_places_no_order(client: TestClient, desk: FakeDesk) -> None:
    answer = await abandon(client, head("Transfer-Encoding: chunked") + chunked(GOOD) + b"zz\r\n")
    assert b"200 OK" not in answer
    assert desk.requests == []


@pytest.mark.parametrize(
    "sent",
    [
        (head(f"Content-Length: {len(GOOD) + 1}"), GOOD),
        (head("Transfer-Encoding: chunked"), chunked(GOOD)),
    ],
)
async def test_a_body_that_ends_early_places_no_order(
    client: TestClient, desk: FakeDesk, failures: list[Failure], sent: tuple[bytes, ...]
) -> None:
    await abandon(client, *sent)
    assert (desk.requests, failures) == ([], [])


async def test_a_body_is_asked_for(client: TestClient) -> None:
    statuses, order = await exchange(
        client, head(f"Content-Length: {len(GOOD)}", "Expect: 100-continue"), GOOD
    )
    assert (statuses, order["status"]) == ([100, 200], "filled")


async def test_another_expectation_is_refused(client: TestClient, desk: FakeDesk) -> None:
    statuses, problem = await exchange(
        client, head(f"Content-Length: {len(GOOD)}", "Expect: a-miracle"), GOOD
    )
    assert (statuses, problem["errors"][0]["field"]) == ([400], "Expect")
    assert desk.requests == []


async def test_a_failure_of_ours_tells_nothing_but_its_id(
    client: TestClient, desk: FakeDesk, failures: list[Failure]
) -> None:
    desk.error = KeyError("token hunter2")
    answer = await client.get("/v1/orders/o-1")

    assert answer.status == 500
    (failure,) = failures
    assert await answer.json() == {
        "type": "urn:caas-router:problem:internal_error",
        "title": "The router failed",
        "status": 500,
        "detail": f"expected an answer, was a failure of the router; it is logged under {failure.id}",
        "code": "internal_error",
        "retryable": False,
    }
    assert (failure.method, failure.route) == ("GET", "/v1/orders/{order_id}")
    assert failure.error is desk.error


async def test_a_store_that_fails_is_unavailable(client: TestClient, desk: FakeDesk) -> None:
    desk.error = StoreError("disk I/O error")
    answer = await client.post("/v1/orders", json=samples.BODY)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    problem = await answer.json()
    assert (problem["code"], problem["retryable"]) == ("store_unavailable", True)


@pytest.mark.parametrize("path", ["/v1/orders/o-1", "/nothing", "/docs", "/v1/orders?x=1"])
async def test_every_answer_forbids_sniffing_and_hides_versions(client: TestClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "caas-router"
