"""The application: the table of routes behind one middleware that lets in, answers for what was refused."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from router.core.errors import Code, FieldError, InvalidRequestError
from router.http.auth import Authenticator
from router.http.connections.ports import ConnectionsPort
from router.http.context import BODY_DEADLINE_S, CONTEXT, Context, Failure, Handler, Streaming
from router.http.lane import OrderLane
from router.http.margin.port import MarginPort
from router.http.openapi import document
from router.http.overload import Gate
from router.http.ports import DeskPort
from router.http.problems import problem, problem_of
from router.http.refusals import OVERLOADED, refusal
from router.http.reports.port import ReportsPort
from router.http.requests import check_query
from router.http.respond import API_HEADERS, problem_response
from router.http.routes import OPERATIONS
from router.http.routes.operation import Operation
from router.http.server import LANE
from router.observe.events import EventBus
from router.ports.accounts import Roster
from router.settings import Scope, Settings

_BY_HANDLER: Final[dict[object, Operation]] = {operation.handler: operation for operation in OPERATIONS}


def make_app(
    desk: DeskPort,
    settings: Settings,
    *,
    metrics: Callable[[], bytes],
    now: Callable[[], int],
    failed: Callable[[Failure], None],
    roster: Roster,
    connections: ConnectionsPort,
    reports: ReportsPort | None = None,
    margin: MarginPort | None = None,
    streaming: Streaming | None = None,
    body_deadline_s: float = BODY_DEADLINE_S,
    refused: Callable[[], None] = lambda: None,
) -> web.Application:
    """The router's HTTP surface over a desk.

    `metrics` gives Prometheus' text format, `now` nanoseconds since the epoch; `failed` hears of exceptions
    that nobody meant, for the log; a body may take `body_deadline_s` seconds to come. `streaming`:
    what callers can follow; it ends when the application stops. `roster`: the connections with their books;
    `connections` makes and changes them.
    `refused` hears of each request that there was no room for.
    `reports`: what they hold and traded; without it those resources are not found. `margin`: likewise.
    """
    authenticator = Authenticator(settings.auth)
    server = settings.server
    app = web.Application(middlewares=[guard], client_max_size=server.request_bytes_max)
    context = Context(
        desk=desk,
        authenticator=authenticator,
        metrics=metrics,
        now=now,
        failed=failed,
        streaming=Streaming(EventBus()) if streaming is None else streaming,
        body_deadline_s=body_deadline_s,
        gate=Gate(server.in_flight_max, lambda: desk.at_work, refused),
        request_bytes_max=server.request_bytes_max,
        slippage_bps_max=settings.execution.slippage_bps_max,
        description=document(OPERATIONS, keys=authenticator.needs_key),
        roster=roster,
        connections=connections,
        reports=reports,
        margin=margin,
    )
    app[CONTEXT] = context
    app[LANE] = OrderLane(context)
    app.on_shutdown.append(_end_streams)
    for operation in OPERATIONS:
        app.router.add_route(operation.method, operation.path, operation.handler, expect_handler=_expect)
        if operation.method == "GET":
            app.router.add_route("HEAD", operation.path, operation.handler, expect_handler=_expect)
    return app


async def _end_streams(app: web.Application) -> None:
    """Let who follows events go: the server waits for them when it stops."""
    app[CONTEXT].streaming.events.close()


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the key and the query, run the handler, and show everything that is raised as a problem."""
    context = request.app[CONTEXT]
    try:
        operation = _BY_HANDLER.get(request.match_info.handler)
        scope = Scope.READ if operation is None else operation.scope
        if scope is not None and context.authenticator.needs_key:
            context.authenticator.check(request.headers.getall("Authorization", []), scope)
        if operation is not None and operation.is_api and request.query_string:
            check_query(request.query, operation.query_names)
        if operation is not None and operation.bounded:
            return await _with_room(context.gate, request, handler)
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        return _method_not_allowed(request, error)
    except web.HTTPException as error:
        return _http_error(error)
    except Exception as error:  # noqa: BLE001 - the seam: whatever it was, the caller gets a problem
        resource = request.match_info.route.resource
        route = "" if resource is None else resource.canonical
        return refusal(error, context, request.method, route).response()


async def _with_room(gate: Gate, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Run a handler if there is room for its work; its body is not read before."""
    if not gate.enter():
        return OVERLOADED.response()
    try:
        return await handler(request)
    finally:
        gate.leave()


def _method_not_allowed(request: web.Request, error: web.HTTPMethodNotAllowed) -> web.Response:
    allow = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
    if request.method == "OPTIONS":
        return web.Response(status=204, headers={**API_HEADERS, "Allow": allow})
    detail = f"expected one of {allow}, was another method"
    return problem_response(problem(Code.METHOD_NOT_ALLOWED, detail), {"Allow": allow})


def _http_error(error: web.HTTPException) -> web.Response:
    """What aiohttp itself refuses."""
    if error.status == 404:
        return problem_response(problem(Code.NOT_FOUND, "expected a path of /openapi.json, was another"))
    return problem_response(problem(Code.INVALID_REQUEST, f"expected another request: {error.reason}"))


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Answer `Expect: 100-continue`; refuse other expectations, in our form and not in aiohttp's."""
    expected = request.headers.get("Expect", "")
    if expected.lower() != "100-continue":
        wrong = FieldError("Expect", "100-continue or no such header", None)
        return problem_response(problem_of(InvalidRequestError(wrong)))
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer itself has not begun
    return None
