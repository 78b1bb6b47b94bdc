"""What is kept of a competition and of an RFQ: the answer to "why did we trade there?"."""

from decimal import Decimal

import msgspec

from router.core.competition import Competition, Entry
from router.core.model import Connection, OrderRequest, Outcome, Reason, Source
from router.core.order import Order


class EntryRecord(msgspec.Struct, frozen=True, gc=False):
    """One connection's line. Prices in quote per base, times in nanoseconds since the epoch.

    `price` before and `all_in_price` after fees, for `quantity_base`; all null where there was no quote.
    `late`: the quote came after the decision and took no part in it.
    """

    connection: Connection
    outcome: Outcome
    reason: Reason | None
    source: Source | None
    firm: bool
    price: Decimal | None
    price_worst: Decimal | None
    all_in_price: Decimal | None
    fee: Decimal | None
    quantity_base: Decimal | None
    complete: bool
    rank: int | None
    late: bool
    asked_at: int | None
    answered_at: int | None
    valid_until: int | None
    quote_id: str | None
    detail: str | None


class CompetitionRecord(msgspec.Struct, frozen=True, gc=False):
    """A whole competition. `order_id` is None for an RFQ's, `rfq_id` for an order's."""

    id: str
    order_id: str | None
    rfq_id: str | None
    request: OrderRequest
    slippage_bps_max: Decimal
    collar_bps: Decimal
    opened_at: int
    deadline_at: int
    closed_at: int
    arrival_price: Decimal | None
    cover_price: Decimal | None
    winner: str | None
    entries: tuple[EntryRecord, ...]

    @property
    def indicative(self) -> bool:
        """Whether its prices only showed where to work the order: what is traded later has prices of then."""
        return self.request.works


class RfqRecord(msgspec.Struct, frozen=True):
    """An RFQ: a competition that nothing was executed on, and until when its prices stand."""

    id: str
    competition: CompetitionRecord
    created_at: int
    valid_until: int
    accepted_by: str | None = None
    """The client order id that it was accepted with."""

    @property
    def best(self) -> EntryRecord | None:
        """The entry that ranks first."""
        return next((entry for entry in self.competition.entries if entry.rank == 1), None)


class LookUp(msgspec.Struct, frozen=True):
    """What came of asking a counterparty for an order; `answer` in words, without any secret."""

    at: int
    answer: str


class Doubt(msgspec.Struct, frozen=True):
    """How an order stands that is in doubt. `overdue_ns`: past its settling window and the bound, else 0."""

    since: int
    overdue_ns: int
    last_look_up: LookUp | None = None


class Submission(msgspec.Struct, frozen=True):
    """An order as it stands, with its competition once there is one.

    `replayed`: the idempotency key was known already, and nothing was done.
    """

    order: Order
    competition: CompetitionRecord | None = None
    replayed: bool = False


def carried_out(record: CompetitionRecord, order: Order) -> CompetitionRecord:
    """A competition's record together with what came of it in its order.

    The order of an accepted RFQ went to one of the quotes, and that one has won. Whoever refused the order
    says so in the entry's `detail`: it is why the order stands with another.
    """
    attempts = order.attempts
    accepted_elsewhere = record.rfq_id is not None and attempts
    if len(attempts) < 2 and not accepted_elsewhere and (not attempts or attempts[0].error is None):
        return record  # its winner took the order, or nobody did: nothing came of it that it does not say
    tried = {attempt.connection_id: attempt for attempt in attempts}
    winner = attempts[0].connection_id if accepted_elsewhere else record.winner
    entries = []
    for entry in record.entries:
        attempt = tried.get(entry.connection.id)
        outcome = entry.outcome
        if entry.connection.id == winner:
            outcome = Outcome.WON
        elif outcome is Outcome.WON:
            # An RFQ that was accepted on another connection than its best.
            outcome = Outcome.LOST
        detail = entry.detail
        if attempt is not None and attempt.error is not None:
            detail = f"refused the order, {attempt.error.code}: {attempt.error.detail}"
        elif attempt is not None and attempt.number > 1:
            detail = "got the order after who stood before it had refused it"
        entries.append(msgspec.structs.replace(entry, outcome=outcome, detail=detail))
    return msgspec.structs.replace(record, winner=winner, entries=tuple(entries))


def entry_record(entry: Entry) -> EntryRecord:
    """Freeze one entry of a closed competition."""
    priced = entry.priced
    if priced is None:
        return EntryRecord(
            connection=entry.contender.connection,
            outcome=entry.outcome or Outcome.FAILED,
            reason=entry.reason,
            source=entry.source,
            firm=False,
            price=None,
            price_worst=None,
            all_in_price=None,
            fee=None,
            quantity_base=None,
            complete=False,
            rank=None,
            late=False,
            asked_at=entry.asked_at,
            answered_at=entry.answered_at,
            valid_until=None,
            quote_id=None,
            detail=entry.detail,
        )
    quote = priced.quote
    # By their place: every entry of every order comes here, and names take a struct seven times as long.
    return EntryRecord(
        entry.contender.connection,
        entry.outcome or Outcome.FAILED,
        entry.reason,
        quote.source,
        quote.firm,
        quote.price,
        quote.price_worst,
        priced.all_in_price,
        priced.fee,
        quote.quantity_base,
        quote.complete,
        entry.rank,
        entry.late,
        entry.asked_at,
        entry.answered_at,
        quote.valid_until,
        quote.quote_id,
        entry.detail,
    )


def entry_records(competition: Competition) -> tuple[EntryRecord, ...]:
    """Every entry: the ranked first, best first, the others by connection id."""
    entries, ranked = competition.entries, competition.placed
    if len(ranked) < len(entries):
        ranked = [*ranked, *(entries[name] for name in sorted(entries) if not entries[name].rank)]
    return tuple([entry_record(entry) for entry in ranked])
