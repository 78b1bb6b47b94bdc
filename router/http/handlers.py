"""The API's handlers: read, ask the desk, show. What is refused is raised and shown by `app.guard`."""

from typing import Final

import msgspec
from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from router.core.errors import FieldError, InvalidRequestError, NotFoundError, shown
from router.core.model import OrderRequest, OrderStatus
from router.core.order import Phase
from router.core.record import Submission
from router.http import requests, wire
from router.http.connection import vouch
from router.http.context import CONTEXT, Context, read_body, read_json
from router.http.ports import DeskPort
from router.http.records import competition_view, rfq_view
from router.http.respond import JSON, Answer, json_answer, json_response, problem_answer, raw_response
from router.http.views import order_problem, order_view

# Looked up once: the name of an enumeration's member costs as much as a call.
_REJECTED: Final = OrderStatus.REJECTED
_ROUTED: Final = Phase.ROUTED


async def submit_order(request: web.Request) -> web.Response:
    """POST /v1/orders."""
    raw = await read_json(request)
    vouch(request)
    context = request.app[CONTEXT]
    submission = await context.desk.submit(order_wanted(context, raw))
    return order_answer(context.desk, submission).response()


def order_wanted(context: Context, raw: bytes) -> OrderRequest:
    """What the body of `POST /v1/orders` asks for. Raises `RouterError`."""
    return requests.order_request(raw, context.slippage_bps_max, context.connection_ids)


async def list_orders(request: web.Request) -> web.Response:
    """GET /v1/orders: the one with a client order id, or a page."""
    desk = request.app[CONTEXT].desk
    query = requests.page_query(request.query)
    if query.client_order_id is not None:
        try:
            found = await desk.order_by_client_id(query.client_order_id)
        except NotFoundError:
            return json_response(wire.OrderPage(data=[], next_cursor=None))
        view = order_view(found.order, found.competition, desk.doubts.of(found.order))
        return json_response(wire.OrderPage(data=[view], next_cursor=None))
    try:
        if query.in_doubt:
            page = desk.doubts.page(query.limit, query.cursor)
        else:
            page = await desk.orders(query.limit, query.cursor)
    except ValueError as error:
        wrong = FieldError("cursor", "a next_cursor of an answer", shown(query.cursor))
        raise InvalidRequestError(wrong) from error
    data = [order_view(order, None, desk.doubts.of(order)) for order in page.data]
    return json_response(wire.OrderPage(data=data, next_cursor=page.next_cursor))


async def get_order(request: web.Request) -> web.Response:
    """GET /v1/orders/{order_id}."""
    desk = request.app[CONTEXT].desk
    found = await desk.order(path_id(request, "order_id", "an order"))
    return json_response(order_view(found.order, found.competition, desk.doubts.of(found.order)))


async def cancel_order(request: web.Request) -> web.Response:
    """POST /v1/orders/{order_id}/cancel; the body is empty or an empty object."""
    order_id = path_id(request, "order_id", "an order")
    requests.refuse_fields(await read_body(request))
    asked = await request.app[CONTEXT].desk.cancel(order_id)
    return json_response(order_view(asked.order, asked.competition), 202, _location("orders", asked.order.id))


async def request_quotes(request: web.Request) -> web.Response:
    """POST /v1/rfqs."""
    context = request.app[CONTEXT]
    wanted = requests.quote_request(await read_json(request), context.connection_ids)
    record = await context.desk.request_quote(wanted)
    return json_response(rfq_view(record), 201, _location("rfqs", record.id))


async def get_rfq(request: web.Request) -> web.Response:
    """GET /v1/rfqs/{rfq_id}."""
    return json_response(rfq_view(await request.app[CONTEXT].desk.rfq(path_id(request, "rfq_id", "an RFQ"))))


async def accept_rfq(request: web.Request) -> web.Response:
    """POST /v1/rfqs/{rfq_id}/accept."""
    rfq_id = path_id(request, "rfq_id", "an RFQ")
    accepted = requests.acceptance(await read_json(request))
    desk = request.app[CONTEXT].desk
    submission = await desk.accept(
        rfq_id, accepted.client_order_id, accepted.connection_id, accepted.on_credit_failure
    )
    return order_answer(desk, submission).response()


async def get_competition(request: web.Request) -> web.Response:
    """GET /v1/competitions/{competition_id}."""
    competition_id = path_id(request, "competition_id", "a competition")
    return json_response(competition_view(await request.app[CONTEXT].desk.competition(competition_id)))


async def healthz(_request: web.Request) -> web.Response:
    """GET /healthz: the loop turns, or this would not be answered."""
    return json_response(wire.Liveness(status="ok"))


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz."""
    checks = dict(await request.app[CONTEXT].desk.readiness())
    ready = not any(wrong is not None for wrong in checks.values())
    return json_response(wire.Readiness(ready=ready, checks=checks), 200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics."""
    return raw_response(request.app[CONTEXT].metrics(), CONTENT_TYPE_PLAIN_0_0_4)


async def openapi_document(request: web.Request) -> web.Response:
    """GET /openapi.json."""
    return raw_response(request.app[CONTEXT].description, JSON)


def order_answer(desk: DeskPort, submission: Submission) -> Answer:
    """What is answered to who placed an order, or accepted an RFQ."""
    order = submission.order
    headers = _location("orders", order.id)
    if submission.replayed:
        headers["Idempotent-Replayed"] = "true"
    if order.error is not None and order.status is _REJECTED:
        return problem_answer(order_problem(order, order.error, submission.competition), headers)
    if order.is_settled:
        return json_answer(order_view(order, submission.competition), 200, headers)
    view = order_view(order, submission.competition, desk.doubts.of(order))
    if order.phase is _ROUTED:
        # Sent, and not answered by the deadline: for who is told so it may be live, as any order in doubt.
        view = msgspec.structs.replace(view, in_doubt=True)
    return json_answer(view, 202, headers)


def _location(resource: str, resource_id: str) -> dict[str, str]:
    return {"Location": f"/v1/{resource}/{resource_id}"}


def path_id(request: web.Request, name: str, what: str) -> str:
    """An id from the path. One that no resource could have is not looked up."""
    value = request.match_info[name]
    if requests.ID.fullmatch(value) is None:
        raise NotFoundError(f"{what} with this id")
    return value
