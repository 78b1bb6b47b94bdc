"""Handlers of connections: list, read, make, change, test, remove."""

from aiohttp import web

from router.http import requests
from router.http.connections.requests import connection_change, new_connection
from router.http.connections.views import detail_view
from router.http.connections.wire import ConnectionDetailPage
from router.http.context import CONTEXT, read_body, read_json
from router.http.handlers import path_id
from router.http.respond import json_response
from router.settings import ConnectionType


async def list_connections(request: web.Request) -> web.Response:
    """GET /v1/connections."""
    context = request.app[CONTEXT]
    now = context.now()
    data = [detail_view(shown, now) for shown in context.connections.views()]
    return json_response(ConnectionDetailPage(data=data, next_cursor=None))


async def get_connection(request: web.Request) -> web.Response:
    """GET /v1/connections/{connection_id}."""
    context = request.app[CONTEXT]
    shown = context.connections.view(_id(request))
    return json_response(detail_view(shown, context.now()))


async def add_connection(request: web.Request) -> web.Response:
    """POST /v1/connections."""
    context = request.app[CONTEXT]
    wanted = new_connection(await read_json(request))
    added = await context.connections.add(wanted)
    headers = {"Location": f"/v1/connections/{added.connection.id}"}
    return json_response(detail_view(added, context.now()), 201, headers)


async def change_connection(request: web.Request) -> web.Response:
    """PATCH /v1/connections/{connection_id}."""
    context = request.app[CONTEXT]
    connection_id = _id(request)
    known = context.connections.view(connection_id)
    kind = ConnectionType(known.view.type)
    change = connection_change(await read_json(request), kind, known.connection.counterparty)
    changed = await context.connections.change(connection_id, change)
    return json_response(detail_view(changed, context.now()))


async def remove_connection(request: web.Request) -> web.Response:
    """DELETE /v1/connections/{connection_id}; the body is empty or an empty object."""
    context = request.app[CONTEXT]
    connection_id = _id(request)
    requests.refuse_fields(await read_body(request))
    removed = await context.connections.remove(connection_id)
    return json_response(detail_view(removed, context.now()), 202)


async def test_connection(request: web.Request) -> web.Response:
    """POST /v1/connections/{connection_id}/test; the body is empty or an empty object."""
    context = request.app[CONTEXT]
    connection_id = _id(request)
    requests.refuse_fields(await read_body(request))
    tested = await context.connections.test(connection_id)
    return json_response(detail_view(tested, context.now()))


def _id(request: web.Request) -> str:
    return path_id(request, "connection_id", "a connection")
