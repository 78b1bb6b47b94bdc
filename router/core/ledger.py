"""Balances and reservations of Spot connections. PTS connections have neither.

What is free is what the counterparty last stated, less our fills since, less what is reserved for orders
that the statement cannot know of. A reservation is taken with the decision and released by evidence: a
final report, a definite refusal, a proof of absence; never by a time-out.

A statement is as old as the moment it was *asked for*: what happened after that may or may not be in it, so
it is counted again on the safe side. An order that the counterparty had acknowledged before the statement
was asked for is in it (its funds are held there), and its reservation is not subtracted twice.

Sums are kept as things happen, so that no question walks a list that grows with orders. A statement looks at
what was acknowledged since the one before it.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from router.core.model import Claim
from router.core.money import ZERO, add, sub


class Reservation(msgspec.Struct, gc=False):
    """What one order may still take. `acknowledged_at`: since when the counterparty holds the funds.

    `stated_at`: when the statement was asked for that it was taken on; None where it was taken back from
    the journal. `held`: the last statement was asked for later than it was acknowledged, and has it.
    """

    connection_id: str
    claim: Claim
    acknowledged_at: int | None = None
    stated_at: int | None = None
    held: bool = False


class _Move(msgspec.Struct, frozen=True, gc=False):
    asset: str
    amount: Decimal
    at: int


class _Account(msgspec.Struct):
    """`asked_at` is None while the balance is unknown; `newest_at` outlives that: the older is no news.

    `moved` sums up `moves`, `unheld` the claims of reservations that the last statement does not hold; an
    asset of which there are none is not in it. `acknowledged` has those of the unheld that a later statement
    will hold, `held` those that the last one does, by order id.
    """

    asked_at: int | None = None
    newest_at: int | None = None
    stated: dict[str, Decimal] = msgspec.field(default_factory=dict)
    moves: list[_Move] = msgspec.field(default_factory=list)
    moved: dict[str, Decimal] = msgspec.field(default_factory=dict)
    unheld: dict[str, Decimal] = msgspec.field(default_factory=dict)
    acknowledged: dict[str, Reservation] = msgspec.field(default_factory=dict)
    held: dict[str, Reservation] = msgspec.field(default_factory=dict)

    def set_aside(self, claim: Claim) -> None:
        """Add a claim to what is reserved and unheld."""
        before = self.unheld.get(claim.asset)
        self.unheld[claim.asset] = claim.amount if before is None else add(before, claim.amount)

    def give_back(self, claim: Claim) -> None:
        """Take a claim off what is reserved and unheld."""
        # A claim that shrank to nothing adds nothing to the sum, and may be all that is left of it.
        left = sub(self.unheld.get(claim.asset, ZERO), claim.amount)
        if left:
            self.unheld[claim.asset] = left
        else:
            self.unheld.pop(claim.asset, None)

    def move(self, asset: str, amount: Decimal, now: int) -> None:
        """Move the balance by a fill that no statement has."""
        self.moves.append(_Move(asset, amount, now))
        self.moved[asset] = add(self.moved.get(asset, ZERO), amount)

    def keep_moves(self, since: int | None) -> None:
        """Forget what came in, and what was given up before `since`."""
        kept = [move for move in self.moves if move.amount < ZERO and (since is None or move.at >= since)]
        self.moves, self.moved = [], {}
        for move in kept:
            self.move(move.asset, move.amount, move.at)


class Ledger:
    """Free balances by connection and asset; one object for the whole router, changed by its loop alone.

    `changes` counts what happened to it: while it is the same, what was read is as true as it was.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._accounts: dict[str, _Account] = {}
        self._reservations: dict[str, Reservation] = {}

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
        moved = account.moved.get(asset)
        if moved is not None:
            free = add(free, moved)
        unheld = account.unheld.get(asset)
        return free if unheld is None else sub(free, unheld)

    def reserved(self, connection_id: str, asset: str) -> Decimal:
        """What is reserved of an asset and not yet held by the counterparty as of its last statement."""
        account = self._accounts.get(connection_id)
        return ZERO if account is None else account.unheld.get(asset, ZERO)

    def reserve(self, order_id: str, connection_id: str, claim: Claim) -> bool:
        """Reserve for an order if the free balance covers the claim; False, and no change, if not.

        One order has at most one reservation: a second one for the same id is refused with `ValueError`.
        """
        free = self.free(connection_id, claim.asset)
        if free is None or free < claim.amount:
            return False
        account = self._accounts[connection_id]
        self._keep(order_id, account, Reservation(connection_id, claim, None, account.asked_at))
        return True

    def restore(self, order_id: str, connection_id: str, claim: Claim, acknowledged_at: int | None) -> None:
        """Take a reservation back from the journal, covered or not: the order may be live."""
        reservation = Reservation(connection_id, claim, acknowledged_at)
        self._keep(order_id, self._accounts.setdefault(connection_id, _Account()), reservation)

    def _keep(self, order_id: str, account: _Account, reservation: Reservation) -> None:
        if order_id in self._reservations:
            raise ValueError(f"expected one reservation for order {order_id}, was a second")
        self.changes += 1
        self._reservations[order_id] = reservation
        acknowledged_at, asked_at = reservation.acknowledged_at, account.asked_at
        if acknowledged_at is not None and asked_at is not None and acknowledged_at < asked_at:
            reservation.held = True
            account.held[order_id] = reservation
            return
        account.set_aside(reservation.claim)
        if acknowledged_at is not None:
            account.acknowledged[order_id] = reservation

    def acknowledged(self, order_id: str, now: int) -> None:
        """The counterparty has the order: statements asked for from now on hold its funds already."""
        reservation = self._reservations.get(order_id)
        if reservation is None or reservation.acknowledged_at is not None:
            return
        self.changes += 1
        reservation.acknowledged_at = now
        account = self._accounts[reservation.connection_id]
        account.acknowledged[order_id] = reservation
        if account.asked_at is not None and now < account.asked_at:
            self._hold(account, account.asked_at)

    def release(self, order_id: str, moves: Mapping[str, Decimal], now: int) -> None:
        """The order is final: drop its reservation and move the balance by what it traded.

        `moves`: signed amounts by asset, what was given up negative. Without a reservation (a PTS order, or
        one that was released already) nothing changes. What came in counts only if no statement was heard
        since the reservation: a later one may have it already.
        """
        reservation = self._reservations.pop(order_id, None)
        if reservation is None:
            return
        self.changes += 1
        account = self._accounts[reservation.connection_id]
        if reservation.held:
            del account.held[order_id]
        else:
            account.acknowledged.pop(order_id, None)
            account.give_back(reservation.claim)
        if moves:
            self._move(account, reservation, moves, now)

    def shrink(self, order_id: str, left: Claim, moves: Mapping[str, Decimal], now: int) -> None:
        """The order traded in part: its reservation is for the rest now, and the balance moves by the part.

        `moves` as in `release`, of this part alone.
        """
        reservation = self._reservations.get(order_id)
        if reservation is None:
            return
        self.changes += 1
        account = self._accounts[reservation.connection_id]
        if not reservation.held:
            account.give_back(reservation.claim)
            account.set_aside(left)
        reservation.claim = left
        self._move(account, reservation, moves, now)

    @staticmethod
    def _move(account: _Account, reservation: Reservation, moves: Mapping[str, Decimal], now: int) -> None:
        # While the balance is unknown too: the statement that ends that may have been asked for already.
        in_no_statement = account.asked_at is not None and account.asked_at == reservation.stated_at
        for asset, amount in moves.items():
            # Where the statement holds the whole claim already, what was given up is in it.
            held = reservation.held and asset == reservation.claim.asset
            kept = in_no_statement if amount > ZERO else not held
            if amount and kept:
                account.move(asset, amount, now)

    def state(self, connection_id: str, balances: Mapping[str, Decimal], asked_at: int) -> None:
        """Take a statement of tradable balances that was asked for at `asked_at`; an older one is ignored.

        Of our fills that it may not know, what was given up is kept and what came in is not: the next
        statement brings it.
        """
        account = self._accounts.setdefault(connection_id, _Account())
        if account.newest_at is not None and asked_at < account.newest_at:
            return
        self.changes += 1
        account.asked_at = account.newest_at = asked_at
        account.stated = dict(balances)
        account.keep_moves(asked_at)
        self._hold(account, asked_at)

    @staticmethod
    def _hold(account: _Account, asked_at: int) -> None:
        """A statement that was asked for then holds what had been acknowledged before."""
        for order_id, reservation in tuple(account.acknowledged.items()):
            if reservation.acknowledged_at is not None and reservation.acknowledged_at < asked_at:
                reservation.held = True
                account.held[order_id] = account.acknowledged.pop(order_id)
                account.give_back(reservation.claim)

    def forget(self, connection_id: str) -> None:
        """The connection was lost: its balance is unknown until it is stated again."""
        account = self._accounts.get(connection_id)
        if account is None:
            return
        self.changes += 1
        account.asked_at = None
        account.stated = {}
        account.keep_moves(None)
        for reservation in account.held.values():
            reservation.held = False
            account.set_aside(reservation.claim)
        account.acknowledged.update(account.held)
        account.held = {}

    def reservations(self) -> dict[str, Reservation]:
        """Every reservation by order id, for checks and views; a copy."""
        return dict(self._reservations)
