"""Whether anything is open on a connection: an order that is not final, a move of margin that is not."""

from router.ports.records import Store

PAGE_LENGTH = 200
FOR_EVER = 2**63 - 1
"""Later than any order was made, in nanoseconds since the epoch."""


async def has_open(store: Store, connection_id: str) -> bool:
    """Whether an order or a move on the connection is not final, whichever router has it.

    The store is asked, not memory: others' count too, and an order is written before it is sent. Raises
    `StoreError`.
    """
    cursor: str | None = None
    while True:
        orders = await store.orders_live_in(connection_id, 0, FOR_EVER, PAGE_LENGTH, cursor)
        if any(not order.is_final for order in orders.data):
            return True
        cursor = orders.next_cursor
        if cursor is None:
            break
    while True:
        moves = await store.moves(connection_id, PAGE_LENGTH, cursor)
        if any(not move.final for move in moves.data):
            return True
        cursor = moves.next_cursor
        if cursor is None:
            return False
