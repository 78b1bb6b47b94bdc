"""Sends a move that is durable, once, and writes what came of it; takes up what another life began.

Before the first byte two things are durable: that the move was accepted, and that it is sent next. A process
that ends in between has sent nothing; one that ends after it leaves the move in doubt.
"""

import asyncio
from typing import Final

from router.core.errors import Code, OrderError
from router.core.movement import Moved, MoveNeverSent, MoveOutcome, MoveRefused
from router.core.moving import (
    Answered,
    MoveEvent,
    MovePhase,
    NeverLeft,
    Operation,
    Sent,
    WentInDoubt,
    Withheld,
)
from router.observe.moving import MoveObserver
from router.ports import StoreError
from router.ports.accounts import MarginAccount
from router.service.moving.following import MoveFollowing
from router.service.moving.live import LiveMove, Moves
from router.service.moving.tasks import MoveTasks
from router.service.moving.turns import Turns

SEND_WITHIN_S: Final = 60.0
"""How long a move is waited for before it is looked up; its answer is taken whenever it comes."""
FOLLOW_AGAIN_S: Final = 5.0
"""How long after a bug ended a move's follower the next one begins."""


class MoveSending:
    """Runs moves from their acceptance to their end."""

    def __init__(
        self,
        moves: Moves,
        following: MoveFollowing,
        turns: Turns,
        tasks: MoveTasks,
        observer: MoveObserver,
    ) -> None:
        self._moves = moves
        self._following = following
        self._turns = turns
        self._tasks = tasks
        self._observer = observer

    async def execute(self, live: LiveMove, account: MarginAccount) -> None:
        """Send a move that is durable and whose turn it is; the turn is given back when it is settled."""
        try:
            await self._send(live, account)
        except Exception as error:  # noqa: BLE001 - a bug must not leave a move without an owner
            self._observer.task_failed("move", error)
            await self._abandon(live)
        finally:
            self._turns.give_back(live.operation.connection.id)
        if live.operation.is_final:
            self._moves.drop(live)
        else:
            self._tasks.own(self._followed(live))

    async def take_up(self, live: LiveMove) -> None:
        """Bring a move of a router that is gone to its end; it is not sent, whatever it was."""
        if live.operation.phase is MovePhase.ACCEPTED:
            await self._withhold(live, Code.INTERRUPTED, "accepted, never sent: the router stopped first")
        elif live.operation.phase is MovePhase.SENT:
            await self._moves.note(live, WentInDoubt("the router stopped while it was being sent"))
        await self._followed(live)

    async def _send(self, live: LiveMove, account: MarginAccount) -> None:
        try:
            # Another router may have accepted one at the same moment: both are durable now, so one sees it.
            rival = await self._moves.rival(live.operation)
            if rival is not None:
                await self._withhold(live, Code.OPERATION_IN_DOUBT, rival_detail(rival))
                return
            await self._moves.apply(live, Sent())
        except StoreError:
            detail = "the journal could not be read or written to before it was sent"
            await self._withhold(live, Code.STORE_UNAVAILABLE, detail)
            return
        sending = live.sending = self._tasks.own(account.send(live.operation.move))
        await asyncio.wait((sending,), timeout=SEND_WITHIN_S)
        if sending.done():
            await self._moves.note(live, _event_of(sending.result()))
            return
        await self._moves.note(live, WentInDoubt(f"no answer came within {SEND_WITHIN_S:g} s"))
        self._tasks.own(self._take_late(live, sending))

    async def _take_late(self, live: LiveMove, sending: asyncio.Task[MoveOutcome]) -> None:
        """Take the answer to a move that was waited for in vain, whenever it comes."""
        await asyncio.wait((sending,))
        if not sending.cancelled() and sending.exception() is None:
            await self._moves.note(live, _event_of(sending.result()))

    async def _abandon(self, live: LiveMove) -> None:
        """A bug ended a move's execution: what may be done is looked up, what was not sent is ended."""
        if live.operation.phase is MovePhase.ACCEPTED:
            await self._withhold(live, Code.INTERRUPTED, "the router failed before it was sent")
        elif live.operation.phase is MovePhase.SENT:
            await self._moves.note(live, WentInDoubt("the router failed while it was being sent"))

    async def _withhold(self, live: LiveMove, code: Code, detail: str) -> None:
        connection_id = live.operation.connection.id
        error = OrderError(code, detail, retryable=True, connection_id=connection_id)
        await self._moves.note(live, Withheld(error))

    async def _followed(self, live: LiveMove) -> None:
        while True:
            try:
                await self._following.follow(live)
            except Exception as error:  # noqa: BLE001 - a move must not lose its follower to a bug
                self._observer.task_failed("move following", error)
                await asyncio.sleep(FOLLOW_AGAIN_S)
            else:
                return


def rival_detail(rival: Operation) -> str:
    """Why a move must wait for another to be decided."""
    state = "in doubt" if rival.in_doubt else "under way"
    return (
        f"expected no other {rival.move.kind} that this one could be taken for, was operation {rival.id} "
        f"{state}: it has to be decided first"
    )


def _event_of(outcome: MoveOutcome) -> MoveEvent:
    if isinstance(outcome, (Moved, MoveRefused)):
        return Answered(outcome)
    return NeverLeft(outcome.detail) if isinstance(outcome, MoveNeverSent) else WentInDoubt(outcome.detail)
