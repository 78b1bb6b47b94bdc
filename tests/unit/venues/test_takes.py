"""Which orders a counterparty has: asked before a price is, of type and terms alone."""

from typing import Any

import pytest

from router.core.instruction import Bounds, Instruction, SteadyPace, Stop, Twap
from router.core.model import OrderType, TimeInForce
from tests.unit.build import D, request
from venues.ccxt_venue.orders import takes
from venues.coinbase.encode import unsupported

PACE = {"type": OrderType.STEADY_PACE, "instruction": SteadyPace(D("0.1"), 5)}


def stop(**changed: Any) -> dict[str, Any]:
    return {"type": OrderType.STOP, "instruction": Stop(D(90)), **changed}


def twap(instruction: Instruction, **changed: Any) -> dict[str, Any]:
    return {"type": OrderType.TWAP, "instruction": instruction, "limit_price": D(100), **changed}


def limit(**changed: Any) -> dict[str, Any]:
    return {"type": OrderType.LIMIT, "limit_price": D(100), **changed}


@pytest.mark.parametrize(
    ("changed", "coinbase", "exchange"),
    [
        ({}, True, True),
        ({"time_in_force": TimeInForce.FOK}, True, True),
        (limit(), True, True),
        (limit(time_in_force=TimeInForce.GTC), True, True),
        (limit(time_in_force=TimeInForce.GTD, duration_minutes=5), True, False),
        (limit(duration_minutes=5), True, False),
        (PACE, False, False),
        (PACE | {"limit_price": D(100)}, False, False),
        (stop(), False, False),
        (stop(limit_price=D(89)), True, False),
        (twap(Twap(60)), True, False),
        (twap(Twap(60), limit_price=None), False, False),
        (twap(Twap(60, interval_minutes=5)), False, False),
        (twap(Twap(60, time_sliced=True)), False, False),
        (twap(Twap(60, time_sliced=False)), True, False),
        (twap(Twap(60, bounds=Bounds.WIDE)), False, False),
    ],
)
def test_what_is_no_order_there_is_known_beforehand(
    changed: dict[str, Any], coinbase: bool, exchange: bool
) -> None:
    wanted = request(**changed)
    assert (unsupported(wanted) is None, takes(wanted)) == (coinbase, exchange)
