"""Wallets and transfers as the counterparty keeps them; every amount is a whole number of base units."""

from dataclasses import dataclass, field
from datetime import datetime

from venues.simulator.series import to_us

# The height of a transfer that is in no block (Transfer.height).
NO_HEIGHT = 999_999_999
_BLOCK_US = 600_000_000
# The states in which a transaction has been made, so that it has an id.
_MADE = frozenset({"signed", "unconfirmed", "confirmed", "failed", "removed", "replaced"})
# What the description leaves out unless it is asked for by its state.
LEFT_OUT = frozenset({"rejected", "pendingApproval"})


def block_of(moment_us: int) -> int:
    """Give the height of the block of a time: one block in ten minutes, counted from the epoch."""
    return moment_us // _BLOCK_US


@dataclass(slots=True)
class Holding:
    """What a wallet has of one asset."""

    balance: int
    confirmed: int
    spendable: int


def holding(balance: str, confirmed: str | None, spendable: str | None) -> Holding:
    """Read a holding whose texts were checked; what is not given follows from what is."""
    sure = int(confirmed if confirmed is not None else balance)
    return Holding(int(balance), sure, int(spendable) if spendable is not None else sure)


@dataclass(slots=True)
class Transfer:
    """One movement of one asset; `value` is without sign and without the fee."""

    id: str
    wallet_id: str
    coin: str
    fee_coin: str
    type: str
    value: int
    fee: int
    state: str
    # When it was last updated, and when it came to each state; `created` is always among them.
    date: datetime
    times: dict[str, datetime]
    drawn_txid: str
    address: str
    comment: str = ""
    sequence_id: str | None = None

    @property
    def txid(self) -> str:
        """Give the id of its transaction; empty while there is none."""
        return self.drawn_txid if self.state in _MADE else ""

    @property
    def height(self) -> int:
        """Give the height of the block that confirmed it."""
        if self.state != "confirmed":
            return NO_HEIGHT
        return block_of(to_us(self.times["confirmed"]))

    @property
    def key(self) -> tuple[int, str]:
        """Give what transfers are sorted by: "in descending order by `height`, then `id`"."""
        return self.height, self.id

    @property
    def change(self) -> int:
        """Give the change of the wallet's balance, signed, with the fee if it is paid in the same coin.

        Nothing changes when it failed: "when a transaction fails on chain, its value is mutated to be zero".
        """
        return 0 if self.state == "failed" else self.intended

    @property
    def intended(self) -> int:
        """Give the change that it was meant to make, whatever became of it."""
        if self.type == "receive":
            return self.value
        return -(self.value + (self.fee if self.fee_coin == self.coin else 0))

    def move_to(self, state: str, when: datetime) -> None:
        """Bring it to another state; this is an update, so its date is that of the change."""
        self.state = state
        self.date = when
        self.times[state] = when


@dataclass(slots=True)
class Wallet:
    """A wallet without its transfers."""

    id: str
    coin: str
    label: str
    type: str
    sub_type: str | None
    enterprise: str
    started: datetime
    deleted: bool
    holding: Holding
    tokens: dict[str, Holding] = field(default_factory=dict)
