"""What must hold, whatever happened. It knows the counterparties' ledgers and what the clients were told.

The router's record, the durable half of its store, is what is judged; nothing else of the router is asked but
what is still reserved at the end.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from router.core.attempt import Attempt
from router.core.errors import Code
from router.core.ledger import Ledger
from router.core.model import Fill, OrderStatus
from router.core.order import Order, TransitionError, step
from router.journal.codec import decode_order, encode
from router.service.desk import Desk
from tests.sim.clients import Client, Told
from tests.sim.counterparty import Counterparty
from tests.sim.deal import Deal
from tests.sim.line import Line
from tests.sim.store import Disk

ID_LENGTH = 36
NEVER_ARRIVED = (Code.INTERRUPTED, Code.NO_QUOTES, Code.NO_ELIGIBLE_COUNTERPARTY)
ZERO = Decimal(0)


def check(disk: Disk, parties: Sequence[Counterparty], clients: Sequence[Client]) -> list[str]:
    """Every violation, a line each."""
    found: list[str] = []
    arrived: defaultdict[str, list[tuple[Counterparty, str]]] = defaultdict(list)
    for party in parties:
        found += [f"spent twice: {party.connection.id} had not the {what}" for what in party.short]
        for own_id, times in party.arrived.items():
            arrived[own_id[:ID_LENGTH]].append((party, own_id))
            if times > 1:
                found.append(f"sent twice: {party.connection.id} got {own_id} {times} times")
    found += [f"sent and unknown: {order_id}" for order_id in arrived if order_id not in disk.orders]
    for order_id in disk.orders:
        order = decode_order(disk.orders[order_id])
        key = order.request.client_order_id
        found += [f"{key}: {what}" for what in _check_order(order, arrived[order_id])]
        found += [f"{key}: {what}" for what in _check_replay(disk, order)]
    for client in clients:
        found += [f"{client.key}: {what}" for what in _check_client(disk, client, arrived)]
    return found


def check_quiet(desk: Desk, ledger: Ledger, lines: Sequence[Line]) -> list[str]:
    """What must hold when nothing is under way any more."""
    found = []
    if desk.in_flight:
        found.append(f"{desk.in_flight} orders are not final")
    if desk.at_work:
        found.append(f"{desk.at_work} orders or RFQs are at work")
    for order_id, reservation in ledger.reservations().items():
        found.append(f"reservation leaked: {order_id} has {reservation.claim}")
    questions = len(desk._competing._tasks)
    if questions:
        found.append(f"{questions} questions for prices are open")
    left = [(line.connection.id, line.taken) for line in lines if line.taken]
    return found + [f"{count} requests of {name} were taken and not given back" for name, count in left]


def _check_order(order: Order, arrived: Sequence[tuple[Counterparty, str]]) -> list[str]:
    """An order's record against what the counterparties have of it."""
    found = []
    if not order.is_final:
        found.append(f"not final: {order.phase}")
    tried = {attempt.outbound.venue_client_order_id: attempt for attempt in order.attempts}
    last = order.attempts[-1].outbound.venue_client_order_id if order.attempts else ""
    executed: list[Deal] = []
    for party, own_id in arrived:
        if own_id not in tried:
            found.append(f"sent without an intent: {own_id}")
        for deal in party.deals.get(own_id, ()):
            if deal.denied and not (own_id == last and order.filled_base):
                found += _check_denied(order, tried.get(own_id), deal, party)
            elif deal.fills:
                executed.append(deal)
    if len(executed) > 1:
        found.append(f"executed twice: {[deal.venue_order_id for deal in executed]}")
    fills = {fill.id: fill for deal in executed for fill in deal.fills}
    base, quote = _sums(fills.values())
    whole = order.request.quantity
    if (base if order.request.in_base else quote) > whole:
        found.append(f"executed beyond its size: {base} for {quote}, of {whole}")
    if executed and not _denied(arrived):
        found += _differences(order, fills, base, quote)
    elif not arrived and order.filled_base:
        found.append(f"filled {order.filled_base}, and nothing arrived anywhere")
    return found + _check_status(order, base, arrived)


def _differences(order: Order, fills: dict[str, Fill], base: Decimal, quote: Decimal) -> list[str]:
    found = []
    if (order.filled_base, order.filled_quote) != (base, quote):
        was = f"{order.filled_base} for {order.filled_quote}"
        found.append(f"executed and unknown: expected {base} for {quote}, was {was}")
    recorded = {fill.id: fill for fill in order.fills}
    if len(recorded) != len(order.fills):
        found.append("a fill was counted twice")
    for fill_id, fill in recorded.items():
        true = fills.get(fill_id)
        if true is None or (true.price, true.quantity_base) != (fill.price, fill.quantity_base):
            found.append(f"a fill that was not: {fill_id}")
    missing = sorted(fills.keys() - recorded.keys())
    if missing:
        found.append(f"fills unknown: {missing}")
    return found


def _check_status(order: Order, base: Decimal, arrived: Sequence[tuple[Counterparty, str]]) -> list[str]:
    found = []
    request, status = order.request, order.status
    code = None if order.error is None else order.error.code
    denied = _denied(arrived)
    if status is OrderStatus.REJECTED:
        if base and not denied:
            found.append(f"rejected, and {base} was executed")
        if code is None:
            found.append("rejected without an error")
    if status is OrderStatus.FILLED and (base < request.quantity if request.in_base else not base):
        found.append(f"filled, and {base} of {request.quantity} was executed")
    if code is Code.NOT_TAKEN and any(party.deals.get(own_id) for party, own_id in arrived) and not denied:
        found.append("not_taken, and a counterparty has it")
    if code in NEVER_ARRIVED and arrived:
        found.append(f"{code}, and it arrived at {[party.connection.id for party, _ in arrived]}")
    if status is OrderStatus.REJECTED and code is not None and code.is_credit:
        said = [_said(party, own_id) for party, own_id in arrived]
        if code not in said:
            found.append(f"{code}, and the counterparties said {said}")
    return found


def _said(party: Counterparty, own_id: str) -> Code | None:
    """The code that a counterparty refused or ended an order with."""
    if own_id in party.refusals:
        return party.refusals[own_id].code
    error = next((deal.error for deal in party.deals.get(own_id, ()) if deal.error is not None), None)
    return None if error is None else error.code


def _denied(arrived: Sequence[tuple[Counterparty, str]]) -> bool:
    return any(deal.denied for party, own_id in arrived for deal in party.deals.get(own_id, ()))


def _check_denied(order: Order, attempt: Attempt | None, deal: Deal, party: Counterparty) -> list[str]:
    """An order that was denied and executed all the same: what a router heard of it is in its record."""
    crashed = party.world.seen["crashed"] or party.world.seen["stopped"]
    if crashed or attempt is None or not deal.heard:
        return []
    recorded = {fill.id for fill in (*order.fills, *attempt.executed_fills)}
    missing = [fill.id for fill in deal.fills if fill.id not in recorded]
    return [f"executed against its word, and unknown: {missing}"] if missing else []


def _check_replay(disk: Disk, order: Order) -> list[str]:
    replayed = decode_order(disk.accepted[order.id])
    try:
        for at, event in disk.history(order.id):
            replayed = step(replayed, event, at)
    except TransitionError as error:
        return [f"replay: {error}"]
    expected, was = _hash(order), _hash(replayed)
    return [] if expected == was else [f"replay: expected {expected}, was {was}"]


def _hash(order: Order) -> str:
    return hashlib.sha256(encode(order)).hexdigest()[:16]


def _check_client(
    disk: Disk, client: Client, arrived: dict[str, list[tuple[Counterparty, str]]]
) -> list[str]:
    """What a client was told against how it ended."""
    told = client.orders
    order = disk.order(disk.keys.get(client.key, ""))
    if order is None:
        return ["told of an order that nobody knows"] if told else []
    found = []
    if order.request not in client.wanted:
        found.append(f"an order that was not asked for: {order.request}")
    final: Told | None = None
    for each in client.history:
        seen = each.order
        if seen is None:
            continue
        if seen.id != order.id:
            found.append(f"two orders for one key: {seen.id} and {order.id}")
            continue
        # What was executed against a counterparty's word is asked for by nobody once the order is final.
        forgotten = disk.failed_at is not None and _denied(arrived.get(order.id, ()))
        if seen.filled_base > order.filled_base and not forgotten:
            found.append(f"told of {seen.filled_base} filled, ended with {order.filled_base}")
        if not seen.is_final and final is not None and final.kept and each.asked_at > final.at:
            found.append(f"final, and then {seen.phase}")
        if seen.is_final:
            final = each
            against_its_word = each.excused and _denied(arrived.get(order.id, ()))
            found += [] if against_its_word else _check_final(each, seen, order)
    nothing_done = all(each.nothing_done for each in client.history) and not client.unanswered
    if client.history and nothing_done and arrived.get(order.id):
        found.append("told that nothing was done, and it was sent")
    return found


def _check_final(told: Told, seen: Order, order: Order) -> list[str]:
    """An end that was told is the end.

    What was executed is told as soon as it is known: after a crash it is found again, and so is the end. A
    refusal stands in our journal alone, so it is told once it is durable there, unless the store fails.
    """
    found = []
    if seen.status is not order.status:
        found.append(f"told {seen.status}, ended {order.status}")
    refused = seen.status is OrderStatus.REJECTED
    if refused and not told.kept and not told.excused:
        found.append(f"told {_code(seen)} before it was durable")
    if _code(seen) != _code(order) and not (refused and told.excused):
        found.append(f"told {_code(seen)}, ended with {_code(order)}")
    return found


def _code(order: Order) -> str | None:
    return None if order.error is None else order.error.code.value


def _sums(fills: Iterable[Fill]) -> tuple[Decimal, Decimal]:
    base, quote = ZERO, ZERO
    for fill in fills:
        base, quote = base + fill.quantity_base, quote + fill.quantity_quote
    return base, quote
