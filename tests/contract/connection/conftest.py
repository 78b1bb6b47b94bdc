"""Each promise on the loop of the tests and on the one of production; some over plain sockets and TLS."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from tests.contract.connection.kit import Certified


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test here runs on both."""
    return {"stock": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    """This host, certified."""
    return Certified(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, certified: Certified) -> Certified | None:
    """None: without TLS."""
    return certified if request.param == "tls" else None
