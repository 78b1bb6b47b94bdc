"""A desk that answers what it was told to, and remembers what it was asked."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from router.core.errors import Code, ConflictError, NotFoundError
from router.core.finding import Finding
from router.core.model import OnCreditFailure, OrderRequest
from router.core.order import FindingRecorded, Order, step
from router.core.record import CompetitionRecord, Doubt, RfqRecord, Submission
from router.ports import ConnectionView, RecordPage
from router.ports.accounts import AccountEntry
from router.service.connecting.connections import (
    AccountView,
    ConnectionChange,
    Credentials,
    Fields,
    Lifecycle,
    NewConnection,
    Origin,
)
from tests.http import account_samples, samples

T = TypeVar("T")


class FakeDoubts:
    """Implements `router.http.ports.DoubtsPort`; `found` is every finding that was recorded."""

    def __init__(self, desk: "FakeDesk") -> None:
        self._desk = desk
        self.orders = (samples.IN_DOUBT,)
        self.next_cursor: str | None = None
        self.doubt = samples.DOUBT
        self.found: list[tuple[str, Finding]] = []

    def of(self, order: Order) -> Doubt | None:
        return self.doubt if order.in_doubt else None

    def page(self, limit: int, cursor: str | None) -> RecordPage:
        self._desk.calls.append(("doubts", limit, cursor))
        if cursor == "not-ours":
            raise ValueError(cursor)
        return RecordPage(self.orders, self.next_cursor)

    async def record(self, order_id: str, make: Callable[[Order, int], Finding]) -> None:
        order = self._desk.submission.order
        if order_id != order.id:
            raise NotFoundError("something with this id")
        if not order.in_doubt:
            raise ConflictError(Code.ORDER_NOT_IN_DOUBT, "expected an order in doubt, was filled")
        finding = make(order, samples.NOW)
        self.found.append((order_id, finding))
        self._desk.answer_with(step(order, FindingRecorded(finding), samples.NOW))


class FakeDesk:
    """Implements `router.http.ports.DeskPort`; `error`, if set, is raised by whatever is called next."""

    def __init__(self) -> None:
        self.submission = Submission(samples.FILLED, samples.COMPETITION)
        self.rfq_record = samples.RFQ
        self.views: tuple[ConnectionView, ...] = samples.VIEWS
        self.checks: dict[str, str | None] = {"store": None, "connections": None}
        self.page = RecordPage((samples.FILLED,), None)
        self.doubts = FakeDoubts(self)
        self.error: Exception | None = None
        self.requests: list[OrderRequest] = []
        self.looked_up: list[str] = []
        self.calls: list[tuple[object, ...]] = []
        self.at_work = 0

    async def submit(self, request: OrderRequest) -> Submission:
        self.requests.append(request)
        return self._answer(self.submission)

    async def order(self, order_id: str) -> Submission:
        return self._found(order_id, self.submission.order.id, self.submission)

    async def order_by_client_id(self, client_order_id: str) -> Submission:
        own = self.submission.order.request.client_order_id
        return self._found(client_order_id, own, self.submission)

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        self.calls.append(("orders", limit, cursor))
        if cursor == "not-ours":
            raise ValueError(cursor)
        return self._answer(self.page)

    async def cancel(self, order_id: str) -> Submission:
        self.calls.append(("cancel", order_id))
        return self._found(order_id, self.submission.order.id, self.submission)

    async def request_quote(self, request: OrderRequest) -> RfqRecord:
        self.requests.append(request)
        return self._answer(self.rfq_record)

    async def rfq(self, rfq_id: str) -> RfqRecord:
        return self._found(rfq_id, self.rfq_record.id, self.rfq_record)

    async def accept(
        self,
        rfq_id: str,
        client_order_id: str,
        connection_id: str | None,
        on_credit_failure: OnCreditFailure | None,
    ) -> Submission:
        self.calls.append(("accept", rfq_id, client_order_id, connection_id, on_credit_failure))
        return self._found(rfq_id, self.rfq_record.id, self.submission)

    async def competition(self, competition_id: str) -> CompetitionRecord:
        return self._found(competition_id, samples.COMPETITION.id, samples.COMPETITION)

    def connections(self) -> Sequence[ConnectionView]:
        return self.views

    async def readiness(self) -> Mapping[str, str | None]:
        return self._answer(self.checks)

    def answer_with(self, order: Order, competition: CompetitionRecord | None = None) -> None:
        """Answer with this order from now on."""
        self.submission = Submission(order, competition)

    def _found(self, wanted: str, own: str, answer: T) -> T:
        self.looked_up.append(wanted)
        if wanted != own:
            raise NotFoundError("something with this id")
        return self._answer(answer)

    def _answer(self, answer: T) -> T:
        if self.error is not None:
            raise self.error
        return answer


class FakeRoster:
    """Implements `router.ports.accounts.Roster`; a test puts in what it needs."""

    def __init__(self, *entries: AccountEntry) -> None:
        self.listed = list(entries)

    def entries(self) -> Sequence[AccountEntry]:
        return tuple(self.listed)

    def entry(self, connection_id: str) -> AccountEntry | None:
        return next((entry for entry in self.listed if entry.connection.id == connection_id), None)


class FakeConnections:
    """Implements `ConnectionsPort` over a desk's connections; `error`, if set, is raised by what changes."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk
        self.error: Exception | None = None
        self.added: list[NewConnection] = []
        self.changes: list[tuple[str, ConnectionChange]] = []
        self.removed: list[str] = []
        self.tested: list[str] = []
        self.lifecycle = Lifecycle.ACTIVE

    def views(self) -> Sequence[AccountView]:
        return [self._shown(view) for view in self._desk.views]

    def view(self, connection_id: str) -> AccountView:
        for shown in self.views():
            if shown.connection.id == connection_id:
                return shown
        raise NotFoundError("a connection with this id")

    async def add(self, wanted: NewConnection) -> AccountView:
        self._refuse()
        self.added.append(wanted)
        return self._shown(account_samples.view_of(wanted.fields), wanted.fields, made_at=samples.NOW)

    async def change(self, connection_id: str, change: ConnectionChange) -> AccountView:
        shown = self.view(connection_id)
        self._refuse()
        self.changes.append((connection_id, change))
        return shown

    async def remove(self, connection_id: str) -> AccountView:
        shown = self.view(connection_id)
        self._refuse()
        self.removed.append(connection_id)
        return msgspec.structs.replace(shown, lifecycle=Lifecycle.DRAINING)

    async def test(self, connection_id: str) -> AccountView:
        shown = self.view(connection_id)
        self._refuse()
        self.tested.append(connection_id)
        return shown

    def _refuse(self) -> None:
        if self.error is not None:
            raise self.error

    def _shown(
        self, view: ConnectionView, fields: Fields | None = None, made_at: int | None = None
    ) -> AccountView:
        return AccountView(
            view=view,
            origin=Origin.SETTINGS if made_at is None else Origin.API,
            lifecycle=self.lifecycle,
            credentials=Credentials.REFERENCE if made_at is None else Credentials.SEALED,
            fields=account_samples.fields_of(view) if fields is None else fields,
            made_at=made_at,
            changed_at=made_at,
        )
