"""Transfers of a wallet: the list and one of them.

Source: bitgo-custody OpenAPI, GET /api/v2/{coin}/wallet/{walletId}/transfer and …/transfer/{transferId}.
"""

import re
from typing import get_args

from venues.simulator.custody.errors import (
    INVALID_TRANSFER,
    INVALID_WALLET,
    NOT_FOUND,
    PlatformError,
    invalid,
)
from venues.simulator.custody.gate import Call
from venues.simulator.custody.params import at_least_one, choices, find_wallet, ids, integer, is_id
from venues.simulator.custody.settings import TransferState
from venues.simulator.custody.transfers import TransferFilter
from venues.simulator.custody.wire import transfer_of

_TXID = re.compile(r"[0-9A-Za-z]{1,128}")
_STATES: tuple[str, ...] = get_args(TransferState)
_LIMIT = 25
# "maximum: 500" of the list of transfers; the list of wallets has none.
_LIMIT_MAX = 500


def list_transfers(call: Call) -> object:
    """List a wallet's transfers; more than fit the limit are behind `nextBatchPrevId`."""
    wallet = find_wallet(call, NOT_FOUND)
    query = call.query
    wanted = TransferFilter(
        states=choices(query, "state", _STATES),
        type=query.choice("type", ("send", "receive")),
        since=query.time("dateGte"),
        before=query.time("dateLt"),
        tokens=query.flag("allTokens") or False,
        ids=ids(query, "id"),
        addresses=frozenset(query.texts("address")),
        height=integer(query, "height"),
        value_least=integer(query, "valueGte"),
        value_below=integer(query, "valueLt"),
        by_id=query.choice("sortBy", ("heightId", "id")) == "id",
        ascending=query.flag("reverse") or False,
    )
    limit = at_least_one(query, "limit", _LIMIT, _LIMIT_MAX)
    book = call.user.book(wallet)
    previous = query.text("prevId")
    after = None
    if previous is not None:
        after = book.find(previous) if is_id(previous) else None
        if after is None:
            raise invalid("prevId", "prevId must be a nextBatchPrevId of an earlier answer.")
    rows, more = book.page(wanted, after, limit)
    answer: dict[str, object] = {
        "coin": wallet.coin,
        "transfers": [transfer_of(one, wallet) for one in rows],
    }
    if more:
        answer["nextBatchPrevId"] = rows[-1].id
    return answer


def show_transfer(call: Call) -> object:
    """Show one transfer; only 400 is documented for what there is not."""
    wallet = find_wallet(call, INVALID_WALLET)
    name = call.params["transfer"]
    call.query.flag("includeTxRequestCreatedDate")
    if _TXID.fullmatch(name) is None:
        raise invalid("transferId", "transferId must be the id of a transfer or of a transaction.")
    transfer = call.user.book(wallet).find(name)
    if transfer is None:
        raise PlatformError(
            INVALID_TRANSFER,
            f"There is no transfer {name}.",
            {"id": name} if is_id(name) else {},
        )
    return transfer_of(transfer, wallet)
