"""Firm quotes against streamed books: a BitGo account and Coinbase Prime portfolios, and a router over them.

Prices to buy one bitcoin: `cb-spot` 100.05, `cb-pts` 100.10, `bitgo` 100.20, all with small fees; `cb-rare`
is asked by rule alone. ETH goes to `bitgo` only.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.e2e.system import Client, Process, System

BITGO: Final = "5" * 32
SPOT: Final = "11111111-0000-4000-8000-000000000001"
PTS: Final = "22222222-0000-4000-8000-000000000002"
RARE: Final = "33333333-0000-4000-8000-000000000003"
PORTFOLIOS: Final = {"cb-spot": SPOT, "cb-pts": PTS, "cb-rare": RARE}
CREDIT: Final = {"enabled": True, "frozen": False, "limit": "500000"}
SECRETS: Final = {"BITGO_TOKEN": "simulated-bitgo"} | {
    f"{name.upper().replace('-', '_')}_{part}": f"simulated-{name}-{part.lower()}"
    for name in PORTFOLIOS
    for part in ("KEY", "PASSPHRASE", "SIGNING")
}

SIMULATOR = f"""
seed = 5
[server]
requests_per_second = 1000
[[products]]
name = "BTC-USD"
base_currency = "BTC"
quote_currency = "USD"
mid = "100.00"
step_bps = "0"
tick_ms = 50
level_size = "50"
[[products]]
name = "ETH-USD"
base_currency = "ETH"
quote_currency = "USD"
mid = "10.00"
step_bps = "0"
tick_ms = 50
level_size = "50"
[[accounts]]
id = "{BITGO}"
name = "BitGo"
token = "simulated-bitgo"
spread_bps = "40"
balances = {{ USD = "100000" }}
[coinbase_address]
requests_per_second = 1000
"""
PORTFOLIO = """
[[coinbase]]
portfolio_id = "{portfolio}"
name = "{name}"
access_key = "simulated-{name}-key"
passphrase = "simulated-{name}-passphrase"
signing_key = "simulated-{name}-signing"
spread_bps = "{spread_bps}"
fee_bps = "1"
requests_per_second = 1000
burst = 1000
{money}
"""
MONEY = 'balances = { USD = "100000" }'
LINE = 'credit = { limit = "500000" }'

ROUTER = """
[server]
port = 0
[store]
url = "sqlite://{directory}/router.db"
[competition]
quote_deadline_ms = 1000
[execution]
answer_deadline_ms = 1500
[[routing_groups]]
name = "ether"
assets = ["ETH"]
connections = ["bitgo"]
[[connections]]
id = "bitgo"
name = "BitGo"
counterparty = "bitgo_prime"
account_id = "{account}"
base_url = "{url}"
token = {{ env = "BITGO_TOKEN" }}
taker_fee_bps = "1"
requests_per_second = 1000
settling_window_ms = 1500
"""
CONNECTION = """
[[connections]]
id = "{name}"
name = "{name}"
counterparty = "coinbase_prime"
pts = {pts}
portfolio_id = "{portfolio}"
base_url = "{url}"
access_key = {{ env = "{variable}_KEY" }}
passphrase = {{ env = "{variable}_PASSPHRASE" }}
signing_key = {{ env = "{variable}_SIGNING" }}
taker_fee_bps = "1"
requests_per_second = 1000
settling_window_ms = 1500
{rules}
"""
RULES = 'quote_notional_min = "50"\nquotes_per_minute = 2'


class Rivals(System):
    """A BitGo account, three Coinbase Prime portfolios (Spot, PTS, one with rules), and a router."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        simulated = SIMULATOR + "".join(
            PORTFOLIO.format(name=name, portfolio=PORTFOLIOS[name], spread_bps=spread, money=money)
            for name, spread, money in (
                ("cb-spot", "10", MONEY),
                ("cb-pts", "20", LINE),
                ("cb-rare", "30", MONEY),
            )
        )
        file = directory / "simulator.toml"
        file.write_text(simulated)
        self.simulator = Process("simulate", "--config", str(file), environment={})
        self.simulator_url = f"http://127.0.0.1:{self.simulator.until('listening')['port']}"
        self.config = directory / "router.toml"
        self.config.write_text(
            ROUTER.format(directory=directory, account=BITGO, url=self.simulator_url)
            + "".join(
                CONNECTION.format(
                    name=name,
                    pts=str(name == "cb-pts").lower(),
                    portfolio=portfolio,
                    url=self.simulator_url,
                    variable=name.upper().replace("-", "_"),
                    rules=RULES if name == "cb-rare" else "",
                )
                for name, portfolio in PORTFOLIOS.items()
            )
        )
        self.start_router()

    def another_router(self) -> tuple[Process, str]:
        """Start a router of the same settings, wait until every connection can trade; and its URL."""
        router = Process("serve", "--config", str(self.config), environment=SECRETS)
        url = f"http://127.0.0.1:{router.until('listening')['port']}"
        waiting = {"bitgo", *PORTFOLIOS}
        while waiting:
            waiting.discard(router.until("health_changed", state="ready")["connection"])
        return router, url


class Desk(Client):
    """A test's view of both sides."""

    async def buy(self, client_order_id: str, *names: str, **fields: object) -> tuple[int, Any]:
        """Buy one bitcoin, asking these connections alone."""
        return await self.order(client_order_id, connections=list(names), **fields)

    async def rfq(self, *names: str, quantity: str = "1") -> Any:
        """Ask these connections for the price of a purchase."""
        body = {"product": "BTC-USD", "side": "buy", "quantity": quantity, "quantity_currency": "BTC"}
        status, rfq = await self.call("POST", "/v1/rfqs", {**body, "connections": list(names)})
        assert status == 201, rfq
        return rfq

    async def record(self, competition_id: str) -> tuple[Any, dict[str, Any]]:
        """The whole record of a competition, and its entries by connection."""
        _, record = await self.call("GET", f"/v1/competitions/{competition_id}")
        return record, {entry["connection"]["id"]: entry for entry in record["entries"]}

    async def prime(self, portfolio: str, what: str) -> list[dict[str, Any]]:
        """`orders`, `quotes` or `requests` of a portfolio, as the counterparty has them."""
        return list((await self.control("GET", f"/coinbase/{portfolio}/{what}"))["data"])

    async def set_prime(self, portfolio: str, what: str, body: Mapping[str, object]) -> None:
        """Change `settings`, `credit` or `faults` of a portfolio."""
        await self.control("PUT", f"/coinbase/{portfolio}/{what}", body)

    async def accepts(self, portfolio: str, order_id: str) -> list[dict[str, Any]]:
        """The acceptances of an order's that reached the portfolio."""
        return [
            call
            for call in await self.prime(portfolio, "requests")
            if call["path"].endswith("/accept_quote") and order_id in str(call["client_order_id"])
        ]

    async def taken(self, portfolio: str, order_id: str) -> list[dict[str, Any]]:
        """What the portfolio's ledger has of an order."""
        rows = await self.prime(portfolio, "orders")
        return [row for row in rows if row["client_order_id"].startswith(order_id)]
