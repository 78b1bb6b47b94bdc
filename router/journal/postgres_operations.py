"""What a router asks of the database: each write as data, so that many go in one statement.

Documents are encoded when an operation is made: what cannot be written is refused before it is queued.
"""

import hashlib
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from router.core.order import Event, Order, Refused, Routed
from router.journal import codec
from router.ports import Cover
from router.ports.records import MoveRecord, StoredConnection


class Owner(msgspec.Struct, frozen=True):
    """A router at work: its row in `routers`."""

    id: str
    epoch: int


class State(msgspec.Struct, frozen=True):
    """The columns of an order that its events change."""

    updated_at: int
    status: str
    phase: str
    final: bool
    connection_id: str | None
    venue_order_id: str | None
    doc: bytes


class Claim(msgspec.Struct, frozen=True):
    """What an intent reserves, and what must be left for others' reservations (None: not looked at)."""

    connection_id: str
    asset: str
    amount: Decimal
    cover: Cover | None

    @property
    def lock(self) -> int:
        """The advisory lock of the balance that it is on."""
        digest = hashlib.sha256(f"{self.connection_id}\0{self.asset}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


class Accept(msgspec.Struct, frozen=True):
    """Keep a new order."""

    order_id: str
    client_order_id: str
    created_at: int
    product: str
    state: State


class Append(msgspec.Struct, frozen=True):
    """Keep an event. `claim`: reserve it; `releases`: the order's reservation ends with it.

    `shown`: the connection and the counterparty's id of what was executed although it had been refused there.
    """

    order_id: str
    state: State
    at: int
    event: bytes
    claim: Claim | None
    releases: bool
    acknowledged_at: int | None
    shown: tuple[str, str] | None = None


class Keep(msgspec.Struct, frozen=True):
    """Keep a competition (`of_order`: whether it has a column for its order) or an RFQ, or replace it."""

    id: str
    doc: bytes
    order_id: str | None = None
    rfq: bool = False


class TakeOver(msgspec.Struct, frozen=True):
    """Take every open order that no living router has; answers their documents, oldest first."""


class Adopt(msgspec.Struct, frozen=True):
    """Answer an order's document if this router may append to it, taking it over where it is final."""

    order_id: str


class KeepConnection(msgspec.Struct, frozen=True):
    """Add or replace a connection that people made."""

    record: StoredConnection


class ForgetConnection(msgspec.Struct, frozen=True):
    """Remove one."""

    id: str
    version: int


class AcceptMove(msgspec.Struct, frozen=True):
    """Keep a new move of margin money."""

    record: MoveRecord


class AppendMove(msgspec.Struct, frozen=True):
    """Keep an event of a move."""

    record: MoveRecord
    event: bytes
    at: int


class OpenMoves(msgspec.Struct, frozen=True):
    """Take every open move that no living router has; answers them, oldest first."""


class Beat(msgspec.Struct, frozen=True):
    """Nothing but what every transaction does: renew the lease, and commit."""


RecordOperation = KeepConnection | ForgetConnection | AcceptMove | AppendMove
Operation = Accept | Append | Keep | TakeOver | Adopt | Beat | OpenMoves | RecordOperation


class MoveAccepted(msgspec.Struct, frozen=True):
    """A move was added."""

    id: str


class MoveAppended(msgspec.Struct, frozen=True):
    """A state was added to a move. `was_final`: it had ended, and something late was said of it."""

    id: str
    seq: int
    was_final: bool


class MovesTaken(msgspec.Struct, frozen=True):
    """Moves became this router's."""

    ids: Sequence[str]


class ConnectionChanged(msgspec.Struct, frozen=True):
    """A connection was added, replaced or removed; `before`: what it was."""

    id: str
    before: StoredConnection | None


Step = MoveAccepted | MoveAppended | MovesTaken | ConnectionChanged
"""What an operation did to the records beside the orders."""


Outcome = object
"""An operation's answer: None, documents (`TakeOver`), a document (`Adopt`); or what it is refused with."""


class Undo(msgspec.Struct, frozen=True):
    """How to take back a transaction whose callers were told that it failed."""

    accepted: Sequence[str] = ()
    events: Sequence[tuple[str, int]] = ()
    taken: Sequence[str] = ()
    records: Sequence[Step] = ()


def accept(order: Order) -> Accept:
    """The operation of `Journal.accept`. Raises `StoreError` where the order cannot be written as JSON."""
    return Accept(
        order.id, order.request.client_order_id, order.created_at, order.request.product, _state(order)
    )


def append(order: Order, event: Event, at: int, cover: Cover | None) -> Append:
    """The operation of `Journal.append`. Raises `StoreError` as `accept`."""
    claim: Claim | None = None
    if isinstance(event, Routed) and event.attempt.claim is not None:
        claimed = event.attempt.claim
        claim = Claim(event.attempt.connection_id, claimed.asset, claimed.amount, cover)
    return Append(
        order_id=order.id,
        state=_state(order),
        at=at,
        event=codec.encode(event),
        claim=claim,
        releases=order.is_final or isinstance(event, Refused),
        acknowledged_at=order.acknowledged_at,
        shown=codec.shown_elsewhere(order, event),
    )


def _state(order: Order) -> State:
    attempt = order.attempt
    return State(
        order.updated_at,
        order.status.value,
        order.phase.value,
        order.is_final,
        None if attempt is None else attempt.connection_id,
        order.venue_order_id,
        codec.encode(order),
    )
