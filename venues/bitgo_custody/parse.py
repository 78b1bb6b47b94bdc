"""The wire's wallets and transfers → the vocabulary of accounts. Pure.

Base units become units of the asset by moving the point, exactly. What cannot be read raises `OffWireError`
and takes the page along: a report that leaves a wallet out in silence states less than there is.

    total      `balanceString`, else `confirmedBalanceString`. The balance includes what is not confirmed yet;
               of the two it is the one that moves with every transfer that is listed
    available  `spendableBalanceString`
    held       the rest of the total. Not stated where more can be spent than there is, which BitGo says while
               a withdrawal is under way: there is no amount that is held then
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from router.core.account import Direction, Transaction, Wallet, WalletBalance
from router.core.money import AMOUNT_LENGTH_MAX, mul, sub, trim
from router.ports import OffWireError
from venues.bitgo_custody import wire
from venues.bitgo_custody.decimals import GO_ACCOUNT, decimals_of
from venues.transport.times import parse_time
from venues.transport.wording import plain

_WHOLE: Final = re.compile(r"-?[0-9]+", re.ASCII)
_NAME_LENGTH_MAX: Final = 64
_TXID_LENGTH_MAX: Final = 256
_DIRECTIONS: Final = {"send": Direction.OUT, "receive": Direction.IN}
_ON_CHAIN: Final = "onChainTxId"
_WITHDRAWAL: Final = "ofc_withdrawal"


def units(text: str, decimals: int | None, field: str) -> Decimal:
    """Whole base units (`IntegerString`, possibly negative) in units of the asset, without trailing zeros.

    `decimals` None leaves them base units. Raises `OffWireError`, which names the field.
    """
    if len(text) > AMOUNT_LENGTH_MAX or _WHOLE.fullmatch(text) is None:
        raise OffWireError(f"{field}: expected whole base units, was another text")
    return trim(mul(Decimal(int(text)), Decimal((0, (1,), -(decimals or 0)))))


def wallet_of(row: wire.Wallet) -> Wallet:
    """A wallet; raises `OffWireError`."""
    if not row.id or not row.coin or max(len(row.id), len(row.coin)) > _NAME_LENGTH_MAX:
        raise OffWireError("expected a wallet with an id and a coin, was one without")
    return Wallet(id=row.id, coin=row.coin, label=plain(row.label, _NAME_LENGTH_MAX) or "")


def balances_of(
    row: wire.Wallet, tokens: Mapping[str, wire.Amounts], added: Mapping[str, int]
) -> Iterator[WalletBalance]:
    """The wallet's own coin, then its tokens, by symbol; `added`: decimals from the settings.

    A token of which there is nothing is left out, as `allTokens` lists every token that there is; and so is
    the coin of a Go Account, `ofc`, which is none. Raises `OffWireError`.
    """
    wallet = wallet_of(row)
    own = _balance(wallet, wallet.coin, row, added)
    if wallet.coin != GO_ACCOUNT or own.total:
        yield own
    for symbol in sorted(tokens):
        found = _balance(wallet, symbol, tokens[symbol], added)
        if found.total or found.available:
            yield found


def _balance(wallet: Wallet, asset: str, amounts: wire.Amounts, added: Mapping[str, int]) -> WalletBalance:
    decimals = decimals_of(asset, added)
    where = f"wallet {wallet.id}, {plain(asset, _NAME_LENGTH_MAX)}"
    text = amounts.balance_string
    if text is None:
        text = amounts.confirmed_balance_string
    if text is None:
        raise OffWireError(f"{where}: expected a balanceString, was none")
    total = units(text, decimals, f"{where}: balanceString")
    spendable = amounts.spendable_balance_string
    available = None
    if spendable is not None:
        available = units(spendable, decimals, f"{where}: spendableBalanceString")
    held = None if available is None or available > total else trim(sub(total, available))
    return WalletBalance(wallet, asset, total, available, held, decimals)


def transaction_of(row: wire.Transfer, wallet: Wallet, added: Mapping[str, int]) -> Transaction:
    """A transfer; `added`: decimals from the settings. Raises `OffWireError`.

    `amount` is `valueString` without its sign (below zero where the wallet sent): what the wallet's balance
    changed by, with the network fee where the coin counts it in. `fee` is the network's, whoever paid it, in
    units of `fee_asset`. `at` is `date`, when it was last updated, which is also what a window is taken by.
    """
    if not row.id or row.wallet != wallet.id:
        raise OffWireError("expected transfers of the wallet asked for, was one of another")
    where = f"transfer {plain(row.id, _NAME_LENGTH_MAX)}"
    direction = _DIRECTIONS.get(row.type)
    if direction is None:
        raise OffWireError(f"{where}: type: expected send or receive, was another text")
    state = plain(row.state, _NAME_LENGTH_MAX)
    if state is None:
        raise OffWireError(f"{where}: state: expected a text, was none")
    try:
        at = parse_time(row.date)
    except ValueError as error:
        raise OffWireError(f"{where}: date: {error}") from error
    decimals = decimals_of(row.coin, added)
    fee_asset = fee_decimals = fee = None
    if row.fee_string:
        fee_asset = _fee_asset(row, wallet)
        fee_decimals = decimals_of(fee_asset, added)
        fee = units(row.fee_string, fee_decimals, f"{where}: feeString").copy_abs()
    return Transaction(
        id=row.id,
        wallet_id=wallet.id,
        asset=row.coin,
        direction=direction,
        amount=units(row.value_string, decimals, f"{where}: valueString").copy_abs(),
        fee=fee,
        state=state,
        txid=_txid(row),
        at=at,
        decimals=decimals,
        fee_asset=fee_asset,
        fee_decimals=fee_decimals,
    )


def _fee_asset(row: wire.Transfer, wallet: Wallet) -> str:
    """What the fee was paid in: `feeCoin` where it is said, else the chain's own coin, which a token has not.

    A Go Account is on no chain: its fees are in the asset that moves.
    """
    if row.fee_coin:
        return row.fee_coin
    return row.coin if wallet.coin == GO_ACCOUNT else wallet.coin


def _txid(row: wire.Transfer) -> str | None:
    """The transaction on its chain.

    A withdrawal from a Go Account has another in its metadata, once there is one; its own `txid` is BitGo's
    internal one and on no explorer (`TxId`).
    """
    if row.sub_type != _WITHDRAWAL:
        return plain(row.txid, _TXID_LENGTH_MAX)
    for entry in row.metadata or ():
        if entry.key == _ON_CHAIN:
            return plain(entry.value, _TXID_LENGTH_MAX)
    return None
