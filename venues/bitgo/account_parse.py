"""An account's books: balances and trades off the wire. Pure; what cannot be read raises `OffWireError`."""

from decimal import Decimal
from typing import Final

import msgspec

from router.core.account import AssetBalance, FundingType, VenueTrade
from router.core.errors import AmountError
from router.core.model import Side
from router.core.money import parse_amount, parse_positive, parse_signed
from router.ports import OffWireError
from venues.transport.reader import decode
from venues.transport.times import parse_time

_SIDES: Final = {side.value: side for side in Side}
_ID_LENGTH_MAX: Final = 128


class BalanceRow(msgspec.Struct, rename="camel"):
    """`AccountBalance`."""

    currency: str
    balance: str
    held_balance: str | None = None
    tradable_balance: str | None = None
    withdrawable_balance: str | None = None


class TradeRow(msgspec.Struct, rename="camel"):
    """`PrimeTrade`; `settleDate` is null until it is settled."""

    id: str
    order_id: str
    time: str
    product: str
    side: str
    price: str
    quantity: str
    quote_quantity: str
    funding_type: str
    settled: bool
    settle_date: str | None = None
    account_id: str | None = None


def asset_balance_of(row: msgspec.Raw) -> AssetBalance:
    """An asset of a Spot account; a balance may be below zero before settlement."""
    found = decode(row, BalanceRow)
    if not found.currency:
        raise OffWireError("currency: expected a currency, was an empty text")
    return AssetBalance(
        asset=found.currency,
        total=_signed(found.balance, "balance"),
        available=_signed_or_none(found.tradable_balance, "tradableBalance"),
        held=_signed_or_none(found.held_balance, "heldBalance"),
        withdrawable=_signed_or_none(found.withdrawable_balance, "withdrawableBalance"),
    )


def trade_of(row: msgspec.Raw, account_id: str, funding_type: FundingType) -> VenueTrade:
    """A trade of this account and this kind; another's is off the wire."""
    found = decode(row, TradeRow)
    if found.account_id is not None and found.account_id != account_id:
        raise OffWireError("accountId: expected the account that was asked for, was another's")
    if found.funding_type != funding_type.value:
        raise OffWireError(f"fundingType: expected {funding_type.value}, was another")
    side = _SIDES.get(found.side)
    if side is None:
        raise OffWireError("side: expected buy or sell, was another text")
    for field, text in (("id", found.id), ("orderId", found.order_id), ("product", found.product)):
        if not text or len(text) > _ID_LENGTH_MAX:
            raise OffWireError(f"{field}: expected 1 to {_ID_LENGTH_MAX} characters, was another text")
    try:
        return VenueTrade(
            id=found.id,
            venue_order_id=found.order_id,
            at=_time(found.time, "time"),
            product=found.product,
            side=side,
            price=parse_positive(found.price),
            quantity=parse_positive(found.quantity),
            quote_quantity=parse_amount(found.quote_quantity),
            funding_type=funding_type,
            settled=found.settled,
            settled_at=_time(found.settle_date, "settleDate") if found.settle_date else None,
        )
    except AmountError as error:
        raise OffWireError(f"trade: expected {error.expected}") from error


def _signed(text: str, field: str) -> Decimal:
    try:
        return parse_signed(text)
    except AmountError as error:
        raise OffWireError(f"{field}: expected {error.expected}") from error


def _signed_or_none(text: str | None, field: str) -> Decimal | None:
    return None if text is None else _signed(text, field)


def _time(text: str, field: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise OffWireError(f"{field}: {error}") from error
