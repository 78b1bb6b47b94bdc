"""RFQs, and the records of competitions: made, kept, read."""

import asyncio
from collections import OrderedDict

import msgspec

from router.core.competition import Contender, Rules
from router.core.errors import FieldError, InvalidRequestError, NotFoundError, RfqExpiredError
from router.core.model import OnCreditFailure, OrderRequest, Outcome, PricedQuote, Product, Quote
from router.core.money import mul
from router.core.record import CompetitionRecord, EntryRecord, RfqRecord, entry_records
from router.core.record_json import decode_competition, encode_competition
from router.core.routing import Terms
from router.observe.observer import Observer
from router.ports import Clock, Journal, StoreError
from router.service.competing import Competing, Held
from router.service.executing import Plan
from router.service.ids import IdSource
from router.service.venues import Venues

_records = msgspec.json.Encoder()
_rfq = msgspec.json.Decoder(RfqRecord)


def make_record(held: Held, *, order_id: str | None, rfq_id: str | None, closed_at: int) -> CompetitionRecord:
    """The record of a competition that was closed, or closed anew after a late quote."""
    competition = held.competition
    entries = entry_records(competition)
    # The ranked come first, and the winner of those.
    best = entries[0] if entries else None
    cover = entries[1] if len(entries) > 1 and entries[1].rank else None
    rules = competition.rules
    # By their place: names take a struct several times as long, and every order has one.
    return CompetitionRecord(
        held.id,
        order_id,
        rfq_id,
        competition.request,
        rules.terms.slippage_bps_max,
        rules.collar_bps,
        held.opened_at,
        held.opened_at + rules.deadline_ns,
        closed_at,
        held.arrival_price,
        None if cover is None else cover.all_in_price,
        best.connection.id if best is not None and best.outcome is Outcome.WON else None,
        entries,
    )


class Quoting:
    """Answers RFQs and prepares their execution."""

    def __init__(
        self,
        competing: Competing,
        venues: Venues,
        journal: Journal,
        observer: Observer,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._competing = competing
        self._venues = venues
        self._journal = journal
        self._observer = observer
        self._clock = clock
        self._ids = ids
        self._accepted: OrderedDict[str, tuple[str, int]] = OrderedDict()
        """Which order took an RFQ, and until when another could want it; the first taken first."""
        self.under_way = 0
        """RFQs that were not answered yet."""

    async def request(self, request: OrderRequest, rules: Rules, ttl_ns: int) -> RfqRecord:
        """Run a competition without a winner and keep its ranking. Raises `StoreError`."""
        self.under_way += 1
        try:
            return await self._request(request, rules, ttl_ns)
        finally:
            self.under_way -= 1

    async def _request(self, request: OrderRequest, rules: Rules, ttl_ns: int) -> RfqRecord:
        rfq_id, competition_id = self._ids.new(), self._ids.new()
        held = await self._competing.hold(
            request, rules, competition_id, to_trade=False, ready=None, late=lambda _held, _name: None
        )
        now = self._clock.now()
        held.competition.close(now)
        record = make_record(held, order_id=None, rfq_id=rfq_id, closed_at=now)
        ends = [entry.valid_until for entry in record.entries if entry.rank and entry.valid_until is not None]
        rfq = RfqRecord(id=rfq_id, competition=record, created_at=now, valid_until=min([now + ttl_ns, *ends]))
        # Both in one flush. Of one without the other nobody has heard: the caller is told of neither.
        await asyncio.gather(
            self._journal.keep_competition(competition_id, None, encode_competition(record)),
            self._journal.keep_rfq(rfq_id, _records.encode(rfq)),
        )
        self._observer.competition_closed(record)
        self._observer.rfq_quoted(rfq)
        return rfq

    async def get(self, rfq_id: str) -> RfqRecord:
        """An RFQ. Raises `NotFoundError`, `StoreError`."""
        found = await self._journal.rfq(rfq_id)
        if found is None:
            raise NotFoundError(f"an RFQ with the id {rfq_id[:64]}")
        return _rfq.decode(found)

    async def competition(self, competition_id: str) -> CompetitionRecord | None:
        """The record of a competition; None if there is none. Raises `StoreError`."""
        found = await self._journal.competition(competition_id)
        return None if found is None else decode_competition(found)

    async def consume(self, rfq: RfqRecord, client_order_id: str) -> None:
        """Mark an RFQ as accepted: its prices are good for one order.

        Raises `RfqExpiredError` where it has passed its time or was accepted with another id; `StoreError`.
        """
        now = self._clock.now()
        # Known here from the decision on, whatever the journal said when it was asked.
        while self._accepted and next(iter(self._accepted.values()))[1] <= now:
            self._accepted.popitem(last=False)
        taken_by = rfq.accepted_by or self._accepted.get(rfq.id, (None, 0))[0]
        if taken_by is not None and taken_by != client_order_id:
            raise RfqExpiredError(f"the RFQ was accepted already, as {taken_by}")
        if now >= rfq.valid_until:
            late_ms = (now - rfq.valid_until) // 1_000_000
            raise RfqExpiredError(f"expected to be accepted within its time, was {late_ms} ms late")
        self._accepted[rfq.id] = (client_order_id, rfq.valid_until)
        accepted = msgspec.structs.replace(rfq, accepted_by=client_order_id)
        try:
            await self._journal.keep_rfq(rfq.id, _records.encode(accepted))
        except StoreError:
            self._accepted.pop(rfq.id, None)
            raise

    def plan(self, rfq: RfqRecord, connection_id: str | None, on_credit_failure: OnCreditFailure) -> Plan:
        """How an accepted RFQ is sent: at its quoted prices, best first or on the connection named alone.

        Raises `InvalidRequestError` where the connection named gave no quote, or nobody did.
        """
        ranked = [entry for entry in rfq.competition.entries if entry.rank is not None]
        if connection_id is not None:
            ranked = [entry for entry in ranked if entry.connection.id == connection_id]
        if not ranked:
            named = None if connection_id is None else f'"{connection_id}"'
            raise InvalidRequestError(FieldError("connection", "an entry of the RFQ that has a price", named))
        record = rfq.competition
        product = record.request.product
        contenders = tuple(
            Contender(connection=entry.connection, product=self._product(entry.connection.id, product))
            for entry in record.entries
        )
        return Plan(
            terms=record_terms(record),
            competition_id=record.id,
            arrival_price=record.arrival_price,
            contenders=contenders,
            ranking=tuple(_priced(entry, rfq.valid_until) for entry in ranked),
            rivals=tuple(
                _priced(entry, rfq.valid_until) for entry in record.entries if entry.rank is not None
            ),
            on_credit_failure=on_credit_failure,
        )

    def _product(self, connection_id: str, name: str) -> Product | None:
        member = self._venues.get(connection_id)
        return None if member is None else member.venue.product(name)


def record_terms(record: CompetitionRecord) -> Terms:
    """The terms of an RFQ's execution: at the quoted price or better, whole or not at all."""
    return Terms(record.slippage_bps_max, protected=True)


def _priced(entry: EntryRecord, valid_until: int) -> PricedQuote:
    """The quote that an entry recorded, as it was ranked; it stands until the RFQ ends at the latest."""
    present = (
        entry.price,
        entry.price_worst,
        entry.all_in_price,
        entry.fee,
        entry.quantity_base,
        entry.source,
    )
    price, worst, all_in, fee, base, source = present
    if price is None or worst is None or all_in is None or fee is None or base is None or source is None:
        raise LookupError(f"expected a ranked entry of {entry.connection.id} to have a quote, had none")
    quote = Quote(
        connection_id=entry.connection.id,
        source=source,
        firm=entry.firm,
        price=price,
        price_worst=worst,
        quantity_base=base,
        quantity_quote=mul(price, base),
        complete=entry.complete,
        quote_id=entry.quote_id,
        valid_until=valid_until if entry.valid_until is None else min(entry.valid_until, valid_until),
        # What a firm one costs is known, fees and all: the order must claim as much.
        all_in_price=all_in if entry.firm else None,
    )
    return PricedQuote(quote=quote, fee=fee, all_in_price=all_in)
