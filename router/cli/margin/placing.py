"""Moves margin money for a command: asks first, shows the idempotency key, says what came of it.

The key is shown before anything is sent, so that a command that broke off can be repeated as the same.
"""

import sys

from router.cli import answering, paper
from router.cli.access import Access, UsageError
from router.cli.answers import Problem, UnreadableError, read
from router.cli.client import Reply, UnansweredError
from router.cli.exits import Exit
from router.cli.margin.answers import Asked, Operation
from router.cli.margin.tables import exit_of, show_operation
from router.cli.problem import show_problem


def place(
    access: Access,
    connection: str,
    path: tuple[str, ...],
    body: dict[str, object],
    what: str,
    *,
    key: str | None,
    yes: bool,
) -> int:
    """Ask whether `what` is meant, unless `yes`, and send it once; whatever is unclear ends as `UNKNOWN`."""

    def run() -> Exit:
        own_key = key or answering.new_client_order_id()
        client = access.client()
        if not yes:
            _confirm(f"{what}, on {connection}")
        answering.complain(
            f"Idempotency-Key: {own_key} (the same command with --key {own_key} is the same move)"
        )
        try:
            keyed = {"Idempotency-Key": own_key}
            reply = client.post("v1", "connections", connection, "margin", *path, body=body, headers=keyed)
            if access.json:
                answering.print_raw(reply)
            return _told(reply, connection, json=access.json)
        except (UnansweredError, UnreadableError, KeyboardInterrupt) as error:
            why = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
            answering.complain(f"{why}: it may have been done. It is safe to repeat the command with its key")
            return Exit.UNKNOWN

    return answering.guarded(run)


def place_positions(
    access: Access,
    connection: str,
    action: str,
    currencies: tuple[str, ...],
    *,
    every: bool,
    key: str | None,
    yes: bool,
) -> int:
    """Cover or close positions: all, or in the currencies named. `action` is `cover` or `close`."""

    def refuse() -> Exit:
        raise UsageError("CURRENCIES, --all: expected currencies or --all, one of both")

    if every == bool(currencies):
        return answering.guarded(refuse)
    body: dict[str, object] = {"all": True} if every else {"currencies": list(currencies)}
    what = f"{action} {'all positions' if every else 'the positions in ' + ', '.join(currencies)}"
    return place(access, connection, ("positions", action), body, what, key=key, yes=yes)


def _confirm(what: str) -> None:
    """Ask a person. Raises `UsageError` where nobody agrees: nothing was sent."""
    sys.stderr.write(f"{paper.plain(what)}: is this meant? Type yes: ")
    sys.stderr.flush()
    try:
        answer = sys.stdin.readline()
    except OSError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was sent: expected yes, or --yes where nobody can be asked")


def _told(reply: Reply, connection: str, *, json: bool) -> Exit:
    console = paper.out()
    if reply.is_problem:
        problem = read(reply.body, Problem)
        if not problem.is_definite:
            raise UnreadableError(f"{problem.code}: {problem.detail}")
        if not json:
            show_problem(console, problem)
        return Exit.REFUSED
    if reply.status >= 300:
        raise UnreadableError(f"expected an operation, was HTTP {reply.status}")
    operation = read(reply.body, Asked).operation or read(reply.body, Operation)
    ended = exit_of(operation)
    if not json:
        show_operation(console, operation)
        if ended is Exit.UNKNOWN:
            again = f"caas-router margin operations {connection} {operation.id}"
            answering.complain(f"its outcome is not known yet; look again: {again}")
        elif operation.close_request is not None:
            follow = f"caas-router margin close-requests {connection} {operation.close_request.id}"
            answering.complain(f"it goes on there; follow it: {follow}")
    return ended
