"""The options of orders that work over time: what is sent, what is left out, and how such an order reads."""

import pytest

from tests.unit.cli import samples
from tests.unit.cli.conftest import FakeRouter, Run

TERMS = {"duration_minutes": 60, "time_sliced": True, "interval_minutes": 5, "limit_price": "99.50"}
TWAP = (
    samples.WORKING
    | {"type": "twap", "terms": TERMS, "leaves_quantity": "0.3", "status": "partially_filled"}
    | {"competition": {"id": "c-1", "indicative": True, "entries": samples.ENTRIES}}
)
COMMON = {
    "client_order_id": "mine",
    "product": "BTC-USD",
    "side": "buy",
    "quantity": "0.5",
    "quantity_currency": "BTC",
    "limit_price": None,
    "time_in_force": None,
    "duration_minutes": None,
    "slippage_bps_max": None,
    "connections": None,
    "on_credit_failure": None,
}


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ((), {"type": "market"}),
        (
            ("--type", "twap", "--duration-minutes", "60", "--bounds", "wide"),
            {"type": "twap", "duration_minutes": 60, "bounds": "wide"},
        ),
        (
            ("--type", "twap", "--duration-minutes", "60", "--time-sliced", "--interval-minutes", "5"),
            {"type": "twap", "duration_minutes": 60, "time_sliced": True, "interval_minutes": 5},
        ),
        (
            (
                *("--type", "steady_pace", "--sub-order-size", "0.1", "--interval", "30"),
                *("--interval-unit", "second", "--variance", "0.2"),
                *("--scheduled-at", "2026-01-02T03:04:05Z"),
            ),
            {
                "type": "steady_pace",
                "sub_order_size": "0.1",
                "interval": 30,
                "interval_unit": "second",
                "variance": "0.2",
                "scheduled_at": "2026-01-02T03:04:05Z",
            },
        ),
        (
            ("--type", "stop", "--trigger-price", "101", "--limit-price", "102"),
            {"type": "stop", "trigger_price": "101", "limit_price": "102"},
        ),
    ],
)
async def test_what_was_given_is_sent_and_nothing_else(
    router: FakeRouter, run: Run, options: tuple[str, ...], fields: dict[str, object]
) -> None:
    router.answer("POST", "/v1/orders", 200, TWAP)
    ran = await run("order", "BTC-USD", "buy", "0.5", "--client-order-id", "mine", *options)
    assert ran.code == 0
    assert router.asked[0].body == COMMON | fields


async def test_a_working_order_tells_its_terms_what_is_open_and_that_its_prices_are_of_the_moment(
    router: FakeRouter, run: Run
) -> None:
    router.answer("POST", "/v1/orders", 200, TWAP)
    said = (await run("order", "BTC-USD", "buy", "0.5", "--type", "twap", "--duration-minutes", "60")).flat
    for part in (
        "These are prices of the moment",
        "limit price 99.50, duration minutes 60, interval minutes 5, time sliced",
        "open 0.3 BTC",
        "partially filled",
    ):
        assert part in said


async def test_an_order_that_ended_at_once_tells_none_of_it(router: FakeRouter, run: Run) -> None:
    router.answer("POST", "/v1/orders", 200, samples.FILLED)
    said = (await run("order", "BTC-USD", "buy", "0.5")).flat
    assert "prices of the moment" not in said
    assert "terms" not in said
    assert "open 0" not in said
