"""What connections to one account share."""

from typing import Any

from router.core.model import Connection
from router.secrets import Secret
from router.settings import CompetitionSettings, ConnectionSettings, ConnectionType
from tests.unit.build import D
from tests.unit.venues.support import WallClock, draws
from venues.bitgo.adapter import BitgoPrime
from venues.registry import Registry


def settings(name: str, *, pts: bool = False, **changed: Any) -> ConnectionSettings:
    fields: dict[str, Any] = {
        "connection": Connection(name, name, pts, "bitgo_prime", D(0)),
        "type": ConnectionType.EXCHANGE,
        "enabled": True,
        "account_id": "acc",
        "token": Secret("secret"),
        "base_url": "https://h",
        "requests_per_second": 10,
        "settling_window_ms": 1000,
    }
    return ConnectionSettings(**fields | changed)


def registry() -> Registry:
    return Registry(CompetitionSettings(), WallClock(), draws())


def built(*connections: ConnectionSettings) -> dict[str, BitgoPrime]:
    made = registry()
    return {each.connection.id: made.build(each) for each in connections}


async def test_spot_and_pts_of_one_account_share_its_budget() -> None:
    venues = built(settings("spot"), settings("pts", pts=True))
    assert list(venues) == ["spot", "pts"]
    for _ in range(8):
        assert venues["spot"].take_order_budget()
    assert not venues["pts"].has_order_budget()
    assert not venues["pts"].take_order_budget()
    venues["spot"].return_order_budget()
    assert venues["pts"].take_order_budget()


async def test_what_one_did_not_take_it_cannot_give_back() -> None:
    venues = built(settings("spot"), settings("pts", pts=True))
    assert venues["spot"].take_order_budget()
    venues["pts"].return_order_budget()
    assert venues["pts"].health().budget_left == 9


async def test_the_lower_of_two_stated_limits_holds() -> None:
    venues = built(settings("spot"), settings("pts", pts=True, requests_per_second=4))
    assert venues["spot"].health().budget_left == 4


async def test_a_limit_that_is_raised_holds_at_once_and_the_one_it_replaces_ends_without_a_trace() -> None:
    made = registry()
    before = made.build(settings("spot", requests_per_second=4))
    after = made.build(settings("spot", requests_per_second=20))
    assert after.health().budget_left == 20
    made.retire(before)
    assert after.health().budget_left == 20


async def test_one_that_has_ended_states_nothing_any_more() -> None:
    made = registry()
    spot = made.build(settings("spot"))
    pts = made.build(settings("pts", pts=True, requests_per_second=4))
    again = made.build(settings("pts", pts=True, requests_per_second=6))
    assert spot.health().budget_left == 6
    made.retire(pts)
    assert spot.health().budget_left == 6
    made.retire(again)
    assert spot.health().budget_left == 10


async def test_two_accounts_have_a_budget_each() -> None:
    venues = built(settings("one"), settings("two", account_id="other"))
    assert venues["one"].take_order_budget()
    assert venues["two"].health().budget_left == 10


async def test_one_that_does_not_run_yet_is_connecting_and_knows_nothing() -> None:
    venue = registry().build(settings("spot"))
    assert venue.connection.id == "spot"
    assert not venue.health().trades
    assert venue.products() == ()
    assert venue.book("BTC-USD") is None
