"""Routes of connections."""

from typing import Final

from router.core.errors import Code
from router.http.connections import handlers
from router.http.connections.bodies import ConnectionChangeBody, NewConnectionBody
from router.http.connections.wire import ConnectionDetail, ConnectionDetailPage
from router.http.problems import TEST_CODES
from router.http.routes.operation import PLACED, Good, Operation
from router.settings import Scope

_PROVED: Final = (*TEST_CODES, Code.VENUE_UNAVAILABLE)
_KEPT: Final = (Code.VAULT_UNAVAILABLE, Code.STORE_UNAVAILABLE)
_EMPTY_BODY: Final = (
    Code.INVALID_REQUEST,
    Code.MALFORMED_JSON,
    Code.REQUEST_TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE,
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        "/v1/connections",
        handlers.list_connections,
        "connections",
        "List connections with their state and health",
        {200: Good("Every connection.", ConnectionDetailPage)},
    ),
    Operation(
        "POST",
        "/v1/connections",
        handlers.add_connection,
        "connections",
        "Connect an account: it is tested at the counterparty, kept, and trades without a restart",
        {201: Good("The connection, without its credentials.", ConnectionDetail, headers=PLACED[:1])},
        (Code.CONNECTION_EXISTS, Code.CONNECTION_BUSY, *_PROVED, *_KEPT),
        body=NewConnectionBody,
        example={
            "name": "BitGo Margin",
            "counterparty": "bitgo_prime",
            "pts": True,
            "account_id": "60e740e7898f7d00064d43769a73dc48",
            "taker_fee_bps": "2",
            "credentials": {"token": "v2x-the-token"},
        },
        scope=Scope.ADMIN,
    ),
    Operation(
        "GET",
        "/v1/connections/{connection_id}",
        handlers.get_connection,
        "connections",
        "Read a connection with its state and health",
        {200: Good("The connection.", ConnectionDetail)},
        (Code.NOT_FOUND,),
    ),
    Operation(
        "PATCH",
        "/v1/connections/{connection_id}",
        handlers.change_connection,
        "connections",
        "Change a connection; one with another token or address is tested first",
        {200: Good("The connection as it is now.", ConnectionDetail)},
        (
            Code.NOT_FOUND,
            Code.CONNECTION_EXISTS,
            Code.CONNECTION_IN_SETTINGS,
            Code.CONNECTION_BUSY,
            *_PROVED,
            *_KEPT,
        ),
        body=ConnectionChangeBody,
        example={"name": "BitGo Margin 2", "taker_fee_bps": "1.5"},
        scope=Scope.ADMIN,
    ),
    Operation(
        "DELETE",
        "/v1/connections/{connection_id}",
        handlers.remove_connection,
        "connections",
        "Remove a connection: no new orders, those that it has go on to their end, then it is gone",
        {202: Good("The connection as it drains.", ConnectionDetail)},
        (
            *_EMPTY_BODY,
            Code.NOT_FOUND,
            Code.CONNECTION_IN_SETTINGS,
            Code.CONNECTION_BUSY,
            Code.STORE_UNAVAILABLE,
        ),
        scope=Scope.ADMIN,
    ),
    Operation(
        "POST",
        "/v1/connections/{connection_id}/test",
        handlers.test_connection,
        "connections",
        "Test a connection at its counterparty again; nothing is changed",
        {200: Good("It passed.", ConnectionDetail)},
        (*_EMPTY_BODY, Code.NOT_FOUND, Code.VAULT_UNAVAILABLE, *_PROVED),
        scope=Scope.ADMIN,
    ),
)
