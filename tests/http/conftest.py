from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import AppRunner

from router.http.app import make_app
from router.http.context import Failure, Streaming
from router.http.margin.port import MarginPort
from router.http.reports.port import ReportsPort
from router.observe.events import EventBus
from router.settings import (
    AuthSettings,
    CompetitionSettings,
    ExecutionSettings,
    ServerSettings,
    Settings,
    StoreSettings,
)
from tests.http import samples
from tests.http.fakes import FakeConnections, FakeDesk, FakeRoster

SETTINGS = Settings(
    server=ServerSettings(request_bytes_max=4096),
    store=StoreSettings(),
    competition=CompetitionSettings(),
    execution=ExecutionSettings(),
    auth=AuthSettings(),
    connections=(),
)


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def connections(desk: FakeDesk) -> FakeConnections:
    return FakeConnections(desk)


@pytest.fixture
def roster() -> FakeRoster:
    return FakeRoster()


@pytest.fixture
def margin() -> MarginPort | None:
    """A module that moves margin money overrides this fixture."""
    return None


@pytest.fixture
def settings() -> Settings:
    """A module that needs others overrides this fixture."""
    return SETTINGS


@pytest.fixture
def body_deadline_s() -> float:
    """A module that waits for it to pass overrides this fixture."""
    return 10.0


@pytest.fixture
def failures() -> list[Failure]:
    """The exceptions that nobody meant."""
    return []


@pytest.fixture
def streaming() -> Streaming:
    """A module that needs other bounds overrides this fixture."""
    return Streaming(EventBus("e"))


@pytest.fixture
def reports() -> ReportsPort | None:
    """A module that reads reports overrides this fixture."""
    return None


class Server(TestServer):
    """As in production, a caller that hangs up does not cancel what it began."""

    async def _make_runner(self, **kwargs: Any) -> AppRunner:
        return await super()._make_runner(**(kwargs | {"handler_cancellation": False}))


@pytest.fixture
async def client(
    desk: FakeDesk,
    settings: Settings,
    failures: list[Failure],
    body_deadline_s: float,
    streaming: Streaming,
    roster: FakeRoster,
    margin: MarginPort | None,
    connections: FakeConnections,
    reports: ReportsPort | None,
) -> AsyncIterator[TestClient]:
    app = make_app(
        desk,
        settings,
        metrics=lambda: b"caas_orders_total 1.0\n",
        now=lambda: samples.NOW,
        failed=failures.append,
        roster=roster,
        margin=margin,
        connections=connections,
        reports=reports,
        streaming=streaming,
        body_deadline_s=body_deadline_s,
    )
    async with TestClient(Server(app)) as opened:
        yield opened
