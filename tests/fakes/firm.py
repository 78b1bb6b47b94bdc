"""A counterparty that holds its prices, in the fakes' world."""

from collections import deque
from decimal import Decimal

from router.core.model import Connection
from router.core.money import mul
from router.ports.quotes import FirmQuote, QuoteAsk
from router.service.venues import QuotingRules
from tests.fakes.venue import FakeVenue, Script, next_of

HOLD_NS = 3_000_000_000


class FirmFake(FakeVenue):
    """Implements `FirmQuoting` beside `Venue`.

    `asks`: each question as it is put. `firm_quotes`: a script; without one a question gets `price` for the
    whole size, held for `hold_ns`.
    """

    def __init__(self, connection: Connection, price: str, *, quoting: QuotingRules | None = None) -> None:
        super().__init__(connection)
        self.price = Decimal(price)
        self.hold_ns = HOLD_NS
        self.quoting = QuotingRules() if quoting is None else quoting
        self.asks: list[QuoteAsk] = []
        self.firm_quotes: Script[FirmQuote] = deque()

    def holds(self, ask: QuoteAsk, *, all_in_price: str | None = None) -> FirmQuote:
        """The quote that it gives of its own accord."""
        return FirmQuote(
            quote_id=f"quote-{len(self.asks)}",
            price=self.price,
            all_in_price=None if all_in_price is None else Decimal(all_in_price),
            quantity_base=ask.quantity,
            quantity_quote=mul(ask.quantity, self.price),
            valid_until=self._clock.now() + self.hold_ns,
        )

    async def request_quote(self, ask: QuoteAsk, deadline: int) -> FirmQuote:
        self.asks.append(ask)
        self.questions.put_nowait(deadline)
        return await next_of(self.firm_quotes) if self.firm_quotes else self.holds(ask)
