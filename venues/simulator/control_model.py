"""The bodies that the control endpoint takes; an unknown field is refused."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from .account import Account
from .settings import Amount, Levels, LimitSettings, Price, ProductName, Rate, Side, SignedAmount

LimitRequest = LimitSettings


class ProductChange(Struct, forbid_unknown_fields=True, frozen=True):
    """What can be changed about a product; null or absent leaves it as it is."""

    trade_disabled: bool | None = None
    disabled_sides: list[Side] | None = None
    algo_disabled: bool | None = None
    margin_supported: bool | None = None
    mid: Price | None = None


class AccountChange(Struct, forbid_unknown_fields=True, frozen=True):
    """What can be changed about an account; null or absent leaves it as it is."""

    trading_disabled: bool | None = None
    kyc_approved: bool | None = None
    funded: bool | None = None
    margin: bool | None = None
    order_answer: Literal["final", "pending"] | None = None
    requests_per_second: Rate | None = None
    price_offset_bps: SignedAmount | None = None
    spread_bps: Amount | None = None
    level_size: Amount | None = None

    def apply(self, account: Account) -> None:
        """Change the account."""
        if self.trading_disabled is not None:
            account.trading_disabled = self.trading_disabled
        if self.kyc_approved is not None:
            account.kyc_approved = self.kyc_approved
        if self.funded is not None:
            account.funded = self.funded
        if self.margin is not None:
            account.margin_allowed = self.margin
        if self.order_answer is not None:
            account.order_answer = self.order_answer
        if self.requests_per_second is not None:
            account.window.limit = self.requests_per_second
        if self.price_offset_bps is not None:
            account.maker.offset_bps = Decimal(self.price_offset_bps)
        if self.spread_bps is not None:
            account.maker.spread_bps = Decimal(self.spread_bps)
        if self.level_size is not None:
            account.maker.level_size = Decimal(self.level_size)


class BookRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """A book to pin; the levels may come in any order."""

    bids: Levels
    asks: Levels


class TradeRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """A trade that someone else makes on the account; the quantity is in base currency."""

    product: ProductName
    side: Side
    quantity: Amount
    funding_type: Literal["funded", "margin"] = "funded"
