"""Prices that a counterparty holds: given on request, kept for a while, accepted by their id, once.

What it gave, to whom and until when stands here, on its own side; no fault on the way changes it.
"""

from decimal import ROUND_DOWN, Decimal

import msgspec

from router.core.errors import Code, OrderError
from router.core.model import Connection, OutboundOrder, Side
from router.ports.quotes import QuoteAsk
from tests.sim.faults import Faults
from tests.sim.world import World

BASE_INCREMENT = Decimal("0.00000001")
BPS = Decimal("0.0001")
HOLDS_S = (0.1, 1.0, 3.0, 5.0)
"""A price is held for a part of one of these."""


class HeldQuote(msgspec.Struct):
    """One quote.

    `ends_at`: on the world's clock, when the counterparty itself holds it no more; `hold_ns`: how long it is
    held, as its answer says. `told_until`: the end that the router was told, on the clock of that process;
    `told_at_end`: the same moment on the world's. Both are None where no answer was given. `gone`: why it
    cannot be accepted although it has not ended; `spoiled`: what of the answer was nonsense. `sent`: each
    acceptance as it left the router, the order's id and the router's time.
    """

    id: str
    ask: QuoteAsk
    price: Decimal
    all_in_price: Decimal | None
    fee_bps: Decimal
    quantity_base: Decimal
    ends_at: int
    hold_ns: int
    told_until: int | None = None
    told_at_end: int | None = None
    gone: str = ""
    spoiled: str = ""
    accepted_by: str = ""
    sent: list[tuple[str, int]] = msgspec.field(default_factory=list)

    @property
    def quantity_quote(self) -> Decimal:
        """What the size makes at the price, without fees."""
        return self.quantity_base * self.price

    @property
    def fee(self) -> Decimal:
        """What is charged on top, in quote currency: what it states, else the account's fee."""
        if self.all_in_price is None:
            return self.quantity_quote * self.fee_bps * BPS
        paid = (self.all_in_price - self.price) * self.quantity_base
        return paid if self.ask.side is Side.BUY else -paid

    @property
    def cost(self) -> Decimal:
        """What accepting it takes: quote currency with fees in a buy, base in a sale."""
        return self.quantity_quote + self.fee if self.ask.side is Side.BUY else self.quantity_base


class Quotes:
    """Every quote that one account was given."""

    def __init__(self, world: World, connection: Connection, faults: Faults) -> None:
        self.given: dict[str, HeldQuote] = {}
        self._world = world
        self._connection = connection
        self._faults = faults

    def hold(self, ask: QuoteAsk) -> HeldQuote:
        """Give a price for a question, and hold it."""
        world, faults, rng = self._world, self._faults, self._world.rng
        # The books of others stand at 100.00 to 100.39, and their bids one below: it wins, ties and loses.
        middle = 1_000_000 if ask.side is Side.BUY else 993_000
        price = Decimal(middle + rng.randrange(-4_000, 4_000)) / 10_000
        if world.chance(faults.quote_garbage / 4):
            world.count("quote far off the market")
            price = rng.choice((price / 2, price * 2))
        quantity = ask.quantity
        if ask.quantity_currency != ask.product.base:
            quantity = (ask.quantity / price).quantize(BASE_INCREMENT, ROUND_DOWN)
        lasts_s = rng.choice(HOLDS_S) * rng.random()
        if world.chance(faults.quote_short):
            world.count("quote held for no time at all")
            lasts_s = world.between(0, 0.06)
        ends_s = lasts_s
        if world.chance(faults.quote_clock):
            world.count("counterparty's clock off")
            ends_s += world.between(-0.5, 0.05)
        quote = HeldQuote(
            id=f"{self._connection.id}-q{len(self.given) + 1}",
            ask=ask,
            price=price,
            all_in_price=self._stated(price, ask.side),
            fee_bps=self._connection.taker_fee_bps,
            quantity_base=quantity,
            ends_at=world.now + int(ends_s * 1e9),
            hold_ns=int(lasts_s * 1e9),
        )
        if world.chance(faults.quote_gone):
            quote.gone = rng.choice(("unknown", "accepted already"))
        self.given[quote.id] = quote
        world.tell(
            self._connection.id, "quotes", quote.id, ask.side, quantity, f"@{price}", f"{lasts_s:.3f} s"
        )
        return quote

    def refusal(self, order: OutboundOrder) -> OrderError | None:
        """Why a quote cannot be accepted now; None where it can."""
        world, name = self._world, self._connection.id
        quote = self.given.get(order.quote_id or "")
        if quote is None:
            return OrderError(Code.VENUE_REJECTED, "no such quote", connection_id=name)
        if world.now >= quote.ends_at:
            told = quote.told_at_end is not None and world.now >= quote.told_at_end
            world.count("quote ended on the way" if told else "quote ended at its own clock alone")
            return OrderError(Code.PRICE_MOVED, "the quote has ended", connection_id=name)
        if quote.gone or quote.accepted_by:
            why = quote.gone or "accepted already"
            world.count(f"quote {why}")
            return OrderError(Code.VENUE_REJECTED, f"the quote is {why}", connection_id=name)
        return None

    def _stated(self, price: Decimal, side: Side) -> Decimal | None:
        """The price with fees: most desks state one, by a fee that need not be the one that is configured."""
        bps = self._world.rng.choice((None, self._connection.taker_fee_bps, Decimal(3), Decimal(300)))
        if bps is None:
            return None
        return price * (1 + bps * BPS if side is Side.BUY else 1 - bps * BPS)
