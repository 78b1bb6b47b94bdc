"""Follows a move in doubt to its end: by evidence, by time where absence can be told, or by a person.

Time and not the number of tries decides that a move was never taken: it shows no trace in an answer to a
question that was asked after the settling window. A kind that leaves no trace is asked for all the same, at
the slowest pace, and ends by a finding.
"""

from typing import Final

from router.core.movement import Moved, MoveRefused, MoveUnanswered
from router.core.moving import Answered, MovePhase, Operation, ProvedAbsent, leaves_trace
from router.core.record import Doubt, LookUp
from router.observe.moving import MoveObserver
from router.ports import Clock, StoreError, VenueUnreachableError
from router.ports.accounts import MarginAccount, Roster
from router.service.moving.live import LiveMove, Moves

PAUSE_FIRST_S: Final = 0.2
PAUSE_MAX_S: Final = 10.0
PAUSE_UNTOLD_S: Final = 60.0
"""Between two look-ups of a kind that leaves no trace."""
WINDOW_UNKNOWN_NS: Final = 0
"""Of a connection that is there no more nothing will be heard: no window is waited for."""


def margin_of(roster: Roster, connection_id: str) -> MarginAccount | None:
    """The margin side of a connection; None where there is none, or no such connection."""
    entry = roster.entry(connection_id)
    return None if entry is None or entry.trading is None else entry.trading.margin


class MoveFollowing:
    """Asks counterparties about moves in doubt. `alert_ns`: past the window, before a person is called."""

    def __init__(
        self, roster: Roster, moves: Moves, observer: MoveObserver, clock: Clock, alert_ns: int
    ) -> None:
        self._roster = roster
        self._moves = moves
        self._observer = observer
        self._clock = clock
        self._alert_ns = alert_ns

    async def follow(self, live: LiveMove) -> None:
        """Look a move up until it has ended, then let it go from memory."""
        pause = PAUSE_FIRST_S
        while not (self._over(live) or self._moves.closed):
            told = await self.look_up(live)
            if self._over(live):
                break
            self._watch(live)
            if not await live.changed(pause if told else PAUSE_UNTOLD_S):
                pause = min(PAUSE_MAX_S, 2 * pause)
        if self._over(live):
            self._moves.drop(live)

    async def look_up(self, live: LiveMove) -> bool:
        """Ask the counterparty for a trace of the move; False where there can be none."""
        operation, asked_at = live.operation, self._clock.now()
        account = margin_of(self._roster, operation.connection.id)
        if account is None:
            live.looked_up = LookUp(asked_at, "the connection is not there any more")
            return True
        sent_at = operation.sent_at or operation.created_at
        try:
            known = await self._moves.known_ids(operation)
            outcome = await account.find(operation.move, sent_at, known)
            if isinstance(outcome, Moved) and (twin := await self._moves.unnamed(operation)) is not None:
                outcome = MoveUnanswered(_twin_detail(twin))
        except VenueUnreachableError as error:
            self._observer.move_look_up_failed(operation, error.detail)
            live.looked_up = LookUp(asked_at, error.detail)
            return True
        except StoreError as error:
            self._observer.store_failed("moves", error)
            live.looked_up = LookUp(asked_at, "the journal cannot be read")
            return True
        if isinstance(outcome, (Moved, MoveRefused)):
            await self._moves.note(live, Answered(outcome))
            return True
        if isinstance(outcome, MoveUnanswered):
            live.looked_up = LookUp(asked_at, outcome.detail)
            return False
        live.looked_up = LookUp(asked_at, "no trace of it")
        if self._settled(live, asked_at):
            window_ms = self._window_ns(operation) // 1_000_000
            absent = ProvedAbsent(f"expected a trace of it within {window_ms} ms, there was none")
            await self._moves.note(live, absent, only_in=MovePhase.IN_DOUBT)
        return True

    def doubt(self, operation: Operation) -> Doubt | None:
        """What is known of a move's doubt; None where it is in none."""
        if operation.doubtful_since is None or not operation.in_doubt:
            return None
        since = operation.sent_at or operation.doubtful_since
        live = self._moves.get(operation.id)
        # Measured from when the doubt began: before, it was being sent.
        over = operation.doubtful_since + self._window_ns(operation) + self._alert_ns
        return Doubt(
            since=since,
            overdue_ns=max(0, self._clock.now() - over),
            last_look_up=None if live is None else live.looked_up,
        )

    @staticmethod
    def _over(live: LiveMove) -> bool:
        return live.operation.is_final

    def _settled(self, live: LiveMove, asked_at: int) -> bool:
        """Whether a trace would show by now; what may still be on its way to the counterparty never is."""
        operation = live.operation
        if not leaves_trace(operation.move.kind) or (live.sending is not None and not live.sending.done()):
            return False
        # The clock of this process alone measures the window: the wall may have been set since the send.
        began_at = operation.doubtful_since if live.taken_up_at is None else live.taken_up_at
        return began_at is not None and asked_at >= began_at + self._window_ns(operation)

    def _window_ns(self, operation: Operation) -> int:
        entry = self._roster.entry(operation.connection.id)
        return WINDOW_UNKNOWN_NS if entry is None else entry.settling_window_ns

    def _watch(self, live: LiveMove) -> None:
        doubt = self.doubt(live.operation)
        if doubt is not None and doubt.overdue_ns > 0:
            last = doubt.last_look_up
            self._observer.move_overdue(
                live.operation, doubt.overdue_ns, None if last is None else last.answer
            )


def _twin_detail(twin: Operation) -> str:
    return f"what shows may be of operation {twin.id}, which was done and whose trace is not known by its id"
