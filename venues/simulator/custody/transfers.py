"""The transfers of one wallet: kept ones, and generated ones that are built when they are asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from venues.simulator.custody.model import LEFT_OUT, Transfer, block_of
from venues.simulator.series import IdRange, Pick, Series, View, from_us, is_special, mix, page, view

# One generated transfer in so many is sent, the others are received.
_SEND_STEP = 3


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """The filters of the list; None is no filter.  Times count by the date of the last update."""

    states: frozenset[str] = frozenset()
    type: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    tokens: bool = False
    ids: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    height: int | None = None
    value_least: int | None = None
    value_below: int | None = None
    by_id: bool = False
    ascending: bool = False

    @property
    def rare(self) -> bool:
        """Whether a filter needs each generated transfer to be built and looked at."""
        return (
            bool(self.ids or self.addresses)
            or self.by_id
            or self.ascending
            or any(bound is not None for bound in (self.height, self.value_least, self.value_below))
        )

    def takes_state(self, state: str) -> bool:
        """Whether a state passes: "`rejected` and `pendingApproval` are excluded by default"."""
        return state in self.states if self.states else state not in LEFT_OUT

    def passes(self, transfer: Transfer, coin: str) -> bool:
        """Whether a transfer of a wallet of this coin passes."""
        return (
            self.takes_state(transfer.state)
            and (self.tokens or transfer.coin == coin)
            and (self.type is None or transfer.type == self.type)
            and (self.since is None or transfer.date >= self.since)
            and (self.before is None or transfer.date < self.before)
            and (not self.ids or transfer.id in self.ids)
            and (not self.addresses or transfer.address in self.addresses)
            and (self.height is None or transfer.height == self.height)
            and (self.value_least is None or transfer.change >= self.value_least)
            and (self.value_below is None or transfer.change < self.value_below)
        )


class TransferBook:
    """All transfers of a wallet."""

    def __init__(self, wallet_id: str, coin: str, series: Series | None) -> None:
        self.kept: dict[str, Transfer] = {}
        self._wallet_id = wallet_id
        self._coin = coin
        self._series = series
        self._ids = IdRange(f"{wallet_id}:transfers")

    def find(self, name: str) -> Transfer | None:
        """Give a transfer by its id or by that of its transaction; one that was changed must be kept."""
        kept = self.kept.get(name)
        if kept is not None:
            return kept
        for transfer in self.kept.values():
            if transfer.txid == name:
                return transfer
        # A generated transaction's id is its transfer's twice over.
        index = self._ids.index(name[:32])
        if self._series is None or index is None or index >= self._series.count:
            return None
        if self._series.hides(index) or name not in {self._id(index), self._id(index) * 2}:
            return None
        return self._build(index)

    def keep(self, transfer: Transfer) -> None:
        """Keep a transfer; one that was generated is shown as it is kept."""
        index = self._ids.index(transfer.id)
        if self._series is not None and index is not None and index < self._series.count:
            self._series.hide(index)
        self.kept[transfer.id] = transfer

    def page(self, wanted: TransferFilter, after: Transfer | None, limit: int) -> tuple[list[Transfer], bool]:
        """Give a page of the transfers that pass, from the one after `after`, and whether there are more."""
        rows = self._search(wanted, after) if wanted.rare else self._cut(wanted, after, limit + 1)
        return rows[:limit], len(rows) > limit

    def _search(self, wanted: TransferFilter, after: Transfer | None) -> list[Transfer]:
        series = self._series
        built = [self._build(one) for one in range(series.count) if not series.hides(one)] if series else []
        key: Callable[[Transfer], tuple[int, str]] = _by_id if wanted.by_id else _by_height
        rows = sorted((*self.kept.values(), *built), key=key, reverse=not wanted.ascending)
        if after is not None:
            border = key(after)
            rows = [one for one in rows if (key(one) > border if wanted.ascending else key(one) < border)]
        return [one for one in rows if wanted.passes(one, self._coin)]

    def _cut(self, wanted: TransferFilter, after: Transfer | None, limit: int) -> list[Transfer]:
        kept = [one for one in self.kept.values() if wanted.passes(one, self._coin)]
        kept.sort(key=_by_height, reverse=True)
        rows = self._view(wanted)
        offset = 0
        if after is not None:
            offset = sum(1 for one in kept if one.key >= after.key)
            if rows is not None:
                # Every key down to this one, itself among them.
                below = (after.height, f"{int(after.id, 16) - 1:032x}")
                offset += rows.newer_than(below, self._key)

        def ahead(transfer: Transfer) -> int:
            return rows.newer_than(transfer.key, self._key) if rows is not None else 0

        return page(kept, rows, ahead, self._build, offset, limit)

    def _view(self, wanted: TransferFilter) -> View | None:
        """Give the generated transfers that pass: all are confirmed and of the wallet's own coin."""
        if self._series is None or not wanted.takes_state("confirmed"):
            return None
        special = None if wanted.type is None else wanted.type == "send"
        return view(self._series, wanted.since, wanted.before, Pick(_SEND_STEP, special))

    def _id(self, index: int) -> str:
        return self._ids.hexadecimal(index)

    def _key(self, index: int) -> tuple[int, str]:
        series = self._series
        if series is None:
            raise LookupError(f"expected a generated transfer, was {index}")
        return block_of(series.time_us(index)), self._id(index)

    def _build(self, index: int) -> Transfer:
        series = self._series
        if series is None:
            raise LookupError(f"expected a generated transfer, was {index}")
        drawn = mix(series.seed, index)
        when = from_us(series.time_us(index))
        name = self._id(index)
        return Transfer(
            id=name,
            wallet_id=self._wallet_id,
            coin=self._coin,
            fee_coin=self._coin,
            type="send" if is_special(index, _SEND_STEP) else "receive",
            value=1 + drawn % 10**12,
            fee=drawn % 10_000,
            state="confirmed",
            date=when,
            times={"created": when, "confirmed": when},
            drawn_txid=name * 2,
            address=f"simulated-{drawn % 1_000:03d}",
        )


def _by_height(transfer: Transfer) -> tuple[int, str]:
    return transfer.key


def _by_id(transfer: Transfer) -> tuple[int, str]:
    return 0, transfer.id
