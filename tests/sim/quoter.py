"""How prices are asked for over a line, and what goes wrong with the question and the answer.

Implements `router.ports.quotes.FirmQuoting` for one life of the router.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from router.core.model import Reason
from router.ports import BudgetSpentError, Clock, OffWireError, VenueUnreachableError
from router.ports.quotes import FirmQuote, QuoteAsk, QuoteRefusedError
from tests.sim.line import Line
from tests.sim.quotes import HeldQuote
from tests.sim.world import NS

REASONS = (Reason.SIZE_ABOVE_MAXIMUM, Reason.PRODUCT_DISABLED, Reason.VENUE_ERROR, Reason.INSUFFICIENT_DEPTH)
Spoil = Callable[[FirmQuote], FirmQuote]
HALF = "half of the size"
SPOILED: dict[str, Spoil] = {
    "price of zero": lambda quote: msgspec.structs.replace(quote, price=Decimal(0)),
    "price below zero": lambda quote: msgspec.structs.replace(quote, price=-quote.price),
    HALF: lambda quote: msgspec.structs.replace(
        quote, quantity_base=quote.quantity_base / 2, quantity_quote=quote.quantity_quote / 2
    ),
    "size of zero": lambda quote: msgspec.structs.replace(quote, quantity_base=Decimal(0)),
}


class Quoter:
    """Asks one counterparty."""

    def __init__(self, line: Line, clock: Clock) -> None:
        self._line = line
        self._party = line.party
        self._world = line.party.world
        self._faults = line.party.faults
        self._clock = clock

    async def request_quote(self, ask: QuoteAsk, deadline: int) -> FirmQuote:
        line, world, faults = self._line, self._world, self._faults
        asked_at = self._clock.now()
        world.tell(line.connection.id, "is asked", ask.side, ask.quantity, ask.quantity_currency)
        await line.wait(line.trip())
        world.happened("asked")
        if self._party.down or world.chance(faults.quote_lost):
            await self._hang(deadline, "quote lost")
        if world.chance(faults.quote_refused):
            world.count("no price given")
            await line.wait(line.trip())
            raise world.rng.choice(
                (
                    QuoteRefusedError(world.rng.choice(REASONS), "no price"),
                    BudgetSpentError("no request left"),
                    OffWireError("expected a quote, was a page"),
                )
            )
        held = self._party.quotes.hold(ask)
        if world.chance(faults.quote_slow):
            slow_s = world.between(0.05, 6)
            if asked_at + int(slow_s * NS) >= deadline:
                await self._hang(deadline, "quote too slow")
            world.count("slow quote")
            await line.wait(slow_s)
        else:
            await line.wait(line.trip())
        quote = self._told(held, asked_at)
        world.happened("quoted")
        if world.chance(faults.quote_garbage):
            return self._spoiled(held, quote)
        return quote

    def _told(self, held: HeldQuote, asked_at: int) -> FirmQuote:
        """What the adapter makes of the answer.

        A careful one counts the hold from its question, another from the answer; both can end later than the
        counterparty's own clock does.
        """
        world, now = self._world, self._clock.now()
        hold_ns = held.hold_ns
        until = asked_at + hold_ns if self._party.careful else now + hold_ns - 20_000_000
        held.told_until, held.told_at_end = until, world.now + until - now
        if until <= now:
            world.count("quote ended before its answer came")
        world.tell(self._line.connection.id, "answers", held.id, f"for {(until - now) / NS:.3f} s")
        return FirmQuote(
            quote_id=held.id,
            price=held.price,
            all_in_price=held.all_in_price,
            quantity_base=held.quantity_base,
            quantity_quote=held.quantity_quote,
            valid_until=until,
        )

    def _spoiled(self, held: HeldQuote, quote: FirmQuote) -> FirmQuote:
        world = self._world
        what = world.rng.choice(sorted(SPOILED))
        if what == HALF and held.ask.quantity_currency != held.ask.product.base:
            # How a size in quote is rounded is the counterparty's affair: half of it cannot be told.
            what = "size of zero"
        world.count(f"quote: {what}")
        world.tell(self._line.connection.id, "garbles", held.id, what)
        held.spoiled = what
        return SPOILED[what](quote)

    async def _hang(self, deadline: int, what: str) -> None:
        self._world.count(what)
        await self._line.wait(max(0, deadline - self._clock.now()) / NS)
        raise VenueUnreachableError("expected a quote, was a time-out")
