"""Whether a repeated idempotency key means the same again."""

from router.core.errors import Code, ConflictError
from router.core.instruction import Instruction
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
    return _differing(request, order.request)


def _differing(repeated: OrderRequest | Instruction, first: OrderRequest | Instruction) -> str | None:
    """The first field that differs; of two instructions of one type, the field inside."""
    for field in repeated.__struct_fields__:
        mine, known = getattr(repeated, field), getattr(first, field)
        if mine == known:
            continue
        if isinstance(mine, Instruction) and type(mine) is type(known):
            return _differing(mine, known)
        return field
    return None
