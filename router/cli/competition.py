"""A competition as a table: one row a connection, the winner first."""

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.cli import figures
from router.cli.answers import Entry
from router.cli.paper import NONE, WIDE, WIDEST, Marks, marks_of, named, plain, table, unbroken, words
from router.core.model import Side

_STYLES = {"won": "bold green", "excluded": "dim", "failed": "yellow"}
_NUMBERS = ("#", "price", "all-in", "vs best", "quantity")
_MICRO_PER_MILLI = 1000


def competition_table(
    console: Console,
    entries: Sequence[Entry],
    side: str,
    leader_id: str | None = None,
    leads_as: str = "best",
) -> Table:
    """The table of a competition. `leader_id`: who leads where nobody has won, as in an RFQ; and as what."""
    marks = marks_of(console)
    wide, widest = console.width >= WIDE, console.width >= WIDEST
    how = (*(("quantity",) if widest else ()), *(("quote",) if wide else ()))
    drawn = table("#", "connection", "price", "all-in", "vs best", *how, "outcome", numbers=_NUMBERS)
    unbroken(drawn, "connection", [named(entry.connection) for entry in entries])
    ordered = ranked(entries, side)
    best = ordered[0].all_in_price if ordered else None
    rank = 0
    for entry in ordered:
        ranks = entry.outcome in ("won", "lost") and entry.all_in_price is not None
        rank += ranks
        leads = entry.outcome == "won" or entry.connection.id == leader_id
        drawn.add_row(
            str(rank) if ranks else NONE,
            named(entry.connection),
            figures.price(entry.price, side),
            figures.price(entry.all_in_price, side),
            figures.behind_bps(entry.all_in_price, best, side),
            *((NONE if entry.quantity is None else plain(entry.quantity),) if widest else ()),
            *((_quoted(entry, marks),) if wide else ()),
            _outcome(entry, f"{marks.winner} {leads_as}" if leads else None, marks),
            style="bold green" if leads else _STYLES.get(entry.outcome, ""),
        )
    return drawn


def ranked(entries: Sequence[Entry], side: str) -> list[Entry]:
    """The winner, then who lost by all-in price, then who gave no price that counts; ties as they came."""
    return sorted(entries, key=lambda entry: _place(entry, side))


def _place(entry: Entry, side: str) -> tuple[int, Decimal]:
    order = {"won": 0, "lost": 1, "failed": 2}.get(entry.outcome, 3)
    price = figures.number(entry.all_in_price)
    if price is None:
        return (order, Decimal(0))
    return (order, price if side == Side.BUY.value else price.copy_negate())


def _outcome(entry: Entry, leading: str | None, marks: Marks) -> Text:
    said = words(entry.outcome)
    if entry.outcome == "won":
        said = f"{marks.winner} {said}"
    elif leading is not None:
        said = leading
    if entry.reason is not None:
        said += f": {words(entry.reason)}"
    return Text(said)


def _quoted(entry: Entry, marks: Marks) -> str:
    """Where the price is from, and how long it took."""
    if entry.source is None:
        return NONE
    return f"{words(entry.source)} {_latency(entry.latency_us, marks)}"


def _latency(latency_us: int | None, marks: Marks) -> str:
    if latency_us is None:
        return ""
    if latency_us < 10 * _MICRO_PER_MILLI:
        return f"{latency_us} {marks.micro}"
    return f"{latency_us // _MICRO_PER_MILLI} ms"
