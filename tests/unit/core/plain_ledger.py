"""The ledger written plainly: every question walks all that there is. What the kept sums must equal."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from router.core.ledger import Ledger
from router.core.model import Claim

D = Decimal


class Reserved(msgspec.Struct):
    """What one order may still take."""

    connection_id: str
    claim: Claim
    acknowledged_at: int | None = None
    stated_at: int | None = None


class Account(msgspec.Struct):
    """What was stated, and what moved since: asset, amount, time."""

    asked_at: int | None = None
    newest_at: int | None = None
    stated: dict[str, Decimal] = msgspec.field(default_factory=dict)
    moves: list[tuple[str, Decimal, int]] = msgspec.field(default_factory=list)


class PlainLedger:
    """The rules of `Ledger`, by lists."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.all: dict[str, Reserved] = {}

    def _held(self, each: Reserved) -> bool:
        asked_at = self.accounts[each.connection_id].asked_at
        acknowledged_at = each.acknowledged_at
        return asked_at is not None and acknowledged_at is not None and acknowledged_at < asked_at

    def reserved(self, connection_id: str, asset: str) -> Decimal:
        found = [each for each in self.all.values() if each.connection_id == connection_id]
        return sum(
            (each.claim.amount for each in found if each.claim.asset == asset and not self._held(each)), D(0)
        )

    def free(self, connection_id: str, asset: str) -> Decimal | None:
        account = self.accounts.get(connection_id)
        if account is None or account.asked_at is None:
            return None
        moved = sum((amount for of, amount, _ in account.moves if of == asset), D(0))
        return account.stated.get(asset, D(0)) + moved - self.reserved(connection_id, asset)

    def reserve(self, order_id: str, connection_id: str, claim: Claim) -> bool:
        free = self.free(connection_id, claim.asset)
        if free is None or free < claim.amount:
            return False
        self.restore(order_id, connection_id, claim, None)
        self.all[order_id].stated_at = self.accounts[connection_id].asked_at
        return True

    def restore(self, order_id: str, connection_id: str, claim: Claim, acknowledged_at: int | None) -> None:
        self.accounts.setdefault(connection_id, Account())
        self.all[order_id] = Reserved(connection_id, claim, acknowledged_at)

    def acknowledged(self, order_id: str, now: int) -> None:
        each = self.all.get(order_id)
        if each is not None and each.acknowledged_at is None:
            each.acknowledged_at = now

    def release(self, order_id: str, moves: Mapping[str, Decimal], now: int) -> None:
        each = self.all.pop(order_id, None)
        if each is not None:
            self._move(each, moves, now)

    def shrink(self, order_id: str, left: Claim, moves: Mapping[str, Decimal], now: int) -> None:
        each = self.all.get(order_id)
        if each is not None:
            each.claim = left
            self._move(each, moves, now)

    def _move(self, each: Reserved, moves: Mapping[str, Decimal], now: int) -> None:
        account = self.accounts[each.connection_id]
        in_no_statement = account.asked_at is not None and account.asked_at == each.stated_at
        for asset, amount in moves.items():
            in_the_claim = self._held(each) and asset == each.claim.asset
            if amount and (in_no_statement if amount > 0 else not in_the_claim):
                account.moves.append((asset, amount, now))

    def state(self, connection_id: str, balances: Mapping[str, Decimal], asked_at: int) -> None:
        account = self.accounts.setdefault(connection_id, Account())
        if account.newest_at is None or asked_at >= account.newest_at:
            account.asked_at = account.newest_at = asked_at
            account.stated = dict(balances)
            account.moves = [move for move in account.moves if move[2] >= asked_at and move[1] < 0]

    def forget(self, connection_id: str) -> None:
        account = self.accounts.get(connection_id)
        if account is not None:
            account.asked_at, account.stated = None, {}
            account.moves = [move for move in account.moves if move[1] < 0]


class Twin(Ledger):
    """The ledger, told everything together with the plain one, and asked whether they agree."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = PlainLedger()

    def agrees(self, *assets: str) -> bool:
        """Whether both say the same of every connection and asset, and of every reservation."""
        asked = [(name, asset) for name in self.plain.accounts for asset in assets]
        return (
            all(self.free(*each) == self.plain.free(*each) for each in asked)
            and all(self.reserved(*each) == self.plain.reserved(*each) for each in asked)
            and {
                name: (each.claim, each.acknowledged_at, each.stated_at)
                for name, each in self.reservations().items()
            }
            == {
                name: (each.claim, each.acknowledged_at, each.stated_at)
                for name, each in self.plain.all.items()
            }
        )

    def reserve(self, order_id: str, connection_id: str, claim: Claim) -> bool:
        expected = self.plain.reserve(order_id, connection_id, claim)
        assert super().reserve(order_id, connection_id, claim) is expected
        return expected

    def restore(self, order_id: str, connection_id: str, claim: Claim, acknowledged_at: int | None) -> None:
        super().restore(order_id, connection_id, claim, acknowledged_at)
        self.plain.restore(order_id, connection_id, claim, acknowledged_at)

    def acknowledged(self, order_id: str, now: int) -> None:
        super().acknowledged(order_id, now)
        self.plain.acknowledged(order_id, now)

    def release(self, order_id: str, moves: Mapping[str, Decimal], now: int) -> None:
        super().release(order_id, moves, now)
        self.plain.release(order_id, moves, now)

    def shrink(self, order_id: str, left: Claim, moves: Mapping[str, Decimal], now: int) -> None:
        super().shrink(order_id, left, moves, now)
        self.plain.shrink(order_id, left, moves, now)

    def state(self, connection_id: str, balances: Mapping[str, Decimal], asked_at: int) -> None:
        super().state(connection_id, balances, asked_at)
        self.plain.state(connection_id, balances, asked_at)

    def forget(self, connection_id: str) -> None:
        super().forget(connection_id)
        self.plain.forget(connection_id)
