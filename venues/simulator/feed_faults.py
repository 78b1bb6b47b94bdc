"""The one seam where faults meet the feed: a message goes in, what is sent for it comes out."""

from datetime import timedelta
from decimal import Decimal

import msgspec

from .clock import now, to_wire_time
from .fault_model import FeedFault
from .orders import Order

_STALE = timedelta(hours=1)
_GARBAGE = b'{"channel":"level2","type":"snapsho'


def spoil(message: dict[str, object], faults: list[FeedFault]) -> bytes | None:
    """Give what goes out for a message under these faults; None if nothing does."""
    for fault in faults:
        match fault.kind:
            case "silent":
                return None
            case "garbage":
                return _GARBAGE
            case "stale":
                message["time"] = to_wire_time(now() - _STALE)
            case "wrong_product":
                message["product"] = "WRONG-PRODUCT"
            case "crossed" if "bids" in message:
                message["bids"], message["asks"] = _crossed(message)
            case "unordered" if "bids" in message:
                for side in ("bids", "asks"):
                    message[side] = _levels(message, side)[::-1]
            case "off_tick" if "bids" in message:
                for side in ("bids", "asks"):
                    message[side] = [[_off_tick(row[0]), *row[1:]] for row in _levels(message, side)]
            case _:
                continue
    return msgspec.json.encode(message)


def _levels(message: dict[str, object], side: str) -> list[list[str]]:
    return msgspec.convert(message[side], list[list[str]])


def _crossed(message: dict[str, object]) -> tuple[list[list[str]], list[list[str]]]:
    """Shift the bids above the asks, so that each side keeps its own order."""
    bids, asks = _levels(message, "bids"), _levels(message, "asks")
    if not bids or not asks:
        return bids, asks
    gap = (Decimal(asks[0][0]) - Decimal(bids[0][0])) * 2
    return [[format(Decimal(row[0]) + gap, "f"), *row[1:]] for row in bids], asks


def _off_tick(price: str) -> str:
    """Write a price with three digits more than a tick has."""
    return price + "123" if "." in price else price + ".123"


class OrderMessages:
    """The messages of orders whose plan has them doubled, swapped or lost."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, object]] = {}

    def pass_on(self, order: Order, message: dict[str, object]) -> list[dict[str, object]]:
        """Give what goes out when `message` is due, in this order."""
        plan = order.plan
        if plan.drop_messages:
            return []
        out = [message]
        if plan.reorder_messages:
            earlier = self._kept.pop(order.id, None)
            if earlier is not None:
                out = [message, earlier]
            elif not order.final:
                # Kept back until the next one has overtaken it.
                self._kept[order.id] = message
                out = []
        return [one for one in out for _ in range(2)] if plan.duplicate_messages else out
