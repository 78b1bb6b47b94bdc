"""A step on the stage: what is about to happen, what came, and whether it is what was announced."""

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.text import Text

from router.cli import answers, figures
from router.cli.demo.accounts import Account, Levels
from router.cli.demo.parties import Desk, Held, Placed, StageHand, wait_until
from router.cli.demo.processes import DemoError
from router.cli.demo.rivals import rivals_table
from router.cli.order import asked, show_order
from router.cli.paper import PTS, marks_of
from router.core.money import ZERO, add


class Scene:
    """The parties, the paper, and the running account of what came out as announced."""

    def __init__(self, console: Console, desk: Desk, venue: StageHand, accounts: Sequence[Account]) -> None:
        self.console = console
        self.accounts = tuple(accounts)
        self.desk = desk
        self.venue = venue
        self.differences: list[str] = []
        self._books: dict[str, tuple[Levels, Levels]] = {
            account.id: (account.bids, account.asks) for account in accounts if account.bids
        }
        self._title = ""
        self._kept: list[str] = []
        self._broken: list[str] = []

    def open(self, number: int, title: str, announcement: str) -> None:
        """Begin a step: its title, and in a sentence or two what is about to happen."""
        self._title = f"{number}. {title}"
        self._kept, self._broken = [], []
        self.console.print()
        self.console.rule(Text(self._title, style="bold cyan"), align="left", style="cyan")
        self.console.print(Text(announcement, style="italic"))
        self.console.print()

    def expect(self, what: str, announced: object, came: object) -> None:
        """Hold what came against what was announced."""
        if announced == came:
            self._kept.append(f"{what} {came}")
        else:
            self._broken.append(f"{what.removesuffix(':')}: announced {announced}, came {came}")

    def close(self) -> None:
        """End a step with its verdict."""
        marks = marks_of(self.console)
        self.console.print()
        if self._kept:
            said = f" {marks.dot} ".join(self._kept)
            self.console.print(Text(f"{marks.good} as announced: {said}", style="green"))
        for broken in self._broken:
            self.console.print(Text(f"{marks.bad} {broken}", style="bold red"))
        self.differences += [f"{self._title}: {broken}" for broken in self._broken]

    def fail(self, error: Exception) -> None:
        """End a step that could not be played to its end."""
        self._broken.append(f"played to its end: announced yes, came {error}")
        self.close()

    def say(self, text: str) -> None:
        """A stage direction."""
        self.console.print(Text(text, style="dim"))

    def pin(self, account: Account, bids: Levels, asks: Levels) -> None:
        """Show another book to an account from now on."""
        self._books[account.id] = (bids, asks)
        self.venue.pin(account, {"bids": bids, "asks": asks})

    def place(self, client_order_id: str, side: str, quantity: str) -> tuple[Placed, answers.Order]:
        """Place an order when the books are as they were announced, and show what came of it."""
        self._await_books(side, quantity)
        placed = self.desk.place(client_order_id, side, quantity)
        order = placed.order
        if order is None:
            problem = placed.problem
            if problem is None or problem.order_id is None:
                raise DemoError(f"expected an order, was HTTP {placed.status}")
            order = self.desk.order(problem.order_id)
        self.say(f"POST /v1/orders answered {placed.status}:")
        self.show(order)
        return placed, order

    def show(self, order: answers.Order) -> None:
        """Print an order with the whole record of its competition."""
        self.console.print(Text(asked(order), style="bold"))
        held = self.held(order)
        if held is not None:
            self.console.print(rivals_table(self.console, held))
            self.console.print()
        show_order(self.console, order, brief=True)

    def held(self, order: answers.Order) -> Held | None:
        """The whole record of an order's competition."""
        return None if order.competition is None else self.desk.competition(order.competition.id)

    def _await_books(self, side: str, quantity: str) -> None:
        """Wait until the prices that the router has are those of the pinned books."""
        expected = {
            name: _deepest(asks if side == "buy" else bids, Decimal(quantity))
            for name, (bids, asks) in self._books.items()
        }

        streamed = [account for account in self.accounts if account.id in expected]

        def shown() -> bool:
            entries = self.desk.quote(side, quantity, streamed).entries
            entries = [entry for entry in entries if entry.connection.id in expected]
            return all(
                entry.price is None or figures.number(entry.price) == expected[entry.connection.id]
                for entry in entries
            )

        wait_until("the pinned books at the router", shown)


def label(connection: answers.Connection | Account | None) -> str:
    """A connection's name with its mark, in a line of text."""
    if connection is None:
        return "nobody"
    return f"{connection.name} {PTS}" if connection.pts else connection.name


def winner_of(order: answers.Order) -> str:
    """Who won an order's competition."""
    entries = [] if order.competition is None else order.competition.entries
    return next((label(entry.connection) for entry in entries if entry.outcome == "won"), "nobody")


def reason_of(order: answers.Order, account: Account) -> str:
    """Why an account was left out of an order's competition; its outcome where it was not."""
    entries = [] if order.competition is None else order.competition.entries
    entry = next((entry for entry in entries if entry.connection.id == account.id), None)
    if entry is None:
        return "not in the competition"
    return entry.outcome if entry.reason is None else f"{entry.outcome}, {entry.reason}"


def _deepest(levels: Levels, quantity: Decimal) -> Decimal:
    """The price of the level at which a pinned book covers a size."""
    covered = ZERO
    for price, size in levels:
        covered = add(covered, Decimal(size))
        if covered >= quantity:
            return Decimal(price)
    raise DemoError(f"expected a pinned book of at least {quantity:f}, was {covered:f}")
