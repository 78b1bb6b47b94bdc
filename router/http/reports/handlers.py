"""GET /v1/portfolio and /v1/reports/…: read the filters, ask, and show it as JSON or CSV."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from router.core.errors import NotFoundError
from router.http.context import CONTEXT
from router.http.reports import views, wire
from router.http.reports.csv_text import Cell, line
from router.http.reports.negotiate import CSV, chosen
from router.http.reports.port import ReportsPort
from router.http.reports.query import Filters
from router.http.reports.streaming import downloading, first_read, joined, response_of
from router.http.reports.sums import QUALITY_HEADER, SETTLEMENT, quality_lines, reconciliation_totals
from router.http.reports.tables import BALANCES, PORTFOLIO, RECONCILIATION, TRADES, TRANSACTIONS, Table
from router.http.requests import PAGE_LENGTH
from router.http.respond import API_HEADERS, JSON, json_response, problem_response
from router.http.texts import time_text
from router.http.views import connection_ref
from router.reports.reconciliation import Reconciliation
from router.reports.rows import Difference, Failed
from router.reports.scroll import Reading, Scroll, page_of
from router.reports.trades import TradeQuery
from router.reports.transactions import MovementQuery

T = TypeVar("T")

READS_MAX: Final = 20
"""Rounds of requests to counterparties for a page: a filter that nothing fits must not hold a caller."""
MEDIA_CSV: Final = "text/csv"
CSV_TYPE: Final = f"{MEDIA_CSV}; charset=utf-8; header=present"
_VARY: Final = {"Vary": "Accept"}
_ENCODER: Final = msgspec.json.Encoder()


async def get_portfolio(request: web.Request) -> web.StreamResponse:
    """GET /v1/portfolio."""
    filters = Filters(request.query)
    connection, csv = filters.connection(), _wants_csv(request, filters)
    filters.raise_if_any()
    rows = await _reports(request).portfolio(connection)
    if csv:
        return _csv(
            PORTFOLIO.name, PORTFOLIO.header, [cells for row in rows for cells in PORTFOLIO.lines(row)]
        )
    page = wire.PortfolioPage(data=[views.portfolio_row(row) for row in rows], next_cursor=None)
    return json_response(page, headers=_VARY)


async def report_balances(request: web.Request) -> web.StreamResponse:
    """GET /v1/reports/balances."""
    filters = Filters(request.query)
    connection = filters.connection()
    limit, cursor, csv = filters.limit(), filters.cursor(), _wants_csv(request, filters)
    filters.raise_if_any()
    scroll = _reports(request).balances(connection, cursor)
    return await _listed(
        request, scroll, BALANCES, limit, csv=csv, page=_page(wire.BalancePage, views.balance_row)
    )


async def report_trades(request: web.Request) -> web.StreamResponse:
    """GET /v1/reports/trades."""
    filters = Filters(request.query)
    connection, order = filters.connection(), filters.order()
    since, until = filters.window()
    query = TradeQuery(filters.product(), since, until)
    limit, cursor, csv = filters.limit(), filters.cursor(), _wants_csv(request, filters)
    filters.raise_if_any()
    scroll = await _reports(request).trades(connection, query, order, cursor)
    return await _listed(request, scroll, TRADES, limit, csv=csv, page=_page(wire.TradePage, views.trade_row))


async def report_transactions(request: web.Request) -> web.StreamResponse:
    """GET /v1/reports/transactions."""
    filters = Filters(request.query)
    connection = filters.connection(required=True)
    query = MovementQuery(filters.wallet(), *filters.window())
    limit, cursor, csv = filters.limit(), filters.cursor(), _wants_csv(request, filters)
    filters.raise_if_any()
    found = await _reports(request).transactions(connection or "", query, cursor)
    page = _page(wire.TransactionPage, views.transaction_row)
    if not isinstance(found, Failed):
        return await _listed(request, found, TRANSACTIONS, limit, csv=csv, page=page)
    if csv:
        return _csv(TRANSACTIONS.name, TRANSACTIONS.header, TRANSACTIONS.lines(found))
    return json_response(page([found], None), headers=_VARY)


async def report_settlement_summary(request: web.Request) -> web.StreamResponse:
    """GET /v1/reports/settlement-summary."""
    filters = Filters(request.query)
    connection, csv = filters.connection(required=True), _wants_csv(request, filters)
    filters.raise_if_any()
    found = await _reports(request).settlement_summary(connection or "")
    if isinstance(found, Failed):
        return problem_response(views.failure(found))
    if csv:
        return _csv(SETTLEMENT.name, SETTLEMENT.header, SETTLEMENT.lines(found))
    return json_response(views.settlement_view(found), headers=_VARY)


async def report_execution_quality(request: web.Request) -> web.StreamResponse:
    """GET /v1/reports/execution-quality."""
    filters = Filters(request.query)
    connection, (since, until) = filters.connection(), filters.window()
    csv = _wants_csv(request, filters)
    filters.raise_if_any()
    report = await _reports(request).execution_quality(connection, since, until)
    if csv:
        return _csv("execution-quality", QUALITY_HEADER, quality_lines(report))
    return json_response(views.quality_view(report), headers=_VARY)


async def report_reconciliation(request: web.Request) -> web.StreamResponse:
    """GET /v1/reports/reconciliation: as it is read, in JSON too, for it has no pages."""
    filters = Filters(request.query)
    connection, (since, until) = filters.connection(required=True), filters.window()
    csv = _wants_csv(request, filters)
    filters.raise_if_any()
    read = _reports(request).reconciliation(connection or "", since, until)
    await first_read(read)
    if csv:
        return await _stream_csv(request, read, RECONCILIATION, lambda: reconciliation_totals(read))
    return await _stream_reconciliation(request, read)


async def _stream_reconciliation(request: web.Request, read: Reconciliation) -> web.StreamResponse:
    head = _ENCODER.encode(
        {
            "connection": connection_ref(read.connection),
            "from": time_text(read.since),
            "to": time_text(read.until),
            "as_of": time_text(request.app[CONTEXT].now()),
        }
    )
    response = response_of(JSON, _VARY)
    async with downloading(request, response) as download:
        if download is not None:
            separator = b""

            def row(found: Difference | Failed) -> bytes:
                nonlocal separator
                text = separator + _ENCODER.encode(views.difference_row(found))
                separator = b","
                return text

            await download.write(head[:-1] + b',"data":[')
            await download.rows(read, row)
            tail = _ENCODER.encode(
                {
                    "totals": [views.total_row(total) for total in read.totals()],
                    "orders_in_doubt": read.orders_in_doubt,
                    "complete": read.complete,
                    "next_cursor": None,
                }
            )
            await download.write(b"]," + tail[1:])
    return response


async def _listed(
    request: web.Request,
    scroll: Scroll[T],
    table: Table,
    limit: int | None,
    *,
    csv: bool,
    page: Callable[[Sequence[T | Failed], str | None], msgspec.Struct],
) -> web.StreamResponse:
    """A page, or all of it where CSV is asked for without a limit."""
    if csv and limit is None:
        await first_read(scroll)
        return await _stream_csv(request, scroll, table)
    rows, cursor = await page_of(scroll, PAGE_LENGTH if limit is None else limit, READS_MAX)
    headers = _VARY | _next_link(request, cursor)
    if csv:
        return _csv(table.name, table.header, [cells for row in rows for cells in table.lines(row)], headers)
    return json_response(page(rows, cursor), headers=headers)


async def _stream_csv(
    request: web.Request,
    scroll: Reading[T],
    table: Table,
    totals: Callable[[], Sequence[Sequence[Cell]]] = tuple,
) -> web.StreamResponse:
    """A whole report as it is read; `totals`: what comes after its last row."""
    response = response_of(CSV_TYPE, _VARY | _attached(table.name))
    async with downloading(request, response) as download:
        if download is not None:
            await download.write(line(table.header).encode())
            await download.rows(scroll, lambda row: joined([line(cells) for cells in table.lines(row)]))
            await download.write(joined([line(cells) for cells in totals()]))
    return response


def _csv(
    name: str, header: Sequence[str], lines: Sequence[Sequence[Cell]], headers: Mapping[str, str] = _VARY
) -> web.Response:
    """A table that is there whole."""
    return web.Response(
        body=joined([line(header), *(line(cells) for cells in lines)]),
        headers={**API_HEADERS, "Content-Type": CSV_TYPE, **_attached(name), **headers},
    )


def _page(
    kind: Callable[..., msgspec.Struct], view: Callable[[T | Failed], msgspec.Struct]
) -> Callable[[Sequence[T | Failed], str | None], msgspec.Struct]:
    def made(rows: Sequence[T | Failed], cursor: str | None) -> msgspec.Struct:
        return kind(data=[view(row) for row in rows], next_cursor=cursor)

    return made


def _next_link(request: web.Request, cursor: str | None) -> dict[str, str]:
    """Where the next page is (RFC 8288): CSV has no other place for it."""
    if cursor is None:
        return {}
    url = request.rel_url.update_query({"cursor": cursor})
    return {"Link": f'<{url}>; rel="next"'}


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.csv"'}


def _wants_csv(request: web.Request, filters: Filters) -> bool:
    return chosen(filters.format(), request.headers.getall("Accept", [])) == CSV


def _reports(request: web.Request) -> ReportsPort:
    reports = request.app[CONTEXT].reports
    if reports is None:
        raise NotFoundError("reports here")
    return reports
