"""The Kraken part of the settings: the exchange's one market, and the accounts with their keys."""

import base64
import binascii
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from venues.simulator.fault_model import FaultSet
from venues.simulator.money import AMOUNT_PATTERN

Amount = Annotated[str, Meta(pattern=rf"\A{AMOUNT_PATTERN}\Z")]
SignedAmount = Annotated[str, Meta(pattern=rf"\A-?{AMOUNT_PATTERN}\Z")]
Symbol = Annotated[str, Meta(pattern=r"\A[A-Z0-9.:]{1,24}\*?\Z")]
Key = Annotated[str, Meta(pattern=r"\A[\x21-\x7e]{1,512}\Z")]
Rate = Annotated[int, Meta(ge=1, le=1_000_000)]
# Of the permissions of a key, those that trading needs.
Permission = Literal["query_funds", "query_open", "query_closed", "modify_orders", "cancel_orders"]


def _all_permissions() -> list[Permission]:
    return ["query_funds", "query_open", "query_closed", "modify_orders", "cancel_orders"]


class KrakenAccountSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """An account; `id` names it on the control endpoint and is no part of the wire.

    `secret` is base64, as Kraken gives it out. `nonce_window`: how far below the highest a nonce may be; none
    unless set, as at Kraken.
    """

    id: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
    api_key: Key
    secret: Key
    permissions: list[Permission] = field(default_factory=_all_permissions)
    balances: dict[Symbol, Amount] = {}
    fee_bps: Amount = "0"
    nonce_window: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class KrakenSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """The exchange: its book is one for all, since the public calls know no account.

    `requests_per_second`: of a key, and of all public calls together.
    """

    accounts: Annotated[list[KrakenAccountSettings], Meta(max_length=1_000)] = []
    price_offset_bps: SignedAmount = "0"
    spread_bps: Amount | None = None
    level_size: Amount | None = None
    requests_per_second: Rate = 15
    faults: FaultSet = FaultSet()


def contradictions(exchange: KrakenSettings) -> list[str]:
    """Find what each key allows by itself but the Kraken part as a whole does not."""
    wrong: list[str] = []
    accounts = exchange.accounts
    for name, values in (("ids", [one.id for one in accounts]), ("keys", [one.api_key for one in accounts])):
        if len(set(values)) < len(values):
            # A key is not repeated here.
            wrong.append(f"kraken.accounts: expected unique {name}, was one of them twice")
    for place, account in enumerate(accounts):
        try:
            base64.b64decode(account.secret, validate=True)
        except (binascii.Error, ValueError):
            wrong.append(f"kraken.accounts[{place}].secret: expected base64, was another text")
    return wrong + [f"kraken.faults: {problem}" for problem in exchange.faults.problems()]
