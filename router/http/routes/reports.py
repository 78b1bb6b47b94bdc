"""Routes of the portfolio and of reports. Each answers CSV too: `Accept: text/csv`, or `format=csv`."""

from typing import Annotated, Final, Literal

import msgspec

from router.core.errors import Code
from router.http import wire as common
from router.http.reports import handlers, wire
from router.http.reports.handlers import MEDIA_CSV
from router.http.reports.query import ROWS_MAX
from router.http.requests import PAGE_LENGTH
from router.http.routes.operation import Good, Operation, Parameter
from router.reports.cursor import CURSOR_LENGTH_MAX

_TAG: Final = "reports"
_ID: Final = Annotated[str, msgspec.Meta(pattern=common.ID_PATTERN)]
_CONNECTION: Final = Parameter("connection", _ID, "The id of a connection: only its rows.")
_NEEDED: Final = Parameter("connection", _ID, "The id of the connection; it must be given.")
_WINDOW: Final = (
    Parameter("from", common.Time, "Nothing before this time."),
    Parameter("to", common.Time, "Nothing from this time on."),
)
_DAY: Final = (
    Parameter("from", common.Time, "Nothing before this time; a day before `to` if it is not given."),
    Parameter("to", common.Time, "Nothing from this time on; now if it is not given."),
)
_LIMIT: Final = Parameter(
    "limit",
    Annotated[int, msgspec.Meta(ge=1, le=ROWS_MAX)],
    f"Rows on a page, {PAGE_LENGTH} if it is not given; CSV without it is the whole report.",
)
_CURSOR: Final = Parameter(
    "cursor",
    Annotated[str, msgspec.Meta(pattern=f"^[A-Za-z0-9_-]{{1,{CURSOR_LENGTH_MAX}}}$")],
    "An answer's `next_cursor`, with the same filters.",
)
_FORMAT: Final = Parameter("format", Literal["json", "csv"], "The format, whatever the `Accept` header says.")
_PAGED: Final = (_LIMIT, _CURSOR, _FORMAT)
_READ: Final = (Code.INVALID_REQUEST, Code.NOT_FOUND, Code.STORE_UNAVAILABLE)


def _good(summary: str, body: type[msgspec.Struct]) -> dict[int, Good]:
    return {200: Good(summary, body, also=(MEDIA_CSV,))}


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        "/v1/portfolio",
        handlers.get_portfolio,
        _TAG,
        "What every connection has: balances (Spot, custody) or open positions (PTS)",
        _good("A row a connection.", wire.PortfolioPage),
        _READ,
        query=(_CONNECTION, _FORMAT),
    ),
    Operation(
        "GET",
        "/v1/reports/balances",
        handlers.report_balances,
        _TAG,
        "Balances and positions, a row an asset and connection, in custody an asset and wallet",
        _good("A page of the report.", wire.BalancePage),
        _READ,
        query=(_CONNECTION, *_PAGED),
    ),
    Operation(
        "GET",
        "/v1/reports/trades",
        handlers.report_trades,
        _TAG,
        "Trades as the counterparties list them, newest first: funded ones on Spot, margin ones on PTS",
        _good("A page of the report.", wire.TradePage),
        (*_READ, Code.NOT_A_TRADING_CONNECTION),
        query=(
            _CONNECTION,
            Parameter("product", Annotated[str, msgspec.Meta(pattern=common.PRODUCT_PATTERN)], "A pair."),
            Parameter("order", _ID, "The id of one of our orders: only its trades."),
            *_WINDOW,
            *_PAGED,
        ),
    ),
    Operation(
        "GET",
        "/v1/reports/settlement-summary",
        handlers.report_settlement_summary,
        _TAG,
        "Limits, credit used, exposure and risk of a PTS connection",
        _good("How the account stands.", wire.SettlementSummary),
        (*_READ, Code.NOT_A_PTS_CONNECTION, Code.VENUE_UNAVAILABLE),
        query=(_NEEDED, _FORMAT),
    ),
    Operation(
        "GET",
        "/v1/reports/transactions",
        handlers.report_transactions,
        _TAG,
        "Movements of a custody connection, wallet by wallet",
        _good("A page of the report.", wire.TransactionPage),
        (*_READ, Code.NOT_A_CUSTODY_CONNECTION),
        query=(
            _NEEDED,
            Parameter(
                "wallet",
                Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,128}$")],
                "The id of a wallet: only its movements.",
            ),
            *_WINDOW,
            *_PAGED,
        ),
    ),
    Operation(
        "GET",
        "/v1/reports/execution-quality",
        handlers.report_execution_quality,
        _TAG,
        "Competitions joined and won, slippage, price improvement and refusals, by connection and in all",
        _good("The report.", wire.QualityReport),
        _READ,
        query=(_CONNECTION, *_DAY, _FORMAT),
    ),
    Operation(
        "GET",
        "/v1/reports/reconciliation",
        handlers.report_reconciliation,
        _TAG,
        "Our fills against the counterparty's trades: what is external, missing on either side, or changed",
        _good("The differences, then both sides' sums.", wire.ReconciliationReport),
        (*_READ, Code.NOT_A_TRADING_CONNECTION),
        query=(_NEEDED, *_DAY, _FORMAT),
    ),
)
