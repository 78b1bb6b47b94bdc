"""A refusal in words: what the router says, and what the counterparty said, by its name and request id."""

from rich.console import Console
from rich.text import Text

from router.cli.answers import Problem
from router.cli.paper import NONE, facts, marks_of, named, plain, table


def show_problem(
    console: Console, problem: Problem, heading: str = "refused", of_order: str | None = None
) -> None:
    """Print a problem with all that helps to mend it; `of_order`: the order whose id was shown already."""
    title = Text(f"{marks_of(console).bad} {heading}: ", style="bold red")
    title.append(plain(problem.code), style="bold red")
    title.append(f" ({plain(problem.title)})", style="none")
    console.print(title)
    lines = facts()
    if not problem.errors:
        lines.add_row("detail", plain(problem.detail))
    if problem.connection is not None:
        lines.add_row("connection", named(problem.connection))
    venue = problem.venue_error
    if venue is not None:
        # Some of BitGo's messages only repeat the name.
        said = dict.fromkeys(part for part in (venue.name, venue.message) if part)
        lines.add_row("venue said", plain(": ".join(said) or "nothing that can be read"))
        status = "no HTTP status" if venue.http_status is None else f"HTTP {venue.http_status}"
        lines.add_row("venue ref", plain(f"request id {venue.request_id or 'none'}, {status}"))
    if problem.order_id not in (None, of_order):
        lines.add_row("order", plain(problem.order_id or NONE))
    if problem.retryable:
        lines.add_row("retry", "the same may succeed later")
    console.print(lines)
    if problem.errors:
        fields = table("field", "expected", "was")
        for error in problem.errors:
            fields.add_row(plain(error.field), plain(error.expected), plain(error.was or "nothing"))
        console.print(fields)
