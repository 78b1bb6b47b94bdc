"""Asks for firm quotes, where the rules of the connection allow one.

A firm quote costs the counterparty's desk something, and what is asked for too often is quoted worse: so a
connection can be left out of small orders, and be asked a number of times a minute at most.
"""

from collections import deque
from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

from router.core.competition import Competition
from router.core.model import OrderRequest, OrderType, Quote, Reason, Source
from router.core.money import mul
from router.core.pricing import quoted_quantity
from router.ports import Clock
from router.ports.quotes import FirmQuoting, QuoteAsk, QuoteRefusedError
from router.service.venues import Member

MINUTE_NS = 60_000_000_000


class FirmQuestion:
    """One question to one counterparty."""

    def __init__(self, quoting: FirmQuoting, name: str, ask: QuoteAsk, *, accepted: bool) -> None:
        self._quoting = quoting
        self._name = name
        self._ask = ask
        self._accepted = accepted

    async def answer(self, deadline: int) -> Quote:
        """The quote. Raises `QuoteRefusedError`, and `VenueUnreachableError` with its kin."""
        firm = await self._quoting.request_quote(self._ask, deadline)
        quote = Quote(
            connection_id=self._name,
            source=Source.RFQ,
            firm=self._accepted,
            price=firm.price,
            price_worst=firm.price,
            quantity_base=firm.quantity_base,
            quantity_quote=firm.quantity_quote,
            complete=True,
            quote_id=firm.quote_id if self._accepted else None,
            valid_until=firm.valid_until if self._accepted else None,
            all_in_price=firm.all_in_price,
        )
        if firm.price <= 0 or firm.quantity_base <= 0:
            raise QuoteRefusedError(Reason.INVALID_QUOTE, "expected a price and a size above zero")
        ask = self._ask
        # A size in quote comes out as the counterparty rounds it; one in base must be what was asked for.
        if ask.quantity_currency == ask.product.base and firm.quantity_base != ask.quantity:
            raise QuoteRefusedError(
                Reason.INVALID_QUOTE,
                f"expected a price for {ask.quantity} {ask.product.base}, was one for {firm.quantity_base}",
            )
        return quote


class FirmAsking:
    """The rules of asking, and what was asked in the last minute. An instance belongs to one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[str, deque[int]] = {}

    def barred(
        self, member: Member, request: OrderRequest, reference_price: Decimal | None, now: int
    ) -> Reason | None:
        """Why a connection is not asked for this; None where it quotes otherwise, or may be asked."""
        if member.firm is None:
            return None
        least, notional = member.quoting.notional_min, _notional(request, reference_price)
        if least is not None and notional is not None and notional < least:
            return Reason.SIZE_BELOW_MINIMUM
        most = member.quoting.quotes_per_minute
        if most is not None and len(self._recent(member.connection.id, now)) >= most:
            return Reason.RATE_LIMITED
        return None

    def ask(
        self, member: Member, competition_id: str, competition: Competition, reference_price: Decimal | None
    ) -> FirmQuestion:
        """The question that a competition puts to a connection; counted from here on."""
        name, request = member.connection.id, competition.request
        product = member.venue.product(request.product)
        if member.firm is None or product is None:
            raise LookupError(f"expected {name} to quote {request.product} on request, was another")
        now = self._clock.now()
        self._recent(name, now).append(now)
        ask = QuoteAsk(
            id=str(uuid5(NAMESPACE_OID, f"{competition_id}:{name}")),
            product=product,
            side=request.side,
            quantity=quoted_quantity(request, product),
            quantity_currency=request.quantity_currency,
            reference_price=reference_price,
            collar_bps=competition.rules.collar_bps,
        )
        # Only what is to trade whole and at once accepts the quote; a working order goes by its price alone.
        accepted = request.type is OrderType.MARKET
        return FirmQuestion(member.firm, name, ask, accepted=accepted)

    def _recent(self, name: str, now: int) -> deque[int]:
        asked = self._asked.setdefault(name, deque())
        while asked and asked[0] <= now - MINUTE_NS:
            asked.popleft()
        return asked


def _notional(request: OrderRequest, reference_price: Decimal | None) -> Decimal | None:
    if not request.in_base:
        return request.quantity
    return None if reference_price is None else mul(request.quantity, reference_price)
