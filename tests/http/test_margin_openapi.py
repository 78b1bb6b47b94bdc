"""What the description says of margin holds: its examples are taken, and every answer fits its schema."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import schemathesis
from aiohttp import web
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from router.core.errors import Code, OrderError
from router.core.movement import Moved, MoveOutcome, MoveRefused, MoveUnanswered
from router.http.app import make_app
from router.http.context import Failure
from router.http.openapi import document
from router.http.routes.margin import OPERATIONS
from router.http.routes.operation import Operation
from router.ports import VenueUnreachableError
from router.service.moving.service import Moving
from tests.fakes.margin import CLOSE_ALL, FakeMargin, MarginRoster, MemoryMoves, MovingWorld, moved
from tests.http import samples
from tests.http.conftest import SETTINGS
from tests.http.fakes import FakeConnections, FakeDesk, FakeRoster
from tests.http.test_margin import WallClock
from tests.http.test_openapi import Document, declared

KEY = {"Idempotency-Key": "k-1"}
FAILURES: list[Failure] = []
described = schemathesis.openapi.from_dict(msgspec.json.decode(document(OPERATIONS, keys=False)))


@pytest.fixture
def account() -> FakeMargin:
    return FakeMargin()


@pytest.fixture
async def margin(account: FakeMargin) -> AsyncIterator[Moving]:
    moving = MovingWorld(MemoryMoves(), MarginRoster(pts=account), WallClock()).moving
    yield moving
    await moving.stop(5.0)


@pytest.fixture
async def description(client: TestClient) -> Document:
    return await (await client.get("/openapi.json")).json()


def path_of(operation: Operation, operation_id: str = "none") -> str:
    request_id = "w-1" if "withdrawals" in operation.path else "c-1"
    return operation.path.format(connection_id="pts", request_id=request_id, operation_id=operation_id)


def named(name: str) -> Operation:
    return next(operation for operation in OPERATIONS if operation.id == name)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.id)
async def test_what_is_asked_for_by_example_is_answered_as_described(
    client: TestClient, account: FakeMargin, description: Document, operation: Operation
) -> None:
    account.answers.append(MoveUnanswered("time-out"))
    account.later = MoveUnanswered("it leaves no trace")
    doubtful = await client.post(path_of(named("close_positions")), json={"all": True}, headers=KEY)
    operation_id = (await doubtful.json())["operation"]["id"]
    account.answers.clear()
    body = operation.example if operation.body else {} if operation.method == "POST" else None
    answer = await client.request(
        operation.method,
        path_of(operation, operation_id),
        json=body,
        headers=None if body is None else {"Idempotency-Key": "k-2"},
    )
    expected = 409 if operation.id == "close_positions" else min(operation.answers)
    assert answer.status == expected, await answer.text()
    declared(description, operation.id, answer.status, answer.content_type).validate(await answer.json())


@pytest.mark.parametrize(
    "outcome",
    [
        moved(CLOSE_ALL),
        Moved(),
        MoveUnanswered("time-out"),
        MoveRefused(OrderError(Code.VENUE_REJECTED, "no")),
        ValueError("a bug"),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.headers], ids=lambda o: o.id)
async def test_whatever_comes_of_a_move_is_described(
    client: TestClient,
    account: FakeMargin,
    description: Document,
    operation: Operation,
    outcome: MoveOutcome | Exception,
) -> None:
    account.answers.append(outcome)
    answer = await client.post(path_of(operation), json=operation.example, headers=KEY)
    declared(description, operation.id, answer.status, answer.content_type).validate(await answer.json())
    listed = await client.get(path_of(named("list_margin_operations")))
    declared(description, "list_margin_operations", 200, "application/json").validate(await listed.json())


async def test_whatever_moves_money_is_described_with_its_key(description: Document) -> None:
    moves = [o for o in OPERATIONS if o.method == "POST" and o.path.count("{") == 1]
    assert len(moves) == 5
    for operation in moves:
        described = description["paths"][operation.path]["post"]["parameters"]
        (header,) = [parameter for parameter in described if parameter["in"] == "header"]
        assert (header["name"], header["required"]) == ("Idempotency-Key", True)
        assert re.fullmatch(header["schema"]["pattern"], "k-1")
        assert not re.fullmatch(header["schema"]["pattern"], "a b")


async def test_a_wrong_answer_does_not_fit(description: Document) -> None:
    for operation_id in ("margin_positions", "get_margin_operation", "list_margin_withdrawals"):
        assert not declared(description, operation_id, 200, "application/json").is_valid({"id": 1})


async def test_a_counterparty_that_does_not_answer_is_described(
    client: TestClient, account: FakeMargin, description: Document
) -> None:
    account.down = VenueUnreachableError("HTTP 503")
    answer = await client.get(path_of(named("margin_positions")))
    declared(description, "margin_positions", 503, answer.content_type).validate(await answer.json())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The application over a socket, in a thread with a loop of its own: the requests block."""
    loop = asyncio.new_event_loop()

    async def start() -> tuple[web.AppRunner, Moving, str]:
        moving = MovingWorld(MemoryMoves(), MarginRoster(pts=FakeMargin()), WallClock()).moving
        app = make_app(
            FakeDesk(),
            SETTINGS,
            metrics=lambda: b"",
            now=lambda: samples.NOW,
            failed=FAILURES.append,
            roster=FakeRoster(),
            connections=FakeConnections(FakeDesk()),
            margin=moving,
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        return runner, moving, f"http://{host}:{port}"

    runner, moving, url = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield url
    asyncio.run_coroutine_threadsafe(moving.stop(5.0), loop).result()
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@described.parametrize()
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_description_holds_for_a_connection_that_is_there(case: schemathesis.Case, address: str) -> None:
    case.path_parameters["connection_id"] = "pts"
    case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance])
    assert FAILURES == []
