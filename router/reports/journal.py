"""What reports read of the journal: the part of `router.ports.Journal` that answers, never writes."""

from collections.abc import Collection, Mapping
from typing import Protocol

from router.core.order import Order
from router.ports import RecordPage


class ReportJournal(Protocol):
    """The journal as reports see it; every method raises `StoreError`."""

    async def order(self, order_id: str) -> Order | None:
        """One order."""

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        """Orders, newest first."""

    async def orders_at_venue(
        self, connection_id: str, venue_order_ids: Collection[str]
    ) -> Mapping[str, Order]:
        """Our orders on a connection by the counterparty's ids."""

    async def orders_live_in(
        self, connection_id: str, since: int, until: int, limit: int, cursor: str | None
    ) -> RecordPage:
        """Orders last sent to a connection, made before `until` and changed at or after `since`."""

    async def competition(self, competition_id: str) -> bytes | None:
        """A competition's record."""
