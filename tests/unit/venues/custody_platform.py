"""A counterparty's host on loopback that says what a test wants it to, and a listener that writes down."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import MultiMapping

from router.core.model import Connection, OrderReport
from router.ports import ConnectionState, Health
from router.secrets import Secret
from router.settings import ConnectionType, CustodySettings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bitgo_custody"
TOKEN = "v2x-custody-secret"
BTC_WALLET = "59cd72485007a239fb00282ed480da1f"
ETH_WALLET = "60e740e7898f7d00064d43769a73dc48"
GO_WALLET = "63925f940c259a00061853808ffea830"

Said = tuple[int, Any, Mapping[str, str]]


def custody_payload(name: str, /, **changed: Any) -> Any:
    """A payload in the style of the description, with some fields changed; `...` leaves one out."""
    found = json.loads((FIXTURES / f"{name}.json").read_text()) | changed
    return {field: value for field, value in found.items() if value is not ...}


def custody_settings(base_url: str, **changed: Any) -> CustodySettings:
    fields: dict[str, Any] = {
        "connection": Connection("vault", "Vault", False, "bitgo", Decimal(0)),
        "type": ConnectionType.CUSTODY,
        "enabled": True,
        "token": Secret(TOKEN),
        "base_url": base_url,
    }
    return CustodySettings(**fields | changed)


class Asked:
    """One request that came in."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self.line = f"{request.method} {request.path}"
        self.query: MultiMapping[str] = request.query
        self.authorization = request.headers.get("Authorization")
        self.body = body


class Platform:
    """Answers by method and path; what it was not told of is a 404. What is no bytes goes out as JSON."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[str, Callable[[Asked], Said]] = {}

    def says(self, path: str, body: Any, status: int = 200, method: str = "GET", **headers: str) -> None:
        self.answers(path, lambda _: (status, body, headers), method)

    def answers(self, path: str, answer: Callable[[Asked], Said], method: str = "GET") -> None:
        self._answers[f"{method} {path}"] = answer

    def lines(self) -> list[str]:
        return [asked.line for asked in self.asked]

    async def handle(self, request: web.Request) -> web.Response:
        asked = Asked(request, await request.read())
        self.asked.append(asked)
        answer = self._answers.get(asked.line)
        status, body, headers = (404, {"error": "not found"}, {}) if answer is None else answer(asked)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(
            status=status,
            body=raw,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )


@asynccontextmanager
async def served(platform: Platform) -> AsyncIterator[str]:
    """The platform's base URL, while it is up."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", platform.handle)
    server = TestServer(app)
    await server.start_server()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


class Listening:
    """A listener that writes down what it is told, and can be waited for."""

    def __init__(self) -> None:
        self.states: list[ConnectionState] = []
        self.requests: list[tuple[str, str, str | None]] = []
        self._told = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def order_reported(self, connection_id: str, report: OrderReport) -> None:
        raise AssertionError("custody has no orders")

    def balances_stated(self, connection_id: str, balances: Mapping[str, Decimal], asked_at: int) -> None:
        raise AssertionError("custody does not trade")

    def health_changed(self, connection_id: str, health: Health) -> None:
        assert connection_id == "vault"
        self.states.append(health.state)
        self._wake()

    def request_answered(
        self, connection_id: str, operation: str, result: str, latency_ns: int, request_id: str | None
    ) -> None:
        assert latency_ns >= 0
        self.requests.append((operation, result, request_id))
        self._wake()

    def bad_data(self, connection_id: str, product: str, what: str) -> None:
        raise AssertionError("nothing is dropped in silence")

    async def reconcile(self, connection_id: str) -> None:
        raise AssertionError("custody does not trade")

    async def until(self, holds: Callable[["Listening"], bool]) -> None:
        """Wait until something that was told makes `holds` true."""
        async with asyncio.timeout(10), self._told:
            await self._told.wait_for(lambda: holds(self))

    def _wake(self) -> None:
        async def tell() -> None:
            async with self._told:
                self._told.notify_all()

        task = asyncio.create_task(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
