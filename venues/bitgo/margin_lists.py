"""What a PTS account was asked to do and what its positions are made of: requests, their orders, activity."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from router.core.movement import Activity, ActivityQuery, CloseOrder, CloseRequest, Snapshot, Withdrawal
from router.ports import Lane, OffWireError, VenueUnreachableError
from venues.bitgo import margin_wire as wire
from venues.bitgo.client import Client
from venues.bitgo.encode import Query
from venues.bitgo.margin_parse import (
    activity_of,
    close_order_of,
    close_request_of,
    of_account,
    snapshot_of,
    withdrawal_of,
)
from venues.bitgo.wire import Rows
from venues.transport.telling import Telling
from venues.transport.times import format_time

CLOSE_REQUESTS: Final = ("margin", "positions", "close", "requests")
WITHDRAWALS: Final = ("margin", "collateral", "withdrawalrequests")
ACTIVITY: Final = ("margin", "positions", "activity")
ACTIVITY_PAGE_MAX: Final = 500
"""The largest page of activity that is served (`limit` in the description)."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_INVALID_NAMES: Final = ("backend:common:invalidArgument", "backend:externalAPI:invalidParameters")

T = TypeVar("T")


class MarginLists:
    """Lists for people. A row that cannot be read, or is another account's, is dropped and told."""

    def __init__(self, client: Client, account_id: str, telling: Telling) -> None:
        self._client = client
        self._account_id = account_id
        self._telling = telling

    async def close_requests(self, offset: int, limit: int) -> Sequence[CloseRequest]:
        """Requests to close positions, as the counterparty orders them."""
        rows = await self._page("close_requests", CLOSE_REQUESTS, {}, offset, limit)
        return self._kept(
            rows, lambda row: close_request_of(self._own(row, wire.CloseRequest)), "close_request"
        )

    async def close_request(self, request_id: str) -> CloseRequest | None:
        """One of them; None if there is none."""
        row = await self._one("close_request", wire.CloseRequest, *CLOSE_REQUESTS, request_id)
        return None if row is None else _asked_for(close_request_of(row), request_id)

    async def close_orders(self, request_id: str) -> Sequence[CloseOrder]:
        """The orders that one led to."""
        found = await self._one("close_orders", wire.CloseOrders, *CLOSE_REQUESTS, request_id, "orders")
        return [] if found is None else [close_order_of(row) for row in found.orders]

    async def withdrawals(self, offset: int, limit: int) -> Sequence[Withdrawal]:
        """Requests to take collateral back."""
        rows = await self._page("withdrawals", WITHDRAWALS, {}, offset, limit)
        return self._kept(rows, lambda row: withdrawal_of(self._own(row, wire.Withdrawal)), "withdrawal")

    async def withdrawal(self, request_id: str) -> Withdrawal | None:
        """One of them; None if there is none."""
        row = await self._one("withdrawal", wire.Withdrawal, *WITHDRAWALS, request_id)
        return None if row is None else _asked_for(withdrawal_of(row), request_id)

    async def snapshot(
        self, until: int, currencies: Sequence[str], *, use_future_transfers: bool
    ) -> Sequence[Snapshot]:
        """Unsettled positions by the transactions before `until`."""
        query: dict[str, str | Sequence[str]] = {
            "transactionDateLt": format_time(until),
            "useFutureTransfers": "true" if use_future_transfers else "false",
        }
        if currencies:
            query["currency"] = tuple(currencies)
        found = await self._client.read(
            "position_snapshot",
            *("margin", "netopenpositions", "snapshot"),
            kind=wire.Snapshots,
            lane=Lane.REST,
            query=query,
            scored=False,
        )
        return [snapshot_of(row) for row in found.net_open_positions]

    async def activity(self, query: ActivityQuery, offset: int, limit: int) -> Sequence[Activity]:
        """The fill legs and transfers that make up unsettled positions."""
        found = await self._client.read(
            "position_activity",
            *ACTIVITY,
            kind=wire.Activities,
            lane=Lane.REST,
            query=paged(activity_query(query), offset, min(limit, ACTIVITY_PAGE_MAX)),
            scored=False,
        )
        rows = found.positions_activity
        return self._kept(rows, lambda row: activity_of(self._own(row, wire.Activity)), "position_activity")

    async def _page(
        self, operation: str, steps: tuple[str, ...], query: Mapping[str, str], offset: int, limit: int
    ) -> list[msgspec.Raw]:
        found = await self._client.read(
            operation,
            *steps,
            kind=Rows,
            lane=Lane.REST,
            query=paged(query, offset, limit),
            scored=False,
        )
        return found.data

    async def _one(self, operation: str, kind: type[T], *steps: str) -> T | None:
        """What has an id; None where there is nothing of that id, or it could be no id at all."""
        if not all(is_id(step) for step in steps):
            return None
        try:
            return await self._client.read_if_there(operation, *steps, kind=kind, lane=Lane.REST)
        except VenueUnreachableError as error:
            # What is no UUID is refused as such.
            said = error.venue_error
            if said is not None and said.http_status == 400 and said.name in _INVALID_NAMES:
                return None
            raise

    def _own(self, row: msgspec.Raw, kind: type[T]) -> T:
        return of_account(row, kind, self._account_id)

    def _kept(self, rows: list[msgspec.Raw], read: Callable[[msgspec.Raw], T], what: str) -> list[T]:
        kept = []
        for row in rows:
            try:
                kept.append(read(row))
            except OffWireError:
                self._telling.bad_data("", what)
        return kept


def is_id(text: str) -> bool:
    """Whether a text could be the id of a request: it goes into a path, where `..` would mean another."""
    return _ID.fullmatch(text) is not None


def paged(query: Query, offset: int, limit: int) -> Query:
    """A query for one page."""
    return {**query, "offset": str(offset), "limit": str(limit)}


def activity_query(query: ActivityQuery) -> Query:
    """What activity is asked for; several currencies and types are repeated fields."""
    asked: dict[str, str | Sequence[str]] = {}
    if query.since is not None:
        asked["transactionDateGte"] = format_time(query.since)
    if query.until is not None:
        asked["transactionDateLt"] = format_time(query.until)
    if query.currencies:
        asked["currency"] = query.currencies
    if query.types:
        asked["type"] = tuple(kind.value for kind in query.types)
    return asked


R = TypeVar("R", CloseRequest, Withdrawal)


def _asked_for(found: R, request_id: str) -> R:
    if found.id != request_id:
        raise OffWireError("id: expected the request that was asked for, was another's")
    return found
