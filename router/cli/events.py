"""`events`: follow what happens, a line each."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from router.cli import answering, figures, paper
from router.cli.access import HERE, Access
from router.cli.answers import (
    CompetitionEvent,
    ConnectionState,
    ForeignOrder,
    Order,
    UnreadableError,
    read,
)
from router.cli.client import Reply, UnansweredError
from router.cli.exits import Exit
from router.cli.margin.answers import Operation

KindName = Literal["order", "competition", "connection", "operation", "foreign_order"]
SILENCE_S = 60.0
"""The router says something every 15 s, if only that it is there."""


@dataclass
class Event:
    """One event as it came; `id`: what to come back with."""

    id: str | None
    name: str
    data: str


def events(
    *,
    order: str | None = None,
    types: Annotated[list[KindName] | None, Parameter(negative="", consume_multiple=True)] = None,
    after: str | None = None,
    access: Access = HERE,
) -> int:
    """Follow what happens as it happens, a line each: orders, connections, margin moves.

    Until interrupted. Ends with 4 when the router ends the stream; --after goes on from there.

    Parameters
    ----------
    order
        Only this order's, by the order's id.
    types
        Only events of these types.
    after
        The id of the last event that was seen: what was missed since comes first.
    """

    def run() -> Exit:
        query = {"order_id": order, "types": ",".join(types) if types else None}
        wanted = {name: value for name, value in query.items() if value is not None}
        headers = {"Accept": "text/event-stream"} | ({} if after is None else {"Last-Event-ID": after})
        console = paper.out()
        last = after
        with access.client().stream("v1", "events", query=wanted, headers=headers, silence_s=SILENCE_S) as (
            reply,
            lines,
        ):
            if reply is not None:
                return _refused(reply, json=access.json)
            ended = "the router ended the stream"
            try:
                for event in parsed(lines):
                    last = event.id or last
                    if not event.data:
                        continue
                    if access.json:
                        sys.stdout.write(event.data + "\n")
                        sys.stdout.flush()
                    else:
                        console.print(told(console, event))
            except UnansweredError as error:
                ended = str(error)
        known = "" if last is None else f"; go on with --after {last}"
        answering.complain(f"{ended}{known}")
        return Exit.UNREACHABLE

    return answering.guarded(run)


def _refused(reply: Reply, *, json: bool) -> Exit:
    if not reply.is_problem:
        raise UnreadableError(f"expected events of caas-router, was HTTP {reply.status}, {reply.media_type}")
    if json:
        answering.print_raw(reply)
    return answering.refused(reply, json=json)


def parsed(lines: Iterable[str]) -> Iterator[Event]:
    """Server-sent events from their lines; comments and fields that this version does not know are let by."""
    event = Event(None, "message", "")
    began = False
    for line in lines:
        if not line:
            if began:
                yield event
            event, began = Event(None, "message", ""), False
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name not in ("id", "event", "data"):
            continue
        began = True
        if name == "id":
            event.id = value
        elif name == "event":
            event.name = value
        else:
            event.data = f"{event.data}\n{value}" if event.data else value


def told(console: Console, event: Event) -> Text:
    """An event in a line."""
    try:
        if event.name == "order":
            return _order(console, read(event.data.encode(), Order))
        if event.name == "competition":
            return _competition(console, read(event.data.encode(), CompetitionEvent))
        if event.name == "connection":
            return _connection(read(event.data.encode(), ConnectionState))
        if event.name == "operation":
            return _operation(console, read(event.data.encode(), Operation))
        if event.name == "foreign_order":
            return _foreign(console, read(event.data.encode(), ForeignOrder))
    except UnreadableError:
        pass
    return Text(f"{paper.plain(event.name):<12}{paper.plain(event.data)}", style="yellow")


def _order(console: Console, order: Order) -> Text:
    line = Text(f"{'order':<12}{paper.plain(order.client_order_id)} ")
    line.append(paper.words(order.status), style="bold")
    if order.connection is not None:
        line.append(" on ").append_text(paper.named(order.connection))
    if order.in_doubt:
        line.append(", in doubt", style="yellow")
    if order.average_price is not None:
        price = figures.price(order.average_price, order.side)
        line.append(paper.plain(f", {order.filled_quantity} at {price}"))
    if order.finding is not None:
        line.append(paper.plain(f", found {order.finding.finding} by {order.finding.operator}"))
        if order.finding.contradicted_at is not None:
            line.append(", contradicted", style="bold red")
    if order.error is not None:
        line.append(paper.plain(f", {order.error.code}"))
    return line.append(f" {paper.marks_of(console).dot} {paper.plain(order.id)}", style="dim")


def _competition(console: Console, held: CompetitionEvent) -> Text:
    line = Text(f"{'competition':<12}")
    if held.winner is None:
        line.append("nobody won")
    else:
        line.append_text(paper.named(held.winner)).append(" won" if held.order_id else " leads")
    line.append(f" among {len(held.entries)}")
    subject = held.order_id or held.rfq_id or held.id
    return line.append(f" {paper.marks_of(console).dot} {paper.plain(subject)}", style="dim")


def _connection(state: ConnectionState) -> Text:
    line = Text(f"{'connection':<12}").append_text(paper.named(state))
    line.append(" is ").append(paper.words(state.state), style="bold")
    if state.health.detail is not None:
        line.append(f": {paper.plain(state.health.detail)}")
    return line


def _operation(console: Console, operation: Operation) -> Text:
    line = Text(f"{'operation':<12}{paper.words(operation.kind)} ")
    line.append(paper.words(operation.status), style="bold")
    line.append(" on ").append_text(paper.named(operation.connection))
    if operation.in_doubt:
        line.append(", in doubt", style="yellow")
    if operation.quantity is not None:
        line.append(paper.plain(f", {operation.quantity} {operation.currency}"))
    elif operation.currencies is not None:
        line.append(paper.plain(f", {', '.join(operation.currencies)}"))
    if operation.error is not None:
        line.append(paper.plain(f", {operation.error.code}"))
    return line.append(f" {paper.marks_of(console).dot} {paper.plain(operation.id)}", style="dim")


def _foreign(console: Console, order: ForeignOrder) -> Text:
    line = Text(f"{'not ours':<12}").append(paper.words(order.state), style="bold yellow")
    line.append(" on ").append_text(paper.named(order.connection))
    said = " ".join(text for text in (order.side, order.product) if text is not None)
    line.append(paper.plain(f": {said or 'an order'}, {order.filled_quantity} filled"))
    return line.append(f" {paper.marks_of(console).dot} {paper.plain(order.venue_order_id)}", style="dim")
