"""What orders in flight have reserved of balances, over every router on the database."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from router.core.money import ZERO, add
from router.journal.postgres_link import Connection
from router.journal.postgres_operations import Append, Claim, Outcome, Owner
from router.ports import ReservationRefusedError

CLOCK_SKEW_NS: Final = 1_000_000_000
"""How far two routers' clocks may be apart: one's acknowledgement is compared with another's reading."""


async def check_claims(
    connection: Connection, owner: Owner, appends: dict[int, Append], outcomes: list[Outcome]
) -> None:
    """Lock the balances that are claimed; refuse the claims that others' reservations leave no room for."""
    claims = {at: each.claim for at, each in appends.items() if each.claim is not None}
    if not claims:
        return
    locks = sorted({claim.lock for claim in claims.values()})
    await connection.execute("SELECT pg_advisory_xact_lock(lock) FROM unnest($1::bigint[]) AS lock", locks)
    # A statement of its own, after the locks: it sees what those who had them before have committed.
    rows = await connection.fetch(
        "SELECT connection_id, asset, amount, acknowledged_at FROM reservations WHERE router_id <> $1"
        " AND (connection_id, asset) IN (SELECT * FROM unnest($2::text[], $3::text[]))",
        owner.id,
        [claim.connection_id for claim in claims.values()],
        [claim.asset for claim in claims.values()],
    )
    for at, claim in claims.items():
        if claim.cover is None:
            continue
        others = ZERO
        for row in rows:
            held = row["acknowledged_at"]
            # Once the counterparty holds the funds, a balance that is read later is without them already.
            in_statement = held is not None and held + CLOCK_SKEW_NS < claim.cover.stated_at
            if (row["connection_id"], row["asset"]) == (
                claim.connection_id,
                claim.asset,
            ) and not in_statement:
                others = add(others, Decimal(row["amount"]))
        if others > claim.cover.free:
            outcomes[at] = ReservationRefusedError(
                f"expected {claim.amount:f} {claim.asset} on {claim.connection_id} to be covered, was not: "
                f"other routers have {others:f} reserved, and {claim.cover.free:f} would be left"
            )


async def reserve(connection: Connection, owner: Owner, appends: Sequence[Append]) -> None:
    """Bring the reservations to where a run of events leaves them.

    A fill in part changes nothing: a balance that was read before it has what it took still, and one that was
    read after the acknowledgement, so also after the fill, is not asked to cover the reservation at all.
    """
    reserved: dict[str, Claim] = {}
    released: set[str] = set()
    acknowledged: dict[str, int] = {}
    for each in appends:
        if each.claim is not None:
            reserved[each.order_id] = each.claim
            released.discard(each.order_id)
        if each.releases:
            reserved.pop(each.order_id, None)
            released.add(each.order_id)
        elif each.acknowledged_at is not None:
            acknowledged[each.order_id] = each.acknowledged_at
    if released:
        await connection.execute(
            "DELETE FROM reservations WHERE order_id = ANY($1::text[])", sorted(released)
        )
    if reserved:
        await connection.execute(
            "INSERT INTO reservations (order_id, connection_id, asset, amount, router_id)"
            " SELECT u.*, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS u"
            " ON CONFLICT (order_id) DO UPDATE SET connection_id = excluded.connection_id,"
            " asset = excluded.asset, amount = excluded.amount, router_id = excluded.router_id,"
            " acknowledged_at = NULL",
            list(reserved),
            [claim.connection_id for claim in reserved.values()],
            [claim.asset for claim in reserved.values()],
            [str(claim.amount) for claim in reserved.values()],
            owner.id,
        )
    if acknowledged:
        await connection.execute(
            "UPDATE reservations SET acknowledged_at = u.at"
            " FROM unnest($1::text[], $2::bigint[]) AS u (id, at)"
            " WHERE order_id = u.id AND acknowledged_at IS NULL",
            list(acknowledged),
            list(acknowledged.values()),
        )
