"""`report …`: the portfolio and the reports as tables, as the router's JSON, or as CSV to the end."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Protocol, TypeVar

from cyclopts import App, Parameter, validators
from rich.console import Console

from router.cli import answering, paper
from router.cli.access import HERE, Access, Flag, UsageError
from router.cli.answers import UnreadableError
from router.cli.exits import HELP, Exit
from router.cli.reports import tables as report_tables
from router.cli.reports.answers import (
    Balances,
    Portfolio,
    Quality,
    Reconciled,
    Row,
    Settlement,
    Trades,
    Transactions,
)
from router.cli.reports.progress import Progress

T = TypeVar("T")

SILENCE_S: Final = 600.0
"""A report may read for minutes without a row: wallets in which nothing moved are gone through one by one."""
_CSV = "text/csv"

Limit = Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=500))]
Query = dict[str, str | None]


def portfolio(*, connection: str | None = None, csv: Flag = False, access: Access = HERE) -> int:
    """Show what every connection has: balances, or open positions on PTS.

    Ends with 1 where a connection could not be read; what the others have is shown.

    Parameters
    ----------
    connection
        Only this one's.
    csv
        Print CSV.
    """
    query: Query = {"connection": connection}
    return _run(
        access, ("portfolio",), query, Portfolio, report_tables.show_portfolio, csv=csv, ended=_all_read
    )


def balances(
    *,
    connection: str | None = None,
    limit: Limit = None,
    cursor: str | None = None,
    csv: Flag = False,
    access: Access = HERE,
) -> int:
    """Report balances and positions, a row an asset and connection, in custody an asset and wallet.

    Ends with 1 where a connection could not be read.

    Parameters
    ----------
    connection
        Only this one's.
    limit
        How many rows, 1 to 500; CSV without it is the whole report.
    cursor
        Go on where another page ended: its `next_cursor`.
    csv
        Print CSV.
    """
    query: Query = {"connection": connection, "cursor": cursor, "limit": _text(limit)}
    return _run(
        access,
        ("reports", "balances"),
        query,
        Balances,
        report_tables.show_balances,
        csv=csv,
        ended=_all_read,
    )


def trades(
    *,
    connection: str | None = None,
    product: str | None = None,
    order: str | None = None,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    until: Annotated[str | None, Parameter(name="--to")] = None,
    limit: Limit = None,
    cursor: str | None = None,
    csv: Flag = False,
    access: Access = HERE,
) -> int:
    """Report trades as the counterparties list them, newest first; those made elsewhere are `external`.

    Ends with 1 where a connection could not be read.

    Parameters
    ----------
    connection
        Only this one's.
    product
        Only this pair's.
    order
        Only this order's, by the order's id.
    since
        Nothing before this time, such as 2026-01-02T03:04:05Z.
    until
        Nothing from this time on.
    limit
        How many rows, 1 to 500; CSV without it is the whole report.
    cursor
        Go on where another page ended: its `next_cursor`.
    csv
        Print CSV.
    """
    query: Query = {
        "connection": connection,
        "product": product,
        "order": order,
        "from": since,
        "to": until,
        "cursor": cursor,
        "limit": _text(limit),
    }
    return _run(
        access, ("reports", "trades"), query, Trades, report_tables.show_trades, csv=csv, ended=_all_read
    )


def settlement_summary(connection: str, /, *, csv: Flag = False, access: Access = HERE) -> int:
    """Report limits, credit used, exposure and risk of a PTS connection.

    Parameters
    ----------
    connection
        The connection's id.
    csv
        Print CSV.
    """
    path = ("reports", "settlement-summary")
    query: Query = {"connection": connection}
    return _run(access, path, query, Settlement, report_tables.show_settlement, csv=csv)


def transactions(
    connection: str,
    /,
    *,
    wallet: str | None = None,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    until: Annotated[str | None, Parameter(name="--to")] = None,
    limit: Limit = None,
    cursor: str | None = None,
    csv: Flag = False,
    access: Access = HERE,
) -> int:
    """Report the movements of a custody connection, wallet by wallet.

    Ends with 1 where not all could be read.

    Parameters
    ----------
    connection
        The connection's id.
    wallet
        Only this wallet's.
    since
        Nothing before this time, such as 2026-01-02T03:04:05Z.
    until
        Nothing from this time on.
    limit
        How many rows, 1 to 500; CSV without it is the whole report.
    cursor
        Go on where another page ended: its `next_cursor`.
    csv
        Print CSV.
    """
    query: Query = {
        "connection": connection,
        "wallet": wallet,
        "from": since,
        "to": until,
        "cursor": cursor,
        "limit": _text(limit),
    }
    path = ("reports", "transactions")
    return _run(access, path, query, Transactions, report_tables.show_transactions, csv=csv, ended=_all_read)


def execution_quality(
    *,
    connection: str | None = None,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    until: Annotated[str | None, Parameter(name="--to")] = None,
    csv: Flag = False,
    access: Access = HERE,
) -> int:
    """Report what competitions and executions came to, by connection and in all; else of the last day.

    Parameters
    ----------
    connection
        Only this one's.
    since
        Only orders made at or after this time, such as 2026-01-02T03:04:05Z.
    until
        Only orders made before this time.
    csv
        Print CSV.
    """
    path = ("reports", "execution-quality")
    query: Query = {"connection": connection, "from": since, "to": until}
    return _run(access, path, query, Quality, report_tables.show_quality, csv=csv)


def reconciliation(
    connection: str,
    /,
    *,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    until: Annotated[str | None, Parameter(name="--to")] = None,
    csv: Flag = False,
    access: Access = HERE,
) -> int:
    """Report where our fills and the counterparty's trades differ; the last day without a window.

    Ends with 1 where they differ, or where not both sides could be read.

    Parameters
    ----------
    connection
        The connection's id.
    since
        Nothing before this time, such as 2026-01-02T03:04:05Z.
    until
        Nothing from this time on.
    csv
        Print CSV.
    """
    path = ("reports", "reconciliation")
    query: Query = {"connection": connection, "from": since, "to": until}

    def ended(answer: Reconciled) -> Exit:
        return Exit.REFUSED if answer.data or not answer.complete else Exit.DONE

    return _run(access, path, query, Reconciled, report_tables.show_reconciliation, csv=csv, ended=ended)


def make_report() -> App:
    """The command `report` with its subcommands."""
    app = App(
        name="report", help="Portfolio and reports: tables, --json, --csv.", group="Desk", help_epilogue=HELP
    )
    for name, command in (
        ("portfolio", portfolio),
        ("balances", balances),
        ("trades", trades),
        ("settlement-summary", settlement_summary),
        ("transactions", transactions),
        ("execution-quality", execution_quality),
        ("reconciliation", reconciliation),
    ):
        app.command(command, name=name)
    return app


class _Rows(Protocol):
    """A report by rows."""

    @property
    def data(self) -> Sequence[Row]:
        """Its rows; one with an error stands for a connection that could not be read."""


def _all_read(answer: _Rows) -> Exit:
    return Exit.DONE if all(row.error is None for row in answer.data) else Exit.REFUSED


def _done(_answer: object) -> Exit:
    return Exit.DONE


def _run(
    access: Access,
    path: tuple[str, ...],
    query: Query,
    kind: type[T],
    show: Callable[[Console, T], None],
    *,
    csv: bool,
    ended: Callable[[T], Exit] = _done,
) -> int:
    named = {name: value for name, value in query.items() if value is not None}

    def shown(console: Console, answer: T) -> Exit:
        show(console, answer)
        return ended(answer)

    def run() -> Exit:
        if csv and access.json:
            raise UsageError("--csv: expected it without --json, was beside it")
        if csv:
            return _download(access, path, named)
        reply = access.client().get("v1", *path, query=named)
        return answering.reading(reply, kind, json=access.json, show=shown)

    return answering.guarded(run)


def _download(access: Access, path: tuple[str, ...], query: dict[str, str]) -> Exit:
    """Write CSV as it comes. One that broke off is an error, whatever was written by then."""
    with access.client().stream("v1", *path, query=query, headers={"Accept": _CSV}, silence_s=SILENCE_S) as (
        reply,
        lines,
    ):
        if reply is not None:
            if not reply.is_problem:
                raise UnreadableError(f"expected CSV of caas-router, was {reply.media_type}")
            answering.refused(reply, json=False)
            return Exit.REFUSED
        with Progress(paper.err()) as progress:
            for line in lines:
                sys.stdout.write(line + "\n")
                progress.advance()
            sys.stdout.flush()
    return Exit.DONE


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
