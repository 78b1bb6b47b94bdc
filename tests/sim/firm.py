"""What must hold of prices that were held, of accepted RFQs and of limits: a part of the checker.

accepted by one order, once                  never at or after the end that the router was told
traded whole, at its price, and so recorded  never traded after its own end
not accepted: nothing traded on it           in the record as it was given
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import msgspec

from router.core.attempt import Attempt
from router.core.errors import Code
from router.core.model import Fill, OrderStatus, Reason, Side
from router.core.order import Order
from router.core.record import RfqRecord
from router.core.record_json import decode_competition
from router.journal.codec import decode_order
from tests.sim.counterparty import Counterparty
from tests.sim.deal import Deal
from tests.sim.quotes import HeldQuote
from tests.sim.store import Disk
from tests.sim.world import World

_rfq = msgspec.json.Decoder(RfqRecord)


def check_firm(disk: Disk, parties: Sequence[Counterparty]) -> list[str]:
    """Every violation, a line each."""
    named = {party.connection.id: party for party in parties}
    orders = [decode_order(doc) for doc in disk.orders.values()]
    rfqs = {rfq.competition.id: rfq for rfq in map(_rfq.decode, disk.rfqs.values())}
    found = [what for party in parties for what in _check_given(party)]
    accepted: defaultdict[str, list[str]] = defaultdict(list)
    for order in orders:
        found += [
            f"{order.request.client_order_id}: {what}" for what in _check_order(disk, named, rfqs, order)
        ]
        for attempt in order.attempts:
            if attempt.outbound.quote_id is not None:
                accepted[attempt.outbound.quote_id].append(attempt.outbound.venue_client_order_id)
    found += [f"accepted twice: {quote_id} by {by}" for quote_id, by in accepted.items() if len(by) > 1]
    return found


def count_ends(disk: Disk, parties: Sequence[Counterparty], world: World) -> None:
    """Count where on the way quotes ended, as far as only the router's record tells."""
    if not any(party.quotes.given for party in parties):
        return
    for doc in disk.competitions.values():
        if b"quote_expired" not in doc:
            continue
        for entry in decode_competition(doc).entries:
            ended = entry.reason is Reason.QUOTE_EXPIRED and entry.valid_until is not None
            if ended and (entry.answered_at or 0) < (entry.valid_until or 0):
                world.count("quote ended before the decision")
    sent = {own_id for party in parties for quote in party.quotes.given.values() for own_id, _ in quote.sent}
    for order in (decode_order(doc) for doc in disk.orders.values()):
        last = order.attempts[-1] if order.attempts else None
        if last is None or last.outbound.quote_id is None or last.error is None:
            continue
        if last.error.code is Code.PRICE_MOVED and last.outbound.venue_client_order_id not in sent:
            world.count("quote ended while the intent was written")


def _check_given(party: Counterparty) -> Iterator[str]:
    """What the counterparty's own book of quotes shows, whatever the router recorded."""
    for quote in party.quotes.given.values():
        orders = sorted({own_id for own_id, _ in quote.sent})
        if len(orders) > 1:
            yield f"accepted twice: {quote.id} by {orders}"
        for own_id, at in quote.sent:
            if quote.told_until is None:
                yield f"accepted without an answer: {quote.id} by {own_id}"
            elif at >= quote.told_until:
                yield f"accepted {(at - quote.told_until) / 1e6:.3f} ms past its end: {quote.id} by {own_id}"
        if quote.spoiled and quote.sent:
            yield f"accepted, {quote.spoiled}: {quote.id}"
    for deal in _deals(party.deals.values()):
        quote = deal.quote
        if quote is None:
            continue
        if deal.order.venue_client_order_id not in [own_id for own_id, _ in quote.sent]:
            yield f"traded and not accepted: {quote.id}"
        if deal.taken_at >= quote.ends_at:
            yield f"traded past its own end: {quote.id}"


def _check_order(
    disk: Disk, named: dict[str, Counterparty], rfqs: dict[str, RfqRecord], order: Order
) -> Iterator[str]:
    for attempt in order.attempts:
        party = named[attempt.connection_id]
        deals = party.deals.get(attempt.outbound.venue_client_order_id, [])
        limit = order.request.limit_price
        for fill in (fill for deal in deals for fill in deal.fills):
            if limit is not None and _worse(fill, limit, order.request.side):
                yield f"traded at {fill.price}, beyond its limit of {limit}"
        rfq = rfqs.get(order.competition_id or "")
        if rfq is not None:
            yield from _check_accepted_rfq(rfq, order, attempt, deals)
        quote = party.quotes.given.get(attempt.outbound.quote_id or "")
        if quote is not None:
            yield from _check_acceptance(order, attempt, quote, deals)
            yield from _check_entry(disk, order, attempt, quote)
        elif attempt.outbound.quote_id is not None:
            yield f"accepted what was never given: {attempt.outbound.quote_id}"


def _check_accepted_rfq(
    rfq: RfqRecord, order: Order, attempt: Attempt, deals: Sequence[Deal]
) -> Iterator[str]:
    """At the quoted price or better, whole or not at all."""
    entry = next(each for each in rfq.competition.entries if each.connection.id == attempt.connection_id)
    fills = [fill for deal in deals for fill in deal.fills]
    for fill in fills:
        if entry.price is None or _worse(fill, entry.price, order.request.side):
            yield f"an RFQ was quoted at {entry.price} and traded at {fill.price}"
    if rfq.accepted_by != order.request.client_order_id:
        yield f"an RFQ was accepted by {rfq.accepted_by}, and by {order.request.client_order_id}"
    traded = sum(fill.quantity_base for fill in fills)
    if fills and order.request.in_base and traded != order.request.quantity:
        yield f"an RFQ for {order.request.quantity} traded {traded}"


def _check_acceptance(
    order: Order, attempt: Attempt, quote: HeldQuote, deals: Sequence[Deal]
) -> Iterator[str]:
    """An acceptance is of what was asked for and at what was quoted, in the record too."""
    request, ask = order.request, quote.ask
    wanted = (request.product, request.side, request.quantity, request.quantity_currency)
    asked = (ask.product.name, ask.side, ask.quantity, ask.quantity_currency)
    if wanted != asked:
        yield f"accepted {quote.id} for {wanted}, was for {asked}"
    if attempt.quoted_price != quote.price:
        yield f"quoted {quote.price}, recorded {attempt.quoted_price}"
    if quote.all_in_price is not None and attempt.quoted_all_in_price != quote.all_in_price:
        yield f"quoted {quote.all_in_price} with fees, recorded {attempt.quoted_all_in_price}"
    if attempt.quoted_fee != quote.fee:
        yield f"quoted with a fee of {quote.fee}, recorded {attempt.quoted_fee}"
    if not attempt.connection.pts and (attempt.claim is None or attempt.claim.amount < quote.cost):
        yield f"claimed {attempt.claim} for {quote.id}, which takes {quote.cost}"
    executed = [deal for deal in deals if deal.fills and not deal.denied]
    if not executed:
        return
    held = (quote.quantity_base, quote.quantity_quote)
    for deal in executed:
        if (deal.filled_base, deal.filled_quote) != held:
            yield f"traded {deal.filled_base} for {deal.filled_quote} of {held}"
    if order.status is not OrderStatus.FILLED or (order.filled_base, order.filled_quote) != held:
        was = f"{order.status} with {order.filled_base} for {order.filled_quote}"
        yield f"expected {quote.id} whole in the record, {held}, was {was}"


def _check_entry(disk: Disk, order: Order, attempt: Attempt, quote: HeldQuote) -> Iterator[str]:
    """The order's own competition has the quote, with its price; a crash can have taken the record away."""
    doc = disk.competitions.get(order.competition_id or "")
    if doc is None:
        return
    record = decode_competition(doc)
    entry = next(each for each in record.entries if each.connection.id == attempt.connection_id)
    if (entry.quote_id, entry.price, entry.firm) != (quote.id, quote.price, True):
        yield f"accepted {quote.id}, and its competition has {entry.quote_id} at {entry.price}"


def _worse(fill: Fill, price: Decimal, side: Side) -> bool:
    return fill.price > price if side is Side.BUY else fill.price < price


def _deals(books: Iterable[Sequence[Deal]]) -> Iterator[Deal]:
    for deals in books:
        yield from deals
