"""The margin operations that look back: the snapshot of positions as of a moment, and what made them up.

Source: bitgo-prime OpenAPI, GET margin/netopenpositions/snapshot, GET margin/positions/activity.
"""

from .clock import to_wire_time
from .desk import Desk
from .errors import INVALID_ARGUMENT, RefusedError, invalid_argument
from .gate import Call, Route
from .money import to_wire
from .rest import ACCOUNT
from .unsettled import KINDS, Leg, SnapshotRow
from .world import World


def _snapshot(_world: World, _desk: Desk, call: Call) -> object:
    account, query = call.account, call.query
    before = query.time("transactionDateLt")
    if before is None:
        # The published 400 has the same body for a date that is missing and for one that is malformed.
        raise RefusedError(INVALID_ARGUMENT, key="transactionDateLt")
    future = query.flag("useFutureTransfers") or False
    found = account.margin.unsettled.snapshot(before, query.texts("currency"), future_transfers=future)

    def shown(row: SnapshotRow) -> dict[str, str | None]:
        return {
            "currency": row.currency,
            "enterpriseId": account.enterprise_id,
            "accountId": account.id,
            "netOpenPosition": to_wire(row.position),
            "appliedFutureTransfers": to_wire(row.applied),
            "earliestTransactionDate": to_wire_time(row.earliest),
            "latestTransactionDate": to_wire_time(row.latest),
            "latestFutureTransferDate": to_wire_time(row.latest_applied) if row.latest_applied else None,
        }

    return {"netOpenPositions": [shown(row) for row in found]}


def _activity(_world: World, _desk: Desk, call: Call) -> object:
    account, query = call.account, call.query
    kinds = query.texts("type")
    for kind in kinds:
        if kind not in KINDS:
            raise invalid_argument("type", f"type must be one of {', '.join(KINDS)}.")
    found = account.margin.unsettled.activity(
        query.time("transactionDateGte"), query.time("transactionDateLt"), query.texts("currency"), kinds
    )

    def shown(leg: Leg) -> dict[str, str]:
        return {
            "type": leg.kind,
            "id": leg.id,
            "currency": leg.currency,
            "quantity": to_wire(leg.quantity),
            "enterpriseId": account.enterprise_id,
            "accountId": account.id,
            "transactionDate": to_wire_time(leg.time),
        }

    return {"positionsActivity": [shown(leg) for leg in query.page(found)]}


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        ACCOUNT + "/margin/netopenpositions/snapshot",
        "margin_read",
        _snapshot,
        queries=("transactionDateLt", "useFutureTransfers"),
        repeated=("currency",),
        margin=True,
    ),
    Route(
        "GET",
        ACCOUNT + "/margin/positions/activity",
        "margin_read",
        _activity,
        queries=("transactionDateGte", "transactionDateLt", "offset", "limit"),
        repeated=("currency", "type"),
        margin=True,
    ),
)
