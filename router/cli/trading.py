"""`quote` and `order`: a competition, with an execution or without."""

from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from router.cli import answering, paper
from router.cli.access import HERE, Access, Flag, UsageError
from router.cli.answers import Rfq, read
from router.cli.client import Client, Reply
from router.cli.competition import competition_table
from router.cli.exits import Exit
from router.cli.terms import OrderTypeName, Working

SideName = Literal["buy", "sell"]
CreditName = Literal["fail", "next_best"]
Connections = Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)]


def quote(
    product: str,
    side: SideName,
    quantity: str,
    currency: str | None = None,
    /,
    *,
    connection: Connections = None,
    accept: Flag = False,
    on: str | None = None,
    client_order_id: str | None = None,
    on_credit_failure: CreditName | None = None,
    access: Access = HERE,
) -> int:
    """Ask for prices: a competition that executes nothing.

    Shows the ranking and until when it stands. With --accept, or --on, an order
    goes out on it: at the quoted price or better, or not at all.

    Parameters
    ----------
    product
        Base and quote currency, such as BTC-USD.
    side
        What you want to do.
    quantity
        How much, as a decimal number.
    currency
        The currency of the quantity: the product's base (the default) or quote currency.
    connection
        Ask only this connection, by its id; may be repeated.
    accept
        Accept the best quote.
    on
        Accept the quote of this connection, by its id.
    client_order_id
        The idempotency key of the order that accepts; made up if left out.
    on_credit_failure
        What follows when a PTS account has no credit for the accepted quote.
    """

    def run() -> Exit:
        if not accept and on is None and (client_order_id or on_credit_failure):
            raise UsageError("--client-order-id, --on-credit-failure: expected --accept or --on beside them")
        client = access.client()
        body = _wanted(product, side, quantity, currency, connection)
        reply = client.post("v1", "rfqs", body=body)
        ended = answering.reading(reply, Rfq, json=access.json, show=show_rfq)
        if ended is not Exit.DONE or (not accept and on is None):
            return ended
        rfq = read(reply.body, Rfq)
        order_id = client_order_id or answering.new_client_order_id()
        accepted: dict[str, object] = {
            "client_order_id": order_id,
            "connection": on,
            "on_credit_failure": on_credit_failure,
        }
        return _place(client, order_id, ("rfqs", rfq.id, "accept"), accepted, json=access.json, brief=True)

    return answering.guarded(run)


def order(
    product: str,
    side: SideName,
    quantity: str,
    currency: str | None = None,
    /,
    *,
    type: OrderTypeName = "market",  # noqa: A002 - the name of the option is the contract's
    limit_price: str | None = None,
    time_in_force: Literal["GTC", "IOC", "FOK", "GTD"] | None = None,
    duration_minutes: int | None = None,
    slippage_bps_max: str | None = None,
    connection: Connections = None,
    on_credit_failure: CreditName | None = None,
    client_order_id: str | None = None,
    working: Working = Working(),  # noqa: B008 - frozen, so every call may share it
    access: Access = HERE,
) -> int:
    """Place an order: run a competition and execute on its winner.

    The same --client-order-id with the same order answers that order again and
    never sends a second one. Orders that were placed: `caas-router orders`.

    A market order trades now, a limit order at its limit or better. A twap is
    spread evenly over a duration, a steady_pace goes out in sub-orders of one
    size, a stop waits for its trigger. These three, and a limit order that rests,
    go to the best all-in price of the moment and work on there: the command ends
    when the counterparty has them. Take one back: `caas-router orders cancel`.

    Parameters
    ----------
    product
        Base and quote currency, such as BTC-USD.
    side
        What you want to do.
    quantity
        How much, as a decimal number.
    currency
        The currency of the quantity: the product's base (the default) or quote currency.
    type
        The kind of order.
    limit_price
        The worst price to trade at, quote per base; limit orders must have it, all others but market may.
    time_in_force
        How long it works: market orders IOC (the default) or FOK, limit orders any (the default is GTC).
    duration_minutes
        How long a GTD limit order works, or over how long a twap is spread.
    slippage_bps_max
        How far beyond the quote a market order may trade, in basis points; narrows the router's setting.
    connection
        Ask only this connection, by its id; may be repeated.
    on_credit_failure
        What follows when the winning PTS account has no credit; the default is the router's setting.
    client_order_id
        The idempotency key: 1 to 64 of A-Za-z0-9._:- ; made up if left out, and shown.
    """

    def run() -> Exit:
        order_id = client_order_id or answering.new_client_order_id()
        body = _wanted(product, side, quantity, currency, connection) | {
            "client_order_id": order_id,
            "type": type,
            "limit_price": limit_price,
            "time_in_force": time_in_force,
            "duration_minutes": duration_minutes,
            "slippage_bps_max": slippage_bps_max,
            "on_credit_failure": on_credit_failure,
            **working.body(),
        }
        return _place(access.client(), order_id, ("orders",), body, json=access.json)

    return answering.guarded(run)


def show_rfq(console: Console, rfq: Rfq) -> Exit:
    """Print an RFQ's ranking."""
    asked = f"quote: {rfq.side} {rfq.quantity} {rfq.quantity_currency} of {rfq.product}"
    console.print(Text(paper.plain(asked), style="bold"))
    best = None if rfq.best is None else rfq.best.connection.id
    console.print(competition_table(console, rfq.entries, rfq.side, best))
    console.print()
    lines = paper.facts()
    lines.add_row("valid until", paper.plain(rfq.valid_until))
    lines.add_row("rfq", paper.plain(rfq.id))
    console.print(lines)
    return Exit.REFUSED if rfq.best is None else Exit.DONE


def _wanted(
    product: str, side: str, quantity: str, currency: str | None, connections: list[str] | None
) -> dict[str, object]:
    return {
        "product": product,
        "side": side,
        "quantity": quantity,
        "quantity_currency": currency or product.partition("-")[0],
        "connections": connections,
    }


def _place(
    client: Client,
    client_order_id: str,
    path: tuple[str, ...],
    body: dict[str, object],
    *,
    json: bool,
    brief: bool = False,
) -> Exit:
    def send() -> Reply:
        return client.post("v1", *path, body=body)

    return answering.placing(client, client_order_id, send, json=json, brief=brief)
