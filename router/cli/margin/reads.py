"""`margin profile|settings|positions|…`: what a PTS account stands at, read from its counterparty."""

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from cyclopts import Parameter, validators
from rich.console import Console
from rich.text import Text

from router.cli import answering, paper
from router.cli.access import HERE, Access, Flag
from router.cli.exits import Exit
from router.cli.margin import answers as margin_answers
from router.cli.margin.tables import (
    heading,
    held_table,
    profile_facts,
    rows_table,
    settings_facts,
    time,
)

T = TypeVar("T")
Limit = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=100))]
Currencies = Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)]
ActivityName = Literal["fill-base-leg", "fill-quote-leg", "position-transfer"]
Types = Annotated[list[ActivityName] | None, Parameter(negative="", consume_multiple=False)]


def profile(connection: str, /, *, access: Access = HERE) -> int:
    """Show how a PTS account stands: collateral, margin balance, requirement, utilization.

    Parameters
    ----------
    connection
        The connection's id.
    """

    def show(console: Console, answer: margin_answers.RiskProfile) -> None:
        heading(console, "risk profile", answer.connection)
        console.print(profile_facts(answer))

    return _read(access, connection, ("risk-profile",), {}, margin_answers.RiskProfile, show)


def settings(connection: str, /, *, access: Access = HERE) -> int:
    """Show the limits that the counterparty set: margin call, liquidation, short positions.

    Parameters
    ----------
    connection
        The connection's id.
    """

    def show(console: Console, answer: margin_answers.RiskSettings) -> None:
        heading(console, "risk settings", answer.connection)
        console.print(settings_facts(answer))

    return _read(access, connection, ("risk-settings",), {}, margin_answers.RiskSettings, show)


def positions(connection: str, /, *, access: Access = HERE) -> int:
    """Show the open positions; what is owed is below zero.

    Parameters
    ----------
    connection
        The connection's id.
    """
    return _held(access, connection, "positions")


def collateral(connection: str, /, *, currencies: Flag = False, access: Access = HERE) -> int:
    """Show the collateral.

    Parameters
    ----------
    connection
        The connection's id.
    currencies
        Show what is taken as collateral in its place.
    """
    if not currencies:
        return _held(access, connection, "collateral")

    def show(console: Console, page: margin_answers.CollateralCurrencies) -> None:
        rows = [(row.asset, row.name, row.increment or paper.NONE) for row in page.data]
        heading(console, "taken as collateral", page.data[0].connection if page.data else None)
        console.print(rows_table(("asset", "name", "increment"), rows, numbers=("increment",)))

    kind = margin_answers.CollateralCurrencies
    return _read(access, connection, ("collateral-currencies",), {}, kind, show)


def close_requests(
    connection: str,
    request: str | None = None,
    /,
    *,
    limit: Limit = 20,
    cursor: str | None = None,
    access: Access = HERE,
) -> int:
    """List requests to close positions, or show the orders that one led to.

    Parameters
    ----------
    connection
        The connection's id.
    request
        A request's id: show its orders.
    limit
        How many, 1 to 100.
    cursor
        Go on where another list ended: its `next_cursor`.
    """
    if request is not None:
        return _close_orders(access, connection, request)

    def show(console: Console, page: margin_answers.CloseRequests) -> None:
        heading(console, "requests to close", page.data[0].connection if page.data else None)
        rows = [(time(row.created_at), paper.words(row.status), row.id) for row in page.data]
        console.print(rows_table(("created (UTC)", "status", "request"), rows, numbers=()))
        more(console, page.next_cursor)

    query = _page(limit, cursor)
    return _read(access, connection, ("close-requests",), query, margin_answers.CloseRequests, show)


def snapshot(
    connection: str,
    /,
    *,
    until: str | None = None,
    currency: Currencies = None,
    use_future_transfers: Flag = False,
    access: Access = HERE,
) -> int:
    """Show the unsettled positions as of a time.

    Parameters
    ----------
    connection
        The connection's id.
    until
        By what was transacted before this, RFC 3339; without it, now.
    currency
        Only this currency; may be repeated.
    use_future_transfers
        Let transfers after that time cover short positions.
    """

    def show(console: Console, page: margin_answers.Snapshots) -> None:
        what = f"unsettled positions until {time(page.until)} UTC"
        heading(console, what, page.data[0].connection if page.data else None)
        rows = [
            (
                row.asset,
                row.quantity,
                row.applied_future_transfers,
                time(row.earliest_at),
                time(row.latest_at),
            )
            for row in page.data
        ]
        headers = ("asset", "quantity", "future transfers", "from (UTC)", "to (UTC)")
        console.print(rows_table(headers, rows, numbers=("quantity", "future transfers")))

    query = _listed("currencies", currency) | ({} if until is None else {"until": until})
    query |= {"use_future_transfers": "true"} if use_future_transfers else {}
    return _read(access, connection, ("positions", "snapshot"), query, margin_answers.Snapshots, show)


def activity(
    connection: str,
    /,
    *,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    currency: Currencies = None,
    type: Types = None,  # noqa: A002 - the name of the option is the contract's
    limit: Limit = 20,
    cursor: str | None = None,
    access: Access = HERE,
) -> int:
    """List what unsettled positions are made of: legs of fills, and transfers.

    Parameters
    ----------
    connection
        The connection's id.
    since
        At or after this, RFC 3339.
    to
        Before this.
    currency
        Only this currency; may be repeated.
    type
        Only this type; may be repeated.
    limit
        How many, 1 to 100.
    cursor
        Go on where another list ended: its `next_cursor`.
    """

    def show(console: Console, page: margin_answers.Activities) -> None:
        heading(console, "activity", page.data[0].connection if page.data else None)
        rows = [(time(row.time), row.type, row.asset, row.quantity, row.id) for row in page.data]
        headers = ("time (UTC)", "type", "asset", "quantity", "id")
        console.print(rows_table(headers, rows, numbers=("quantity",)))
        more(console, page.next_cursor)

    query = _page(limit, cursor) | _listed("currencies", currency) | _listed("types", type)
    query |= ({} if since is None else {"from": since}) | ({} if to is None else {"to": to})
    return _read(access, connection, ("positions", "activity"), query, margin_answers.Activities, show)


def more(console: Console, next_cursor: str | None) -> None:
    """Say how to go on where a list has not ended."""
    if next_cursor is not None:
        console.print(Text(f"more: --cursor {paper.plain(next_cursor)}", style="dim"))


def _held(access: Access, connection: str, what: str) -> int:
    def show(console: Console, page: margin_answers.HeldPage) -> None:
        heading(console, what, page.data[0].connection if page.data else None)
        console.print(held_table(page.data))

    return _read(access, connection, (what,), {}, margin_answers.HeldPage, show)


def _close_orders(access: Access, connection: str, request: str) -> int:
    def show(console: Console, page: margin_answers.CloseOrders) -> None:
        rows = [
            (
                time(row.created_at),
                f"{row.currency} into {row.target_currency}",
                paper.words(row.status),
                row.venue_order_id or paper.NONE,
            )
            for row in page.data
        ]
        console.print(rows_table(("created (UTC)", "closes", "status", "venue id"), rows, numbers=()))

    path = ("close-requests", request, "orders")
    return _read(access, connection, path, {}, margin_answers.CloseOrders, show)


def _page(limit: int, cursor: str | None) -> dict[str, str]:
    return {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})


def _listed(name: str, members: list[str] | list[ActivityName] | None) -> dict[str, str]:
    return {name: ",".join(members)} if members else {}


def _read(
    access: Access,
    connection: str,
    path: tuple[str, ...],
    query: dict[str, str],
    kind: type[T],
    show: Callable[[Console, T], None],
) -> int:
    def shown(console: Console, answer: T) -> Exit:
        show(console, answer)
        return Exit.DONE

    def run() -> Exit:
        reply = access.client().get("v1", "connections", connection, "margin", *path, query=query)
        return answering.reading(reply, kind, json=access.json, show=shown)

    return answering.guarded(run)
