"""What the HTTP surface needs of the router: a desk. Tests implement it with a fake."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from router.core.finding import Finding
from router.core.model import OnCreditFailure, OrderRequest
from router.core.order import Order
from router.core.record import CompetitionRecord, Doubt, RfqRecord, Submission
from router.ports import ConnectionView, RecordPage


class DoubtsPort(Protocol):
    """The orders in doubt, and what people found out of them."""

    def of(self, order: Order) -> Doubt | None:
        """What is known of an order's doubt; None where it is in none."""

    def page(self, limit: int, cursor: str | None) -> RecordPage:
        """The orders in doubt, newest first; raises `ValueError` for a cursor that is none of this list."""

    async def record(self, order_id: str, make: Callable[[Order, int], Finding]) -> None:
        """End an order in doubt by what `make` makes of it at a time.

        Raises `NotFoundError`, `ConflictError`, `InvalidRequestError`, `UnavailableError`.
        """


class DeskPort(Protocol):
    """Takes orders and answers for them. Every refusal is a `RouterError`; times are nanoseconds."""

    @property
    def doubts(self) -> DoubtsPort:
        """The orders in doubt."""

    @property
    def at_work(self) -> int:
        """How many orders and RFQs are under way that do not wait for a counterparty."""

    async def submit(self, request: OrderRequest) -> Submission:
        """Run a competition and execute on its winner; returns by the answer deadline at the latest."""

    async def order(self, order_id: str) -> Submission:
        """One order with its competition; raises `NotFoundError`."""

    async def order_by_client_id(self, client_order_id: str) -> Submission:
        """The order with this idempotency key; raises `NotFoundError`."""

    async def orders(self, limit: int, cursor: str | None) -> RecordPage:
        """Orders, newest first; raises `ValueError` for a cursor that is none of ours."""

    async def cancel(self, order_id: str) -> Submission:
        """Ask for a working order to be cancelled; raises `NotFoundError`, `ConflictError`."""

    async def request_quote(self, request: OrderRequest) -> RfqRecord:
        """Run a competition and execute nothing; `client_order_id` is empty, the type is market."""

    async def rfq(self, rfq_id: str) -> RfqRecord:
        """One RFQ; raises `NotFoundError`."""

    async def accept(
        self,
        rfq_id: str,
        client_order_id: str,
        connection_id: str | None,
        on_credit_failure: OnCreditFailure | None,
    ) -> Submission:
        """Execute on an RFQ's best quote, or on the connection named.

        Raises `NotFoundError`, `RfqExpiredError`, `InvalidRequestError` (a connection without a quote).
        """

    async def competition(self, competition_id: str) -> CompetitionRecord:
        """The record of a competition; raises `NotFoundError`."""

    def connections(self) -> Sequence[ConnectionView]:
        """Every connection with its condition now."""

    async def readiness(self) -> Mapping[str, str | None]:
        """Each check by name: None where it is well, else what is wrong. Never a secret."""
