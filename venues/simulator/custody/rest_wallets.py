"""Wallets and their balances: the list, one wallet, the totals.

Source: bitgo-custody OpenAPI, GET /api/v2/wallets, /api/v2/{coin}/wallet/{walletId}, /api/v2/wallet/balances.
"""

from typing import get_args

from venues.simulator.custody.errors import FORBIDDEN, NOT_FOUND, PlatformError, invalid
from venues.simulator.custody.gate import Call
from venues.simulator.custody.model import Holding, Wallet
from venues.simulator.custody.params import at_least_one, choices, find_wallet, ids, is_id
from venues.simulator.custody.settings import WalletSubType, WalletType
from venues.simulator.custody.users import User
from venues.simulator.custody.wire import address_of, holding_of, tokens_of, total_of, wallet_of
from venues.simulator.query import Query

_TYPES: tuple[str, ...] = get_args(WalletType)
_SUB_TYPES: tuple[str, ...] = get_args(WalletSubType)
_LIMIT = 25


class _Wanted:
    """The filters that the list of wallets and the total balances have in common."""

    def __init__(self, query: Query) -> None:
        self.ids = ids(query, "id")
        self.coins = frozenset(query.texts("coin"))
        self.enterprises = ids(query, "enterprise")
        self.types = choices(query, "type", _TYPES)
        self.label = (query.text("labelContains") or "").lower()
        self.deleted = query.flag("deleted") or False

    def passes(self, wallet: Wallet) -> bool:
        """Whether a wallet passes; every filter that is absent lets all through."""
        return (
            (not self.ids or wallet.id in self.ids)
            and (not self.coins or wallet.coin in self.coins)
            and (not self.enterprises or wallet.enterprise in self.enterprises)
            and (not self.types or wallet.type in self.types)
            and self.label in wallet.label.lower()
            and wallet.deleted == self.deleted
        )


def list_wallets(call: Call) -> object:
    """List wallets; without `expandBalance` they come without amounts, as is documented."""
    query, user = call.query, call.user
    wanted = _Wanted(query)
    sub_types = choices(query, "subType", _SUB_TYPES)
    most = user.settings.wallets_page_max
    limit = min(at_least_one(query, "limit", _LIMIT, 10**9 - 1), most)
    left_out = query.number("offset", 0, 10**9 - 1)
    expand, address = query.flag("expandBalance") or False, not query.flag("skipReceiveAddress")
    spendable = not query.flag("excludeSpendableBalance")
    rows: list[dict[str, object]] = []
    last: Wallet | None = None
    truncated = False
    for wallet in user.wallets(_place_after(user, query)):
        if not wanted.passes(wallet) or (sub_types and wallet.sub_type not in sub_types):
            continue
        if left_out > 0:
            left_out -= 1
            continue
        if len(rows) == limit:
            truncated = True
            break
        shown = wallet_of(wallet)
        if expand:
            shown.update(holding_of(wallet.holding, spendable=spendable))
        if address:
            shown["receiveAddress"] = address_of(wallet)
        rows.append(shown)
        last = wallet
    answer: dict[str, object] = {"wallets": rows}
    if wanted.coins:
        answer["coin"] = query.texts("coin")
    if truncated and last is not None:
        # "the id of the last object in the previous batch"
        answer["nextBatchPrevId"] = last.id
    return answer


def _place_after(user: User, query: Query) -> int:
    previous = query.text("prevId")
    if previous is None:
        return 0
    place = user.place(previous) if is_id(previous) else None
    if place is None:
        raise invalid("prevId", "prevId must be a nextBatchPrevId of an earlier answer.")
    return place + 1


def show_wallet(call: Call) -> object:
    """Show a wallet with its amounts, and its tokens if they are asked for."""
    wallet = find_wallet(call, NOT_FOUND)
    query = call.query
    tokens = query.flag("allTokens") or False
    shown = wallet_of(wallet)
    if query.flag("includeBalance") is not False:
        shown.update(holding_of(wallet.holding))
    shown["receiveAddress"] = address_of(wallet, tokens=tokens)
    if tokens:
        shown["tokens"] = tokens_of(wallet)
    return shown


def total_balances(call: Call) -> object:
    """Add up balances by coin over all wallets that pass; 403 for an enterprise of others."""
    query, user = call.query, call.user
    wanted = _Wanted(query)
    if wanted.enterprises - {user.enterprise}:
        raise PlatformError(FORBIDDEN, "The user belongs to no such enterprise.")
    tokens = query.flag("allTokens") or False
    spendable = not query.flag("excludeSpendableBalances")
    totals: dict[str, Holding] = {}
    for wallet in user.wallets():
        if not wanted.passes(wallet):
            continue
        held = {wallet.coin: wallet.holding, **(wallet.tokens if tokens else {})}
        for coin, one in held.items():
            total = totals.setdefault(coin, Holding(0, 0, 0))
            total.balance += one.balance
            total.confirmed += one.confirmed
            total.spendable += one.spendable
    if query.flag("excludeEmptyBalances"):
        totals = {coin: total for coin, total in totals.items() if total.balance}
    return {"balances": [total_of(coin, one, spendable=spendable) for coin, one in sorted(totals.items())]}
