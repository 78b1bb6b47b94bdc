"""Routes of orders, RFQs and competitions."""

from typing import Final

import msgspec

from router.core.errors import Code
from router.http import bodies, findings, handlers, wire
from router.http.problems import ORDER_CODES
from router.http.routes.operation import CURSOR, LIMIT, PLACED, Good, Operation, Parameter
from router.settings import Scope

ORDER_ANSWERS: Final = {
    200: Good("The order is in a final state, or works as it was asked to.", wire.Order, headers=PLACED),
    202: Good("The order's outcome is not known yet.", wire.Order, headers=PLACED),
}

ASKED: Final = {"product": "BTC-USD", "side": "buy", "quantity": "0.5", "quantity_currency": "BTC"}

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/v1/orders",
        handlers.submit_order,
        "orders",
        "Run a competition and execute on its winner",
        ORDER_ANSWERS,
        (Code.CLIENT_ORDER_ID_REUSED, *ORDER_CODES),
        body=bodies.OrderBody,
        example={"client_order_id": "desk-7-000123", "type": "market", **ASKED},
        scope=Scope.TRADE,
        bounded=True,
    ),
    Operation(
        "GET",
        "/v1/orders",
        handlers.list_orders,
        "orders",
        "List orders, newest first, or find one by its client order id",
        {200: Good("A page of orders; an empty one where none is found.", wire.OrderPage)},
        (Code.INVALID_REQUEST, Code.STORE_UNAVAILABLE),
        query=(
            Parameter("client_order_id", wire.ClientOrderId, "The order with this id, if there is one."),
            LIMIT,
            msgspec.structs.replace(
                CURSOR, summary="An answer's `next_cursor`; not beside `client_order_id`."
            ),
            Parameter("in_doubt", bool, "true: only those that may be live and are being looked up."),
        ),
    ),
    Operation(
        "GET",
        "/v1/orders/{order_id}",
        handlers.get_order,
        "orders",
        "Read an order with its competition",
        {200: Good("The order.", wire.Order)},
        (Code.NOT_FOUND, Code.STORE_UNAVAILABLE),
    ),
    Operation(
        "POST",
        "/v1/orders/{order_id}/cancel",
        handlers.cancel_order,
        "orders",
        "Ask for a working order to be cancelled",
        {
            202: Good(
                "The request was taken; the order tells what came of it.", wire.Order, headers=PLACED[:1]
            )
        },
        (
            Code.INVALID_REQUEST,
            Code.MALFORMED_JSON,
            Code.NOT_FOUND,
            Code.ORDER_NOT_CANCELABLE,
            Code.REQUEST_TOO_LARGE,
            Code.UNSUPPORTED_MEDIA_TYPE,
            Code.VENUE_UNAVAILABLE,
            Code.SHUTTING_DOWN,
            Code.STORE_UNAVAILABLE,
        ),
        scope=Scope.TRADE,
    ),
    Operation(
        "POST",
        "/v1/orders/{order_id}/finding",
        findings.record_finding,
        "orders",
        "Record what a person found out of an order in doubt, and end it by that",
        {200: Good("The order as it ended.", wire.Order)},
        (Code.NOT_FOUND, Code.ORDER_NOT_IN_DOUBT, Code.SHUTTING_DOWN, Code.STORE_UNAVAILABLE),
        body=bodies.FindingBody,
        example={"finding": "absent", "operator": "J. Doe", "reason": "not on the account's page at 14:30"},
        scope=Scope.TRADE,
    ),
    Operation(
        "POST",
        "/v1/rfqs",
        handlers.request_quotes,
        "rfqs",
        "Run a competition and execute nothing",
        {201: Good("The ranking, and until when it stands.", wire.Rfq, headers=PLACED[:1])},
        ORDER_CODES,
        body=bodies.RfqBody,
        example=ASKED,
        # Nothing is traded, but the request budget that orders need is spent.
        scope=Scope.TRADE,
        bounded=True,
    ),
    Operation(
        "GET",
        "/v1/rfqs/{rfq_id}",
        handlers.get_rfq,
        "rfqs",
        "Read an RFQ",
        {200: Good("The RFQ.", wire.Rfq)},
        (Code.NOT_FOUND, Code.STORE_UNAVAILABLE),
    ),
    Operation(
        "POST",
        "/v1/rfqs/{rfq_id}/accept",
        handlers.accept_rfq,
        "rfqs",
        "Execute on an RFQ's best quote, or on the connection named",
        ORDER_ANSWERS,
        (Code.NOT_FOUND, Code.CLIENT_ORDER_ID_REUSED, Code.RFQ_EXPIRED, *ORDER_CODES),
        body=bodies.AcceptBody,
        example={"client_order_id": "desk-7-000124"},
        scope=Scope.TRADE,
        bounded=True,
    ),
    Operation(
        "GET",
        "/v1/competitions/{competition_id}",
        handlers.get_competition,
        "competitions",
        "Read the full record of a competition",
        {200: Good("Who was asked, who was left out and why, every quote, the ranking.", wire.Competition)},
        (Code.NOT_FOUND, Code.STORE_UNAVAILABLE),
    ),
)
