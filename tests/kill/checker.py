"""What must hold, judged by the counterparties' ledgers and by what clients were told."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tests.kill.load import FINAL, Wish, end_of

ORDER_ID_LENGTH: Final = 36
NEVER_SENT: Final = (
    *("interrupted", "no_eligible_counterparty", "no_quotes", "price_moved"),
    *("store_unavailable", "venue_unavailable", "not_taken"),
)
"""What an order may end with that nobody was sent. `not_taken`: its intent was written, no more."""
START_UP_S: Final = 0.1
"""No router sends anything this soon after it was begun: what comes then was sent by the one before it."""

Order = Mapping[str, Any]


class Checker:
    """Keeps what was seen of the counterparties in one epoch, and holds the router's answers against it."""

    def __init__(self) -> None:
        self._sends: dict[str, datetime] = {}
        self._spawned: list[float] = []

    def spawned(self, at: float) -> None:
        """A router was begun, in seconds since the epoch."""
        self._spawned.append(at)

    def requests(self, entries: Iterable[Mapping[str, Any]]) -> list[str]:
        """Take what a counterparty was sent; what was sent twice, and what went out under an old id."""
        wrong = []
        for entry in entries:
            if entry["status"] == 429:
                wrong.append(f"429 for {entry['method']} {entry['path']}")
            own_id = entry["client_order_id"]
            if entry["method"] != "POST" or own_id is None:
                continue
            if own_id in self._sends:
                wrong.append(f"sent twice: {own_id}")
            self._sends[own_id] = datetime.fromisoformat(entry["time"])
        return wrong

    def check(
        self, orders: Sequence[Order], ledger: Iterable[Order], wishes: Iterable[Wish], *, everything: bool
    ) -> list[str]:
        """What is wrong with the router's orders, settled. `everything`: `orders` are all that there are."""
        known = {order["id"]: order for order in orders}
        wrong = [f"not settled: {_short(order)}" for order in orders if not settled(order)]
        executed: dict[str, Order] = {}
        for row in ledger:
            order_id = row["client_order_id"][:ORDER_ID_LENGTH]
            if order_id in executed:
                wrong.append(f"executed twice: {order_id}")
            executed[order_id] = row
            if order_id in known:
                wrong += _compared(known[order_id], row)
            elif everything:
                wrong.append(f"executed and unknown: {order_id}")
        sent = {own_id[:ORDER_ID_LENGTH] for own_id in self._sends}
        wrong += [line for order in orders for line in _unsent(order, order["id"] in sent, executed)]
        wrong += [line for order in orders for line in self._late(order)]
        wrong += [line for wish in wishes for line in _told(wish, known, everything=everything)]
        return wrong

    def _late(self, order: Order) -> list[str]:
        """Sends of an order by another process than the one that accepted it."""
        created = datetime.fromisoformat(order["created_at"]).timestamp()
        following = next((at for at in self._spawned if at > created), None)
        if following is None:
            return []
        return [
            f"sent after a restart: {own_id}"
            for own_id, at in self._sends.items()
            if own_id.startswith(order["id"]) and at.timestamp() > following + START_UP_S
        ]


def settled(order: Order) -> bool:
    """Whether an order is final, or rests as it was asked to."""
    return order["status"] in FINAL or rests(order)


def rests(order: Order) -> bool:
    """Whether an order is at the counterparty and stays there until it is filled or taken back."""
    working = order["status"] in ("new", "partially_filled") and not order["in_doubt"]
    return working and order["type"] == "limit"


def works(row: Order) -> bool:
    """Whether an order of the counterparty's ledger can still trade."""
    return row["status"] in ("open", "pending_open", "pending_cancel")


def _compared(order: Order, row: Order) -> list[str]:
    wrong = []
    if order["filled_quantity"] != row["filled_quantity"]:
        wrong.append(f"filled {row['filled_quantity']} at the counterparty: {_short(order)}")
    if order["venue_order_id"] != row["id"]:
        wrong.append(f"is {row['id']} at the counterparty: {_short(order)}")
    if works(row) == (order["status"] in FINAL):
        wrong.append(f"{row['status']} at the counterparty: {_short(order)}")
    if order["fills"] and {fill["id"] for fill in order["fills"]} - {fill["id"] for fill in row["fills"]}:
        wrong.append(f"has fills that the counterparty has not: {_short(order)}")
    return wrong


def _unsent(order: Order, sent: bool, executed: Mapping[str, Order]) -> list[str]:
    code = None if order["error"] is None else order["error"]["code"]
    if order["id"] in executed:
        if code in ("interrupted", "not_taken"):
            return [f"executed, but told {code}: {_short(order)}"]
        return []
    if order["status"] != "rejected" or order["filled_quantity"] != "0":
        return [f"not at the counterparty: {_short(order)}"]
    if not sent and code not in NEVER_SENT:
        return [f"never sent, but told {code}: {_short(order)}"]
    return []


def _told(wish: Wish, known: Mapping[str, Order], *, everything: bool) -> list[str]:
    """What clients were told, against what is."""
    ids = {answer.order_id for answer in wish.answers} - {None}
    if len(ids) > 1:
        return [f"{wish.key} was answered as {sorted(map(str, ids))}"]
    wrong = []
    for answer in wish.answers:
        order = known.get(answer.order_id or "")
        if answer.status >= 500 and answer.body["code"] not in ("venue_unavailable", "store_unavailable"):
            wrong.append(f"{wish.key} was answered {answer.status} {answer.body['code']}")
        if order is None:
            if answer.order_id is not None and everything:
                wrong.append(f"accepted and lost: {wish.key} {answer.order_id}")
        elif order["client_order_id"] != wish.key:
            wrong.append(f"{wish.key} was answered with the order of {order['client_order_id']}")
        elif answer.end is not None and answer.end != (now := _comparable(order, answer.end)):
            wrong.append(f"told {answer.end}, is {now}: {_short(order)}")
    return wrong


def _comparable(order: Order, end: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in end_of(order).items() if name in end}


def _short(order: Order) -> str:
    error = order["error"]
    names = ("id", "client_order_id", "status", "in_doubt", "filled_quantity", "venue_order_id")
    return str({name: order[name] for name in names} | {"code": None if error is None else error["code"]})
