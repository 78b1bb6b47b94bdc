"""The bodies that the control endpoint takes of a portfolio; an unknown field is refused."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from venues.simulator.coinbase.credit import CreditLine, Mark
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.coinbase.settings import (
    Amount,
    DelayMs,
    FeeBps,
    ProductName,
    QuoteMs,
    Rate,
    Reason,
    SignedAmount,
)


class PortfolioChange(Struct, forbid_unknown_fields=True, frozen=True):
    """What can be changed about a portfolio; null or absent leaves it as it is."""

    price_offset_bps: SignedAmount | None = None
    spread_bps: Amount | None = None
    level_size: Amount | None = None
    fee_bps: FeeBps | None = None
    quote_duration_ms: QuoteMs | None = None
    quote_delay_ms: DelayMs | None = None
    quote_value_allowed: bool | None = None
    funds_checked_at_quote: bool | None = None
    requests_per_second: Rate | None = None
    burst: Rate | None = None

    def apply(self, portfolio: Portfolio) -> None:
        """Change the portfolio; a new limit comes with a full bucket."""
        maker, bucket = portfolio.maker, portfolio.bucket
        if self.price_offset_bps is not None:
            maker.offset_bps = Decimal(self.price_offset_bps)
        if self.spread_bps is not None:
            maker.spread_bps = Decimal(self.spread_bps)
        if self.level_size is not None:
            maker.level_size = Decimal(self.level_size)
        if self.fee_bps is not None:
            portfolio.fee_bps = Decimal(self.fee_bps)
        for name in ("quote_duration_ms", "quote_delay_ms", "quote_value_allowed", "funds_checked_at_quote"):
            given = getattr(self, name)
            if given is not None:
                setattr(portfolio, name, given)
        if self.requests_per_second is not None or self.burst is not None:
            bucket.resize(self.requests_per_second or bucket.rate, self.burst or bucket.burst)


class CreditChange(Struct, forbid_unknown_fields=True, frozen=True):
    """What can be changed about a credit line; `utilized` is all that is used, whatever trades came to."""

    enabled: bool | None = None
    frozen: bool | None = None
    frozen_reason: Reason | None = None
    limit: Amount | None = None
    utilized: Amount | None = None

    def apply(self, credit: CreditLine, mark: Mark) -> None:
        """Change the line; one that is no longer frozen has no reason."""
        if self.enabled is not None:
            credit.enabled = self.enabled
        if self.frozen is not None:
            credit.frozen = self.frozen
            credit.frozen_reason = "Frozen by an administrator" if self.frozen else ""
        if self.frozen_reason is not None:
            credit.frozen_reason = self.frozen_reason
        if self.limit is not None:
            credit.limit = Decimal(self.limit)
        if self.utilized is not None:
            credit.use(Decimal(self.utilized), mark)


class PlantedOrder(Struct, forbid_unknown_fields=True, frozen=True):
    """An order that was there before, or that someone else has made; no money moves.

    `filled_quantity` is the whole of a filled order and nothing of any other unless given.  An order whose
    `status` is not an end of one stays as it is until it is cancelled: no book fills it.
    """

    product_id: ProductName
    side: Literal["BUY", "SELL"]
    base_quantity: Amount
    price: Amount
    type: Literal["MARKET", "LIMIT", "TWAP", "VWAP", "STOP_LIMIT", "RFQ"] = "MARKET"
    status: Literal["PENDING", "OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED"] = "FILLED"
    filled_quantity: Amount | None = None
    client_order_id: str = ""
    created_at: str | None = None
