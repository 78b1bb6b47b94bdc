"""What things are written on: consoles that hold at any width, piped, without colours, without UTF-8."""

import sys
from collections.abc import Iterable
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.cli.answers import Connection

PTS: Final = "PTS"
NONE: Final = "-"
WIDE: Final = 100
"""Columns from which a table shows how a price was come by, and an order its id at the venue."""
WIDEST: Final = 116
"""Columns from which a table shows everything."""
_NAME_LENGTH_KEPT: Final = 28
"""Columns that a connection may take without being broken; a longer name would push the rest away."""


class Marks:
    """The signs that not every terminal can show."""

    def __init__(self, *, unicode: bool) -> None:
        self.good = "✓" if unicode else "ok:"
        self.bad = "✗" if unicode else "no:"
        self.winner = "★" if unicode else "*"
        self.micro = "µs" if unicode else "us"
        self.dot = "·" if unicode else "|"


def out() -> Console:
    """Where answers go. Nothing that is printed is taken for markup."""
    return _console(stderr=False)


def err() -> Console:
    """Where errors go that are no answers."""
    return _console(stderr=True)


def marks_of(console: Console) -> Marks:
    """The signs that a console can show."""
    return Marks(unicode=console.encoding.lower().startswith("utf"))


def _console(*, stderr: bool) -> Console:
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)


def tolerate_encodings() -> None:
    """Let a terminal without UTF-8 show a replacement, rather than end a command that has traded."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def plain(text: str) -> str:
    """A text from outside, without what could steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def words(name: str) -> str:
    """A name of the contract in words: `insufficient_balance` is `insufficient balance`."""
    return plain(name).replace("_", " ")


def named(connection: Connection) -> Text:
    """A connection as people know it; a PTS connection carries its mark."""
    name = Text(plain(connection.name))
    if connection.pts:
        name.append(f" {PTS}", style="bold magenta")
    return name


def unbroken(drawn: Table, header: str, names: Iterable[Text]) -> None:
    """Keep a column of names from being broken, as long as they leave room for the others."""
    if max((name.cell_len for name in names), default=0) <= _NAME_LENGTH_KEPT:
        for column in drawn.columns:
            column.no_wrap = column.no_wrap or column.header == header


def table(*headers: str, numbers: tuple[str, ...] = ()) -> Table:
    """A table with these columns, those of `numbers` to the right; their cells are never cut."""
    drawn = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", show_edge=False
    )
    for header in headers:
        right = header in numbers
        drawn.add_column(header, justify="right" if right else "left", no_wrap=right, overflow="fold")
    return drawn


def facts() -> Table:
    """Pairs of what and how, one to a line."""
    drawn = Table.grid(padding=(0, 2, 0, 0))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    return drawn
