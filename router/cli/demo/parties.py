"""The two that the demonstration talks to: the router as a desk does, the simulator as its stage hand."""

import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec

from router.cli import answers
from router.cli.client import Client, ClientError, Reply
from router.cli.demo.processes import DemoError
from router.cli.demo.stage import PRODUCT, Account

T = TypeVar("T")
WAIT_S_MAX: Final = 10.0
PAUSE_S: Final = 0.05


class Placed(msgspec.Struct, frozen=True):
    """An answer to an order: the order or the problem, and how it came."""

    status: int
    replayed: bool
    order: answers.Order | None
    problem: answers.Problem | None


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

    def quote(self, side: str, quantity: str) -> answers.Rfq:
        """POST /v1/rfqs."""
        body = {
            "product": PRODUCT,
            "side": side,
            "quantity": quantity,
            "quantity_currency": PRODUCT.partition("-")[0],
        }
        return answers.read(self._client.post("v1", "rfqs", body=body).body, answers.Rfq)

    def accept(self, rfq_id: str, client_order_id: str) -> Placed:
        """POST /v1/rfqs/{id}/accept: on its best quote."""
        body = {"client_order_id": client_order_id}
        return _placed(self._client.post("v1", "rfqs", rfq_id, "accept", body=body))

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
    """An order as it stands in the simulated counterparty's own books."""

    client_order_id: str | None
    status: str
    filled_quantity: str


class Counters(msgspec.Struct, frozen=True):
    """What the simulator counted over all accounts."""

    rate_limited: int


class _State(msgspec.Struct, frozen=True):
    counters: Counters


class _Log(msgspec.Struct, frozen=True):
    data: list[Sent]


class _Ledger(msgspec.Struct, frozen=True):
    data: list[Booked]


class StageHand:
    """The simulator's control endpoint: books, faults, and what really arrived there."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def pin(self, account: Account, book: Mapping[str, object]) -> None:
        """Show this book to an account from now on."""
        self._done(
            self._client.put("_simulator", "accounts", account.account_id, "books", PRODUCT, body=book)
        )

    def spoil(self, account: Account, faults: Mapping[str, object]) -> None:
        """Let these faults befall an account; an empty mapping ends them."""
        self._done(self._client.put("_simulator", "accounts", account.account_id, "faults", body=faults))

    def requests(self, account: Account) -> list[Sent]:
        """Every REST request of an account's."""
        return self._read(_Log, "accounts", account.account_id, "requests").data

    def ledger(self, account: Account) -> list[Booked]:
        """Every order that the counterparty took."""
        return self._read(_Ledger, "accounts", account.account_id, "orders").data

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
