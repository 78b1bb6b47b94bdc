"""BitGo Prime's kit, Spot and PTS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from router.core.errors import Code
from router.core.model import Connection
from router.ports import Venue
from router.secrets import Secret
from router.settings import CompetitionSettings, ConnectionSettings, ConnectionType
from tests.contract.venue_kit import KITS as FEED_KITS
from tests.contract.venue_kit import Clock
from tests.contract.venues.stage import (
    ASKS,
    BIDS,
    BTC,
    PRODUCT,
    USD,
    Call,
    Can,
    D,
    Kit,
    No,
    Options,
    Situation,
    Wire,
)
from tests.unit.venues.support import draws
from venues.registry import Registry
from venues.simulator.app import Simulator
from venues.simulator.settings import build

ACCOUNT = "60e740e7898f7d00064d43769a73dc48"
TOKEN = "v2x-not-a-real-token-0123456789abcdef"
TICK_MS = 20
_STATUSES = {"Error": 401, "forbidden": 403, "notFound": 404, "malformedJSON": 422}


def market(tick_ms: int) -> list[dict[str, Any]]:
    """The products that every simulated counterparty here trades, as the simulator's settings have them."""
    rows = (("BTC", "100.00", BIDS, ASKS), ("ETH", "50.00", [["49.00", "5"]], [["51.00", "5"]]))
    return [
        {
            "name": f"{base}-USD",
            "base_currency": base,
            "quote_currency": "USD",
            "mid": mid,
            "tick_ms": tick_ms,
            "bids": bids,
            "asks": asks,
        }
        for base, mid, bids, asks in rows
    ]


def _world(options: Options, *, pts: bool) -> dict[str, Any]:
    account: dict[str, Any] = {
        "id": ACCOUNT,
        "name": "Treasury",
        "token": TOKEN,
        "requests_per_second": options.requests_per_second,
        "balances": {"USD": str(USD), "BTC": str(BTC)},
    }
    if pts:
        account |= {
            "funded": False,
            "margin": True,
            "balances": {},
            "collateral": {"USD": "500000"},
            "limits": {"BTC": {"long": "1000000", "short": "1000000"}},
        }
    return {"seed": 7, "products": market(TICK_MS), "accounts": [account]}


def bitgo(*, pts: bool) -> Kit:
    @asynccontextmanager
    async def start(options: Options) -> AsyncIterator[tuple[Venue, str]]:
        simulator = Simulator(build(_world(options, pts=pts)))
        host, port = await simulator.start()
        base_url = f"http://{host}:{port}"
        name = "bitgo-pts" if pts else "bitgo-spot"
        settings = ConnectionSettings(
            connection=Connection(name, "BitGo", pts, "bitgo_prime", D(0)),
            type=ConnectionType.EXCHANGE,
            enabled=True,
            account_id=ACCOUNT,
            token=Secret(TOKEN),
            base_url=base_url,
            requests_per_second=options.requests_per_second,
            settling_window_ms=1000,
        )
        try:
            yield Registry(CompetitionSettings(), Clock(), draws(), options.timing).build(settings), base_url
        finally:
            await simulator.stop()

    exhausted = {
        name: (("PUT", "faults", {"credit": {"exhausted": True, "error_name": name}}), code)
        for name, code in _refusals(pts=True).items()
        if code.is_credit and name != "backend:trade:insufficientFunds"
    }
    return Kit(
        start=start,
        root=f"/_simulator/accounts/{ACCOUNT}",
        pts=pts,
        can=frozenset(
            {Can.STREAM, Can.ASK, Can.FEED, Can.MARKET, Can.GTD},
        ),
        calls={
            Call.PRICE: Wire(("book",), "GET", ("/level1", "/level2")),
            Call.ORDER: Wire(("order",), "POST", ("/orders",)),
            Call.LOOK_UP: Wire(("order_lookup",), "GET", ("/orders",)),
            Call.CANCEL: Wire(("cancel",), "PUT", ("/cancel",)),
            Call.BALANCES: Wire(("balances",), "GET", ("/balances",)),
        },
        situations={
            Situation.FALLEN: (
                "PUT",
                f"books/{PRODUCT}",
                {"bids": [["90.00", "5"]], "asks": [["94.00", "5"]]},
            ),
            Situation.CROSSED: (
                "PUT",
                f"books/{PRODUCT}",
                {"bids": [["101.00", "5"]], "asks": [["100.00", "5"]]},
            ),
        },
        refusals=tuple(
            No(
                {"error_name": name, "http_status": _STATUSES.get(name.rpartition(":")[2], 400)},
                code,
                code in (Code.VENUE_UNAVAILABLE, Code.VELOCITY_LIMIT),
            )
            for name, code in _refusals(pts=pts).items()
        ),
        doubts=(
            {"error_name": "backend:common:internalServerError", "http_status": 500},
            {"error_name": "backend:trade:neverHeardOf", "http_status": 400},
            {"error_name": "backend:trade:marginLongNOP", "http_status": 503},
        ),
        secrets=(TOKEN,),
        credit=exhausted if pts else {},
    )


def _refusals(*, pts: bool) -> dict[str, Code]:
    return dict(FEED_KITS["bitgo-pts" if pts else "bitgo-spot"].refusals)
