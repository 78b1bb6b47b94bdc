"""Coinbase Prime's kit, Spot and PTS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from router.core.errors import Code
from router.core.model import Connection
from router.ports import Venue
from router.secrets import Secret, joined
from router.settings import CoinbaseSettings, CompetitionSettings, ConnectionType
from tests.contract.venue_kit import Clock
from tests.contract.venues.kit_bitgo import market
from tests.contract.venues.stage import (
    BTC,
    OTHER,
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

PORTFOLIO = "e8bbed13-fa33-41de-86d5-4335d8f08166"
KEYS = {
    "access_key": "simulated-key-7",
    "passphrase": "simulated-passphrase-7",
    "signing_key": "c2ltdWxhdGVkLWtleS03",
}
_NO_TICKS_MS = 3_600_000


def _world(options: Options, *, pts: bool) -> dict[str, Any]:
    portfolio: dict[str, Any] = {
        "portfolio_id": PORTFOLIO,
        "name": "Coinbase",
        **KEYS,
        "balances": {} if pts else {"USD": str(USD), "BTC": str(BTC)},
        "products": [{"name": PRODUCT, "rfq_max_base": "20"}, {"name": OTHER}],
        "quote_value_allowed": True,
        "requests_per_second": options.requests_per_second,
        "burst": 2 * options.requests_per_second,
    }
    if pts:
        portfolio["credit"] = {"limit": "1000000"}
    return {
        "seed": 7,
        "products": market(_NO_TICKS_MS),
        "accounts": [{"id": "unused", "name": "Unused", "token": "unused"}],
        "coinbase": [portfolio],
        "coinbase_address": {"requests_per_second": 1_000_000},
    }


def coinbase(*, pts: bool) -> Kit:
    @asynccontextmanager
    async def start(options: Options) -> AsyncIterator[tuple[Venue, str]]:
        simulator = Simulator(build(_world(options, pts=pts)))
        host, port = await simulator.start()
        base_url = f"http://{host}:{port}"
        name = "cb-pts" if pts else "cb-spot"
        settings = CoinbaseSettings(
            connection=Connection(name, "Coinbase", pts, "coinbase_prime", D(0)),
            type=ConnectionType.EXCHANGE,
            enabled=True,
            portfolio_id=PORTFOLIO,
            token=joined({name: Secret(value) for name, value in KEYS.items()}),
            base_url=base_url,
            requests_per_second=options.requests_per_second,
            settling_window_ms=1000,
        )
        try:
            yield Registry(CompetitionSettings(), Clock(), draws(), options.timing).build(settings), base_url
        finally:
            await simulator.stop()

    return Kit(
        start=start,
        root=f"/_simulator/coinbase/{PORTFOLIO}",
        pts=pts,
        can=frozenset({Can.FIRM, Can.MARKET, Can.GTD}),
        calls={
            Call.PRICE: Wire(("rfq",), "POST", ("/rfq",)),
            # By a quote's id or by itself: an order goes to one of two places.
            Call.ORDER: Wire(("accept_quote", "order"), "POST", ("/accept_quote", "/order")),
            Call.LOOK_UP: Wire(("open_orders",), "GET", ("/open_orders",)),
            Call.CANCEL: Wire(("cancel",), "POST", ("/cancel",)),
            Call.BALANCES: Wire(("balances",), "GET", ("/balances",)),
        },
        situations={
            Situation.FALLEN: ("PUT", "prices", {PRODUCT: "92.00"}),
            Situation.CROSSED: ("PUT", "faults", {"quotes": {"off_bps": "2000"}}),
            Situation.OVER: ("PUT", "faults", {"quotes": {"expire_at_once": True}}),
        },
        refusals=(
            No({"error_name": "order rejected", "http_status": 400}, Code.VENUE_REJECTED),
            No({"error_name": "not authenticated", "http_status": 401}, Code.VENUE_REJECTED),
            No({"error_name": "not permitted", "http_status": 403}, Code.VENUE_REJECTED),
            No({"error_name": "no such quote", "http_status": 404}, Code.VENUE_REJECTED),
            No({"error_name": "too many", "http_status": 429}, Code.VENUE_UNAVAILABLE, retryable=True),
        ),
        doubts=(
            {"error_name": "internal", "http_status": 500},
            {"error_name": "conflict", "http_status": 409},
            {"error_name": "client_order_id was used before", "http_status": 400},
        ),
        secrets=tuple(KEYS.values()),
        credit={
            "frozen": (("PUT", "credit", {"frozen": True}), Code.CREDIT_FROZEN),
            "disabled": (("PUT", "credit", {"enabled": False}), Code.CREDIT_UNAVAILABLE),
            "used up": (("PUT", "credit", {"limit": "50"}), Code.CREDIT_UNAVAILABLE),
        }
        if pts
        else {},
    )
