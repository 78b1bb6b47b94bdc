"""Requests made from the description: whatever it allows or forbids is answered as it says."""

import asyncio
import threading
from collections.abc import Iterator

import msgspec
import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from router.http.app import make_app
from router.http.context import Failure
from router.http.openapi import document
from router.http.routes import OPERATIONS
from tests.http import samples
from tests.http.conftest import SETTINGS
from tests.http.fakes import FakeConnections, FakeDesk, FakeRoster
from tests.http.test_reports import Accounts

described = schemathesis.openapi.from_dict(msgspec.json.decode(document(OPERATIONS, keys=False)))
# A stream has no end that could be waited for: `test_stream.py`. What margin needs a connection with margin
# for, moves among them, is asked there: `test_margin_openapi.py`.
schema = described.exclude(path="/v1/events")
FAILURES: list[Failure] = []


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The application over a socket, in a thread with a loop of its own: the requests block."""
    loop = asyncio.new_event_loop()
    app = make_app(
        FakeDesk(),
        SETTINGS,
        metrics=lambda: b"",
        now=lambda: samples.NOW,
        failed=FAILURES.append,
        roster=FakeRoster(),
        connections=FakeConnections(FakeDesk()),
        reports=Accounts().reports,
    )
    runner = web.AppRunner(app, access_log=None)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        return f"http://{host}:{port}"

    url = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield url
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@schema.parametrize()
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_description_holds(case: schemathesis.Case, address: str) -> None:
    # Rules between fields (a limit order's price, ids that exist) are told in words, not in the schema.
    case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance])
    assert FAILURES == []
