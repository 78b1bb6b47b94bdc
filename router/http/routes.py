"""The table of routes: the application and the OpenAPI document are both made from it."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from router.core.errors import Code
from router.http import bodies, docs, findings, handlers, stream, wire
from router.http.context import Handler
from router.http.problems import ORDER_CODES
from router.http.requests import CURSOR_LENGTH_MAX, PAGE_LENGTH, PAGE_LENGTH_MAX
from router.settings import Scope


class Parameter(msgspec.Struct, frozen=True):
    """A query parameter, none of which is required; `kind` is the type that its schema is made from."""

    name: str
    kind: object
    summary: str
    default: object = None


class Good(msgspec.Struct, frozen=True):
    """An answer that is no problem: a wire type, or the media type of what is no JSON of ours."""

    summary: str
    body: type[msgspec.Struct] | None = None
    media_type: str = "application/json"
    headers: tuple[str, ...] = ()
    parts: tuple[type[msgspec.Struct], ...] = ()
    """Wire types that stand inside of another format, and must be described all the same."""


class Operation(msgspec.Struct, frozen=True):
    """One method on one path. `scope` None: open to everyone."""

    method: str
    path: str
    handler: Handler
    tag: str
    summary: str
    answers: Mapping[int, Good]
    problems: tuple[Code, ...] = ()
    body: type[msgspec.Struct] | None = None
    example: Mapping[str, object] | None = None
    query: tuple[Parameter, ...] = ()
    scope: Scope | None = Scope.READ

    @property
    def id(self) -> str:
        """The operation's name in the description."""
        return str(getattr(self.handler, "__name__", self.path))

    @property
    def path_parameters(self) -> list[str]:
        """The names in the path's template."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def query_names(self) -> frozenset[str]:
        """The query parameters that it takes."""
        return frozenset(parameter.name for parameter in self.query)

    @property
    def is_api(self) -> bool:
        """Whether it is part of the versioned API, where an unknown query parameter is refused."""
        return self.path.startswith("/v1/")


_PLACED: Final = ("Location", "Idempotent-Replayed")
_ORDER_ANSWERS: Final = {
    200: Good("The order is in a final state, or works as it was asked to.", wire.Order, headers=_PLACED),
    202: Good("The order's outcome is not known yet.", wire.Order, headers=_PLACED),
}

_ASKED: Final = {"product": "BTC-USD", "side": "buy", "quantity": "0.5", "quantity_currency": "BTC"}

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST",
        "/v1/orders",
        handlers.submit_order,
        "orders",
        "Run a competition and execute on its winner",
        _ORDER_ANSWERS,
        (Code.CLIENT_ORDER_ID_REUSED, *ORDER_CODES),
        body=bodies.OrderBody,
        example={"client_order_id": "desk-7-000123", "type": "market", **_ASKED},
        scope=Scope.TRADE,
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
            Parameter(
                "limit",
                Annotated[int, msgspec.Meta(ge=1, le=PAGE_LENGTH_MAX)],
                "Orders on a page.",
                default=PAGE_LENGTH,
            ),
            Parameter(
                "cursor",
                Annotated[str, msgspec.Meta(min_length=1, max_length=CURSOR_LENGTH_MAX)],
                "An answer's `next_cursor`; not beside `client_order_id`.",
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
                "The request was taken; the order tells what came of it.", wire.Order, headers=_PLACED[:1]
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
        {201: Good("The ranking, and until when it stands.", wire.Rfq, headers=_PLACED[:1])},
        ORDER_CODES,
        body=bodies.RfqBody,
        example=_ASKED,
        # Nothing is traded, but the request budget that orders need is spent.
        scope=Scope.TRADE,
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
        _ORDER_ANSWERS,
        (Code.NOT_FOUND, Code.CLIENT_ORDER_ID_REUSED, Code.RFQ_EXPIRED, *ORDER_CODES),
        body=bodies.AcceptBody,
        example={"client_order_id": "desk-7-000124"},
        scope=Scope.TRADE,
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
    Operation(
        "GET",
        "/v1/connections",
        handlers.list_connections,
        "connections",
        "List connections with their state and health",
        {200: Good("Every connection.", wire.ConnectionPage)},
    ),
    Operation(
        "GET",
        "/v1/connections/{connection_id}",
        handlers.get_connection,
        "connections",
        "Read a connection with its state and health",
        {200: Good("The connection.", wire.Connection)},
        (Code.NOT_FOUND,),
    ),
    Operation(
        "GET",
        "/v1/events",
        stream.follow_events,
        "events",
        "Follow orders, competitions and connections as they change, as server-sent events",
        {
            200: Good(
                "Events `order` (an Order, its `competition` null), `competition` (a CompetitionEvent) and "
                "`connection` (a Connection). With `Last-Event-ID`, what was missed comes first, or an event "
                "`reset` where that is gone; an event `overflow` ends the stream of who reads too slowly.",
                media_type=stream.EVENT_STREAM,
                parts=(wire.Order, wire.CompetitionEvent, wire.Connection),
            )
        },
        (Code.INVALID_REQUEST, Code.TOO_MANY_REQUESTS),
        query=(
            Parameter(
                "order_id", Annotated[str, msgspec.Meta(pattern=wire.ID_PATTERN)], "Only this order's."
            ),
            Parameter(
                "types",
                Annotated[str, msgspec.Meta(pattern=stream.TYPES_PATTERN, examples=["order,connection"])],
                "Only events of these types, with commas between them.",
            ),
        ),
    ),
    Operation(
        "GET",
        "/healthz",
        handlers.healthz,
        "operations",
        "Whether the process runs",
        {200: Good("It runs.", wire.Liveness)},
        scope=None,
    ),
    Operation(
        "GET",
        "/readyz",
        handlers.readyz,
        "operations",
        "Whether orders can be taken",
        {
            200: Good("Every check is well.", wire.Readiness),
            503: Good("Some check is not.", wire.Readiness),
        },
        scope=None,
    ),
    Operation(
        "GET",
        "/metrics",
        handlers.metrics,
        "operations",
        "Metrics in Prometheus' text format",
        {200: Good("The metrics.", media_type="text/plain")},
    ),
    Operation(
        "GET",
        "/openapi.json",
        handlers.openapi_document,
        "description",
        "This description",
        {200: Good("An OpenAPI 3.1 document.")},
        scope=None,
    ),
    Operation(
        "GET",
        "/docs",
        docs.docs_page,
        "description",
        "This description as a page",
        {200: Good("The page.", media_type="text/html")},
        scope=None,
    ),
    Operation(
        "GET",
        "/docs/{asset}",
        docs.docs_asset,
        "description",
        "A part of the page",
        {200: Good("A script or a style sheet.", media_type="*/*")},
        (Code.NOT_FOUND,),
        scope=None,
    ),
)
