"""Moves of margin money: sent once, and judged like orders.

What the description documents as a refusal of a move is a definite no (`move_refusal` in `errors`); a 2xx
that cannot be read, a 5xx, any other 4xx and every broken exchange leave the move in doubt.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from router.core.money import format_amount
from router.core.movement import (
    Move,
    Moved,
    MoveKind,
    MoveNeverSent,
    MoveOutcome,
    MoveRefused,
    MoveUnanswered,
)
from router.ports import BudgetSpentError, Clock, Lane, OffWireError
from venues.bitgo import margin_wire as wire
from venues.bitgo.client import Client
from venues.bitgo.errors import move_refusal
from venues.bitgo.margin_lists import WITHDRAWALS, is_id
from venues.bitgo.margin_parse import close_request_of, moved_balance_of, withdrawal_of
from venues.transport.reader import decode, result_of
from venues.transport.session import Answered, Lost, NotSent
from venues.transport.timing import Timing

_STEPS: Final = {
    MoveKind.COLLATERAL_TRANSFER: ("margin", "collateral", "transfer"),
    MoveKind.POSITION_TRANSFER: ("margin", "positions", "transfer"),
    MoveKind.COVER: ("margin", "positions", "cover"),
    MoveKind.CLOSE: ("margin", "positions", "close"),
    MoveKind.COLLATERAL_WITHDRAWAL: WITHDRAWALS,
}
_BY_CURRENCIES: Final = (MoveKind.COVER, MoveKind.CLOSE)


class MarginMoves:
    """Sends moves, each in a task of its own that the caller's cancellation does not end."""

    def __init__(self, client: Client, connection_id: str, clock: Clock, timing: Timing) -> None:
        self._client = client
        self._connection_id = connection_id
        self._clock = clock
        self._timing = timing
        self._moving: set[asyncio.Task[MoveOutcome]] = set()

    @property
    def moving(self) -> set["asyncio.Task[MoveOutcome]"]:
        """What is under way; who stops the connection waits for these, and then cancels them."""
        return set(self._moving)

    async def send(self, move: Move) -> MoveOutcome:
        """Send a move, once. Never raises but for the caller's cancellation."""
        try:
            body = encode_move(move)
        except ValueError as error:
            return MoveNeverSent(str(error))
        return await self._apart(
            lambda: self._send(
                move.kind.value, "POST", _STEPS[move.kind], body, lambda got: moved(move, got), move.kind
            )
        )

    async def cancel_withdrawal(self, request_id: str) -> MoveOutcome:
        """Ask, once, for a request for collateral to be cancelled. Never raises, as `send`."""
        if not is_id(request_id):
            return MoveNeverSent("request: expected the id of a withdrawal, was another text")

        def read(body: bytes) -> Moved:
            withdrawal = withdrawal_of(decode(body, wire.Withdrawal))
            if withdrawal.id != request_id:
                raise OffWireError("id: expected the request that was to be cancelled, was another's")
            return Moved(withdrawal=withdrawal, venue_ids=(withdrawal.id,))

        steps = (*WITHDRAWALS, request_id, "cancel")
        return await self._apart(lambda: self._send("cancel_withdrawal", "PATCH", steps, None, read, None))

    async def _apart(self, work: Callable[[], "Awaitable[MoveOutcome]"]) -> MoveOutcome:
        async def run() -> MoveOutcome:
            return await work()

        task = asyncio.create_task(run())
        self._moving.add(task)
        task.add_done_callback(self._moving.discard)
        return await asyncio.shield(task)

    async def _send(
        self,
        operation: str,
        method: str,
        steps: tuple[str, ...],
        body: bytes | None,
        read: Callable[[bytes], Moved],
        kind: MoveKind | None,
    ) -> MoveOutcome:
        # Only `run` cancels this task, when it ends before the answer.
        try:
            await self._client.budget.take(Lane.ORDER, self._clock.now() + self._timing.read_ms * 1_000_000)
        except BudgetSpentError as error:
            return MoveNeverSent(error.detail)
        except asyncio.CancelledError:
            return MoveNeverSent("the connection was stopped before it was sent")
        try:
            got, record = await self._client.send(
                operation, method, *steps, body=body, timeout_ms=self._timing.order_ms
            )
        except asyncio.CancelledError:
            return MoveUnanswered("the connection was stopped before the answer came")
        match got:
            case NotSent():
                record("never_sent")
                return MoveNeverSent(got.detail)
            case Lost():
                record(got.result)
                return MoveUnanswered(got.detail)
            case Answered() if 200 <= got.status < 300:
                try:
                    done = read(got.body)
                except OffWireError as error:
                    record("off_wire")
                    return MoveUnanswered(
                        f"answered {got.status} with nothing that can be read: {error.detail}"
                    )
                record("ok")
                return done
            case Answered():
                said = self._client.said(got)
                record(result_of(got.status, said))
                refused = move_refusal(said, self._connection_id, kind)
                if refused is not None:
                    return MoveRefused(refused)
                name = said.name or "no known body"
                return MoveUnanswered(f"answered {got.status}, {name}: no definite refusal of a move")


def encode_move(move: Move) -> bytes:
    """The body of a move; amounts go out as decimal texts, in units of the asset.

    Raises `ValueError` where the move lacks what its kind needs.
    """
    if move.kind in _BY_CURRENCIES:
        if move.currencies is None:
            return msgspec.json.encode({"all": True})
        if not move.currencies:
            raise ValueError("currencies: expected at least one, was none")
        return msgspec.json.encode({"currencies": move.currencies})
    if not move.currency:
        raise ValueError("currency: expected a currency, was none")
    if move.quantity is None or not move.quantity > 0:
        raise ValueError("quantity: expected more than zero, was not")
    return msgspec.json.encode({"currency": move.currency, "quantity": format_amount(move.quantity)})


def moved(move: Move, body: bytes) -> Moved:
    """What an answer of 2xx says was done; raises `OffWireError` where that is not what was asked."""
    if move.kind is MoveKind.CLOSE:
        close = close_request_of(decode(body, wire.CloseRequest))
        return Moved(close=close, venue_ids=(close.id,))
    if move.kind is MoveKind.COLLATERAL_WITHDRAWAL:
        withdrawal = withdrawal_of(decode(body, wire.Withdrawal))
        if (withdrawal.currency, withdrawal.quantity) != (move.currency, move.quantity):
            raise OffWireError("expected the withdrawal that was asked for, was another")
        return Moved(withdrawal=withdrawal, venue_ids=(withdrawal.id,))
    if move.kind is MoveKind.COLLATERAL_TRANSFER:
        rows = [decode(body, wire.Balance)]
    else:
        said = decode(body, wire.Balances).balances
        if said is None:
            # Not required by the schema, but the only content of the answer: without it nothing was said.
            raise OffWireError("balances: expected what there is after the move, was nothing")
        rows = said
    balances = tuple(moved_balance_of(row) for row in rows)
    if move.currency is not None and all(balance.asset != move.currency for balance in balances):
        raise OffWireError("currency: expected the one that was moved, was another")
    ids = tuple(balance.transfer_id for balance in balances if balance.transfer_id is not None)
    return Moved(balances=balances, venue_ids=ids)
