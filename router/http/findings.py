"""POST /v1/orders/{order_id}/finding: a person's finding about an order in doubt."""

import re
from decimal import Decimal
from functools import partial
from typing import Final, cast

import msgspec
from aiohttp import web

from router.core.errors import Code, RouterError
from router.core.finding import Finding, Found, executed
from router.core.model import OrderStatus
from router.core.order import Order
from router.http import bodies
from router.http.context import CONTEXT, read_json
from router.http.decode import Fields, decode_object
from router.http.handlers import path_id
from router.http.requests import ID, ID_EXPECTED
from router.http.respond import json_response
from router.http.views import order_view

_FIELDS: Final = frozenset(bodies.FindingBody.__struct_fields__)
_OPERATOR: Final = re.compile(bodies.OPERATOR_PATTERN)
_REASON: Final = re.compile(bodies.REASON_PATTERN)
_EXECUTED_ALONE: Final = ("venue_order_id", "filled_quantity", "average_price", "final_status")


class Said(msgspec.Struct, frozen=True):
    """What a request says that was found out."""

    found: Found
    operator: str
    reason: str
    venue_order_id: str | None
    filled_base: Decimal | None
    average_price: Decimal | None
    status: OrderStatus | None


async def record_finding(request: web.Request) -> web.Response:
    """POST /v1/orders/{order_id}/finding."""
    order_id = path_id(request, "order_id", "an order")
    desk = request.app[CONTEXT].desk
    said = finding_request(await read_json(request))
    await desk.doubts.record(order_id, partial(_finding, said))
    ended = await desk.order(order_id)
    return json_response(order_view(ended.order, ended.competition))


def finding_request(raw: bytes) -> Said:
    """A finding from a body. Raises `InvalidRequestError` with every field error."""
    fields = Fields(decode_object(raw), _FIELDS)
    found = fields.choice("finding", tuple(Found), required=True)
    operator = fields.text("operator", _OPERATOR, "a name of 1 to 64 printable characters", required=True)
    reason = fields.text("reason", _REASON, "1 to 500 printable characters", required=True)
    venue_order_id = filled = price = status = None
    if found is Found.ABSENT:
        for name in _EXECUTED_ALONE:
            if fields.get(name) is not None:
                fields.refuse(name, "null where the order is absent", fields.get(name))
    else:
        needed = found is Found.EXECUTED
        venue_order_id = fields.text("venue_order_id", ID, ID_EXPECTED, required=needed)
        filled = fields.amount("filled_quantity", positive=False, required=needed)
        price = fields.amount("average_price", positive=True, required=False)
        ends = (OrderStatus.FILLED, OrderStatus.CANCELED)
        status = fields.choice("final_status", ends, required=False)
    fields.raise_if_any()
    return Said(
        found=cast("Found", found),
        operator=cast("str", operator),
        reason=cast("str", reason),
        venue_order_id=venue_order_id,
        filled_base=filled,
        average_price=price,
        status=status,
    )


def _finding(said: Said, order: Order, at: int) -> Finding:
    if said.found is Found.ABSENT:
        return Finding(Found.ABSENT, said.operator, said.reason, at)
    if said.venue_order_id is None or said.filled_base is None:
        raise RouterError(Code.INVALID_REQUEST, "expected an id and a quantity of what was executed")
    return executed(
        order.request,
        operator=said.operator,
        reason=said.reason,
        at=at,
        venue_order_id=said.venue_order_id,
        filled_base=said.filled_base,
        average_price=said.average_price,
        status=said.status,
    )
