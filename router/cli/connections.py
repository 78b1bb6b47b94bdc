"""`connections list|show|test|remove`: what is connected, whether it works, and taking it away."""

import sys
from collections.abc import Mapping
from types import MappingProxyType

from rich.console import Console
from rich.text import Text

from router.cli import answering, paper
from router.cli.access import HERE, Access, Flag, UsageError
from router.cli.answers import Connections, ConnectionState
from router.cli.client import UnansweredError
from router.cli.exits import Exit
from router.cli.reading import connections_table

_ORIGINS = {"settings": "in the settings file, which alone changes it", "api": "made over HTTP"}
_KINDS = {"sealed": "kept sealed", "reference": "where a reference says"}


class ConnectionDetail(ConnectionState, frozen=True):
    """A connection with all that is told of it; `settings` by name, as far as its type has them."""

    enabled: bool = True
    origin: str = "settings"
    lifecycle: str = "active"
    credentials: str = "reference"
    settings: Mapping[str, object] = MappingProxyType({})
    created_at: str | None = None
    updated_at: str | None = None


def list_all(*, access: Access = HERE) -> int:
    """Show the connections with their state; PTS accounts carry the mark PTS."""

    def show(console: Console, page: Connections) -> Exit:
        console.print(connections_table(console, page.data))
        return Exit.DONE

    def run() -> Exit:
        reply = access.client().get("v1", "connections")
        return answering.reading(reply, Connections, json=access.json, show=show)

    return answering.guarded(run)


def show_one(connection: str, /, *, access: Access = HERE) -> int:
    """Show a connection with its settings; never its credentials.

    Parameters
    ----------
    connection
        The connection's id.
    """

    def run() -> Exit:
        reply = access.client().get("v1", "connections", connection)
        return answering.reading(reply, ConnectionDetail, json=access.json, show=show_detail)

    return answering.guarded(run)


def probe(connection: str, /, *, access: Access = HERE) -> int:
    """Test a connection at its counterparty again; nothing is changed.

    Parameters
    ----------
    connection
        The connection's id.
    """

    def show(console: Console, shown: ConnectionDetail) -> Exit:
        line = Text(f"{paper.marks_of(console).good} ", style="green")
        console.print(line.append("passed: ", style="bold").append_text(paper.named(shown)))
        return Exit.DONE

    def run() -> Exit:
        reply = access.client().post("v1", "connections", connection, "test")
        return answering.reading(reply, ConnectionDetail, json=access.json, show=show)

    return answering.guarded(run)


def remove(connection: str, /, *, yes: Flag = False, access: Access = HERE) -> int:
    """Remove a connection: no new orders; those that it has go on to their end, then it is gone.

    Parameters
    ----------
    connection
        The connection's id.
    yes
        Do not ask.
    """

    def run() -> Exit:
        if not yes:
            confirm(f"remove the connection {connection}")
        try:
            reply = access.client().delete("v1", "connections", connection)
        except UnansweredError as error:
            answering.complain(f"{error}: whether it is being removed is not known; the same again is safe")
            return Exit.UNKNOWN
        return answering.reading(reply, ConnectionDetail, json=access.json, show=show_detail)

    return answering.guarded(run)


def confirm(what: str) -> None:
    """Ask on the terminal. Raises `UsageError` where it is not confirmed, or nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError(f"expected --yes to {paper.plain(what)} without being asked")
    paper.err().print(Text(f"{paper.plain(what)}? [y/N] "), end="")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("not confirmed; nothing was done")


def show_detail(console: Console, shown: ConnectionDetail) -> Exit:
    """Print a connection."""
    console.print(Text("connection: ", style="bold").append_text(paper.named(shown)))
    lines = paper.facts()
    lines.add_row("id", paper.plain(shown.id))
    lines.add_row("at", f"{paper.words(shown.counterparty)} ({paper.words(shown.type)})")
    state = paper.words(shown.state)
    detail = shown.health.detail
    lines.add_row("state", state if detail is None else f"{state}: {paper.plain(detail)}")
    if shown.lifecycle != "active":
        lines.add_row("lifecycle", paper.words(shown.lifecycle))
    if not shown.enabled:
        lines.add_row("enabled", "no")
    lines.add_row("origin", _ORIGINS.get(shown.origin, paper.words(shown.origin)))
    kept = _KINDS.get(shown.credentials, paper.words(shown.credentials))
    lines.add_row("credentials", f"{kept}; never shown")
    for name, value in shown.settings.items():
        if value is not None and value != {}:
            lines.add_row(paper.words(name), paper.plain(str(value)))
    for name, at in (("made", shown.created_at), ("changed", shown.updated_at)):
        if at is not None:
            lines.add_row(name, paper.plain(at))
    console.print(lines)
    return Exit.DONE
