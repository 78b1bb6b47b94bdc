"""Balances and reservations of Spot connections. PTS connections have neither.

What is free is what the counterparty last stated, less our fills since, less what is reserved for orders
that the statement cannot know of. A reservation is taken with the decision and released by evidence: a
final report, a definite refusal, a proof of absence; never by a time-out.

A statement is as old as the moment it was *asked for*: what happened after that may or may not be in it, so
it is counted again on the safe side. An order that the counterparty had acknowledged before the statement
was asked for is in it (its funds are held there), and its reservation is not subtracted twice.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from router.core.model import Claim
from router.core.money import ZERO, add, sub


class Reservation(msgspec.Struct):
    """What one order may still take. `acknowledged_at`: since when the counterparty holds the funds.

    `stated_at`: when the statement was asked for that it was taken on; None where it was taken back from
    the journal.
    """

    connection_id: str
    claim: Claim
    acknowledged_at: int | None = None
    stated_at: int | None = None


class _Move(msgspec.Struct, frozen=True):
    asset: str
    amount: Decimal
    at: int


class _Account(msgspec.Struct):
    """`asked_at` is None while the balance is unknown; `newest_at` outlives that: the older is no news."""

    asked_at: int | None = None
    newest_at: int | None = None
    stated: dict[str, Decimal] = msgspec.field(default_factory=dict)
    moves: list[_Move] = msgspec.field(default_factory=list)


class Ledger:
    """Free balances by connection and asset; one object for the whole router, changed by its loop alone."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._reservations: dict[str, Reservation] = {}
        self._by_connection: dict[str, set[str]] = {}

    def stated_at(self, connection_id: str) -> int | None:
        """When the last statement of a connection was asked for; None if there never was one."""
        account = self._accounts.get(connection_id)
        return None if account is None else account.asked_at

    def free(self, connection_id: str, asset: str) -> Decimal | None:
        """What an order may take: may be negative; None while no statement is known.

        An asset that a statement does not list is a balance of zero.
        """
        account = self._accounts.get(connection_id)
        if account is None or account.asked_at is None:
            return None
        free = account.stated.get(asset, ZERO)
        for move in account.moves:
            if move.asset == asset:
                free = add(free, move.amount)
        return sub(free, self.reserved(connection_id, asset))

    def reserved(self, connection_id: str, asset: str) -> Decimal:
        """What is reserved of an asset and not yet held by the counterparty as of its last statement."""
        account = self._accounts.get(connection_id)
        asked_at = None if account is None else account.asked_at
        total = ZERO
        for order_id in sorted(self._by_connection.get(connection_id, ())):
            reservation = self._reservations[order_id]
            held = (
                reservation.acknowledged_at is not None
                and asked_at is not None
                and reservation.acknowledged_at < asked_at
            )
            if reservation.claim.asset == asset and not held:
                total = add(total, reservation.claim.amount)
        return total

    def reserve(self, order_id: str, connection_id: str, claim: Claim) -> bool:
        """Reserve for an order if the free balance covers the claim; False, and no change, if not.

        One order has at most one reservation: a second one for the same id is refused with `ValueError`.
        """
        free = self.free(connection_id, claim.asset)
        if free is None or free < claim.amount:
            return False
        self.restore(order_id, connection_id, claim, None)
        self._reservations[order_id].stated_at = self.stated_at(connection_id)
        return True

    def restore(self, order_id: str, connection_id: str, claim: Claim, acknowledged_at: int | None) -> None:
        """Take a reservation back from the journal, covered or not: the order may be live."""
        if order_id in self._reservations:
            raise ValueError(f"expected one reservation for order {order_id}, was a second")
        self._reservations[order_id] = Reservation(connection_id, claim, acknowledged_at)
        self._by_connection.setdefault(connection_id, set()).add(order_id)

    def acknowledged(self, order_id: str, now: int) -> None:
        """The counterparty has the order: statements asked for from now on hold its funds already."""
        reservation = self._reservations.get(order_id)
        if reservation is not None and reservation.acknowledged_at is None:
            reservation.acknowledged_at = now

    def release(self, order_id: str, moves: Mapping[str, Decimal], now: int) -> None:
        """The order is final: drop its reservation and move the balance by what it traded.

        `moves`: signed amounts by asset, what was given up negative. Without a reservation (a PTS order, or
        one that was released already) nothing changes. What came in counts only if no statement was heard
        since the reservation: a later one may have it already.
        """
        reservation = self._reservations.pop(order_id, None)
        if reservation is None:
            return
        self._by_connection[reservation.connection_id].discard(order_id)
        self._move(reservation, moves, now)

    def shrink(self, order_id: str, left: Claim, moves: Mapping[str, Decimal], now: int) -> None:
        """The order traded in part: its reservation is for the rest now, and the balance moves by the part.

        `moves` as in `release`, of this part alone.
        """
        reservation = self._reservations.get(order_id)
        if reservation is not None:
            reservation.claim = left
            self._move(reservation, moves, now)

    def _move(self, reservation: Reservation, moves: Mapping[str, Decimal], now: int) -> None:
        # While the balance is unknown too: the statement that ends that may have been asked for already.
        account = self._accounts.setdefault(reservation.connection_id, _Account())
        held = (
            reservation.acknowledged_at is not None
            and account.asked_at is not None
            and reservation.acknowledged_at < account.asked_at
        )
        in_no_statement = account.asked_at is not None and account.asked_at == reservation.stated_at
        for asset, amount in sorted(moves.items()):
            # Where the statement holds the whole claim already, what was given up is in it.
            kept = in_no_statement if amount > 0 else not (held and asset == reservation.claim.asset)
            if amount != 0 and kept:
                account.moves.append(_Move(asset, amount, now))

    def state(self, connection_id: str, balances: Mapping[str, Decimal], asked_at: int) -> None:
        """Take a statement of tradable balances that was asked for at `asked_at`; an older one is ignored.

        Of our fills that it may not know, what was given up is kept and what came in is not: the next
        statement brings it.
        """
        account = self._accounts.setdefault(connection_id, _Account())
        if account.newest_at is not None and asked_at < account.newest_at:
            return
        account.asked_at = account.newest_at = asked_at
        account.stated = dict(balances)
        account.moves = [move for move in account.moves if move.at >= asked_at and move.amount < 0]

    def forget(self, connection_id: str) -> None:
        """The connection was lost: its balance is unknown until it is stated again."""
        account = self._accounts.get(connection_id)
        if account is not None:
            account.asked_at = None
            account.stated = {}
            account.moves = [move for move in account.moves if move.amount < 0]

    def reservations(self) -> dict[str, Reservation]:
        """Every reservation by order id, for checks and views; a copy."""
        return dict(self._reservations)
