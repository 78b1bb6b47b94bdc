"""The body of POST orders, type by type: what each takes, and nothing else."""

import json
from decimal import Decimal
from typing import Any

import pytest

from router.core.instruction import Bounds, Instruction, IntervalUnit, SteadyPace, Stop, Twap
from router.core.model import OrderType, TimeInForce
from tests.unit.build import connection, outbound
from venues.bitgo.encode import encode_order

D = Decimal
AT = 1_767_323_045_678_901_000
DATE = "2026-01-02T03:04:05.678901Z"
COMMON = {
    "clientOrderId": "order-1-1-bitgo-spot",
    "product": "BTC-USD",
    "side": "buy",
    "quantity": "0.5",
    "quantityCurrency": "BTC",
}


@pytest.mark.parametrize(
    ("instruction", "time_in_force", "told"),
    [
        (Twap(60), TimeInForce.GTD, {"type": "twap", "duration": 60}),
        (Twap(60, 5), TimeInForce.GTD, {"type": "twap", "duration": 60, "interval": 5}),
        (
            Twap(60, 5, time_sliced=True, scheduled_at=AT),
            TimeInForce.GTD,
            {
                "type": "twap",
                "duration": 60,
                "interval": 5,
                "parameters": {"isTimeSliced": True},
                "scheduledDate": DATE,
            },
        ),
        (
            Twap(60, time_sliced=False, bounds=Bounds.NARROW),
            TimeInForce.GTD,
            {
                "type": "twap",
                "duration": 60,
                "parameters": {"isTimeSliced": False, "boundsControl": "narrow"},
            },
        ),
        (
            SteadyPace(D("1E-1"), 5),
            TimeInForce.GTC,
            {
                "type": "steady_pace",
                "parameters": {"interval": 5, "intervalUnit": "minute", "subOrderSize": "0.1"},
            },
        ),
        (
            SteadyPace(D("0.10"), 30, IntervalUnit.SECOND, D("0.20"), AT),
            TimeInForce.GTC,
            {
                "type": "steady_pace",
                "parameters": {
                    "interval": 30,
                    "intervalUnit": "second",
                    "subOrderSize": "0.10",
                    "variance": "0.20",
                },
                "scheduledDate": DATE,
            },
        ),
        (
            Stop(D("50000.00")),
            TimeInForce.GTC,
            {"type": "stop", "timeInForce": "GTC", "triggerPrice": "50000.00"},
        ),
    ],
)
@pytest.mark.parametrize("limit", [None, "50100.00"])
@pytest.mark.parametrize("pts", [False, True])
def test_a_type_says_what_it_takes(
    instruction: Instruction, time_in_force: TimeInForce, told: dict[str, Any], limit: str | None, pts: bool
) -> None:
    order = outbound(
        type=OrderType(told["type"]),
        instruction=instruction,
        time_in_force=time_in_force,
        limit_price=None if limit is None else D(limit),
    )
    expected = COMMON | told | {"fundingType": "margin" if pts else "funded"}
    if limit is not None:
        expected |= {"limitPrice": limit}
    assert json.loads(encode_order(order, connection(pts=pts))) == expected
