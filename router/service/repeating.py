"""Whether a repeated idempotency key means the same again."""

from router.core.errors import Code, ConflictError
from router.core.model import OrderRequest
from router.core.order import Order
from router.core.record import RfqRecord, Submission


def of_rfq(known: Submission, rfq: RfqRecord) -> Submission:
    """The answer to an acceptance. Raises `ConflictError` where its id was used for another RFQ's."""
    if known.competition is not None and known.competition.id != rfq.competition.id:
        raise ConflictError(
            Code.CLIENT_ORDER_ID_REUSED,
            "rfq: expected as in the first request with this client_order_id, was another",
        )
    return known


def differing_field(request: OrderRequest, order: Order, *, protected: bool) -> str | None:
    """The first field in which a repeated request is another than the first; None if it is the same."""
    if protected != order.protected:
        return "rfq"
    for field in request.__struct_fields__:
        if getattr(request, field) != getattr(order.request, field):
            return field
    return None
