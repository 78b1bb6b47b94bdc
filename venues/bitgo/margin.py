"""The margin side of a PTS account at BitGo Prime."""

import asyncio
from collections.abc import Collection

import msgspec

from router.core.movement import (
    Move,
    Moved,
    MoveKind,
    MoveOutcome,
    MoveRefused,
    MoveUnanswered,
    WithdrawalStatus,
)
from router.ports import Clock, VenueUnreachableError
from router.settings import MarginDialect
from venues.bitgo.client import Client
from venues.bitgo.dialect import Dialects
from venues.bitgo.margin_evidence import SKEW_NS, MarginEvidence
from venues.bitgo.margin_lists import MarginLists
from venues.bitgo.margin_moves import MarginMoves
from venues.bitgo.margin_reads import MarginReads
from venues.transport.telling import Telling
from venues.transport.timing import Timing


class BitgoMargin(MarginReads, MarginLists):
    """Reads, lists and moves in one: `router.ports.accounts.MarginAccount`. Belongs to one event loop."""

    def __init__(
        self,
        client: Client,
        connection_id: str,
        account_id: str,
        dialect: MarginDialect | None,
        telling: Telling,
        clock: Clock,
        timing: Timing,
    ) -> None:
        MarginReads.__init__(self, client, Dialects(client, dialect))
        MarginLists.__init__(self, client, account_id, telling)
        self._clock = clock
        self._moves = MarginMoves(client, connection_id, clock, timing)
        self._evidence = MarginEvidence(client, account_id)

    def moving(self) -> "set[asyncio.Task[MoveOutcome]]":
        """Moves that are under way."""
        return self._moves.moving

    async def send(self, move: Move) -> MoveOutcome:
        """Send a move, once.

        A cover is answered without the ids of its transfers, by which a later one in doubt is told apart
        from it: they are read afterwards, and where that fails the move was done all the same.
        """
        began = self._clock.now()
        outcome = await self._moves.send(move)
        if not isinstance(outcome, Moved) or outcome.venue_ids:
            return outcome
        if move.kind not in (MoveKind.COVER, MoveKind.POSITION_TRANSFER):
            return outcome
        try:
            # Others' transfers of this time are none of a later move's either.
            ids = await self._evidence.transfers_since(began - SKEW_NS)
        except VenueUnreachableError:
            return outcome
        return msgspec.structs.replace(outcome, venue_ids=ids)

    async def find(self, move: Move, sent_at: int, known: Collection[str]) -> MoveOutcome | None:
        """What the counterparty shows of a move that was sent at `sent_at` and not answered."""
        return await self._evidence.find(move, sent_at, known)

    async def cancel_withdrawal(self, request_id: str) -> MoveOutcome:
        """Take a request for collateral back; the same again is the same.

        BitGo refuses to cancel what is cancelled already, so whatever is no success is looked into.
        """
        outcome = await self._moves.cancel_withdrawal(request_id)
        if not isinstance(outcome, MoveRefused | MoveUnanswered):
            return outcome
        try:
            found = await self.withdrawal(request_id)
        except VenueUnreachableError:
            return outcome
        if found is None or found.status is not WithdrawalStatus.CANCELLED:
            return outcome
        return Moved(withdrawal=found, venue_ids=(found.id,))
