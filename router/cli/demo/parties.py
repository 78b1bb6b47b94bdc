"""The two that the demonstration talks to: the router as a desk does, the simulator as its stage hand."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from router.cli import answers
from router.cli.client import Client, ClientError, Reply
from router.cli.demo.accounts import Account, Coinbase
from router.cli.demo.processes import DemoError
from router.cli.demo.stage import PRODUCT
from router.cli.reports import answers as report_answers

T = TypeVar("T")
WAIT_S_MAX: Final = 10.0
PAUSE_S: Final = 0.05


class Placed(msgspec.Struct, frozen=True):
    """An answer to an order: the order or the problem, and how it came."""

    status: int
    replayed: bool
    order: answers.Order | None
    problem: answers.Problem | None


class Stood(answers.Entry, frozen=True):
    """A connection's part in a competition, as its whole record has it."""

    firm: bool = False
    answered_at: str | None = None
    valid_until: str | None = None
    quote_id: str | None = None


class Held(msgspec.Struct, frozen=True):
    """The whole record of a competition."""

    side: str
    entries: list[Stood]

    def entry(self, account: Account) -> Stood | None:
        """An account's part."""
        return next((entry for entry in self.entries if entry.connection.id == account.id), None)


class Asked(answers.Rfq, frozen=True):
    """An RFQ, with the competition that was held for it."""

    competition_id: str = ""


class Desk:
    """The router's API, as any caller has it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def is_ready(self) -> bool:
        """Whether /readyz says that orders can be taken."""
        try:
            return self._client.get("readyz").status == 200
        except ClientError:
            return False

    def connections(self) -> list[answers.ConnectionState]:
        """Every connection."""
        return answers.read(self._client.get("v1", "connections").body, answers.Connections).data

    def place(self, client_order_id: str, side: str, quantity: str) -> Placed:
        """POST /v1/orders: a market order in base."""
        return _placed(
            self._client.post(
                "v1",
                "orders",
                body={
                    "client_order_id": client_order_id,
                    "product": PRODUCT,
                    "side": side,
                    "type": "market",
                    "quantity": quantity,
                    "quantity_currency": PRODUCT.partition("-")[0],
                },
            )
        )

    def quote(self, side: str, quantity: str, among: Sequence[Account] | None = None) -> Asked:
        """POST /v1/rfqs; of these accounts alone, where they are named."""
        body = {
            "connections": None if among is None else [account.id for account in among],
            "product": PRODUCT,
            "side": side,
            "quantity": quantity,
            "quantity_currency": PRODUCT.partition("-")[0],
        }
        return answers.read(self._client.post("v1", "rfqs", body=body).body, Asked)

    def accept(self, rfq_id: str, client_order_id: str) -> Placed:
        """POST /v1/rfqs/{id}/accept: on its best quote."""
        body = {"client_order_id": client_order_id}
        return _placed(self._client.post("v1", "rfqs", rfq_id, "accept", body=body))

    def competition(self, competition_id: str) -> Held:
        """GET /v1/competitions/{id}."""
        return answers.read(self._client.get("v1", "competitions", competition_id).body, Held)

    def quality(self) -> report_answers.Quality:
        """GET /v1/reports/execution-quality, of everybody."""
        reply = self._client.get("v1", "reports", "execution-quality")
        return answers.read(reply.body, report_answers.Quality)

    def order(self, order_id: str) -> answers.Order:
        """GET /v1/orders/{id}."""
        return answers.read(self._client.get("v1", "orders", order_id).body, answers.Order)

    def orders(self) -> list[answers.Order]:
        """GET /v1/orders, oldest first."""
        page = answers.read(self._client.get("v1", "orders").body, answers.Orders)
        return list(reversed(page.data))

    def find(self, client_order_id: str) -> answers.Order:
        """GET /v1/orders?client_order_id=."""
        reply = self._client.get("v1", "orders", query={"client_order_id": client_order_id})
        found = answers.read(reply.body, answers.Orders).data
        if len(found) != 1:
            raise DemoError(f"expected one order with the id {client_order_id}, were {len(found)}")
        return found[0]


class Sent(msgspec.Struct, frozen=True):
    """A request as the simulated counterparty logged it."""

    method: str
    path: str
    client_order_id: str | None


class Booked(msgspec.Struct, frozen=True):
    """An order as it stands in the simulated counterparty's own books.

    `type`: RFQ where a quote was accepted. Kraken's own words, which differ, are not read.
    """

    client_order_id: str | None = None
    filled_quantity: str = ""
    type: str = ""


class Quoted(msgspec.Struct, frozen=True):
    """A firm quote in the counterparty's own books; `order_id`: the order that took it."""

    quote_id: str
    order_id: str | None = None


class Counters(msgspec.Struct, frozen=True):
    """What the simulator counted over all accounts."""

    rate_limited: int


class _State(msgspec.Struct, frozen=True):
    counters: Counters


class _Log(msgspec.Struct, frozen=True):
    data: list[Sent]


class _Ledger(msgspec.Struct, frozen=True):
    data: list[Booked]


class _Quotes(msgspec.Struct, frozen=True):
    data: list[Quoted]


class StageHand:
    """The simulator's control endpoint: books, faults, and what really arrived there."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def pin(self, account: Account, book: Mapping[str, object]) -> None:
        """Show this book to an account from now on."""
        self._done(self._client.put("_simulator", *account.control, "books", PRODUCT, body=book))

    def turn(self, account: Coinbase, settings: Mapping[str, object]) -> None:
        """Let a portfolio quote otherwise from now on."""
        self._done(self._client.put("_simulator", *account.control, "settings", body=settings))

    def spoil(self, account: Account, faults: Mapping[str, object]) -> None:
        """Let these faults befall an account; an empty mapping ends them."""
        self._done(self._client.put("_simulator", *account.control, "faults", body=faults))

    def requests(self, account: Account) -> list[Sent]:
        """Every REST request of an account's; of all accounts at an exchange that logs them together."""
        return self._read(_Log, *account.log, "requests").data

    def ledger(self, account: Account) -> list[Booked]:
        """Every order that the counterparty took."""
        return self._read(_Ledger, *account.control, "orders").data

    def quotes(self, account: Coinbase) -> list[Quoted]:
        """Every firm quote that the counterparty gave."""
        return self._read(_Quotes, *account.control, "quotes").data

    def rate_limited(self) -> int:
        """How many requests were answered with 429."""
        return self._read(_State, "state").counters.rate_limited

    def _read(self, kind: type[T], *path: str) -> T:
        return answers.read(self._done(self._client.get("_simulator", *path)).body, kind)

    @staticmethod
    def _done(reply: Reply) -> Reply:
        if reply.status != 200:
            said = reply.body[:200].decode(errors="replace")
            raise DemoError(f"expected 200 of the simulator, was {reply.status}: {said}")
        return reply


def wait_until(what: str, met: Callable[[], bool]) -> None:
    """Poll until something holds. Raises `DemoError` when it takes too long."""
    until = time.monotonic() + WAIT_S_MAX
    while not met():
        if time.monotonic() > until:
            raise DemoError(f"expected {what} within {WAIT_S_MAX:g} s, came to nothing")
        time.sleep(PAUSE_S)


def _placed(reply: Reply) -> Placed:
    problem = answers.read(reply.body, answers.Problem) if reply.is_problem else None
    return Placed(
        status=reply.status,
        replayed=reply.headers.get("Idempotent-Replayed") == "true",
        order=answers.read(reply.body, answers.Order) if problem is None else None,
        problem=problem,
    )
