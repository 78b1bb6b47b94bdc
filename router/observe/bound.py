"""The series that every order counts in, bound once: no label is looked up and no child made on its way."""

from typing import Final

from router.core.model import Outcome, Reason, Source
from router.core.record import CompetitionRecord, EntryRecord
from router.observe.families import Count, Counts, Durations, Histograms

# Looked up here and not in their classes: four of them for each order and connection.
_WON: Final = Outcome.WON
_LOST: Final = Outcome.LOST
_EXCLUDED: Final = Outcome.EXCLUDED
_BOOK: Final = Source.BOOK
_REQUEST: Final = Source.REQUEST

Turnout = tuple[int, dict[str, int] | None]
"""How many connections gave a quote that counts, and how many did not, by reason; None: none."""


class Seat:
    """The series of one connection."""

    __slots__ = (
        *("book", "excluded", "exclusions", "failed", "lost", "request", "rfq", "round_trip", "wins", "won"),
    )

    def __init__(self, name: str, seats: "Seats") -> None:
        self.won, self.lost, self.excluded, self.failed = (
            seats.quotes.of(name, outcome.value) for outcome in (_WON, _LOST, _EXCLUDED, Outcome.FAILED)
        )
        self.book, self.request, self.rfq = (
            seats.quote_latency.of(name, source.value) for source in (_BOOK, _REQUEST, Source.RFQ)
        )
        self.wins = seats.wins.of(name)
        self.round_trip = seats.round_trip.of(name)
        self.exclusions: dict[Reason, Count] = {}


class Seats:
    """What competitions and sends count for each connection."""

    def __init__(
        self,
        quotes: Counts,
        exclusions: Counts,
        quote_latency: Histograms,
        wins: Counts,
        round_trip: Histograms,
    ) -> None:
        self.quotes = quotes
        self.exclusions = exclusions
        self.quote_latency = quote_latency
        self.wins = wins
        self.round_trip = round_trip
        self._by_name: dict[str, Seat] = {}

    def of(self, connection_id: str) -> Seat:
        """The series of a connection."""
        found = self._by_name.get(connection_id)
        if found is None:
            found = self._by_name[connection_id] = Seat(connection_id, self)
        return found

    def count(self, record: CompetitionRecord) -> Turnout:
        """Count what became of each connection in a competition; its turnout."""
        by_name, entries = self._by_name, record.entries
        quotes = len(entries)
        out: dict[str, int] | None = None
        for entry in entries:
            name, outcome, source = entry.connection.id, entry.outcome, entry.source
            seat = by_name.get(name) or self.of(name)
            if outcome is _LOST:
                seat.lost.value += 1
            elif outcome is _WON:
                seat.won.value += 1
            else:
                quotes -= 1
                out = self._excluded(seat, name, entry, out or {})
            if source is not None:
                asked_at, answered_at = entry.asked_at, entry.answered_at
                if asked_at is not None and answered_at is not None:
                    took = seat.book if source is _BOOK else seat.request if source is _REQUEST else seat.rfq
                    took.observe(answered_at - asked_at)
        return quotes, out or None

    def _excluded(self, seat: Seat, name: str, entry: EntryRecord, out: dict[str, int]) -> dict[str, int]:
        """Count one that gave no quote that counts; `out`, with its reason."""
        (seat.excluded if entry.outcome is _EXCLUDED else seat.failed).value += 1
        reason = entry.reason
        if reason is not None:
            count = seat.exclusions.get(reason)
            if count is None:
                count = seat.exclusions[reason] = self.exclusions.of(name, reason.value)
            count.value += 1
            out[reason.value] = out.get(reason.value, 0) + 1
        return out


class Answers:
    """What requests to counterparties count, by connection, operation and result."""

    def __init__(self, requests: Counts, durations: Histograms) -> None:
        self._requests = requests
        self._durations = durations
        self._bound: dict[tuple[str, str, str], tuple[Count, Durations]] = {}

    def count(self, connection_id: str, operation: str, result: str, latency_ns: int) -> None:
        """Count one request that ended; `result` as `ports.VenueListener.request_answered` has it."""
        of = (connection_id, operation, result)
        bound = self._bound.get(of)
        if bound is None:
            bound = self._bound[of] = (self._requests.of(*of), self._durations.of(connection_id, operation))
        bound[0].value += 1
        bound[1].observe(latency_ns)
