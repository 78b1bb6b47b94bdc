"""The made-up counterparty's kit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from router.core.model import Connection
from router.ports import Venue
from router.secrets import Secret
from router.settings import CompetitionSettings
from tests.contract.made_up_venue.adapter import TernSettings, TernVenue
from tests.contract.made_up_venue.errors import REFUSALS, RETRYABLE
from tests.contract.made_up_venue.simulator import Tern
from tests.contract.venue_kit import Clock
from tests.contract.venues.stage import ASKS, BIDS, BTC, USD, Call, Can, D, Kit, No, Options, Situation, Wire
from tests.unit.venues.support import draws
from venues.transport.budget import RequestBudget

TOKEN = "tern-token-0123456789abcdef"


@asynccontextmanager
async def _start(options: Options) -> AsyncIterator[tuple[Venue, str]]:
    simulator = Tern(TOKEN, {"USD": str(USD), "BTC": str(BTC)}, options.requests_per_second)
    simulator.book = {"bids": [list(level) for level in BIDS], "asks": [list(level) for level in ASKS]}
    base_url = await simulator.start()
    settings = TernSettings(
        connection=Connection("tern", "Tern", False, "tern", D(0)),
        token=Secret(TOKEN),
        base_url=base_url,
        requests_per_second=options.requests_per_second,
    )
    budget = RequestBudget(options.requests_per_second, Clock())
    try:
        yield TernVenue(settings, CompetitionSettings(), Clock(), budget, draws(), options.timing), base_url
    finally:
        await simulator.stop()


def tern() -> Kit:
    return Kit(
        start=_start,
        root="/_simulator/tern",
        pts=False,
        can=frozenset({Can.ASK}),
        calls={
            Call.PRICE: Wire(("book",), "GET", ("/depth",)),
            Call.ORDER: Wire(("order",), "POST", ("/orders",)),
            Call.LOOK_UP: Wire(("order_lookup",), "GET", ("/orders",)),
            Call.CANCEL: Wire(("cancel",), "DELETE", ("",)),
            Call.BALANCES: Wire(("balances",), "GET", ("/funds",)),
        },
        situations={
            Situation.FALLEN: ("PUT", "book", {"bids": [["90.00", "5"]], "asks": [["94.00", "5"]]}),
            Situation.CROSSED: ("PUT", "book", {"bids": [["101.00", "5"]], "asks": [["100.00", "5"]]}),
        },
        refusals=tuple(No({"error_name": name}, code, name in RETRYABLE) for name, code in REFUSALS.items()),
        doubts=(
            {"error_name": "ref_in_use", "http_status": 409},
            {"error_name": "never_heard_of"},
            {"error_name": "no_funds", "http_status": 503},
        ),
        secrets=(TOKEN,),
    )
