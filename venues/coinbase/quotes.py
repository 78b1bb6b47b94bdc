"""Firm quotes: asked for, checked, and known until they end.

A quote is held from the moment when the market maker answers, so the way of its answer to us and of our
order back count against it. Its end is told less what sending an order takes: the longest of the latest
orders' times. Whether the counterparty's clock is ahead or behind, no quote is believed past its own
duration, counted from the moment when its answer was here.
"""

from collections import deque
from decimal import Decimal
from typing import Final

import msgspec

from router.core.errors import VenueError
from router.core.model import OutboundOrder, Reason, Side
from router.core.money import add, divide_down, mul, round_down, sub
from router.ports import Clock, Lane, OffWireError, VenueUnreachableError
from router.ports.quotes import FirmQuote, QuoteAsk, QuoteRefusedError
from venues.coinbase import wire
from venues.coinbase.client import Client
from venues.coinbase.encode import SIDES, encode_rfq, quote_limit
from venues.coinbase.errors import RATE_LIMITED, UNAUTHENTICATED
from venues.coinbase.parse import ID_LENGTH_MAX, amount_or_none, positive
from venues.transport.reader import decode, result_of
from venues.transport.times import parse_time

MS: Final = 1_000_000
HOLD_MS: Final = 3000
"""How long a quote is held where the question names no time (the documented default)."""
HOLD_MS_MAX: Final = 30_000
FEES_MAX: Final = Decimal("0.02")
"""Of a notional: how far its total may be off its price where the price with fees is not stated."""
KEPT_NS: Final = 60_000_000_000
"""How long after its end a quote is known still, so that it is not taken for one that we never had."""
_NOT_ACCEPTED: Final = frozenset({UNAUTHENTICATED, 403})


class SendTime:
    """How long an order takes to be sent and answered: the most of the latest ones.

    Never told below `FLOOR_NS`: nobody's network is that quick. Never above `CEILING_NS`: one order that took
    long must not use up every later quote's life, or nothing would be sent that could show it has passed. For
    the same reason an order's time is forgotten after `MEMORY_NS`.
    """

    FLOOR_NS: Final = 25 * MS
    CEILING_NS: Final = HOLD_MS * MS // 2
    MEMORY_NS: Final = 60_000_000_000
    LATEST: Final = 32

    def __init__(self) -> None:
        self._latest: deque[tuple[int, int]] = deque(maxlen=self.LATEST)

    def took(self, latency_ns: int, now: int) -> None:
        """An order was answered after this long."""
        self._latest.append((now, latency_ns))

    def most_ns(self, now: int) -> int:
        """How long the next one may take, nanoseconds."""
        longest = max((took for at, took in self._latest if at > now - self.MEMORY_NS), default=self.FLOOR_NS)
        return min(max(longest, self.FLOOR_NS), self.CEILING_NS)


class Held(msgspec.Struct, frozen=True):
    """A quote that we have: until when it may be accepted, when it ends, its worth all-in, in quote."""

    valid_until: int
    ends_at: int
    worth: Decimal


class Quotes:
    """Asks for quotes, and knows those that it got until a while after their end."""

    def __init__(self, client: Client, clock: Clock, send_time: SendTime) -> None:
        self._client = client
        self._clock = clock
        self._send_time = send_time
        self._held: dict[str, Held] = {}

    async def request(self, ask: QuoteAsk, deadline: int) -> FirmQuote:
        """Ask for a price; raises `QuoteRefusedError`, `VenueUnreachableError` and kin."""
        if not ask.product.enabled:
            raise QuoteRefusedError(Reason.PRODUCT_DISABLED, "expected a product that is quoted, was another")
        answer, record = await self._client.ask(
            "quote",
            "rfq",
            body=encode_rfq(ask, self._client.portfolio_id),
            lane=Lane.REST,
            deadline=deadline,
        )
        now = self._clock.now()
        if answer.status != 200:
            error = self._client.said(answer)
            record(result_of(answer.status, error))
            raise _no_price(error)
        try:
            quote, held = quote_of(decode(answer.body, wire.Quote), ask, now, self._send_time.most_ns(now))
        except OffWireError:
            record("off_wire")
            raise
        record("ok")
        self._keep(quote.quote_id, held, now)
        return quote

    def held(self, order: OutboundOrder) -> Held | None:
        """The quote that an order is to accept; None where it is not one of ours."""
        return self._held.get(order.quote_id or "")

    def __len__(self) -> int:
        """How many are known."""
        return len(self._held)

    def _keep(self, quote_id: str, held: Held, now: int) -> None:
        # They were put in as they came, and none is held for longer than HOLD_MS_MAX: the oldest go first.
        for old in list(self._held):
            if self._held[old].ends_at + KEPT_NS > now:
                break
            del self._held[old]
        self._held[quote_id] = held


def quote_of(answer: wire.Quote, ask: QuoteAsk, answered_at: int, send_ns: int) -> tuple[FirmQuote, Held]:
    """The quote that an answer is. Raises `OffWireError` where it answers another question than `ask`."""
    if not answer.quote_id or len(answer.quote_id) > ID_LENGTH_MAX:
        raise OffWireError("quote_id: expected an id, was none")
    price = positive(answer.best_price, "best_price")
    stated = amount_or_none(answer.price_inclusive_of_fees, "price_inclusive_of_fees")
    all_in = stated or None  # an empty text and a zero both state none
    limit = quote_limit(ask)
    if price > limit if ask.side is Side.BUY else price < limit:
        raise OffWireError("best_price: expected a price within the limit that was asked for, was beyond it")
    product = ask.product
    if ask.quantity_currency == product.base:
        base, quote = ask.quantity, mul(ask.quantity, price)
    else:
        base = round_down(divide_down(ask.quantity, price), product.base_increment)
        quote = ask.quantity
    _check_same(answer, ask)
    _check_total(answer, ask, base, price, all_in)
    ends_at = _end(answer, answered_at)
    valid_until = ends_at - send_ns
    firm = FirmQuote(
        quote_id=answer.quote_id,
        price=price,
        all_in_price=all_in,
        quantity_base=base,
        quantity_quote=quote,
        valid_until=valid_until,
    )
    return firm, Held(valid_until, ends_at, mul(base, all_in or price))


def _end(answer: wire.Quote, answered_at: int) -> int:
    """When a quote ends, on our clock."""
    stated = answer.quote_duration_ms
    if isinstance(stated, str):
        stated = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 10 else None
    duration_ms = stated if stated and 0 < stated <= HOLD_MS_MAX else HOLD_MS
    end = answered_at + duration_ms * MS
    if not answer.expiration_time:
        return end
    try:
        return min(end, parse_time(answer.expiration_time))
    except ValueError as error:
        raise OffWireError(f"expiration_time: {error}") from error


def _check_same(answer: wire.Quote, ask: QuoteAsk) -> None:
    """Where an answer repeats the question, it is ours."""
    in_base = ask.quantity_currency == ask.product.base
    if answer.product_id is not None and answer.product_id != ask.product.name:
        raise OffWireError("product_id: expected a quote for the product asked for, was another's")
    if answer.side is not None and answer.side != SIDES[ask.side]:
        raise OffWireError("side: expected a quote for the side asked for, was the other's")
    size = amount_or_none(
        answer.base_quantity if in_base else answer.quote_value, "base_quantity" if in_base else "quote_value"
    )
    if size is not None and size != ask.quantity:
        raise OffWireError("size: expected a quote for the whole size asked for, was another's")


def _check_total(
    answer: wire.Quote, ask: QuoteAsk, base: Decimal, price: Decimal, all_in: Decimal | None
) -> None:
    """The total is the size at its price, with or without fees, as far as their rounding goes."""
    total = amount_or_none(answer.order_total, "order_total")
    if total is None or total == 0:
        return
    product = ask.product
    slack = add(product.quote_increment, mul(base, product.price_increment))
    if all_in is None:
        slack, all_in = add(slack, mul(mul(base, price), FEES_MAX)), price
    if ask.quantity_currency != product.base:
        slack = add(slack, mul(max(price, all_in), product.base_increment))
    low, high = sub(mul(base, min(price, all_in)), slack), add(mul(base, max(price, all_in)), slack)
    if not low <= total <= high:
        raise OffWireError("order_total: expected the total of the size asked for, was another's")


def _no_price(error: VenueError) -> QuoteRefusedError | VenueUnreachableError:
    """A 4xx says that there is no price for this; what else came says nothing of it."""
    status = error.http_status or 0
    detail = f"answered {status}, {error.message or 'no known body'}"
    if status == RATE_LIMITED:
        return QuoteRefusedError(Reason.RATE_LIMITED, detail)
    if 400 <= status < 500 and error.message is not None and status not in _NOT_ACCEPTED:
        return QuoteRefusedError(Reason.VENUE_ERROR, detail)
    return VenueUnreachableError(detail, error)
