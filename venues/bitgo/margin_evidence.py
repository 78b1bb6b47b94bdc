"""What BitGo shows of a move that was sent and not answered.

BitGo takes no id of ours with a move, so what shows afterwards is told apart by kind, content and time:

    close                    requests to close, made since; where it has orders, of the currencies asked for
    collateral withdrawal    requests for the same currency and quantity, made since
    position transfer        activity of type position-transfer, same currency and quantity, since
    cover                    activity of type position-transfer, of the currencies asked for, since
    collateral transfer      nothing: the balance of the collateral account has no history

"Since" is the time of the send less `SKEW_NS`: clocks differ. Too wide a net may take somebody else's equal
move for ours; too narrow a one would miss ours, and money would be moved a second time: so it is wide. Two
that could be it decide nothing.
"""

from collections.abc import AsyncIterator, Collection
from typing import Final

import msgspec

from router.core.movement import (
    Activity,
    ActivityQuery,
    ActivityType,
    CloseRequest,
    Move,
    Moved,
    MoveKind,
    MoveOutcome,
    MoveUnanswered,
    Withdrawal,
)
from router.ports import Lane, OffWireError, VenueUnreachableError
from venues.bitgo import margin_wire as wire
from venues.bitgo.client import Client
from venues.bitgo.encode import Query
from venues.bitgo.margin_lists import (
    ACTIVITY,
    CLOSE_REQUESTS,
    WITHDRAWALS,
    activity_query,
    paged,
)
from venues.bitgo.margin_parse import (
    activity_of,
    close_order_of,
    close_request_of,
    withdrawal_of,
)
from venues.transport.reader import decode
from venues.transport.times import format_time

SKEW_NS: Final = 60_000_000_000
"""How much earlier than our send the counterparty may say that it was made."""
PAGE: Final = 100
PAGES_MAX: Final = 100
NAMED_MAX: Final = 5
"""Ids that a message names."""


class MarginEvidence:
    """Looks for a move. A row that cannot be read may be the one: then the whole search raises."""

    def __init__(self, client: Client, account_id: str) -> None:
        self._client = client
        self._account_id = account_id

    async def find(self, move: Move, sent_at: int, known: Collection[str]) -> MoveOutcome | None:
        """What the counterparty shows of it; None: no trace. Raises as reads do."""
        since = sent_at - SKEW_NS
        match move.kind:
            case MoveKind.COLLATERAL_TRANSFER:
                return MoveUnanswered(
                    "a transfer of collateral leaves no trace by which it could be told from others"
                )
            case MoveKind.CLOSE:
                return await self._close(move, since, known)
            case MoveKind.COLLATERAL_WITHDRAWAL:
                return await self._withdrawal(move, since, known)
            case MoveKind.POSITION_TRANSFER | MoveKind.COVER:
                return await self._transfer(move, since, known)

    async def transfers_since(self, since: int) -> tuple[str, ...]:
        """The ids of every transfer onto a position since then, whoever made it."""
        return tuple([row.id async for row in self._transfers(ActivityQuery(since=since))])

    async def _close(self, move: Move, since: int, known: Collection[str]) -> MoveOutcome | None:
        found: dict[str, CloseRequest] = {}
        async for row in self._rows("close_requests", CLOSE_REQUESTS, {"dateGte": format_time(since)}):
            said = decode(row, wire.CloseRequest)
            if not self._ours(said.account_id):
                continue
            request = close_request_of(said)
            if request.at >= since and request.id not in known and await self._closes(move, request.id):
                found[request.id] = request
        if len(found) > 1:
            return _several(found)
        return next((Moved(close=one, venue_ids=(one.id,)) for one in found.values()), None)

    async def _closes(self, move: Move, request_id: str) -> bool:
        """Whether the orders that a request led to so far are of the currencies that were to be closed."""
        if move.currencies is None:
            return True
        answer = await self._client.read(
            "close_orders",
            *CLOSE_REQUESTS,
            request_id,
            "orders",
            kind=wire.CloseOrders,
            lane=Lane.LOOK_UP,
            scored=False,
        )
        return {close_order_of(row).currency for row in answer.orders} <= set(move.currencies)

    async def _withdrawal(self, move: Move, since: int, known: Collection[str]) -> MoveOutcome | None:
        found: dict[str, Withdrawal] = {}
        async for row in self._rows("withdrawals", WITHDRAWALS, {}):
            said = decode(row, wire.Withdrawal)
            if not self._ours(said.account_id):
                continue
            request = withdrawal_of(said)
            same = (request.currency, request.quantity) == (move.currency, move.quantity)
            if same and request.at >= since and request.id not in known:
                found[request.id] = request
        if len(found) > 1:
            return _several(found)
        return next((Moved(withdrawal=one, venue_ids=(one.id,)) for one in found.values()), None)

    async def _transfer(self, move: Move, since: int, known: Collection[str]) -> MoveOutcome | None:
        currencies = move.currencies or (() if move.currency is None else (move.currency,))
        found: dict[str, Activity] = {}
        async for row in self._transfers(ActivityQuery(since=since, currencies=currencies)):
            same = (not currencies or row.asset in currencies) and row.quantity > 0
            if move.quantity is not None:
                same = same and row.quantity == move.quantity
            if same and row.at >= since and row.id not in known:
                found[row.id] = row
        # A cover is one transfer to each short position.
        if len({row.asset for row in found.values()}) < len(found):
            return _several(found)
        return Moved(venue_ids=tuple(found)) if found else None

    async def _transfers(self, query: ActivityQuery) -> AsyncIterator[Activity]:
        asked = activity_query(msgspec.structs.replace(query, types=(ActivityType.POSITION_TRANSFER,)))
        async for raw in self._rows("position_activity", ACTIVITY, asked):
            said = decode(raw, wire.Activity)
            if not self._ours(said.account_id):
                continue
            row = activity_of(said)
            if row.type is ActivityType.POSITION_TRANSFER:
                yield row

    def _ours(self, account_id: str | None) -> bool:
        """Whether a row is of this account, as far as it says: a documented list shows others' too."""
        return account_id is None or account_id == self._account_id

    async def _rows(self, operation: str, steps: tuple[str, ...], query: Query) -> AsyncIterator[msgspec.Raw]:
        """Every row of a list: pages until one is empty, or only repeats."""
        seen: set[bytes] = set()
        offset = 0
        for _ in range(PAGES_MAX):
            answer = await self._client.read(
                operation,
                *steps,
                kind=wire.Listed,
                lane=Lane.LOOK_UP,
                query=paged(query, offset, PAGE),
                scored=False,
            )
            rows = answer.positions_activity if answer.data is None else answer.data
            if rows is None:
                raise OffWireError(f"expected a list of {operation}, was another thing")
            new = [row for row in rows if bytes(row) not in seen]
            if not new:
                return
            seen.update(bytes(row) for row in new)
            offset += len(rows)
            for row in new:
                yield row
        raise VenueUnreachableError(f"expected at most {PAGE * PAGES_MAX} rows of {operation}, were more")


def _several(found: Collection[str]) -> MoveUnanswered:
    named = ", ".join(list(found)[:NAMED_MAX])
    return MoveUnanswered(f"expected one that could be it, were {len(found)}: {named}")
