"""`orders resolve`: what somebody found out of an order in doubt, recorded with their name and reason."""

from typing import Literal

from rich.console import Console

from router.cli import answering
from router.cli.access import HERE, Access
from router.cli.answers import Order, read
from router.cli.client import UnansweredError
from router.cli.exits import Exit
from router.cli.order import show_order
from router.cli.reading import by_any_id


def resolve(
    order_id: str,
    /,
    *,
    found: Literal["absent", "executed"],
    by: str,
    reason: str,
    venue_order_id: str | None = None,
    filled_quantity: str | None = None,
    average_price: str | None = None,
    final_status: Literal["filled", "canceled"] | None = None,
    access: Access = HERE,
) -> int:
    """Record what became of an order in doubt, found out by other means.

    It ends the order, for good: look at the counterparty's own page or ask them
    first. The name and the reason are kept with the order.

    Parameters
    ----------
    order_id
        The order's id, or its client order id.
    found
        absent: the counterparty never took it. executed: it did, and nothing more of it will trade.
    by
        Who found it out.
    reason
        How, and why that can be relied on.
    venue_order_id
        The counterparty's id of the order; needed where it was executed.
    filled_quantity
        What was traded, in base currency; needed where it was executed; 0 if nothing was.
    average_price
        At what price on average, quote per base; needed where something was traded.
    final_status
        How it ended; without it, filled where all of it was traded, else canceled.
    """

    def show(console: Console, ended: Order) -> Exit:
        show_order(console, ended, brief=True)
        return Exit.DONE

    def run() -> Exit:
        client = access.client()
        order = by_any_id(client, order_id)
        if order.is_problem:
            return answering.reading(order, Order, json=access.json, show=show)
        said: dict[str, object] = {
            "finding": found,
            "operator": by,
            "reason": reason,
            "venue_order_id": venue_order_id,
            "filled_quantity": filled_quantity,
            "average_price": average_price,
            "final_status": final_status,
        }
        try:
            reply = client.post("v1", "orders", read(order.body, Order).id, "finding", body=said)
        except UnansweredError as error:
            answering.complain(f"{error}: whether the finding was recorded is not known")
            return Exit.UNKNOWN
        return answering.reading(reply, Order, json=access.json, show=show)

    return answering.guarded(run)
