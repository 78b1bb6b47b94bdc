"""The shapes of the wire as BitGo describes them, read leniently: what is not named here is not looked at.

Source: schemas `WalletListResponse`, `Wallet`, `TransfersResponse`, `Transfer`, `PlatformError`. Amounts are
texts of whole base units; the number beside each of them loses digits past 2^53 and is never read.
"""

from typing import Any

import msgspec


class Amounts(msgspec.Struct, rename="camel", kw_only=True):
    """What there is of one asset, in base units; not stated unless balances were asked for."""

    balance_string: str | None = None
    confirmed_balance_string: str | None = None
    spendable_balance_string: str | None = None


class Wallet(Amounts, rename="camel", kw_only=True):
    """`Wallet`. `tokens` by symbol: stated where `allTokens` was asked for."""

    id: str
    coin: str
    label: str = ""
    tokens: dict[str, Amounts] | None = None


class Wallets(msgspec.Struct, rename="camel"):
    """A page of wallets."""

    wallets: list[Wallet]
    next_batch_prev_id: str | None = None


class Metadata(msgspec.Struct):
    """A key of a transfer, with its value."""

    key: str | None = None
    value: Any = None


class Transfer(msgspec.Struct, rename="camel"):
    """`Transfer`, as far as it is reported. `coin` is the token's where a token moved."""

    id: str
    coin: str
    wallet: str
    type: str
    state: str
    date: str
    value_string: str
    fee_string: str | None = None
    fee_coin: str | None = None
    txid: str | None = None
    sub_type: str | None = None
    metadata: list[Metadata] | None = None


class Transfers(msgspec.Struct, rename="camel"):
    """A page of transfers."""

    transfers: list[Transfer]
    next_batch_prev_id: str | None = None


class ErrorBody(msgspec.Struct, rename="camel"):
    """`PlatformError`; what passes through the trading side's gateway has its names."""

    error: Any = None
    name: Any = None
    request_id: Any = None
    error_name: Any = None
    req_id: Any = None
