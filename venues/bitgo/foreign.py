"""Orders of the account that this router did not send: liquidations, closings, other programs, people.

BitGo marks them in no way. An order without a client order id is nobody's; one with an id that is not made
as ours are was sent by somebody else.
"""

from router.core.attempt import venue_client_order_id
from router.core.model import Connection, Side
from router.ports import ForeignOrder
from venues.bitgo import wire
from venues.bitgo.encode import funding_of
from venues.bitgo.parse import filled_of_message, state_of_message

_ORDER_ID_LENGTH = 36


def may_be_ours(client_order_id: str, connection_id: str) -> bool:
    """Whether an id has the form that this router gives to a connection's orders."""
    order_id, rest = client_order_id[:_ORDER_ID_LENGTH], client_order_id[_ORDER_ID_LENGTH + 1 :]
    attempt = rest.partition("-")[0]
    if not (attempt.isascii() and attempt.isdigit() and len(attempt) <= 9):
        return False
    return client_order_id == venue_client_order_id(order_id, connection_id, int(attempt))


def foreign_order_of(message: wire.OrderMessage, connection: Connection, now: int) -> ForeignOrder | None:
    """What a message says of an order that is not ours; None where it is of the account's other kind.

    A side that is none is left out: whatever is shown of somebody else's order decides nothing. Raises
    `OffWireError` where the state or what was filled cannot be read.
    """
    if message.funding_type and message.funding_type != funding_of(connection):
        return None
    return ForeignOrder(
        venue_order_id=message.order_id,
        venue_client_order_id=message.client_order_id or None,
        product=message.product,
        side=next((side for side in Side if side.value == message.side), None),
        state=state_of_message(message),
        filled_base=filled_of_message(message),
        at=now,
    )
