"""Orders that this router did not send: they break nothing, are told, and balances are read again."""

import json
from typing import Any

import msgspec
import pytest

from router.core.attempt import venue_client_order_id
from router.core.model import Connection, Side, VenueState
from router.ports import ForeignOrder, OffWireError, Taken
from tests.contract.venue_kit import TIMING, Recorder
from tests.unit.build import D
from tests.unit.venues.support import payload
from tests.unit.venues.test_bitgo_adapter import ACCOUNT, ORDER, Documented, running
from venues.bitgo import wire
from venues.bitgo.foreign import foreign_order_of, may_be_ours
from venues.transport.reader import decode

PTS = Connection("bitgo-pts", "Margin", True, "bitgo_prime", D(0))
OURS = venue_client_order_id("67fd640c-cb6c-4218-80ae-49e79ec15646", "bitgo-spot", 1)


def message(**changed: Any) -> wire.OrderMessage:
    found = payload("feed_order_fill", **{"fundingType": "margin"} | changed)
    return decode(json.dumps(found).encode(), wire.OrderMessage)


def test_an_order_without_a_client_order_id_is_read_whole() -> None:
    assert foreign_order_of(message(clientOrderId=None), PTS, 42) == ForeignOrder(
        venue_order_id="67fd640c-cb6c-4218-80ae-49e79ec15646",
        venue_client_order_id=None,
        product="TBTC-TUSD*",
        side=Side.BUY,
        state=VenueState.WORKING,
        filled_base=D("0.4"),
        at=42,
    )


@pytest.mark.parametrize("changed", [{"side": "short"}, {"side": None}, {"side": ...}])
def test_a_side_that_is_not_said_is_none(changed: dict[str, Any]) -> None:
    found = foreign_order_of(message(**changed), PTS, 42)
    assert found is not None
    assert found.side is None


def test_an_order_of_the_account_s_other_kind_is_the_other_connection_s() -> None:
    assert foreign_order_of(message(fundingType="funded"), PTS, 42) is None


def test_an_order_whose_state_or_fill_cannot_be_read_is_off_the_wire() -> None:
    for changed in ({"status": "?", "execType": "?"}, {"cumulativeQuantity": "-1"}):
        with pytest.raises(OffWireError):
            foreign_order_of(message(**changed), PTS, 42)


@pytest.mark.parametrize(
    ("client_order_id", "expected"),
    [
        (OURS, True),
        (venue_client_order_id("x" * 36, "bitgo-spot", 12), True),
        (venue_client_order_id("x" * 36, "bitgo-pts", 1), False),
        (OURS + "-2", False),
        (OURS.replace("-1-", "-01-"), False),
        (OURS.replace("-1-", "-¹-"), False),
        (OURS.replace("-1-", "-" + "9" * 400 + "-"), False),
        ("another-desk-s-order", False),
    ],
)
def test_which_ids_may_be_ours(client_order_id: str, *, expected: bool) -> None:
    assert may_be_ours(client_order_id, "bitgo-spot") is expected


async def settled(listener: Recorder, there: Documented) -> None:
    """Wait until all that was said so far was taken in: a message after it was told."""
    there.asked.clear()
    await there.say(clientOrderId="last", orderId="v-last", status="open", execType="0")
    await listener.until(lambda: any(each.venue_order_id == "v-last" for each in listener.foreign))


async def test_a_liquidation_is_told_and_breaks_nothing() -> None:
    async with running() as (_, listener, there):
        await there.say(clientOrderId=None, orderId="v-9", side="sell", status="completed", execType="I")
        await settled(listener, there)
        first, _ = listener.foreign
        assert (first.venue_order_id, first.side, first.state) == ("v-9", Side.SELL, VenueState.DONE)
        assert (first.venue_client_order_id, first.product) == (None, "TBTC-TUSD*")
        assert [report.venue_client_order_id for report in listener.reports] == ["last"]
        assert listener.bad == []


async def test_our_own_orders_are_not_foreign() -> None:
    async with running() as (venue, listener, there):
        assert venue.take_order_budget()
        assert isinstance(await venue.submit(ORDER), Taken)
        await there.say(status="open", execType="0")
        # One of ours that this process has not sent: another router's, or a process' before it.
        ours = venue_client_order_id("x" * 36, "bitgo-pts", 1)
        await there.say(clientOrderId=ours, status="open", execType="0")
        await settled(listener, there)
        assert [each.venue_order_id for each in listener.foreign] == ["v-last"]
        told = [report.venue_client_order_id for report in listener.reports]
        assert told == ["myorderid1", ours, "last"]


@pytest.mark.parametrize(
    "said",
    [
        {"clientOrderId": None, "status": "open", "execType": "F"},
        {"clientOrderId": "somebody-s", "status": "completed", "execType": "I"},
        {"clientOrderId": venue_client_order_id("x" * 36, "bitgo-spot", 1), "status": "completed"},
    ],
    ids=["nobody's", "somebody's", "another router's"],
)
async def test_balances_are_read_again_soon_after_somebody_else_s_order(said: dict[str, Any]) -> None:
    # Neither the timer nor a feed that is silent for long makes them be read.
    timing = msgspec.structs.replace(TIMING, feed_silence_ms=600_000)
    async with running(pts=False, balance_refresh_ms=600_000, timing=timing) as (_, listener, there):
        there.asked.clear()
        await there.say(**{"fundingType": "funded"} | said)
        await listener.until(lambda: len(listener.statements) > 1)
        assert there.asked == [f"{ACCOUNT}/balances"]
