"""The custody part of the settings: users, their wallets, and what is generated for them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from venues.simulator.clock import RFC3339, parse_time
from venues.simulator.fault_model import FaultSet, Latency, RestFault

HexId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
CoinName = Annotated[str, Meta(pattern=r"\A[a-z0-9:._-]{1,64}\Z")]
# Base units of any coin: 60 digits are far more than any supply has.
BaseUnits = Annotated[str, Meta(pattern=r"\A[0-9]{1,60}\Z")]
Moment = Annotated[str, Meta(pattern=RFC3339)]
Text = Annotated[str, Meta(max_length=200)]
Rows = Annotated[int, Meta(ge=0, le=10_000_000)]
PerMinute = Annotated[int, Meta(ge=1, le=1_000_000)]
# The schemas WalletTypes, WalletSubType and TransferState, in their order.
WalletType = Literal["backing", "cold", "custodial", "custodialPaired", "hot", "advanced", "trading"]
WalletSubType = Literal[
    "distributedCustody",
    "pairedCustodial",
    "custodialHot",
    "custodialCold",
    "lightningCustody",
    "lightningSelfCustody",
    "onPrem",
]
TransferState = Literal[
    "confirmed",
    "failed",
    "initialized",
    "pendingApproval",
    "rejected",
    "removed",
    "replaced",
    "signed",
    "unconfirmed",
]
TransferType = Literal["send", "receive"]


def _coins() -> list[CoinName]:
    return ["btc", "eth", "sol", "xrp", "ltc"]


class HoldingSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """Amounts in base units; `confirmed` is the balance and `spendable` the confirmed one unless given."""

    balance: BaseUnits = "0"
    confirmed: BaseUnits | None = None
    spendable: BaseUnits | None = None


class TransferSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """A transfer; `value` is without sign and without the fee, `coin` the wallet's unless it is a token."""

    type: TransferType
    value: BaseUnits
    state: TransferState = "confirmed"
    fee: BaseUnits = "0"
    coin: CoinName | None = None
    date: Moment | None = None
    id: HexId | None = None
    txid: Annotated[str, Meta(pattern=r"\A[0-9A-Za-z]{1,128}\Z")] | None = None
    address: Text | None = None
    comment: Text = ""
    sequence_id: Text | None = None


class WalletSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """A wallet with its balances, tokens and transfers; an id is drawn from the seed unless given."""

    coin: CoinName
    label: Text
    id: HexId | None = None
    type: WalletType = "custodial"
    sub_type: WalletSubType | None = None
    deleted: bool = False
    balance: BaseUnits = "0"
    confirmed: BaseUnits | None = None
    spendable: BaseUnits | None = None
    tokens: dict[CoinName, HoldingSettings] = {}
    transfers: list[TransferSettings] = []
    transfers_generated: Rows = 0


class ReadFaults(Struct, forbid_unknown_fields=True, frozen=True):
    """The faults that reads can have; shaped as those of a trading account."""

    latency: Latency | list[Latency] | None = None
    rest: list[RestFault] = []

    def as_set(self) -> FaultSet:
        """Give them as the fault set that they are a part of."""
        return FaultSet(latency=self.latency, rest=self.rest)


class CustodySettings(Struct, forbid_unknown_fields=True, frozen=True):
    """A user of the platform API; `id` names it on the control endpoint and is no part of the wire."""

    id: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
    token: Annotated[str, Meta(pattern=r"\A[\x21-\x7e]{1,512}\Z")]
    enterprise: HexId | None = None
    requests_per_minute: PerMinute = 360
    # The most wallets in one answer: a larger limit is cut to it, for none is documented.
    wallets_page_max: Annotated[int, Meta(ge=1, le=10_000)] = 500
    wallets: Annotated[list[WalletSettings], Meta(max_length=10_000)] = []
    wallets_generated: Rows = 0
    # Of each generated wallet.
    transfers_generated: Rows = 0
    generated_coins: Annotated[list[CoinName], Meta(min_length=1, max_length=100)] = field(
        default_factory=_coins
    )
    generated_until: Moment = "2026-01-01T00:00:00Z"
    generated_days: Annotated[int, Meta(ge=1, le=36_500)] = 365
    faults: ReadFaults = ReadFaults()


def contradictions(users: list[CustodySettings], trading_tokens: set[str]) -> list[str]:
    """Find what each key allows by itself but the custody part as a whole does not."""
    wrong: list[str] = []
    for name, values in (("ids", [one.id for one in users]), ("tokens", [one.token for one in users])):
        if len(set(values)) < len(values):
            # A token is a secret and is not repeated here.
            wrong.append(f"custody: expected unique {name}, was one of them twice")
    for place, user in enumerate(users):
        key = f"custody[{place}]"
        if user.token in trading_tokens:
            wrong.append(f"{key}.token: expected a token that no trading account has, was one of theirs")
        given = [wallet.id for wallet in user.wallets if wallet.id is not None]
        if len(set(given)) < len(given):
            wrong.append(f"{key}.wallets: expected unique ids, was one of them twice")
        wrong += [f"{key}.faults: {problem}" for problem in user.faults.as_set().problems()]
        dates = {f"{key}.generated_until": user.generated_until}
        for at, wallet in enumerate(user.wallets):
            ids = [one.id for one in wallet.transfers if one.id is not None]
            if len(set(ids)) < len(ids):
                wrong.append(f"{key}.wallets[{at}].transfers: expected unique ids, was one of them twice")
            for row, transfer in enumerate(wallet.transfers):
                if transfer.date is not None:
                    dates[f"{key}.wallets[{at}].transfers[{row}].date"] = transfer.date
        wrong += [f"{where}: {problem}" for where, text in dates.items() if (problem := _problem(text))]
    return wrong


def _problem(text: str) -> str | None:
    try:
        parse_time(text)
    except ValueError as error:
        return str(error)
    return None
