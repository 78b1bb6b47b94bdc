"""Routes of the event stream, of operations and of the description."""

from typing import Annotated, Final

import msgspec

from router.core.errors import Code
from router.http import docs, handlers, stream, wire
from router.http.margin.wire import MarginOperation
from router.http.routes.operation import Good, Operation, Parameter

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        "/v1/events",
        stream.follow_events,
        "events",
        "Follow orders, competitions, connections and margin operations as they change (server-sent events)",
        {
            200: Good(
                "Events `order` (an Order, its `competition` null), `competition` (a CompetitionEvent), "
                "`connection` (a Connection), `operation` (a MarginOperation) and `foreign_order` (a "
                "ForeignOrder: one that this router did not send). With `Last-Event-ID`, what was missed "
                "comes first, or an event `reset` where that is gone; an event `overflow` ends the stream of "
                "who reads too slowly.",
                media_type=stream.EVENT_STREAM,
                parts=(
                    wire.Order,
                    wire.CompetitionEvent,
                    wire.Connection,
                    MarginOperation,
                    wire.ForeignOrder,
                ),
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
        headers=(
            Parameter(
                stream.LAST_EVENT_ID,
                str,
                "The `id` of the last event that was seen: what was missed comes first.",
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
