"""Asking for collateral back: requests that the counterparty's staff decide.

Source: bitgo-prime OpenAPI, margin/collateral/withdrawalrequests.  That another status than `pending` cannot
be canceled is not documented, nor is the refusal that stands for it here.
"""

from .desk import Desk
from .errors import NOT_FOUND, RefusedError
from .fields import Fields
from .gate import Call, Route
from .margin_file import Withdrawal
from .margin_wire import withdrawal_of
from .query import path_id
from .rest import ACCOUNT
from .rest_margin_moves import amount_of
from .transfers import ask_withdrawal, cancel_withdrawal
from .world import World

_REQUESTS = ACCOUNT + "/margin/collateral/withdrawalrequests"
_UUID_LENGTH = 36
_PAGE, _PAGE_MAX = 50, 100


def _ask(world: World, _desk: Desk, call: Call) -> object:
    return withdrawal_of(call.account, ask_withdrawal(world, call.account, *amount_of(call)))


def _list(_world: World, _desk: Desk, call: Call) -> object:
    rows = list(reversed(call.account.margin_file.withdrawals.values()))
    page = call.query.page(rows, default=_PAGE, most=_PAGE_MAX)
    return {"data": [withdrawal_of(call.account, one) for one in page]}


def _find(call: Call) -> Withdrawal:
    text = call.params["request"]
    try:
        request_id = path_id(text, "requestID")
    except RefusedError as error:
        wrong = f"length: {len(text)}" if len(text) != _UUID_LENGTH else "format"
        raise RefusedError("backend:externalAPI:invalidParameters", text=f"invalid UUID {wrong}") from error
    found = call.account.margin_file.withdrawals.get(request_id)
    if found is None:
        raise RefusedError(NOT_FOUND, key="requestID")
    return found


def _get(_world: World, _desk: Desk, call: Call) -> object:
    return withdrawal_of(call.account, _find(call))


def _cancel(_world: World, _desk: Desk, call: Call) -> object:
    if call.body:
        Fields.from_json(call.body).only(())
    request = _find(call)
    cancel_withdrawal(call.account, request)
    return withdrawal_of(call.account, request)


ROUTES: tuple[Route, ...] = (
    Route("POST", _REQUESTS, "withdrawal", _ask, scope="trade_trade", margin=True, status=202),
    Route("GET", _REQUESTS, "margin_read", _list, queries=("offset", "limit"), margin=True),
    Route("GET", _REQUESTS + "/{request}", "margin_read", _get, margin=True),
    Route(
        "PATCH",
        _REQUESTS + "/{request}/cancel",
        "withdrawal_cancel",
        _cancel,
        scope="trade_trade",
        margin=True,
    ),
)
