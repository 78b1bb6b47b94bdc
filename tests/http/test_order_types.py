"""The fields of twap, steady_pace and stop orders: what is taken, what is refused by name, what is shown."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from msgspec.structs import replace

from router.core.errors import shown
from router.core.instruction import Bounds, Instruction, IntervalUnit, SteadyPace, Stop, Twap
from router.core.model import OrderType, TimeInForce
from tests.http import samples
from tests.http.fakes import FakeDesk

D = Decimal
TWAP = samples.BODY | {"type": "twap", "duration_minutes": 60}
PACE = samples.BODY | {"type": "steady_pace", "sub_order_size": "0.1", "interval": 5}
STOP = samples.BODY | {"type": "stop", "trigger_price": "101"}
LIMIT = samples.BODY | {"type": "limit", "limit_price": "100"}
AT = 1_767_323_045_000_000_000
AT_TEXT = "2026-01-02T03:04:05Z"
MINUTES = "a whole number from 1 to 525600"
TIME = 'a time of RFC 3339 such as "2026-01-02T03:04:05Z", from 1970 to 2262'
VARIANCE = 'a decimal string from "0" to "1" with at most two decimals'
ADDED = {
    "interval_minutes": 5,
    "time_sliced": True,
    "bounds": "wide",
    "sub_order_size": "0.1",
    "interval": 5,
    "interval_unit": "hour",
    "variance": "0.2",
    "trigger_price": "101",
    "scheduled_at": AT_TEXT,
}
TAKES = {
    "market": (samples.BODY, {"time_in_force", "slippage_bps_max"}),
    "limit": (LIMIT, {"limit_price", "time_in_force", "duration_minutes"}),
    "twap": (
        TWAP,
        {"limit_price", "duration_minutes", "interval_minutes", "time_sliced", "bounds", "scheduled_at"},
    ),
    "steady_pace": (
        PACE,
        {"limit_price", "sub_order_size", "interval", "interval_unit", "variance", "scheduled_at"},
    ),
    "stop": (STOP, {"limit_price", "time_in_force", "trigger_price"}),
}
VALUES = ADDED | {
    "limit_price": "101",
    "time_in_force": "GTC",
    "duration_minutes": 60,
    "slippage_bps_max": "5",
}


async def refused(client: TestClient, body: Mapping[str, object]) -> list[dict[str, Any]]:
    answer = await client.post("/v1/orders", json=body)
    assert answer.status == 400, await answer.text()
    return list((await answer.json())["errors"])


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, name) for kind, (_, taken) in TAKES.items() for name in VALUES if name not in taken],
)
async def test_a_field_that_the_type_does_not_take_is_refused_by_name(
    client: TestClient, desk: FakeDesk, kind: str, field: str
) -> None:
    body, _ = TAKES[kind]
    [error] = await refused(client, body | {field: VALUES[field]})
    assert error == {"field": field, "expected": f"null in a {kind} order", "was": shown(VALUES[field])}
    assert desk.requests == []


WRONG = [
    (TWAP, {"duration_minutes": 0}, MINUTES),
    (TWAP, {"duration_minutes": "60"}, MINUTES),
    (TWAP, {"duration_minutes": 525_601}, MINUTES),
    (TWAP, {"duration_minutes": None}, "over how many minutes a twap order is spread"),
    (TWAP, {"interval_minutes": 0}, MINUTES),
    (TWAP, {"interval_minutes": 61}, "at most duration_minutes, 60"),
    (TWAP | {"time_sliced": True}, {"interval_minutes": 61}, "at most duration_minutes, 60"),
    (
        TWAP | {"time_sliced": True},
        {"interval_minutes": None},
        "the minutes between two slices, where time_sliced is true",
    ),
    (TWAP, {"time_sliced": "true"}, "true or false"),
    (TWAP, {"time_sliced": 1}, "true or false"),
    (TWAP, {"bounds": "tight"}, '"narrow" or "standard" or "wide"'),
    (
        TWAP | {"time_sliced": True, "interval_minutes": 5},
        {"bounds": "wide"},
        "null where time_sliced is true",
    ),
    (TWAP, {"scheduled_at": "tomorrow"}, TIME),
    (TWAP, {"scheduled_at": AT}, TIME),
    (TWAP, {"scheduled_at": "2026-01-02T03:04:05"}, TIME),
    (TWAP, {"scheduled_at": "2026-02-30T03:04:05Z"}, TIME),
    (TWAP, {"scheduled_at": "0001-01-01T00:00:00+14:00"}, TIME),
    (TWAP, {"scheduled_at": "2263-01-01T00:00:00Z"}, TIME),
    (TWAP, {"limit_price": "0"}, "a decimal string greater than zero"),
    (PACE, {"sub_order_size": None}, 'a decimal string such as "0.5"'),
    (PACE, {"sub_order_size": "0.5"}, "less than the quantity"),
    (PACE, {"sub_order_size": "0"}, "a decimal string greater than zero"),
    (PACE, {"interval": None}, "how many interval_units lie between two sub-orders"),
    (PACE, {"interval": 0}, MINUTES),
    (PACE, {"interval": 1.5}, MINUTES),
    (PACE, {"interval_unit": "day"}, '"second" or "minute" or "hour"'),
    (PACE, {"variance": "1.01"}, VARIANCE),
    (PACE, {"variance": "0.205"}, VARIANCE),
    (PACE, {"variance": 0.2}, "a decimal string"),
    (PACE, {"variance": "-0.1"}, 'a decimal string such as "0.5"'),
    (STOP, {"trigger_price": None}, 'a decimal string such as "0.5"'),
    (STOP, {"trigger_price": "0"}, "a decimal string greater than zero"),
    (STOP | {"limit_price": "100"}, {"trigger_price": "100.01"}, "at most limit_price, 100, in a buy"),
    (
        STOP | {"limit_price": "100", "side": "sell"},
        {"trigger_price": "99.99"},
        "at least limit_price, 100, in a sell",
    ),
    (STOP, {"time_in_force": "IOC"}, '"GTC"'),
    (STOP, {"time_in_force": "GTD"}, '"GTC"'),
    (LIMIT, {"time_in_force": "GTC", "duration_minutes": 5}, "null with time_in_force GTC"),
]


@pytest.mark.parametrize(("body", "change", "expected"), WRONG)
async def test_a_rule_that_is_broken_is_told_with_its_field(
    client: TestClient, desk: FakeDesk, body: dict[str, object], change: dict[str, object], expected: str
) -> None:
    field = next(reversed(change))
    [error] = await refused(client, body | change)
    assert (error["field"], error["expected"]) == (field, expected)
    assert error["was"] == ("null" if change[field] is None else shown(change[field]))
    assert desk.requests == []


TAKEN = [
    (TWAP, OrderType.TWAP, Twap(60)),
    (TWAP | {"interval_minutes": 5}, OrderType.TWAP, Twap(60, 5)),
    (
        TWAP | {"time_sliced": True, "interval_minutes": 60, "limit_price": "99"},
        OrderType.TWAP,
        Twap(60, 60, time_sliced=True),
    ),
    (
        TWAP | {"time_sliced": False, "bounds": "narrow", "scheduled_at": AT_TEXT},
        OrderType.TWAP,
        Twap(60, None, time_sliced=False, bounds=Bounds.NARROW, scheduled_at=AT),
    ),
    (PACE, OrderType.STEADY_PACE, SteadyPace(D("0.1"), 5)),
    (
        PACE | {"interval_unit": "second", "variance": "1.00", "scheduled_at": "2026-01-02T04:04:05+01:00"},
        OrderType.STEADY_PACE,
        SteadyPace(D("0.1"), 5, IntervalUnit.SECOND, D("1.00"), AT),
    ),
    (STOP, OrderType.STOP, Stop(D(101))),
    (STOP | {"limit_price": "101", "time_in_force": "GTC"}, OrderType.STOP, Stop(D(101))),
    (STOP | {"limit_price": "101", "side": "sell"}, OrderType.STOP, Stop(D(101))),
]


@pytest.mark.parametrize(("body", "kind", "instruction"), TAKEN)
async def test_what_is_right_reaches_the_desk(
    client: TestClient, desk: FakeDesk, body: dict[str, Any], kind: OrderType, instruction: Instruction
) -> None:
    answer = await client.post("/v1/orders", json=body)
    assert answer.status == 200, await answer.text()
    [asked] = desk.requests
    assert (asked.type, asked.instruction, asked.duration_minutes) == (kind, instruction, None)
    assert asked.limit_price == (D(body["limit_price"]) if body["limit_price"] else None)
    assert asked.works


@pytest.mark.parametrize(
    ("changed", "terms"),
    [
        ({}, {}),
        (
            {"type": OrderType.LIMIT, "limit_price": D("99.50"), "time_in_force": TimeInForce.GTC},
            {"limit_price": "99.50", "time_in_force": "GTC"},
        ),
        (
            {"type": OrderType.TWAP, "instruction": Twap(60, 5, True, Bounds.WIDE, AT)},
            {
                "duration_minutes": 60,
                "interval_minutes": 5,
                "time_sliced": True,
                "bounds": "wide",
                "scheduled_at": "2026-01-02T03:04:05.000000Z",
            },
        ),
        (
            {
                "type": OrderType.STEADY_PACE,
                "instruction": SteadyPace(D("0.10"), 5, IntervalUnit.HOUR, D("0.2")),
            },
            {"sub_order_size": "0.10", "interval": 5, "interval_unit": "hour", "variance": "0.2"},
        ),
        (
            {"type": OrderType.STOP, "instruction": Stop(D(101)), "limit_price": D(102)},
            {"trigger_price": "101", "limit_price": "102"},
        ),
    ],
)
async def test_an_order_shows_what_it_was_told(
    client: TestClient, desk: FakeDesk, changed: dict[str, Any], terms: dict[str, object]
) -> None:
    request = replace(samples.REQUEST, **changed)
    desk.answer_with(replace(samples.RESTING, request=request), replace(samples.COMPETITION, request=request))
    body = await (await client.get("/v1/orders/o-1")).json()
    assert body["terms"] == terms
    assert body["competition"]["indicative"] is (terms != {})
