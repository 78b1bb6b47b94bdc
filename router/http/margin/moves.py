"""/v1/connections/{connection_id}/margin/…: what moves money, and the operations that came of it."""

from collections.abc import Callable
from functools import partial

from aiohttp import web

from router.core.movement import Move, MoveKind
from router.core.moving import MoveFinding, MovePhase, Operation, Submitted
from router.core.record import Doubt
from router.http.context import read_json
from router.http.handlers import path_id
from router.http.margin import requests, wire
from router.http.margin.handlers import margin_port
from router.http.margin.views import asked_view, closed_view, error_view, operation_view
from router.http.requests import page_query
from router.http.respond import json_response, problem_response


async def transfer_collateral(request: web.Request) -> web.Response:
    """POST …/margin/collateral-transfers."""
    return await _transferred(request, MoveKind.COLLATERAL_TRANSFER)


async def transfer_position(request: web.Request) -> web.Response:
    """POST …/margin/positions/transfer."""
    return await _transferred(request, MoveKind.POSITION_TRANSFER)


async def withdraw_collateral(request: web.Request) -> web.Response:
    """POST …/margin/collateral-withdrawals."""
    return await _transferred(request, MoveKind.COLLATERAL_WITHDRAWAL)


async def cover_positions(request: web.Request) -> web.Response:
    """POST …/margin/positions/cover."""
    return await _moved(request, partial(requests.positions, kind=MoveKind.COVER))


async def close_positions(request: web.Request) -> web.Response:
    """POST …/margin/positions/close."""
    return await _moved(request, partial(requests.positions, kind=MoveKind.CLOSE))


async def list_margin_operations(request: web.Request) -> web.Response:
    """GET …/margin/operations."""
    connection_id, port = margin_port(request)
    asked = page_query(request.query)
    try:
        page = await port.operations(connection_id, asked.limit, asked.cursor)
    except ValueError as error:
        raise requests.wrong_cursor(asked.cursor) from error
    data = [operation_view(operation, port.doubt(operation)) for operation in page.data]
    return json_response(wire.MarginOperationPage(data=data, next_cursor=page.next_cursor))


async def get_margin_operation(request: web.Request) -> web.Response:
    """GET …/margin/operations/{operation_id}."""
    connection_id, port = margin_port(request)
    operation = await port.operation(connection_id, path_id(request, "operation_id", "an operation"))
    return json_response(operation_view(operation, port.doubt(operation)))


async def record_margin_finding(request: web.Request) -> web.Response:
    """POST …/margin/operations/{operation_id}/finding."""
    connection_id, port = margin_port(request)
    operation_id = path_id(request, "operation_id", "an operation")
    said = requests.finding(await read_json(request))
    ended = await port.record(connection_id, operation_id, partial(_finding, said))
    return json_response(operation_view(ended, None))


def _finding(said: requests.Said, _operation: Operation, at: int) -> MoveFinding:
    return MoveFinding(said.found, said.operator, said.reason, at, said.venue_id)


async def _transferred(request: web.Request, kind: MoveKind) -> web.Response:
    return await _moved(request, partial(requests.transfer, kind=kind))


async def _moved(request: web.Request, read: Callable[[bytes], Move]) -> web.Response:
    connection_id, port = margin_port(request)
    port.account(connection_id)  # what has no margin is told so, whatever is wrong with the request besides
    key = requests.idempotency_key(request.headers.getall(requests.IDEMPOTENCY_KEY, []))
    move = read(await read_json(request))
    submitted = await port.submit(connection_id, key, move)
    return _answer(submitted, port.doubt(submitted.operation))


def _answer(submitted: Submitted, doubt: Doubt | None) -> web.Response:
    operation = submitted.operation
    connection = operation.connection
    headers = {"Location": f"/v1/connections/{connection.id}/margin/operations/{operation.id}"}
    if submitted.replayed:
        headers["Idempotent-Replayed"] = "true"
    if operation.phase is MovePhase.REJECTED and operation.error is not None:
        return problem_response(error_view(connection, operation.error), headers)
    if operation.move.kind is MoveKind.CLOSE:
        return json_response(closed_view(operation, doubt), 202, headers)
    if operation.move.kind is MoveKind.COLLATERAL_WITHDRAWAL:
        return json_response(asked_view(operation, doubt), 202, headers)
    status = 200 if operation.phase is MovePhase.DONE else 202
    return json_response(operation_view(operation, doubt), status, headers)
