"""Margin in words: how an account stands, what it holds, and what was moved; amounts to the last digit."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.cli import figures
from router.cli.answers import Connection
from router.cli.exits import Exit
from router.cli.margin.answers import Held, Operation, RiskProfile, RiskSettings, Value
from router.cli.paper import NONE, facts, named, plain, table, words
from router.cli.problem import show_problem

_TIME_LENGTH = 19
_HUNDRED = Decimal(100)


def time(text: str | None) -> str:
    """A time as tables show it: to the second."""
    return NONE if text is None else plain(text[:_TIME_LENGTH].replace("T", " "))


def value(worth: Value | None) -> str:
    """An amount with its currency."""
    return NONE if worth is None else plain(f"{worth.quantity} {worth.currency}")


def ratio(text: str | None) -> str:
    """A ratio with what it is per cent."""
    number = figures.number(text)
    return NONE if text is None or number is None else plain(f"{text} ({number * _HUNDRED:f} %)")


def heading(console: Console, what: str, connection: Connection | None) -> None:
    """Say what follows, and of which connection, with its mark."""
    line = Text(what, style="bold")
    if connection is not None:
        line.append(" of ")
        line.append_text(named(connection))
    console.print(line)


def profile_facts(profile: RiskProfile) -> Table:
    """How an account stands."""
    lines = facts()
    lines.add_row("net open position", value(profile.net_open_position))
    lines.add_row("collateral", value(profile.collateral))
    lines.add_row("unrealized PnL", value(profile.unrealized_pnl))
    lines.add_row("margin balance", value(profile.margin_balance))
    lines.add_row("margin requirement", value(profile.margin_requirement))
    lines.add_row("margin utilization", ratio(profile.margin_utilization))
    return lines


def settings_facts(settings: RiskSettings) -> Table:
    """An account's limits."""
    lines = facts()
    lines.add_row("total short limit", value(settings.total_short_position_limit))
    lines.add_row("margin call at", ratio(settings.margin_call_threshold))
    lines.add_row("liquidation at", ratio(settings.liquidation_threshold))
    lines.add_row("margin requirement", ratio(settings.margin_requirement_rate))
    return lines


def held_table(rows: Iterable[Held]) -> Table:
    """Positions, or collateral, one asset to a row."""
    drawn = table("asset", "quantity", "value", numbers=("quantity", "value"))
    for row in rows:
        drawn.add_row(plain(row.asset), plain(row.quantity), value(row.value))
    return drawn


def rows_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: tuple[str, ...]) -> Table:
    """A table of texts."""
    drawn = table(*headers, numbers=numbers)
    for row in rows:
        drawn.add_row(*(plain(cell) for cell in row))
    return drawn


def operations_table(rows: Iterable[Operation]) -> Table:
    """Moves of margin money, one to a row."""
    drawn = table("created (UTC)", "move", "state", "key", "operation")
    for row in rows:
        drawn.add_row(
            time(row.created_at), briefly(row), _state(row), plain(row.idempotency_key), plain(row.id)
        )
    return drawn


def briefly(operation: Operation) -> str:
    """What was asked for, in a line."""
    if operation.quantity is not None:
        what = f"{operation.quantity} {operation.currency}"
    else:
        what = "all" if operation.currencies is None else ", ".join(operation.currencies)
    return f"{words(operation.kind)} {plain(what)}"


def show_operation(console: Console, operation: Operation) -> None:
    """Print a move and what came of it."""
    heading(console, briefly(operation), operation.connection)
    lines = facts()
    lines.add_row("state", _state_with_request(operation))
    for balance in operation.balances:
        told = f"{balance.quantity} {balance.asset}"
        worth = "" if balance.value is None else f", worth {value(balance.value)}"
        lines.add_row("there is now", plain(told + worth))
    request = operation.close_request or operation.withdrawal
    if request is not None:
        lines.add_row("request", plain(request.id))
    lines.add_row("key", plain(operation.idempotency_key))
    lines.add_row("operation", plain(operation.id))
    doubt, finding = operation.doubt, operation.finding
    if doubt is not None:
        lines.add_row("in doubt since", time(doubt.since))
        if doubt.overdue_ms is not None:
            lines.add_row("overdue", Text(f"{doubt.overdue_ms // 1000} s", style="bold red"))
        if doubt.last_look_up is not None:
            lines.add_row("looked up", plain(doubt.last_look_up.answer))
    if finding is not None:
        lines.add_row("found", plain(f"{finding.finding}, by {finding.operator}: {finding.reason}"))
        if finding.contradicted_at is not None:
            when = time(finding.contradicted_at)
            lines.add_row("but", Text(f"the counterparty says otherwise, since {when} UTC", "bold red"))
    console.print(lines)
    if operation.error is not None:
        show_problem(console, operation.error, "nothing was moved")


def exit_of(operation: Operation) -> Exit:
    """How a command ended that made this move."""
    if operation.status == "done":
        return Exit.DONE
    return Exit.REFUSED if operation.status == "rejected" else Exit.UNKNOWN


def _state_with_request(operation: Operation) -> str:
    """How it stands; the counterparty can be asked and have done what it was asked, and not be through."""
    request = operation.close_request or operation.withdrawal
    if request is None:
        return _state(operation)
    return f"operation {_state(operation)}, request {words(request.status)}"


def _state(operation: Operation) -> str:
    return words(operation.status) + (", in doubt" if operation.in_doubt else "")
