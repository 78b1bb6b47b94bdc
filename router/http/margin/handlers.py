"""/v1/connections/{connection_id}/margin/…: what a PTS account stands at, read from its counterparty.

Advisory: nothing that is read here decides who joins a competition.
"""

from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web

from router.core.errors import Code, NotFoundError, UnavailableError
from router.core.model import Connection
from router.core.movement import Moved, MoveRefused
from router.http.context import CONTEXT, Handler, read_body
from router.http.handlers import path_id
from router.http.margin import views, wire
from router.http.margin.port import MarginPort
from router.http.margin.requests import activity_query, offset_page, snapshot_query
from router.http.problems import problem
from router.http.requests import refuse_fields
from router.http.respond import json_response, problem_response
from router.http.texts import time_text
from router.http.views import connection_ref
from router.ports import VenueUnreachableError
from router.ports.accounts import MarginAccount

Reader = Callable[[web.Request, Connection, MarginAccount], Awaitable[web.Response]]


def margin_port(request: web.Request) -> tuple[str, MarginPort]:
    """The connection that a path names, and what answers for its margin. Raises `NotFoundError`."""
    connection_id = path_id(request, "connection_id", "a connection")
    port = request.app[CONTEXT].margin
    if port is None:
        raise NotFoundError("a connection with this id")
    return connection_id, port


def reading(reader: Reader) -> Handler:
    """A handler of a reader: the connection has margin, and a counterparty that does not answer is a 503."""

    @wraps(reader)
    async def handler(request: web.Request) -> web.StreamResponse:
        connection_id, port = margin_port(request)
        connection, account = port.account(connection_id)
        try:
            return await reader(request, connection, account)
        except VenueUnreachableError as error:
            return problem_response(
                problem(
                    Code.VENUE_UNAVAILABLE,
                    error.detail,
                    retryable=True,
                    connection=connection_ref(connection),
                    venue_error=error.venue_error,
                )
            )

    return handler


@reading
async def margin_risk_profile(
    _request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/risk-profile."""
    return json_response(views.profile_view(connection, await account.risk_profile()))


@reading
async def margin_risk_settings(
    _request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/risk-settings."""
    return json_response(views.settings_view(connection, await account.risk_settings()))


@reading
async def margin_positions(
    _request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/positions."""
    data = [views.position_view(connection, held) for held in await account.positions()]
    return json_response(wire.MarginPositionPage(data=data, next_cursor=None))


@reading
async def margin_collateral(
    _request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/collateral."""
    data = [views.position_view(connection, held) for held in await account.collateral()]
    return json_response(wire.MarginCollateralPage(data=data, next_cursor=None))


@reading
async def margin_collateral_currencies(
    _request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/collateral-currencies."""
    data = [views.currency_view(connection, each) for each in await account.collateral_currencies()]
    return json_response(wire.MarginCollateralCurrencyPage(data=data, next_cursor=None))


@reading
async def list_margin_close_requests(
    request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/close-requests."""
    page = offset_page(request.query)
    rows = await account.close_requests(page.offset, page.limit)
    data = [views.close_view(connection, row) for row in rows]
    return json_response(wire.MarginCloseRequestPage(data=data, next_cursor=page.next_cursor(len(rows))))


@reading
async def get_margin_close_request(
    request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/close-requests/{request_id}."""
    found = await account.close_request(path_id(request, "request_id", "a request to close"))
    if found is None:
        raise NotFoundError("a request to close with this id")
    return json_response(views.close_view(connection, found))


@reading
async def list_margin_close_orders(
    request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/close-requests/{request_id}/orders."""
    request_id = path_id(request, "request_id", "a request to close")
    rows = await account.close_orders(request_id)
    if not rows and await account.close_request(request_id) is None:
        raise NotFoundError("a request to close with this id")
    data = [views.close_order_view(connection, row) for row in rows]
    return json_response(wire.MarginCloseOrderPage(data=data, next_cursor=None))


@reading
async def list_margin_withdrawals(
    request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/collateral-withdrawals."""
    page = offset_page(request.query)
    rows = await account.withdrawals(page.offset, page.limit)
    data = [views.withdrawal_view(connection, row) for row in rows]
    return json_response(wire.MarginWithdrawalPage(data=data, next_cursor=page.next_cursor(len(rows))))


@reading
async def get_margin_withdrawal(
    request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/collateral-withdrawals/{request_id}."""
    found = await account.withdrawal(path_id(request, "request_id", "a withdrawal"))
    if found is None:
        raise NotFoundError("a withdrawal with this id")
    return json_response(views.withdrawal_view(connection, found))


@reading
async def cancel_margin_withdrawal(
    request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """POST …/margin/collateral-withdrawals/{request_id}/cancel; asked again, it is the same."""
    request_id = path_id(request, "request_id", "a withdrawal")
    refuse_fields(await read_body(request))
    outcome = await account.cancel_withdrawal(request_id)
    if isinstance(outcome, MoveRefused):
        return problem_response(views.error_view(connection, outcome.error))
    if not isinstance(outcome, Moved):
        raise UnavailableError(Code.VENUE_UNAVAILABLE, f"{outcome.detail}: it is safe to ask again")
    found = outcome.withdrawal or await account.withdrawal(request_id)
    if found is None:
        raise NotFoundError("a withdrawal with this id")
    return json_response(views.withdrawal_view(connection, found))


@reading
async def margin_positions_snapshot(
    request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/positions/snapshot."""
    asked = snapshot_query(request.query, request.app[CONTEXT].now())
    rows = await account.snapshot(
        asked.until, asked.currencies, use_future_transfers=asked.use_future_transfers
    )
    data = [views.snapshot_view(connection, row) for row in rows]
    return json_response(wire.MarginSnapshotPage(until=time_text(asked.until), data=data, next_cursor=None))


@reading
async def margin_positions_activity(
    request: web.Request, connection: Connection, account: MarginAccount
) -> web.Response:
    """GET …/margin/positions/activity."""
    asked, page = activity_query(request.query), offset_page(request.query)
    rows = await account.activity(asked, page.offset, page.limit)
    data = [views.activity_view(connection, row) for row in rows]
    return json_response(wire.MarginActivityPage(data=data, next_cursor=page.next_cursor(len(rows))))
