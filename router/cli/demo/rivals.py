"""A competition as its whole record tells it: whose price was firm, and until when it stood."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.cli import figures
from router.cli.competition import ranked
from router.cli.demo.parties import Held, Stood
from router.cli.paper import NONE, WIDEST, marks_of, named, plain, table, unbroken, words

_NUMBERS = ("#", "price", "all-in", "vs best")
_STYLES = {"won": "bold green", "excluded": "dim", "failed": "yellow"}
_CLOCK = slice(11, 23)
"""Of an RFC 3339 time: hours to milliseconds."""


def rivals_table(console: Console, held: Held) -> Table:
    """One row a connection, the winner first: `source` and kind of its price, and until when it stood."""
    widest = console.width >= WIDEST
    more = ("vs best",) if widest else ()
    drawn = table(
        "#", "connection", "all-in", *more, "source", "price is", "until", "outcome", numbers=_NUMBERS
    )
    unbroken(drawn, "connection", [named(entry.connection) for entry in held.entries])
    # `ranked` gives back the very entries that it was handed.
    ordered = [entry for entry in ranked(held.entries, held.side) if isinstance(entry, Stood)]
    best = ordered[0].all_in_price if ordered else None
    rank = 0
    for entry in ordered:
        ranks = entry.outcome in ("won", "lost")
        rank += ranks
        behind = figures.behind_bps(entry.all_in_price, best, held.side) if ranks else NONE
        drawn.add_row(
            str(rank) if ranks else NONE,
            named(entry.connection),
            figures.price(entry.all_in_price, held.side),
            *((behind,) if widest else ()),
            NONE if entry.source is None else words(entry.source),
            kind_of(entry),
            until_of(entry),
            _outcome(console, entry),
            style=_STYLES.get(entry.outcome, ""),
        )
    return drawn


def kind_of(entry: Stood) -> str:
    """Whether a price was held for the order, or showed a market at the moment; `-` without a price."""
    if entry.price is None:
        return NONE
    return "firm" if entry.firm else "indicative"


def until_of(entry: Stood) -> str:
    """Until when a firm price stood, UTC; `-` for one that nobody held."""
    return NONE if entry.valid_until is None else plain(entry.valid_until[_CLOCK])


def _outcome(console: Console, entry: Stood) -> Text:
    mark = f"{marks_of(console).winner} " if entry.outcome == "won" else ""
    why = "" if entry.reason is None else f": {words(entry.reason)}"
    return Text(f"{mark}{words(entry.outcome)}{why}")
