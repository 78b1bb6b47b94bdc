"""Routes of connections."""

from typing import Final

from router.core.errors import Code
from router.http import handlers, wire
from router.http.routes.operation import Good, Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
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
)
