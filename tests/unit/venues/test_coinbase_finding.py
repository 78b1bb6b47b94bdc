"""Orders found again: by their id, and by going through the lists where an answer was lost."""

import json
from typing import Any

import pytest

from router.core.errors import Code
from router.core.model import VenueState
from router.ports import OffWireError, VenueUnreachableError
from tests.unit.build import D
from tests.unit.venues.coinbase_kit import (
    BELOW,
    OUR_ORDER,
    VENUE_ORDER,
    Prime,
    fixture,
    listed,
    order_row,
    outbound,
    portfolio,
)
from venues.coinbase.finding import CLOCKS_NS, is_newest_first, made_at

MADE_AT = 0x019075F20000 * 1_000_000
"""What the order's id says of when it was made."""


def other(number: int, created_at: str = "2025-06-15T15:06:41Z") -> dict[str, Any]:
    """Somebody else's order, of which not everything is known to us."""
    return {
        "id": f"other-{number}",
        "client_order_id": f"theirs-{number}",
        "created_at": created_at,
        "status": "NEVER_HEARD_OF",
    }


def having_fills() -> Prime:
    prime = Prime()
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}/fills", fixture("fills"))
    return prime


def paged(prime: Prime, *pages: list[Any]) -> None:
    """The list of orders, page by page."""

    def answer(asked: Any) -> Any:
        index = int(asked.query.get("cursor", "0"))
        following = str(index + 1) if index + 1 < len(pages) else ""
        return 200, listed(*pages[index], cursor=following), {}

    prime.answers(f"{BELOW}/orders", answer)


async def looked_up(prime: Prime, venue_order_id: str | None = None, *, pts: bool = False) -> Any:
    async with portfolio(prime, pts=pts) as found:
        return await found.venue.look_up(outbound(), venue_order_id)


async def test_an_order_is_read_by_its_id_with_its_fills() -> None:
    prime = having_fills()
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}", fixture("order"))
    report = await looked_up(prime, VENUE_ORDER)
    assert (report.state, report.venue_client_order_id) == (VenueState.DONE, OUR_ORDER)
    assert [fill.id for fill in report.fills] == ["fill-1"]
    assert prime.count("GET orders") == 0


async def test_one_whose_answer_was_lost_is_found_in_the_list() -> None:
    prime = having_fills()
    paged(prime, [other(1), other(2)], [other(3), order_row()], [other(4)])
    report = await looked_up(prime)
    assert (report.venue_order_id, len(report.fills)) == (VENUE_ORDER, 1)
    assert prime.count("GET orders") == 2


async def test_one_that_is_open_is_in_no_list_of_orders_that_ended() -> None:
    prime = Prime()
    prime.says(f"{BELOW}/open_orders", listed(other(1), order_row(status="OPEN", filled_quantity="0")))
    report = await looked_up(prime)
    assert report.state is VenueState.WORKING
    assert prime.count("GET orders") == 0


async def test_open_orders_are_read_before_those_that_ended() -> None:
    prime = having_fills()
    rows: list[Any] = []

    def open_orders(_: Any) -> Any:
        # It ends between the two reads.
        rows.append(order_row())
        return 200, listed(), {}

    prime.answers(f"{BELOW}/open_orders", open_orders)
    prime.answers(f"{BELOW}/orders", lambda _: (200, listed(*rows), {}))
    assert (await looked_up(prime)).venue_order_id == VENUE_ORDER


async def test_an_id_that_is_not_known_leaves_ours_to_decide() -> None:
    prime = having_fills()
    prime.says(f"{BELOW}/orders/gone", {"message": "not found"}, 404)
    prime.says(f"{BELOW}/orders", listed(order_row()))
    assert (await looked_up(prime, "gone")).venue_order_id == VENUE_ORDER


async def test_one_that_is_nowhere_was_not_taken() -> None:
    prime = Prime()
    paged(prime, [other(1)], [other(2)])
    assert await looked_up(prime) is None
    assert prime.count("GET orders") == 2


async def test_the_search_ends_where_the_order_was_not_made_yet() -> None:
    prime = Prime()
    paged(prime, [other(1)], [other(2, "2024-07-01T00:00:00Z")], [other(3, "2024-06-01T00:00:00Z")])
    assert await looked_up(prime) is None
    assert prime.count("GET orders") == 2


async def test_a_list_in_another_order_proves_nothing() -> None:
    prime = Prime()
    paged(prime, [other(1, "2025-06-15T15:06:41Z"), other(2, "2025-06-15T15:06:42Z")])
    with pytest.raises(OffWireError, match="newest first"):
        await looked_up(prime)


async def test_a_list_that_goes_in_circles_proves_nothing() -> None:
    prime = Prime()
    prime.says(f"{BELOW}/orders", listed(other(1), cursor="again"))
    with pytest.raises(OffWireError, match="next_cursor"):
        await looked_up(prime)


@pytest.mark.parametrize("step", ["open_orders", "orders"])
async def test_a_list_that_cannot_be_read_proves_nothing(step: str) -> None:
    prime = Prime()
    prime.says(f"{BELOW}/{step}", {"message": "later"}, 500)
    with pytest.raises(VenueUnreachableError):
        await looked_up(prime)


async def test_several_orders_under_one_id_are_off_the_wire() -> None:
    prime = Prime()
    prime.says(f"{BELOW}/orders", listed(order_row(), order_row(id="another")))
    with pytest.raises(OffWireError, match="several"):
        await looked_up(prime)


@pytest.mark.parametrize(
    "changed",
    [{"client_order_id": "other"}, {"product_id": "ETH-USD"}, {"side": "SELL"}, {"id": "another"}],
)
async def test_an_answer_about_another_order_is_off_the_wire(changed: dict[str, Any]) -> None:
    prime = having_fills()
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}", {"order": order_row(**changed)})
    with pytest.raises(OffWireError):
        await looked_up(prime, VENUE_ORDER)


async def test_fills_that_cannot_be_read_leave_the_order_as_it_is() -> None:
    prime = Prime()
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}", fixture("order"))
    report = await looked_up(prime, VENUE_ORDER)
    assert (report.state, report.filled_base, report.fills) == (VenueState.DONE, D("0.5"), ())


async def test_fills_of_every_page_are_read_once() -> None:
    prime = Prime()
    row = fixture("fills")["fills"][0]
    pages = {
        "": listed(row, cursor="2", name="fills"),
        "2": listed(row, row | {"id": "fill-2"}, name="fills"),
    }
    prime.answers(
        f"{BELOW}/orders/{VENUE_ORDER}/fills", lambda asked: (200, pages[asked.query.get("cursor", "")], {})
    )
    async with portfolio(prime) as found:
        fills = await found.venue.fills(VENUE_ORDER)
    assert [fill.id for fill in fills] == ["fill-1", "fill-2"]


@pytest.mark.parametrize(
    ("line", "code"),
    [({"frozen": True}, Code.CREDIT_FROZEN), ({"available": "10"}, Code.CREDIT_UNAVAILABLE)],
)
async def test_an_order_that_failed_after_it_was_taken_may_have_wanted_credit(
    line: dict[str, Any], code: Code
) -> None:
    prime = Prime()
    prime.credit(**line)
    prime.says(f"{BELOW}/orders/{VENUE_ORDER}", {"order": order_row(status="FAILED", filled_quantity="0")})
    on_credit = await looked_up(prime, VENUE_ORDER, pts=True)
    funded = await looked_up(prime, VENUE_ORDER)
    assert (on_credit.state, on_credit.error.code) == (VenueState.FAILED, code)
    assert funded.error.code is Code.VENUE_REJECTED
    assert prime.count("GET credit") == 1


async def test_recent_orders_are_the_open_ones_and_those_since() -> None:
    prime = Prime()
    opened = order_row(id="open", client_order_id="mine-2", status="OPEN", filled_quantity="0")
    ended = order_row(id="open", client_order_id="mine-2", status="CANCELLED", filled_quantity="0")
    prime.says(f"{BELOW}/open_orders", listed(opened, order_row(id="rests", client_order_id="mine-3")))
    paged(prime, [ended, order_row(client_order_id="")], [order_row(created_at="2025-06-15T14:00:00Z")], [])
    async with portfolio(prime) as found:
        # Half past two: the second page has an order of before that.
        reports = await found.venue.recent_orders(1_749_997_800_000_000_000)
    states = {report.venue_order_id: report.state for report in reports}
    assert states == {
        "open": VenueState.CANCELED,
        "rests": VenueState.DONE,
        VENUE_ORDER: VenueState.DONE,
    }
    assert all(report.fills == () for report in reports)
    assert prime.count("GET orders") == 2


def test_our_id_says_when_the_order_was_made() -> None:
    assert made_at(OUR_ORDER) == MADE_AT
    assert made_at("o-1") is None
    assert made_at("6ba7b810-9dad-41d1-80b4-00c04fd430c8-1-cb") is None
    assert CLOCKS_NS == 60_000_000_000


def test_a_page_goes_back_in_time_from_where_the_one_before_ended() -> None:
    assert is_newest_first([], None)
    assert is_newest_first([3, 3, 1], 3)
    assert not is_newest_first([3, 1], 2)
    assert json.dumps([is_newest_first([1, 2], None)]) == "[false]"
