"""From an answer to what is printed and how the command ends: the rules that all commands share."""

import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from router.cli import paper
from router.cli.access import UsageError
from router.cli.answers import Order, Problem, UnreadableError, read
from router.cli.client import Client, ClientError, Reply, UnansweredError, UnreachableError
from router.cli.exits import Exit
from router.cli.order import exit_of, show_order
from router.cli.problem import show_problem

T = TypeVar("T")


def new_client_order_id() -> str:
    """An idempotency key of our own: when, and enough chance to be alone."""
    return f"cli-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def print_raw(reply: Reply) -> None:
    """Print an answer as it came, and end its line."""
    sys.stdout.flush()
    sys.stdout.buffer.write(reply.body + b"\n")
    sys.stdout.buffer.flush()


def complain(message: str) -> None:
    """Say on stderr what went wrong."""
    paper.err().print(Text(f"caas-router: {paper.plain(message)}"))


def reading(reply: Reply, kind: type[T], *, json: bool, show: Callable[[Console, T], Exit]) -> Exit:
    """End a command that only reads, or asks for quotes."""
    if json:
        print_raw(reply)
    if reply.is_problem:
        return refused(reply, json=json)
    answer = read(reply.body, kind) if reply.status < 300 else None
    if answer is None:
        raise UnreadableError(f"expected an answer of caas-router, was HTTP {reply.status}")
    if json:
        return show(Console(quiet=True), answer)
    return show(paper.out(), answer)


def refused(reply: Reply, *, json: bool) -> Exit:
    """End a command with the problem that came."""
    problem = read(reply.body, Problem)
    if not json:
        show_problem(paper.out(), problem)
    return Exit.REFUSED


def placing(
    client: Client, client_order_id: str, send: Callable[[], Reply], *, json: bool, brief: bool
) -> Exit:
    """Place an order and say what came of it; `brief`: without its competition, which was shown before.

    Whatever is not known for certain ends as `UNKNOWN`.
    """
    try:
        reply = send()
        if json:
            print_raw(reply)
        return _placed(client, reply, json=json, brief=brief)
    except UnreachableError:
        raise
    except (UnansweredError, UnreadableError, KeyboardInterrupt) as error:
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        complain(f"{why}: the order may have been taken. It is safe to look, or to repeat")
        complain(f"the command with this id: caas-router orders show {client_order_id}")
        return Exit.UNKNOWN


def _placed(client: Client, reply: Reply, *, json: bool, brief: bool) -> Exit:
    if reply.is_problem:
        return _refused_order(client, read(reply.body, Problem), json=json, brief=brief)
    if reply.status >= 300:
        raise UnreadableError(f"expected an order, was HTTP {reply.status}")
    order = read(reply.body, Order)
    ended = Exit.UNKNOWN if reply.status == 202 else exit_of(order)
    if not json:
        console = paper.out()
        show_order(console, order, brief=brief)
        if ended is Exit.UNKNOWN:
            console.print(Text(f"look again: caas-router orders show {paper.plain(order.client_order_id)}"))
    return ended


def _refused_order(client: Client, problem: Problem, *, json: bool, brief: bool) -> Exit:
    if not problem.is_definite:
        raise UnreadableError(f"{problem.code}: {problem.detail}")
    if not json:
        console = paper.out()
        order = None if problem.order_id is None else find(client, problem.order_id)
        if order is not None:
            # The order that was refused exists, and holds more than its error: who was asked.
            show_order(console, order, brief=brief)
        else:
            show_problem(console, problem)
    return Exit.REFUSED


def find(client: Client, order_id: str) -> Order | None:
    """An order by its id, to show more of it; None where it cannot be had."""
    try:
        reply = client.get("v1", "orders", order_id)
        return None if reply.is_problem else read(reply.body, Order)
    except (ClientError, UnreadableError):
        return None


def guarded(command: Callable[[], Exit]) -> int:
    """Run a command; what stopped it is told on stderr, and by the exit code."""
    try:
        return command()
    except UsageError as error:
        complain(str(error))
        return Exit.USAGE
    except (ClientError, UnreadableError) as error:
        complain(str(error))
        return Exit.UNREACHABLE
