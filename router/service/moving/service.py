"""The router's face to callers who move margin money: each move once, journaled, and never sent in doubt."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from router.core.errors import Code, ConflictError, NotFoundError, RouterError, UnavailableError
from router.core.model import Connection
from router.core.movement import Move
from router.core.moving import (
    FindingRecorded,
    MoveFinding,
    MovePhase,
    Operation,
    OperationPage,
    Submitted,
    differing_field,
)
from router.core.record import Doubt
from router.observe.moving import MoveObserver
from router.ports import Clock, StoreError
from router.ports.accounts import MarginAccount, Roster
from router.ports.records import IdempotencyKeyTakenError, MoveStore
from router.service.ids import IdSource
from router.service.moving.codec import operation_of
from router.service.moving.following import MoveFollowing, margin_of
from router.service.moving.live import LiveMove, Moves
from router.service.moving.rules import CollateralRules
from router.service.moving.sending import MoveSending, rival_detail
from router.service.moving.tasks import MoveTasks
from router.service.moving.turns import Turns

EXECUTIONS_SHARE: Final = 0.8
"""Of the time for a stop: what moves under way have to be answered."""

MakeFinding = Callable[[Operation, int], MoveFinding]
"""Makes the finding of an operation at a time."""


class MovingRules(msgspec.Struct, frozen=True):
    """What moves are run by; durations in nanoseconds.

    `answer_deadline_ns`: how long a caller waits for the outcome; `queue_deadline_ns`: how long a move waits
    for the one before it on its connection; `in_doubt_alert_ns`: how long past the settling window a move
    may be in doubt before a person is called.
    """

    answer_deadline_ns: int
    queue_deadline_ns: int
    in_doubt_alert_ns: int


class Moving:
    """Takes moves of margin money, and answers for what became of them."""

    def __init__(
        self,
        roster: Roster,
        store: MoveStore,
        observer: MoveObserver,
        clock: Clock,
        ids: IdSource,
        rules: MovingRules,
    ) -> None:
        self._roster = roster
        self._store = store
        self._observer = observer
        self._clock = clock
        self._ids = ids
        self._rules = rules
        self._collateral = CollateralRules(clock)
        self._turns = Turns(rules.queue_deadline_ns / 1e9)
        self._tasks = MoveTasks()
        self._moves = Moves(store, observer, clock)
        self._following = MoveFollowing(roster, self._moves, observer, clock, rules.in_doubt_alert_ns)
        self._sending = MoveSending(self._moves, self._following, self._turns, self._tasks, observer)
        self._stopping = False

    # what is asked
    def account(self, connection_id: str) -> tuple[Connection, MarginAccount]:
        """A PTS connection and its margin side.

        Raises `NotFoundError`, `ConflictError` (`not_a_pts_connection`).
        """
        entry = self._roster.entry(connection_id)
        if entry is None:
            raise NotFoundError("a connection with this id")
        account = margin_of(self._roster, connection_id)
        if account is None:
            detail = f"expected a PTS connection, was {connection_id}, which is none"
            raise ConflictError(Code.NOT_A_PTS_CONNECTION, detail)
        return entry.connection, account

    async def submit(self, connection_id: str, key: str, move: Move) -> Submitted:
        """Make a move, once; answers when its outcome is known, or after the answer's deadline.

        The same key with the same move answers the same operation and sends nothing. Raises `RouterError`:
        nothing was accepted.
        """
        connection, account = self.account(connection_id)
        while (live := self._moves.by_key(connection_id, key)) is not None:
            try:
                known = await self._admitted(live)
            except RouterError:
                if differing_field(move, live.operation.move) is None:
                    raise
                # What it would have been another of was never accepted.
                self._moves.drop(live)
                continue
            return await self._replayed(move, live, known)
        now = self._clock.now()
        live = self._moves.reserve(Operation(self._ids.new(), connection, key, move, now, now))
        live.admission = self._tasks.own(self._admit(live, account))
        known = await self._admitted(live)
        if known is not None:
            return await self._replayed(move, live, known)
        await self._answerable(live)
        return Submitted(live.operation)

    async def record(self, connection_id: str, operation_id: str, make: MakeFinding) -> Operation:
        """End a move in doubt by a person's finding; durable when this returns.

        Raises `NotFoundError`, `ConflictError` (`operation_not_in_doubt`), and `UnavailableError` where it
        could not be written: then the move is as it was.
        """
        live = self._moves.get(operation_id)
        if live is None or live.operation.connection.id != connection_id:
            known = await self.operation(connection_id, operation_id)
            raise _not_in_doubt(known.phase if known.is_final else "with another router on the same store")
        if not live.operation.in_doubt:
            raise _not_in_doubt(live.operation.phase)
        finding = make(live.operation, self._clock.now())
        try:
            written = await self._moves.apply(live, FindingRecorded(finding), only_in=MovePhase.IN_DOUBT)
        except StoreError as error:
            raise _unavailable() from error
        if not written:
            raise _not_in_doubt(f"{live.operation.phase} by now")
        return live.operation

    async def operation(self, connection_id: str, operation_id: str) -> Operation:
        """One operation. Raises `NotFoundError`."""
        live = self._moves.get(operation_id)
        if live is not None and live.operation.connection.id == connection_id:
            return live.operation
        try:
            record = await self._store.move(operation_id)
        except StoreError as error:
            raise _unavailable() from error
        if record is None or record.connection_id != connection_id:
            raise NotFoundError(f"an operation with the id {operation_id[:64]} on this connection")
        return operation_of(record)

    async def operations(self, connection_id: str, limit: int, cursor: str | None) -> OperationPage:
        """A connection's operations, newest first. Raises `ValueError` for a cursor that is none of ours.

        Those of a connection that was removed can still be read.
        """
        try:
            page = await self._store.moves(connection_id, limit, cursor)
        except StoreError as error:
            raise _unavailable() from error
        if not page.data:
            self.account(connection_id)
        return OperationPage(tuple(operation_of(record) for record in page.data), page.next_cursor)

    def doubt(self, operation: Operation) -> Doubt | None:
        """What is known of a move's doubt; None where it is in none."""
        return self._following.doubt(operation)

    # its life
    async def start(self) -> None:
        """Take up what the journal holds that has not ended, before anything else. Raises `StoreError`."""
        for record in await self._store.open_moves():
            if self._moves.get(record.id) is None:
                live = self._moves.hold(operation_of(record))
                live.taken_up_at = self._clock.now()
                self._observer.move_taken_up(live.operation)
                self._tasks.own(self._sending.take_up(live))

    async def take_over(self) -> None:
        """Take up the moves of routers on the same store that are gone. Raises `StoreError`."""
        if not self._stopping:
            await self.start()

    async def stop(self, deadline_s: float) -> bool:
        """Take no new moves and let those under way be answered; False if time ran out.

        What was sent and not answered by then is durable as sent: the next start looks it up.
        """
        self._stopping = True
        drained = await self._tasks.drain(EXECUTIONS_SHARE * deadline_s)
        self._moves.close()
        await self._tasks.cancel()
        return drained

    @property
    def in_flight(self) -> int:
        """Moves that have not ended."""
        return sum(not live.operation.is_final for live in self._moves.all())

    # inside
    async def _admit(self, live: LiveMove, account: MarginAccount) -> Operation | None:
        """Make a move durable and begin it; or the operation that has its key. Raises `RouterError`."""
        try:
            known = await self._accept(live, account)
        except IdempotencyKeyTakenError as taken:
            known = operation_of(taken.record)
        except StoreError as error:
            self._moves.drop(live)
            raise _unavailable() from error
        except BaseException:
            self._moves.drop(live)
            raise
        if known is None:
            self._tasks.execute(self._sending.execute(live, account))
        else:
            self._moves.drop(live)
        return known

    async def _accept(self, live: LiveMove, account: MarginAccount) -> Operation | None:
        operation = live.operation
        connection_id = operation.connection.id
        record = await self._store.move_by_key(connection_id, operation.key)
        if record is not None:
            return operation_of(record)
        self._refuse_if_stopping()
        await self._collateral.check(connection_id, account, operation.move)
        await self._turns.take(connection_id)
        try:
            known = await self._known_or_rivalled(operation)
            self._refuse_if_stopping()
            if known is None:
                self._refuse_if_changed(connection_id, account)
                await self._moves.accept(live)
        except BaseException:
            self._turns.give_back(connection_id)
            raise
        if known is not None:
            self._turns.give_back(connection_id)
        return known

    async def _admitted(self, live: LiveMove) -> Operation | None:
        """Wait until a move is durable; the operation that has its key, if that is another."""
        if live.admission is None:
            return None
        try:
            # A caller that leaves takes nothing along: others wait for the same.
            return await asyncio.shield(live.admission)
        except asyncio.CancelledError:
            if not live.admission.cancelled():
                raise
            # Not the caller left, the router did: whether it was kept or not, it will never be sent.
            detail = "the router stopped before it was accepted"
            raise UnavailableError(Code.SHUTTING_DOWN, detail) from None

    async def _answerable(self, live: LiveMove) -> None:
        """Wait until a caller can be told the outcome, at most until the answer's deadline."""
        until = self._clock.now() + self._rules.answer_deadline_ns
        while not live.operation.is_settled and not self._moves.closed:
            left = until - self._clock.now()
            if left <= 0 or not await live.changed(left / 1e9):
                return

    async def _replayed(self, move: Move, live: LiveMove, known: Operation | None) -> Submitted:
        """Answer an operation again. Raises `ConflictError` where the move is another; it names the field."""
        differing = differing_field(move, (live.operation if known is None else known).move)
        if differing is not None:
            raise ConflictError(
                Code.IDEMPOTENCY_KEY_REUSED,
                f"{differing}: expected as in the first request with this Idempotency-Key, was another",
            )
        if known is not None:
            held = self._moves.get(known.id)
            return Submitted(known if held is None else held.operation, replayed=True)
        await self._answerable(live)
        return Submitted(live.operation, replayed=True)

    async def _known_or_rivalled(self, operation: Operation) -> Operation | None:
        """The operation that has its key, if another router accepted that while this one waited its turn.

        Raises `ConflictError` where it is another key's.
        """
        rival = await self._moves.rival(operation)
        if rival is None or rival.key == operation.key:
            return rival
        raise ConflictError(Code.OPERATION_IN_DOUBT, rival_detail(rival))

    def _refuse_if_changed(self, connection_id: str, account: MarginAccount) -> None:
        """Refuse what nobody would look for where it went: the account was replaced, or is leaving."""
        entry = self._roster.entry(connection_id)
        if entry is None or not entry.enabled or margin_of(self._roster, connection_id) is not account:
            detail = "expected a connection that is enabled and was not changed meanwhile, was another"
            raise UnavailableError(Code.VENUE_UNAVAILABLE, detail)

    def _refuse_if_stopping(self) -> None:
        if self._stopping:
            raise UnavailableError(Code.SHUTTING_DOWN, "the router is stopping")


def _unavailable() -> UnavailableError:
    return UnavailableError(Code.STORE_UNAVAILABLE, "the journal cannot be read or written to")


def _not_in_doubt(what: str) -> ConflictError:
    return ConflictError(Code.OPERATION_NOT_IN_DOUBT, f"expected an operation in doubt, was {what}")
