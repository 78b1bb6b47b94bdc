"""The settings of both processes."""

from typing import Final

SPOT, PTS = "5" * 32, "7" * 32
ACCOUNTS: Final = {"spot": SPOT, "pts": PTS}
TOKENS: Final = {"SPOT_TOKEN": "simulated-spot", "PTS_TOKEN": "simulated-pts"}
SETTLING_WINDOW_MS: Final = 300
"""Longer than any fault here holds an order back, shorter than a cycle has time for."""

_SIMULATOR = f"""
seed = 11
[server]
requests_per_second = 100000
[[products]]
name = "BTC-USD"
base_currency = "BTC"
quote_currency = "USD"
mid = "100.00"
level_size = "500"
[[accounts]]
id = "{SPOT}"
name = "Spot"
token = "simulated-spot"
spread_bps = "10"
balances = {{ USD = "1000000000", BTC = "10000000" }}
[[accounts]]
id = "{PTS}"
name = "Margin"
token = "simulated-pts"
funded = false
margin = true
spread_bps = "4"
collateral = {{ USD = "500000000" }}
[accounts.limits]
BTC = {{ long = "1000000000", short = "1000000000" }}
"""

_ROUTER = """
[server]
port = 0
shutdown_deadline_ms = {shutdown_deadline_ms}
[store]
url = "{store_url}"
[execution]
answer_deadline_ms = {answer_deadline_ms}
"""

_CONNECTION = """
[[connections]]
id = "{id}"
name = "BitGo {id}"
counterparty = "bitgo_prime"
pts = {pts}
account_id = "{account}"
base_url = "{url}"
token = {{ env = "{token}" }}
taker_fee_bps = "{taker_fee_bps}"
requests_per_second = 1000
settling_window_ms = {window}
"""


def simulator_file() -> str:
    """A Spot account with plenty, and a PTS account that is cheaper while it has credit."""
    return _SIMULATOR


def router_file(
    store_url: str,
    venue_url: str,
    *,
    shutdown_deadline_ms: int = 10_000,
    answer_deadline_ms: int = 1500,
    taker_fee_bps: str = "4",
) -> str:
    """A router over both accounts."""
    connections = "".join(
        _CONNECTION.format(
            id=name,
            pts=str(name == "pts").lower(),
            account=account,
            url=venue_url,
            token=f"{name.upper()}_TOKEN",
            window=SETTLING_WINDOW_MS,
            taker_fee_bps=taker_fee_bps,
        )
        for name, account in ACCOUNTS.items()
    )
    router = _ROUTER.format(
        store_url=store_url,
        shutdown_deadline_ms=shutdown_deadline_ms,
        answer_deadline_ms=answer_deadline_ms,
    )
    return router + connections
