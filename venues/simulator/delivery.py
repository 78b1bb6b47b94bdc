"""The one seam where faults meet REST calls: around the processing of a call, before and after."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec
from aiohttp import web

from .errors import RATE_LIMITED, Answer, documented
from .fault_model import RestFault
from .faults import Faults

Drop = Literal["close", "reset"]

_HTML = b"<html><head><title>upstream</title></head><body><h1>upstream unavailable</h1></body></html>"
_WATCH_S = 0.05


class Patience:
    """Waiting that ends when the simulator stops, so that no hung call outlives it."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping

    async def pause(self, seconds: float) -> None:
        """Wait, though the client may have gone: what was sent is processed all the same."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def hang(self, request: web.Request, seconds: float | None) -> None:
        """Give no answer for so long, or until the client has gone."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds if seconds is not None else None
        while not self._stopping.is_set():
            if request.transport is None or request.transport.is_closing():
                return
            left = _WATCH_S if until is None else min(_WATCH_S, until - loop.time())
            if left <= 0:
                return
            await self.pause(left)


@dataclass(frozen=True, slots=True)
class Voice:
    """How an API words what a fault makes it say, under a request id.

    `refusal` takes an error's name and a status, None for the documented one; `failure` takes a status.
    """

    refusal: Callable[[str, int | None, str], Answer]
    failure: Callable[[int, str], bytes]


def _failure(status: int, req_id: str) -> bytes:
    name = RATE_LIMITED if status == 429 else "backend:common:internalServerError"
    return msgspec.json.encode({"error": name, "errorName": name, "reqId": req_id})


_TRADING = Voice(lambda name, status, req_id: documented(name, status).answer(req_id), _failure)


async def deliver(
    faults: Faults,
    operation: str,
    process: Callable[[], Answer],
    request: web.Request,
    patience: Patience,
    req_id: Callable[[], str],
    voice: Voice = _TRADING,
) -> Answer | Drop:
    """Process a call under the account's faults; a `Drop` says how the connection ends without an answer."""
    latency_s = faults.latency_s(operation)
    await patience.pause(latency_s / 2)
    fault = faults.rest(operation)
    if fault is None:
        answer: Answer | Drop = process()
    else:
        answer = await _faulty(fault, process, request, patience, req_id(), voice)
    await patience.pause(latency_s / 2)
    return answer


async def _faulty(
    fault: RestFault,
    process: Callable[[], Answer],
    request: web.Request,
    patience: Patience,
    req_id: str,
    voice: Voice,
) -> Answer | Drop:
    wait_s = fault.ms / 1000 if fault.ms is not None else None
    match fault.kind:
        case "lost_before":
            return "close"
        case "reset":
            return "reset"
        case "hang_before":
            await patience.hang(request, wait_s)
            return "close"
        case "refuse":
            return voice.refusal(fault.error_name or "Error", fault.http_status, req_id)
        case "late_before":
            await patience.pause(wait_s or 0.0)
            return process()
        case "status" | "html":
            if fault.processed:
                process()
            return _status(fault, req_id, voice)
        case _:
            return await _processed(fault.kind, process(), request, patience, wait_s)


async def _processed(
    kind: str, answer: Answer, request: web.Request, patience: Patience, wait_s: float | None
) -> Answer | Drop:
    """Spoil the answer to a call that was processed."""
    match kind:
        case "lost_after":
            return "close"
        case "hang_after":
            await patience.hang(request, wait_s)
            return "close"
        case "late_after":
            await patience.pause(wait_s or 0.0)
            return answer
        case "truncated":
            return Answer(_done(answer), answer.body[: max(1, len(answer.body) // 2)])
        case _:
            return Answer(_done(answer), b'{"unexpected":[1,2,3],"nested":{"data":null}}')


def _done(answer: Answer) -> int:
    """Give the status of a spoilt answer: that of the good one, 200 in place of a refusal's."""
    return answer.status if answer.status < 300 else 200


def _status(fault: RestFault, req_id: str, voice: Voice) -> Answer:
    """Answer a bare status, as a proxy in front of the counterparty does."""
    if fault.kind == "html":
        return Answer(fault.status or 200, _HTML, "text/html")
    status = fault.status or 500
    headers = (("Retry-After", "1"),) if status == 429 else ()
    if fault.body == "html":
        return Answer(status, _HTML, "text/html", headers)
    if fault.body == "empty":
        return Answer(status, b"", headers=headers)
    return Answer(status, voice.failure(status, req_id), headers=headers)
