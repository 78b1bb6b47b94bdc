"""Firm quotes: a counterparty is asked for a price and holds it for a few seconds (QuoteType 537 = 1)."""

from decimal import Decimal
from typing import Protocol, runtime_checkable

import msgspec

from router.core.model import Product, Reason, Side


class QuoteAsk(msgspec.Struct, frozen=True):
    """What a price is asked for. `id` is unique to the competition and the connection.

    `quantity` is in `quantity_currency`, the product's base or quote currency. `reference_price`: the mid
    price of the market as other connections show it, None where none does; `collar_bps`: how far from it a
    price can be and still count. A counterparty that wants a limit with the question gets one from these.
    """

    id: str
    product: Product
    side: Side
    quantity: Decimal
    quantity_currency: str
    reference_price: Decimal | None
    collar_bps: Decimal


class FirmQuote(msgspec.Struct, frozen=True):
    """A price that the counterparty holds for the whole size until `valid_until`.

    `price` is without fees, quote per base; `all_in_price` with them, as the counterparty states it, None
    where it states none (the connection's fee is added then). `valid_until` is on the router's clock,
    nanoseconds since the epoch, less what sending an order takes: after it the quote must not be accepted.
    """

    quote_id: str
    price: Decimal
    all_in_price: Decimal | None
    quantity_base: Decimal
    quantity_quote: Decimal
    valid_until: int


class QuoteRefusedError(Exception):
    """The counterparty gives no price for this; `reason` says why, in the competition's words."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@runtime_checkable
class FirmQuoting(Protocol):
    """What a connection that quotes on request can do besides what every `Venue` can."""

    async def request_quote(self, ask: QuoteAsk, deadline: int) -> FirmQuote:
        """Ask for a firm price; `deadline` in nanoseconds since the epoch.

        Raises `QuoteRefusedError`, and `VenueUnreachableError` with its kin. A price that is not accepted
        leaves nothing behind.
        """
