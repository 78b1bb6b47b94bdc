"""The table of routes: the application and the OpenAPI document are both made from it."""

from typing import Final

from router.http.routes import connections, margin, operations, reports, trading
from router.http.routes.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *trading.OPERATIONS,
    *connections.OPERATIONS,
    *reports.OPERATIONS,
    *margin.OPERATIONS,
    *operations.OPERATIONS,
)
