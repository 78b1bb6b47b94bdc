"""The objects of the custody wire, field by field as the published schemas have them.

Source: bitgo-custody OpenAPI, Wallet, TrimmedBalance, Transfer, AnnotatedTransfer, GetWalletBalanceResponse.
Where an amount stands as text and as a number, the number has lost what does not fit a double.
"""

from datetime import datetime

from msgspec import Raw

from venues.simulator.clock import now, to_wire_time
from venues.simulator.custody.model import NO_HEIGHT, Holding, Transfer, Wallet, block_of
from venues.simulator.series import to_us

_INTEGER_SHOWN_BELOW = 10**21
# The actions of Transfer.history, in the order in which they can happen.
_ACTIONS = ("created", "signed", "unconfirmed", "confirmed", "removed", "failed", "rejected")
_EVM = frozenset({"eth", "hteth", "polygon", "bsc", "arbeth", "opeth", "avaxc"})


def lossy(amount: int) -> Raw:
    """Print an amount as JavaScript prints a number: the nearest double, with an exponent from 1e21 on."""
    nearest = float(amount)
    if abs(nearest) < _INTEGER_SHOWN_BELOW:
        return Raw(str(int(nearest)).encode())
    return Raw(repr(nearest).encode())


def holding_of(holding: Holding, *, spendable: bool = True) -> dict[str, object]:
    """Show a wallet's amounts, each as text and as a number."""
    shown: dict[str, object] = {
        "balance": lossy(holding.balance),
        "balanceString": str(holding.balance),
        "confirmedBalance": lossy(holding.confirmed),
        "confirmedBalanceString": str(holding.confirmed),
    }
    if spendable:
        shown["spendableBalance"] = lossy(holding.spendable)
        shown["spendableBalanceString"] = str(holding.spendable)
    return shown


def trimmed_of(holding: Holding) -> dict[str, object]:
    """Show the amounts of a token or of an address (TrimmedBalance)."""
    return {
        "balance": lossy(holding.balance),
        "balanceString": str(holding.balance),
        "confirmedBalanceString": str(holding.confirmed),
        "spendableBalanceString": str(holding.spendable),
    }


def tokens_of(wallet: Wallet) -> dict[str, object]:
    """Show a wallet's tokens by their symbol."""
    return {token: trimmed_of(one) for token, one in sorted(wallet.tokens.items())}


def wallet_of(wallet: Wallet) -> dict[str, object]:
    """Show a wallet without its balances and its address."""
    shown: dict[str, object] = {
        "id": wallet.id,
        "coin": wallet.coin,
        "label": wallet.label,
        "type": wallet.type,
        "enterprise": wallet.enterprise,
        "startDate": to_wire_time(wallet.started),
        "deleted": wallet.deleted,
        "isCold": wallet.type in {"cold", "custodial"},
        "approvalsRequired": 1,
        "allowBackupKeySigning": False,
        "disableTransactionNotifications": False,
        "hasLargeNumberOfAddresses": None,
        "coinSpecific": {},
        "keys": [],
        "tags": [wallet.id],
        "multisigType": "onchain",
    }
    if wallet.sub_type is not None:
        shown["subType"] = wallet.sub_type
    return shown


def address_of(wallet: Wallet, *, tokens: bool = False) -> dict[str, object]:
    """Show the wallet's one address; its balance is that of the wallet, with the tokens if asked for."""
    balance = trimmed_of(wallet.holding)
    if tokens:
        balance["tokens"] = tokens_of(wallet)
    return {
        "id": f"{int(wallet.id, 16) ^ 1:032x}",
        "address": f"simulated-{wallet.id[:8]}",
        "coin": wallet.coin,
        "wallet": wallet.id,
        "chain": 0,
        "index": 0,
        "balance": balance,
    }


def total_of(coin: str, total: Holding, *, spendable: bool) -> dict[str, object]:
    """Show a row of the total balances."""
    shown: dict[str, object] = {
        "coin": coin,
        "balanceString": str(total.balance),
        "confirmedBalanceString": str(total.confirmed),
    }
    if spendable:
        shown["spendableBalanceString"] = str(total.spendable)
    return shown


def transfer_of(transfer: Transfer, wallet: Wallet) -> dict[str, object]:
    """Show a transfer; values are signed as changes of the wallet's balance, a send is below zero.

    `value` has the fee in it, `baseValue` has not; a token's fee is paid in the wallet's own coin and is in
    neither.
    """
    change, intended = transfer.change, transfer.intended
    base = 0 if change == 0 else transfer.value * (1 if transfer.type == "receive" else -1)
    shown: dict[str, object] = {
        "id": transfer.id,
        "coin": transfer.coin,
        "wallet": transfer.wallet_id,
        "walletLabel": wallet.label,
        "enterprise": wallet.enterprise,
        "txid": transfer.txid,
        "normalizedTxHash": transfer.txid,
        "txidType": "transactionHash",
        "height": transfer.height,
        "heightId": f"{transfer.height:09d}-{transfer.id}",
        "date": to_wire_time(transfer.date),
        "confirmations": _confirmations(transfer),
        "type": transfer.type,
        "value": lossy(change),
        "valueString": str(change),
        "intendedValueString": str(intended),
        "baseValue": lossy(base),
        "baseValueString": str(base),
        "baseValueWithoutFees": lossy(base),
        "baseValueWithoutFeesString": str(base),
        "feeString": str(transfer.fee),
        "payGoFee": 0,
        "payGoFeeString": "0",
        # Nothing here has a price in dollars.
        "usd": 0,
        "usdRate": 0,
        "state": transfer.state,
        "tags": [transfer.wallet_id],
        "history": [
            {"date": to_wire_time(transfer.times[action]), "action": action}
            for action in _ACTIONS
            if action in transfer.times
        ],
        "comment": transfer.comment,
        "coinSpecific": {},
        "entries": _entries(transfer, base),
        "usersNotified": True,
        "label": "",
    }
    if transfer.fee_coin != transfer.coin:
        shown["feeCoin"] = transfer.fee_coin
    if transfer.sequence_id is not None:
        shown["sequenceId"] = transfer.sequence_id
    for state in (*_ACTIONS, "replaced"):
        when: datetime | None = transfer.times.get(state)
        if when is not None:
            shown[f"{state}Time"] = to_wire_time(when)
    return shown


def _entries(transfer: Transfer, base: int) -> list[dict[str, object]]:
    """Show both ends of a transfer; only the wallet's own names the wallet."""
    own: dict[str, object] = {
        "address": f"simulated-{transfer.wallet_id[:8]}",
        "wallet": transfer.wallet_id,
        "value": lossy(base),
        "valueString": str(base),
    }
    other: dict[str, object] = {
        "address": transfer.address,
        "value": lossy(-base),
        "valueString": str(-base),
    }
    if transfer.coin != transfer.fee_coin:
        own["token"] = other["token"] = transfer.coin
    return [own, other]


def _confirmations(transfer: Transfer) -> int:
    if transfer.height == NO_HEIGHT:
        return 0
    return max(block_of(to_us(now())) - transfer.height, 0) + 1
