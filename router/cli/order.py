"""Orders in words: one with its competition, and lists of them."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.cli import figures
from router.cli.answers import Competition, Order
from router.cli.competition import competition_table
from router.cli.exits import Exit
from router.cli.paper import NONE, WIDE, facts, marks_of, named, plain, table, unbroken, words
from router.cli.problem import show_problem
from router.cli.terms import terms_text

_DONE = {"buy": "bought", "sell": "sold"}


def show_order(console: Console, order: Order, *, brief: bool = False) -> None:
    """Print an order: what was asked, the competition, what came of it; `brief`: only what came of it."""
    if not brief:
        console.print(Text(asked(order), style="bold"))
        if order.competition is not None:
            console.print(_competition(console, order, order.competition))
            if order.competition.indicative:
                told = "These are prices of the moment: the order works on there, at the prices to come."
                console.print(Text(told, style="dim"))
            console.print()
    console.print(order_facts(console, order))
    if order.error is not None:
        show_problem(console, order.error, "the order ended with", of_order=order.id)


def _competition(console: Console, order: Order, held: Competition) -> Table:
    """Its competition. One that was held for an RFQ has no winner: the connection accepted leads."""
    undecided = not any(entry.outcome == "won" for entry in held.entries)
    accepted = order.connection.id if undecided and order.connection is not None else None
    return competition_table(console, held.entries, order.side, accepted, "accepted")


def asked(order: Order) -> str:
    """What was asked for, in a line."""
    wanted = f"{order.side} {order.quantity} {order.quantity_currency} of {order.product}"
    return plain(f"{words(order.type)} order: {wanted}")


def order_facts(console: Console, order: Order) -> Table:
    """What came of an order, line by line."""
    lines = facts()
    lines.add_row("status", _status(order))
    if terms := terms_text(order.terms):
        lines.add_row("terms", terms)
    base, _, quote = order.product.partition("-")
    if order.average_price is not None:
        filled = Text(plain(f"{_DONE.get(order.side, 'traded')} {order.filled_quantity} {base} at "))
        filled.append(figures.price(order.average_price, order.side), style="bold")
        filled.append(plain(f" {quote} average, "))
        filled.append(figures.price(order.all_in_price, order.side), style="bold")
        filled.append(plain(f" all-in, fee {figures.amount(order.fee)} {order.fee_currency}"))
        lines.add_row("filled", filled)
    if not order.is_ended and order.leaves_quantity is not None:
        lines.add_row("open", plain(f"{order.leaves_quantity} {order.quantity_currency}"))
    if order.slippage_bps is not None:
        quoted = figures.price(order.quoted_price, order.side)
        lines.add_row("slippage", plain(f"{order.slippage_bps} bps against the quoted price {quoted}"))
    if order.price_improvement_bps is not None:
        money = figures.saved(order.all_in_price, order.cover_price, order.filled_quantity, order.side)
        worth = "" if money is None else f" = {money} {quote}"
        cover = figures.price(order.cover_price, order.side)
        said = f"{order.price_improvement_bps} bps{worth} against the cover price {cover}"
        lines.add_row("improvement", plain(said))
    dot = marks_of(console).dot
    ids = f"{order.client_order_id} {dot} order {order.id}"
    lines.add_row("client id", plain(ids))
    if order.venue_order_id is not None:
        lines.add_row("venue id", plain(order.venue_order_id))
    for attempt in order.attempts[:-1]:
        if figures.number(attempt.executed_quantity):
            elsewhere = Text(plain(f"{attempt.executed_quantity} {base} on "), "bold red")
            elsewhere.append_text(named(attempt.connection)).append(", which had refused it", "bold red")
            lines.add_row("and executed", elsewhere)
    finding = order.finding
    if finding is not None:
        lines.add_row("found", plain(f"{finding.finding}, by {finding.operator}: {finding.reason}"))
        if finding.contradicted_at is not None:
            when = plain(finding.contradicted_at[:19].replace("T", " "))
            lines.add_row("but", Text(f"the counterparty says otherwise, since {when} UTC", "bold red"))
    return lines


def orders_table(console: Console, orders: Sequence[Order]) -> Table:
    """Orders, one to a row."""
    wide = console.width >= WIDE
    when = ("created (UTC)",) if wide else ()
    drawn = table(*when, "client order id", "order", "status", "connection", "average", numbers=("average",))
    unbroken(drawn, "connection", [named(order.connection) for order in orders if order.connection])
    unbroken(drawn, "status", [Text(_state(order)) for order in orders])
    for order in orders:
        drawn.add_row(
            *((plain(order.created_at[:19].replace("T", " ")),) if wide else ()),
            plain(order.client_order_id),
            _briefly(order),
            _state(order),
            NONE if order.connection is None else named(order.connection),
            figures.price(order.average_price, order.side),
        )
    return drawn


def doubts_table(console: Console, orders: Sequence[Order]) -> Table:
    """Orders in doubt: all that is needed to find one at its counterparty, one order to a row."""
    wide = console.width >= WIDE
    which = ("order",) if wide else ()
    drawn = table("since (UTC)", "overdue", "connection", "client id", "venue client id", *which, "looked up")
    unbroken(drawn, "connection", [named(order.connection) for order in orders if order.connection])
    for order in orders:
        doubt = order.doubt
        last = None if doubt is None else doubt.last_look_up
        overdue = None if doubt is None else doubt.overdue_ms
        drawn.add_row(
            plain((order.created_at if doubt is None else doubt.since)[:19].replace("T", " ")),
            Text("no") if overdue is None else Text(f"{overdue // 1000} s", style="bold red"),
            NONE if order.connection is None else named(order.connection),
            plain(order.client_order_id),
            plain((None if doubt is None else doubt.venue_client_order_id) or NONE),
            *((_briefly(order),) if wide else ()),
            NONE if last is None else plain(f"{last.time[11:19]} {last.answer}"),
        )
    return drawn


def exit_of(order: Order) -> Exit:
    """How a command ended that placed this order."""
    if order.in_doubt or order.status in ("pending_new", "pending_cancel"):
        return Exit.UNKNOWN
    if order.status in ("filled", "new", "partially_filled") or figures.number(order.filled_quantity):
        return Exit.DONE
    return Exit.REFUSED


def _state(order: Order) -> str:
    return words(order.status) + (", in doubt" if order.in_doubt else "")


def _briefly(order: Order) -> str:
    base = order.product.partition("-")[0]
    amount = "" if order.quantity_currency == base else f"{order.quantity_currency} of "
    return plain(f"{order.side} {order.quantity} {amount}{order.product}")


def _status(order: Order) -> Text:
    style = {"filled": "bold green", "rejected": "bold red"}.get(order.status, "bold")
    said = Text().append(words(order.status), style=style)
    if order.connection is not None:
        said.append(" on ").append_text(named(order.connection))
    if order.in_doubt:
        said.append(", in doubt: it may be live there and is being looked up; it is not sent again", "yellow")
    return said
