"""A client of BitGo as the documents have one: a Go Account with balances and margin, and assets in custody.

The router begins with nothing connected; what a test needs it connects over HTTP, as people do. Spot and PTS
are of one account, so that what is shown of one and belongs to the other would be seen.
"""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.statements.kit import Desk, unused
from tests.e2e.system import SIMULATOR, Process, System

GO_ACCOUNT, FUND = "a" * 32, "fund"
TOKENS = {"exchange": "simulated-house", "custody": "simulated-fund"}
THREE = {"treasury": "BitGo Treasury", "margin": "BitGo Margin", "vault": "BitGo Vault"}
"""The connections of `HouseDesk.connect_three` with their names: Spot, PTS, both of one account, custody."""

_ACCOUNTS = f"""
[[accounts]]
id = "{GO_ACCOUNT}"
name = "House"
token = "simulated-house"
margin = true
spread_bps = "10"
balances = {{ USD = "100000", BTC = "10", "TUSD*" = "100000", TBTC = "100" }}
collateral = {{ USD = "500000" }}
[accounts.limits]
BTC = {{ long = "1000000", short = "1000000" }}
TBTC = {{ long = "1000000", short = "1000000" }}
[[custody]]
id = "{FUND}"
token = "simulated-fund"
requests_per_minute = 100000
[[custody.wallets]]
coin = "btc"
label = "Cold storage"
balance = "250000000"
[[custody.wallets.transfers]]
type = "receive"
value = "250000000"
txid = "a1b2c3d4e5f6"
date = "2026-01-05T00:00:00Z"
[[custody.wallets]]
coin = "btc"
label = "Warm storage"
balance = "50000000"
[[custody.wallets]]
coin = "eth"
label = "Ether"
balance = "123456789012345678901"
[custody.wallets.tokens]
usdc = {{ balance = "1500000" }}
"""

_ROUTER = """
[server]
port = 0
[store]
url = "sqlite://{directory}/router.db"
[execution]
answer_deadline_ms = 2000
"""


class House(System):
    """The counterparty with the client's accounts, and a router."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        file = directory / "simulator.toml"
        others = {"spot": "5" * 32, "poor": "6" * 32, "pts": "7" * 32}
        file.write_text(SIMULATOR.format(requests_per_second=1000, minute_ms=60_000, **others) + _ACCOUNTS)
        self.config = directory / "router.toml"
        self.config.write_text(_ROUTER.format(directory=directory))
        self.simulator = Process("simulate", "--config", str(file), environment={})
        self.router = Process("serve", "--config", str(self.config), environment={})
        try:
            self.simulator_url = f"http://127.0.0.1:{self.simulator.until('listening')['port']}"
            self.url = f"http://127.0.0.1:{self.router.until('listening')['port']}"
        except AssertionError:
            self.stop()
            raise


class HouseDesk(Desk):
    """The client's people: what they connect, ask for and read, over HTTP and in the terminal."""

    def exchange(self, **changed: object) -> dict[str, object]:
        """The form of a connection for trading: Exchange, BitGo Prime, a name, a token."""
        return {
            "type": "exchange",
            "counterparty": "bitgo_prime",
            "name": "BitGo Treasury",
            "credentials": {"token": TOKENS["exchange"]},
            "account_id": GO_ACCOUNT,
            "taker_fee_bps": "4",
            "base_url": self.system.simulator_url,
            "requests_per_second": 1000,
            **changed,
        }

    def custody(self, **changed: object) -> dict[str, object]:
        """The form of a connection in custody: Custody, BitGo, a name, a token."""
        return {
            "type": "custody",
            "counterparty": "bitgo",
            "name": "BitGo Vault",
            "credentials": {"token": TOKENS["custody"]},
            "base_url": self.system.simulator_url,
            "requests_per_minute": 60_000,
            **changed,
        }

    async def connect(self, body: dict[str, object]) -> Any:
        """Make a connection and wait until it is up; what was answered."""
        status, made = await self.call("POST", "/v1/connections", body)
        assert status == 201, made
        await self.up(made["id"])
        return made

    async def up(self, connection_id: str) -> None:
        """Wait until a connection can be used."""

        async def ready() -> bool:
            return bool((await self.read(f"/v1/connections/{connection_id}"))["state"] == "ready")

        await self.eventually(ready)

    async def connect_three(self) -> None:
        """Connect Spot, PTS and custody, unless they are."""
        if {row["id"]: row["name"] for row in await self.connections()} == THREE:
            return
        await self.disconnect_all()
        await self.connect(self.exchange(id="treasury"))
        await self.connect(self.exchange(id="margin", name="BitGo Margin", pts=True))
        await self.connect(self.custody(id="vault"))

    async def connections(self) -> list[Any]:
        """Every connection."""
        return list((await self.read("/v1/connections"))["data"])

    async def disconnect_all(self) -> None:
        """Remove every connection and wait until they are gone; orders that rest on them are taken back."""
        for order in (await self.read("/v1/orders"))["data"]:
            if order["status"] in ("new", "partially_filled"):
                await self.call("POST", f"/v1/orders/{order['id']}/cancel")
        for row in await self.connections():
            status, answer = await self.call("DELETE", f"/v1/connections/{row['id']}")
            assert status == 202, answer

        async def none() -> bool:
            return await self.connections() == []

        await self.eventually(none)

    async def rows(self, path: str) -> list[Any]:
        """A report's rows, page by page to its end."""
        joint = "&" if "?" in path else "?"
        rows: list[Any] = []
        cursor = ""
        while True:
            answer = await self.read(f"{path}{joint}limit=100{cursor}")
            rows += answer["data"]
            if answer["next_cursor"] is None:
                return rows
            cursor = f"&cursor={answer['next_cursor']}"

    async def csv(self, path: str) -> list[dict[str, str]]:
        """A report's CSV, by column."""
        async with self.session.get(self.system.url + path, headers={"Accept": "text/csv"}) as answer:
            assert (answer.status, answer.content_type) == (200, "text/csv")
            return list(csv.DictReader(io.StringIO(await answer.text())))

    async def portfolio(self, connection_id: str) -> Any:
        """A connection's row of the portfolio."""
        (row,) = (await self.read(f"/v1/portfolio?connection={connection_id}"))["data"]
        return row

    async def held(self, field: str = "balances") -> dict[str, Decimal]:
        """What the counterparty itself has of the Go Account, by asset: `balances`, `held`, `positions`."""
        accounts = by("id", (await self.control("GET", "/state"))["accounts"])
        return {asset: Decimal(quantity) for asset, quantity in accounts[GO_ACCOUNT][field].items()}

    async def account(self, what: str, body: object) -> Any:
        """Set what of the Go Account at the counterparty: `positions`, `settings`, a trade."""
        return await self.control("PUT", f"/accounts/{GO_ACCOUNT}/{what}", body)

    async def settle(self) -> None:
        """Let the counterparty settle every trade that was made by now."""
        await self.control("POST", f"/accounts/{GO_ACCOUNT}/settle", {})

    async def elsewhere(self, funding: str, **changed: object) -> str:
        """A trade that is made at the counterparty and not by the router; its id."""
        trade = {"product": "BTC-USD", "side": "sell", "quantity": "0.25", "funding_type": funding, **changed}
        made = await self.control("POST", f"/accounts/{GO_ACCOUNT}/trade", trade)
        (trade,) = made["trades"]
        return str(trade["id"])

    async def traded(self, connection_id: str, **fields: object) -> Any:
        """An order of ours that was filled on a connection, once its trades are known to be ours."""
        fields = {"quantity": "0.5", "connections": [connection_id], **fields}
        status, order = await self.order(unused("order"), **fields)
        assert (status, order["status"]) == (200, "filled"), order

        async def recorded() -> Any:
            found = await self.read(f"/v1/orders/{order['id']}")
            listed = {row["id"] for row in await self.rows(f"/v1/reports/trades?order={order['id']}")}
            return found if listed and listed == trade_ids(found) else None

        return await self.eventually(recorded)

    async def run(self, *argv: str, told: str = "") -> tuple[int, str]:
        """Run a command as `terminal` does; nothing that it prints may hold a token."""
        code, said = await self.terminal(*argv, input=told)
        assert not [token for token in TOKENS.values() if token in said]
        return code, said

    async def shown(self, *argv: str) -> str:
        """What a command prints that ends well."""
        code, said = await self.run(*argv)
        assert code == 0, said
        return said


def trade_ids(order: Any) -> set[str]:
    """The counterparty's ids of an order's trades."""
    return {fill["id"] for fill in order["fills"]}


def by(field: str, rows: list[Any]) -> dict[str, Any]:
    """Rows by a field that each has of its own."""
    found = {row[field]: row for row in rows}
    assert len(found) == len(rows), rows
    return found
