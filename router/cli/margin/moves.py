"""`margin transfer|cover|close|withdraw|…`: what moves margin money, and the operations of it."""

from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from router.cli import answering, paper
from router.cli.access import HERE, Access, Flag
from router.cli.client import UnansweredError
from router.cli.exits import Exit
from router.cli.margin import answers as margin_answers
from router.cli.margin.placing import place, place_positions
from router.cli.margin.reads import Limit, more
from router.cli.margin.tables import (
    exit_of,
    heading,
    operations_table,
    rows_table,
    show_operation,
    time,
)

Key = Annotated[str | None, Parameter(show_default=False)]


def transfer(
    connection: str,
    currency: str,
    quantity: str,
    /,
    *,
    key: Key = None,
    yes: Flag = False,
    access: Access = HERE,
) -> int:
    """Transfer collateral from the Go Account. It is locked there.

    Parameters
    ----------
    connection
        The PTS connection's id.
    currency
        What to transfer.
    quantity
        How much, as a decimal number.
    key
        The idempotency key of a command that is repeated; made up if left out, and shown.
    yes
        Do not ask.
    """
    what = f"transfer {quantity} {currency} as collateral, where it is locked"
    body: dict[str, object] = {"currency": currency, "quantity": quantity}
    return place(access, connection, ("collateral-transfers",), body, what, key=key, yes=yes)


def position_transfer(
    connection: str,
    currency: str,
    quantity: str,
    /,
    *,
    key: Key = None,
    yes: Flag = False,
    access: Access = HERE,
) -> int:
    """Transfer an amount from the Go Account onto a position.

    Parameters
    ----------
    connection
        The PTS connection's id.
    currency
        What to transfer.
    quantity
        How much, as a decimal number.
    key
        The idempotency key of a command that is repeated; made up if left out, and shown.
    yes
        Do not ask.
    """
    what = f"transfer {quantity} {currency} onto the position"
    body: dict[str, object] = {"currency": currency, "quantity": quantity}
    return place(access, connection, ("positions", "transfer"), body, what, key=key, yes=yes)


def cover(
    connection: str,
    /,
    *currencies: str,
    all: Flag = False,  # noqa: A002 - the name of the option is the contract's
    key: Key = None,
    yes: Flag = False,
    access: Access = HERE,
) -> int:
    """Transfer what short positions owe, in the currencies named or in all.

    Parameters
    ----------
    connection
        The PTS connection's id.
    currencies
        Which positions.
    all
        All of them.
    key
        The idempotency key of a command that is repeated; made up if left out, and shown.
    yes
        Do not ask.
    """
    return place_positions(access, connection, "cover", currencies, every=all, key=key, yes=yes)


def close(
    connection: str,
    /,
    *currencies: str,
    all: Flag = False,  # noqa: A002 - the name of the option is the contract's
    key: Key = None,
    yes: Flag = False,
    access: Access = HERE,
) -> int:
    """Ask for positions to be traded to zero, in the currencies named or in all.

    It goes on at the counterparty: follow it with `margin close-requests`.

    Parameters
    ----------
    connection
        The PTS connection's id.
    currencies
        Which positions.
    all
        All of them.
    key
        The idempotency key of a command that is repeated; made up if left out, and shown.
    yes
        Do not ask.
    """
    return place_positions(access, connection, "close", currencies, every=all, key=key, yes=yes)


def withdraw(
    connection: str,
    currency: str,
    quantity: str,
    /,
    *,
    key: Key = None,
    yes: Flag = False,
    access: Access = HERE,
) -> int:
    """Ask for collateral back; people at the counterparty decide it.

    Parameters
    ----------
    connection
        The PTS connection's id.
    currency
        What to take back.
    quantity
        How much, as a decimal number.
    key
        The idempotency key of a command that is repeated; made up if left out, and shown.
    yes
        Do not ask.
    """
    what = f"ask for {quantity} {currency} of the collateral back"
    body: dict[str, object] = {"currency": currency, "quantity": quantity}
    return place(access, connection, ("collateral-withdrawals",), body, what, key=key, yes=yes)


def withdrawals(
    connection: str,
    /,
    *,
    cancel: str | None = None,
    limit: Limit = 20,
    cursor: str | None = None,
    access: Access = HERE,
) -> int:
    """List requests for collateral, or take one back.

    Parameters
    ----------
    connection
        The PTS connection's id.
    cancel
        A request's id: take it back. Asked again, it is the same.
    limit
        How many, 1 to 100.
    cursor
        Go on where another list ended: its `next_cursor`.
    """

    def rows(console: Console, listed: list[margin_answers.Withdrawal]) -> None:
        heading(console, "requests for collateral", listed[0].connection if listed else None)
        told = [
            (time(row.created_at), row.quantity, row.currency, paper.words(row.status), row.id)
            for row in listed
        ]
        headers = ("created (UTC)", "quantity", "currency", "status", "request")
        console.print(rows_table(headers, told, numbers=("quantity",)))

    def show(console: Console, page: margin_answers.Withdrawals) -> Exit:
        rows(console, page.data)
        more(console, page.next_cursor)
        return Exit.DONE

    def show_one(console: Console, one: margin_answers.Withdrawal) -> Exit:
        rows(console, [one])
        return Exit.DONE

    def run() -> Exit:
        client = access.client()
        at = ("v1", "connections", connection, "margin", "collateral-withdrawals")
        if cancel is None:
            query = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
            reply = client.get(*at, query=query)
            return answering.reading(reply, margin_answers.Withdrawals, json=access.json, show=show)
        try:
            reply = client.post(*at, cancel, "cancel")
        except UnansweredError as error:
            answering.complain(f"{error}: whether it was taken back is not known; it is safe to ask again")
            return Exit.UNKNOWN
        return answering.reading(reply, margin_answers.Withdrawal, json=access.json, show=show_one)

    return answering.guarded(run)


def operations(
    connection: str,
    operation: str | None = None,
    /,
    *,
    limit: Limit = 20,
    cursor: str | None = None,
    access: Access = HERE,
) -> int:
    """List the moves of margin money through this router, newest first, or show one.

    Parameters
    ----------
    connection
        The connection's id.
    operation
        An operation's id: show it.
    limit
        How many, 1 to 100.
    cursor
        Go on where another list ended: its `next_cursor`.
    """

    def show(console: Console, page: margin_answers.Operations) -> Exit:
        heading(console, "margin operations", page.data[0].connection if page.data else None)
        console.print(operations_table(page.data))
        more(console, page.next_cursor)
        return Exit.DONE

    def show_one(console: Console, one: margin_answers.Operation) -> Exit:
        show_operation(console, one)
        return Exit.UNKNOWN if exit_of(one) is Exit.UNKNOWN else Exit.DONE

    def run() -> Exit:
        client = access.client()
        at = ("v1", "connections", connection, "margin", "operations")
        if operation is not None:
            reply = client.get(*at, operation)
            return answering.reading(reply, margin_answers.Operation, json=access.json, show=show_one)
        query = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
        reply = client.get(*at, query=query)
        return answering.reading(reply, margin_answers.Operations, json=access.json, show=show)

    return answering.guarded(run)


def resolve(
    connection: str,
    operation: str,
    /,
    *,
    found: Literal["done", "absent"],
    by: str,
    reason: str,
    venue_id: str | None = None,
    access: Access = HERE,
) -> int:
    """Record what became of an operation in doubt, found out by other means.

    It ends the operation, for good: look at the counterparty's own page or ask
    them first. The name and the reason are kept with it.

    Parameters
    ----------
    connection
        The connection's id.
    operation
        The operation's id.
    found
        done: the counterparty did it, or took it on. absent: it never took it.
    by
        Who found it out.
    reason
        How, and why that can be relied on.
    venue_id
        The counterparty's id of what was done, if it has one.
    """

    def show(console: Console, one: margin_answers.Operation) -> Exit:
        show_operation(console, one)
        return Exit.DONE

    def run() -> Exit:
        said: dict[str, object] = {"finding": found, "operator": by, "reason": reason, "venue_id": venue_id}
        at = ("v1", "connections", connection, "margin", "operations", operation, "finding")
        try:
            reply = access.client().post(*at, body=said)
        except UnansweredError as error:
            answering.complain(f"{error}: whether the finding was recorded is not known")
            return Exit.UNKNOWN
        return answering.reading(reply, margin_answers.Operation, json=access.json, show=show)

    return answering.guarded(run)
