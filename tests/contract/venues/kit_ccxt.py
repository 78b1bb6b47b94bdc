"""ccxt's kit, at the exchange whose wire is simulated: Kraken, Spot."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from router.core.errors import Code
from router.core.model import Connection
from router.ports import Venue
from router.secrets import Secret, joined
from router.settings import CcxtSettings, CompetitionSettings, ConnectionType
from tests.contract.venue_kit import Clock
from tests.contract.venues.kit_bitgo import TICK_MS, market
from tests.contract.venues.stage import (
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

API_KEY = "kraken-key-0123456789"
SECRET = "bm90LWEtcmVhbC1zZWNyZXQtMDEyMzQ1Njc4OQ=="


@asynccontextmanager
async def _start(options: Options) -> AsyncIterator[tuple[Venue, str]]:
    account = {
        "id": "desk",
        "api_key": API_KEY,
        "secret": SECRET,
        "balances": {"USD": str(USD), "BTC": str(BTC)},
    }
    world = {
        "seed": 7,
        "products": market(TICK_MS),
        "accounts": [{"id": "unused", "name": "Unused", "token": "unused"}],
        "kraken": {"requests_per_second": options.requests_per_second, "accounts": [account]},
    }
    simulator = Simulator(build(world))
    host, port = await simulator.start()
    base_url = f"http://{host}:{port}"
    settings = CcxtSettings(
        connection=Connection("kraken-spot", "Kraken", False, "ccxt", D(0)),
        type=ConnectionType.EXCHANGE,
        enabled=True,
        account_id="kraken-0123456789abcdef",
        token=joined({"api_key": Secret(API_KEY), "secret": Secret(SECRET)}),
        base_url=base_url,
        requests_per_second=options.requests_per_second,
        settling_window_ms=1000,
        exchange="kraken",
        has_password=False,
    )
    try:
        yield Registry(CompetitionSettings(), Clock(), draws(), options.timing).build(settings), base_url
    finally:
        await simulator.stop()


def _says(text: str) -> dict[str, str]:
    return {"error_name": text}


def ccxt_kraken() -> Kit:
    return Kit(
        start=_start,
        root="/_simulator/kraken",
        pts=False,
        can=frozenset({Can.STREAM, Can.ASK}),
        calls={
            Call.PRICE: Wire(("book",), "GET", ("/Depth",)),
            Call.ORDER: Wire(("order",), "POST", ("/AddOrder",)),
            Call.LOOK_UP: Wire(("order_lookup",), "POST", ("/OpenOrders",)),
            Call.CANCEL: Wire(("cancel",), "POST", ("/CancelOrder",)),
            Call.BALANCES: Wire(("balances",), "POST", ("/BalanceEx",)),
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
        refusals=(
            No(_says("EAPI:Invalid key"), Code.VENUE_REJECTED),
            No(_says("EAPI:Invalid nonce"), Code.VENUE_UNAVAILABLE, retryable=True),
            No(_says("EAPI:Rate limit exceeded"), Code.VENUE_UNAVAILABLE, retryable=True),
            No(_says("EGeneral:Permission denied"), Code.VENUE_REJECTED),
            No(_says("EGeneral:Invalid arguments:volume"), Code.INVALID_QUANTITY),
            No(_says("EOrder:Invalid price"), Code.INVALID_LIMIT_PRICE),
            No(_says("EOrder:Insufficient funds"), Code.INSUFFICIENT_FUNDS),
            No(_says("EService:Market in cancel_only mode"), Code.TRADING_DISABLED),
        ),
        doubts=(
            _says("EService:Unavailable"),
            _says("EGeneral:Internal error"),
            _says("EOrder:Duplicate cl_ord_id"),
            _says("EOrder:Something new"),
        ),
        secrets=(API_KEY, SECRET),
    )
