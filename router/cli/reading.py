"""`orders list|show|cancel`: what is there, and taking an order back."""

from typing import Annotated

from cyclopts import Parameter, validators
from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.cli import answering, paper
from router.cli.access import HERE, Access, Flag
from router.cli.answers import ConnectionState, Order, Orders, read
from router.cli.client import Client, Reply, UnansweredError
from router.cli.exits import Exit
from router.cli.order import doubts_table, exit_of, orders_table, show_order


def list_orders(
    *,
    limit: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=100))] = 20,
    cursor: str | None = None,
    in_doubt: Flag = False,
    access: Access = HERE,
) -> int:
    """List orders, newest first.

    Parameters
    ----------
    limit
        How many, 1 to 100.
    cursor
        Go on where another list ended: its `next_cursor`.
    in_doubt
        Only those that may be live and are being looked up: since when, and what the last look-up said.
    """

    def show(console: Console, page: Orders) -> Exit:
        console.print((doubts_table if in_doubt else orders_table)(console, page.data))
        if page.next_cursor is not None:
            console.print(Text(f"more: --cursor {paper.plain(page.next_cursor)}", style="dim"))
        return Exit.DONE

    def run() -> Exit:
        query = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
        query |= {"in_doubt": "true"} if in_doubt else {}
        reply = access.client().get("v1", "orders", query=query)
        return answering.reading(reply, Orders, json=access.json, show=show)

    return answering.guarded(run)


def show_one(order_id: str, /, *, access: Access = HERE) -> int:
    """Show an order with its competition.

    Parameters
    ----------
    order_id
        The order's id, or its client order id.
    """

    def show(console: Console, order: Order) -> Exit:
        show_order(console, order)
        return Exit.UNKNOWN if exit_of(order) is Exit.UNKNOWN else Exit.DONE

    def run() -> Exit:
        reply = by_any_id(access.client(), order_id)
        return answering.reading(reply, Order, json=access.json, show=show)

    return answering.guarded(run)


def cancel(order_id: str, /, *, access: Access = HERE) -> int:
    """Ask for a working order to be cancelled.

    Ends with 3 while the counterparty has not confirmed it.

    Parameters
    ----------
    order_id
        The order's id, or its client order id.
    """

    def show(console: Console, order: Order) -> Exit:
        show_order(console, order)
        return Exit.DONE if order.status == "canceled" else Exit.UNKNOWN

    def run() -> Exit:
        client = access.client()
        found = by_any_id(client, order_id)
        if found.is_problem:
            return answering.reading(found, Order, json=access.json, show=show)
        try:
            reply = client.post("v1", "orders", read(found.body, Order).id, "cancel")
        except UnansweredError as error:
            answering.complain(f"{error}: whether the order is being cancelled is not known")
            return Exit.UNKNOWN
        return answering.reading(reply, Order, json=access.json, show=show)

    return answering.guarded(run)


def connections_table(console: Console, rows: list[ConnectionState]) -> Table:
    """Connections, one to a row."""
    wide = console.width >= paper.WIDE
    drawn = paper.table("connection", "id", *(("at",) if wide else ()), "trades on", "state", "prices")
    paper.unbroken(drawn, "connection", [paper.named(row) for row in rows])
    for row in rows:
        state = paper.words(row.state)
        drawn.add_row(
            paper.named(row),
            paper.plain(row.id),
            *((paper.words(row.counterparty),) if wide else ()),
            _paid_from(row),
            state if row.health.detail is None else f"{state}: {paper.plain(row.health.detail)}",
            "none" if row.type == "custody" else "streamed" if row.health.feed_up else "asked for",
        )
    return drawn


def _paid_from(row: ConnectionState) -> str:
    if row.type == "custody":
        return "nothing: custody"
    return "credit" if row.pts else "its balance"


def by_any_id(client: Client, order_id: str) -> Reply:
    """The answer for an order by its id, else by its client order id; else the first answer, a problem."""
    reply = client.get("v1", "orders", order_id)
    if reply.status != 404:
        return reply
    found = client.get("v1", "orders", query={"client_order_id": order_id})
    if found.is_problem or found.status != 200:
        return reply
    orders = read(found.body, Orders).data
    return client.get("v1", "orders", orders[0].id) if orders else reply
