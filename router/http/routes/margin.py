"""Routes of margin: what a PTS account stands at, moves of margin money, and the operations of those."""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from router.core.errors import Code
from router.http import wire as common
from router.http.context import Handler
from router.http.margin import bodies as margin_bodies
from router.http.margin import handlers as margin
from router.http.margin import moves as margin_moves
from router.http.margin import requests, wire
from router.http.routes.operation import CURSOR, LIMIT, PLACED, Good, Operation, Parameter
from router.settings import Scope

AT: Final = "/v1/connections/{connection_id}/margin"
TAG: Final = "margin"

_READ: Final = (Code.INVALID_REQUEST, Code.NOT_FOUND, Code.NOT_A_PTS_CONNECTION, Code.VENUE_UNAVAILABLE)
MOVE_CODES: Final = (
    Code.NOT_FOUND,
    Code.NOT_A_PTS_CONNECTION,
    Code.IDEMPOTENCY_KEY_REUSED,
    Code.OPERATION_IN_DOUBT,
    Code.INSUFFICIENT_FUNDS,
    Code.INVALID_QUANTITY,
    Code.VELOCITY_LIMIT,
    Code.TRADING_DISABLED,
    Code.KYC_NOT_APPROVED,
    *(code for code in Code if code.is_credit),
    Code.VENUE_REJECTED,
    Code.NOT_TAKEN,
    Code.INTERRUPTED,
    Code.VENUE_UNAVAILABLE,
    Code.SHUTTING_DOWN,
    Code.STORE_UNAVAILABLE,
)
"""Codes that a move can end with, or be turned away with."""

_AMOUNT: Final = {"currency": "USD", "quantity": "250.00"}
_ALL: Final = {"all": True}
_DONE: Final = Good("It was done.", wire.MarginOperation, headers=PLACED)
_UNKNOWN: Final = Good("Its outcome is not known yet.", wire.MarginOperation, headers=PLACED)

_CURRENCIES: Final = Parameter(
    "currencies",
    Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9*.:_,-]+$", examples=["BTC,ETH"])],
    "Only these, with commas between them.",
)

_KEY: Final = Parameter(
    requests.IDEMPOTENCY_KEY,
    Annotated[str, msgspec.Meta(pattern=common.ID_PATTERN, examples=["desk-7-000123"])],
    "The caller's key: the same key with the same body is the same move, and is never made twice.",
    required=True,
)


def _time(name: str, summary: str) -> Parameter:
    return Parameter(name, Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})], summary)


def _read(
    path: str, handler: Handler, summary: str, answer: type[msgspec.Struct], *query: Parameter
) -> Operation:
    """A reading."""
    told = (answer.__doc__ or "").splitlines()[0]
    return Operation("GET", AT + path, handler, TAG, summary, {200: Good(told, answer)}, _READ, query=query)


def _move(
    path: str,
    handler: Handler,
    summary: str,
    answers: Mapping[int, Good],
    body: type[msgspec.Struct],
    example: Mapping[str, object],
) -> Operation:
    """What moves money."""
    told = f"{summary}, once for an Idempotency-Key"
    return Operation(
        "POST",
        AT + path,
        handler,
        TAG,
        told,
        answers,
        MOVE_CODES,
        body=body,
        example=example,
        headers=(_KEY,),
        scope=Scope.TRADE,
    )


_READINGS: Final = (
    _read("/risk-profile", margin.margin_risk_profile, "Read how the account stands", wire.MarginRiskProfile),
    _read(
        "/risk-settings", margin.margin_risk_settings, "Read the account's limits", wire.MarginRiskSettings
    ),
    _read("/positions", margin.margin_positions, "List the open positions", wire.MarginPositionPage),
    _read(
        "/positions/snapshot",
        margin.margin_positions_snapshot,
        "List the unsettled positions as of a time",
        wire.MarginSnapshotPage,
        _time("until", "By what was transacted before this; without it, now."),
        _CURRENCIES,
        Parameter("use_future_transfers", bool, "true: transfers after that time cover short positions."),
    ),
    _read(
        "/positions/activity",
        margin.margin_positions_activity,
        "List what unsettled positions are made of",
        wire.MarginActivityPage,
        _time("from", "At or after this."),
        _time("to", "Before this."),
        _CURRENCIES,
        Parameter(
            "types",
            Annotated[str, msgspec.Meta(pattern="^[a-z,-]+$", examples=["position-transfer"])],
            "Only these types, with commas between them.",
        ),
        LIMIT,
        CURSOR,
    ),
    _read("/collateral", margin.margin_collateral, "List the collateral", wire.MarginCollateralPage),
    _read(
        "/collateral-currencies",
        margin.margin_collateral_currencies,
        "List what is taken as collateral",
        wire.MarginCollateralCurrencyPage,
    ),
    _read(
        "/close-requests",
        margin.list_margin_close_requests,
        "List requests to close positions",
        wire.MarginCloseRequestPage,
        LIMIT,
        CURSOR,
    ),
    _read(
        "/close-requests/{request_id}",
        margin.get_margin_close_request,
        "Read a request to close positions",
        wire.MarginCloseRequest,
    ),
    _read(
        "/close-requests/{request_id}/orders",
        margin.list_margin_close_orders,
        "List the orders that a request to close led to",
        wire.MarginCloseOrderPage,
    ),
    _read(
        "/collateral-withdrawals",
        margin.list_margin_withdrawals,
        "List requests to take collateral back",
        wire.MarginWithdrawalPage,
        LIMIT,
        CURSOR,
    ),
    _read(
        "/collateral-withdrawals/{request_id}",
        margin.get_margin_withdrawal,
        "Read a request to take collateral back",
        wire.MarginWithdrawal,
    ),
)

_MOVES: Final = (
    _move(
        "/collateral-transfers",
        margin_moves.transfer_collateral,
        "Transfer collateral from the Go Account",
        {200: _DONE, 202: _UNKNOWN},
        margin_bodies.MarginTransferBody,
        _AMOUNT,
    ),
    _move(
        "/positions/transfer",
        margin_moves.transfer_position,
        "Transfer an amount onto a position",
        {200: _DONE, 202: _UNKNOWN},
        margin_bodies.MarginTransferBody,
        _AMOUNT,
    ),
    _move(
        "/positions/cover",
        margin_moves.cover_positions,
        "Transfer what short positions owe",
        {200: _DONE, 202: _UNKNOWN},
        margin_bodies.MarginPositionsBody,
        _ALL,
    ),
    _move(
        "/positions/close",
        margin_moves.close_positions,
        "Ask for positions to be traded to zero",
        {202: Good("The request, or a doubt of it.", wire.MarginClose, headers=PLACED)},
        margin_bodies.MarginPositionsBody,
        _ALL,
    ),
    _move(
        "/collateral-withdrawals",
        margin_moves.withdraw_collateral,
        "Ask for collateral back",
        {202: Good("The request, or a doubt of it.", wire.MarginWithdrawalAsked, headers=PLACED)},
        margin_bodies.MarginTransferBody,
        _AMOUNT,
    ),
)

_OPERATIONS: Final = (
    Operation(
        "POST",
        AT + "/collateral-withdrawals/{request_id}/cancel",
        margin.cancel_margin_withdrawal,
        TAG,
        "Take a request for collateral back",
        {200: Good("The request as it is now.", wire.MarginWithdrawal)},
        (*MOVE_CODES, Code.MALFORMED_JSON, Code.REQUEST_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE),
        scope=Scope.TRADE,
    ),
    Operation(
        "GET",
        AT + "/operations",
        margin_moves.list_margin_operations,
        TAG,
        "List moves of margin money through this router, newest first",
        {200: Good("A page of operations.", wire.MarginOperationPage)},
        (Code.INVALID_REQUEST, Code.NOT_FOUND, Code.NOT_A_PTS_CONNECTION, Code.STORE_UNAVAILABLE),
        query=(LIMIT, CURSOR),
    ),
    Operation(
        "GET",
        AT + "/operations/{operation_id}",
        margin_moves.get_margin_operation,
        TAG,
        "Read a move of margin money",
        {200: Good("The operation.", wire.MarginOperation)},
        (Code.NOT_FOUND, Code.STORE_UNAVAILABLE),
    ),
    Operation(
        "POST",
        AT + "/operations/{operation_id}/finding",
        margin_moves.record_margin_finding,
        TAG,
        "Record what a person found out of an operation in doubt, and end it by that",
        {200: Good("The operation as it ended.", wire.MarginOperation)},
        (Code.NOT_FOUND, Code.OPERATION_NOT_IN_DOUBT, Code.SHUTTING_DOWN, Code.STORE_UNAVAILABLE),
        body=margin_bodies.MarginFindingBody,
        example={"finding": "done", "operator": "J. Doe", "reason": "on the account's page at 14:30"},
        scope=Scope.TRADE,
    ),
)

OPERATIONS: Final[tuple[Operation, ...]] = (*_READINGS, *_MOVES, *_OPERATIONS)
