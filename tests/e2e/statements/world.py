"""Accounts at a simulated BitGo and a router whose settings connect them: the world of most statements.

Prices stand still (BTC at 100, ETH at 50, the test bitcoin at 10000), so that figures can be named, and a
minute of an order's duration lasts 20 ms.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.system import Process, System

MINUTE_MS = 20

PRICES = {"BTC-USD": "100.00", "ETH-USD": "50.00", "TBTC-TUSD*": "10000.00"}
LIMITS = {
    "BTC": {"long": "1000000", "short": "1000000"},
    "ETH": {"long": "1000000", "short": "1000000"},
    "TBTC": {"long": "10000000", "short": "10000000"},
}
RISK = {
    "total_short_position_limit": "1000000",
    "margin_call": "0.80",
    "liquidation": "0.95",
    "margin_requirement": "0.10",
}
"""Prices, limits and risk settings that every account begins with."""

_PRODUCTS = "".join(
    f"""
[[products]]
name = "{name}"
base_currency = "{name.partition("-")[0]}"
quote_currency = "{name.partition("-")[2]}"
mid = "{mid}"
step_bps = "0"
tick_ms = 50
level_size = "50"
"""
    for name, mid in PRICES.items()
)
_LIMITS = "[accounts.limits]\n" + "".join(
    f'{asset} = {{ long = "{limit["long"]}", short = "{limit["short"]}" }}\n'
    for asset, limit in LIMITS.items()
)


@dataclass(frozen=True)
class Account:
    """A connection and its account at the counterparty.

    `simulated`, `routed`: more of the settings there and here. `shared`: another connection describes the
    account. `funded`: a PTS account whose Go Account trades as well.
    """

    digit: str
    pts: bool = False
    funded: bool = False
    simulated: str = ""
    routed: str = ""
    taker_fee_bps: str = "4"
    requests_per_second: int = 1000
    shared: bool = False

    @property
    def id(self) -> str:
        """The account's id at the counterparty."""
        return self.digit * 32

    @property
    def token(self) -> str:
        """What opens it."""
        return f"simulated-{self.digit}"


ACCOUNTS = {
    # They compete for orders: money of one's own, credit, and a better price with a higher fee.
    "treasury": Account("1", simulated='spread_bps = "10"\nbalances = { USD = "1000", BTC = "10" }'),
    "credit": Account("2", pts=True, simulated='spread_bps = "20"\ncollateral = { USD = "5000000" }'),
    "dear": Account(
        "3", simulated='spread_bps = "2"\nbalances = { USD = "1000", BTC = "10" }', taker_fee_bps="30"
    ),
    # With the limit of the documents: ten requests a second.
    "limited": Account("4", simulated='balances = { USD = "1000" }', requests_per_second=10),
    # A Go Account and the margin account beside it: one account, two connections.
    "margin": Account(
        "5",
        pts=True,
        funded=True,
        simulated='balances = { USD = "300000", BTC = "10", ETH = "100", "TUSD*" = "300000", TBTC = "50" }\n'
        'collateral = { USD = "5000000" }\nclose_step_ms = 20',
    ),
    "go": Account("5", shared=True),
    "summary": Account("6", pts=True, simulated='collateral = { USD = "10000", BTC = "2" }'),
    # The self-hosted Express of the document "Margin Trade", recognised by its answers.
    "express": Account("7", pts=True, simulated='margin_dialect = "express"\ncollateral = { USD = "10000" }'),
    # The platform of the document "View Risk Settings and Profile", named in the settings.
    "platform": Account(
        "8",
        pts=True,
        simulated='margin_dialect = "platform"\ncollateral = { USD = "500000" }',
        routed='margin_dialect = "platform"',
    ),
    "trouble": Account("9", pts=True, simulated='collateral = { USD = "1000" }\nliquidation_step_ms = 20'),
}


def _simulator_settings() -> str:
    accounts = "".join(
        f'[[accounts]]\nid = "{account.id}"\nname = "{name}"\ntoken = "{account.token}"\n'
        f"requests_per_second = {account.requests_per_second}\n"
        + (f"funded = {str(account.funded).lower()}\nmargin = true\n" if account.pts else "")
        + f"{account.simulated}\n"
        + (_LIMITS if account.pts else "")
        for name, account in ACCOUNTS.items()
        if not account.shared
    )
    return f"seed = 5\n[server]\nminute_ms = {MINUTE_MS}\n{_PRODUCTS}{accounts}"


def _router_settings(directory: Path, simulator_url: str) -> str:
    head = f'[server]\nport = 0\n[store]\nurl = "sqlite://{directory}/router.db"\n'
    return head + "".join(
        f'[[connections]]\nid = "{name}"\nname = "BitGo {name}"\ncounterparty = "bitgo_prime"\n'
        f'pts = {str(account.pts).lower()}\naccount_id = "{account.id}"\nbase_url = "{simulator_url}"\n'
        f'token = {{ env = "{name.upper()}_TOKEN" }}\ntaker_fee_bps = "{account.taker_fee_bps}"\n'
        f"requests_per_second = {account.requests_per_second}\nsettling_window_ms = 1500\n{account.routed}\n"
        for name, account in ACCOUNTS.items()
    )


class World(System):
    """A simulator with these accounts and a router over them, each a process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        settings = directory / "simulator.toml"
        settings.write_text(_simulator_settings())
        self.simulator = Process("simulate", "--config", str(settings), environment={})
        self.simulator_url = f"http://127.0.0.1:{self.simulator.until('listening')['port']}"
        self.config = directory / "router.toml"
        self.config.write_text(_router_settings(directory, self.simulator_url))
        tokens = {f"{name.upper()}_TOKEN": account.token for name, account in ACCOUNTS.items()}
        self.router = Process("serve", "--config", str(self.config), environment=tokens)
        try:
            self.url = f"http://127.0.0.1:{self.router.until('listening')['port']}"
            waiting = set(ACCOUNTS)
            while waiting:
                waiting.discard(self.router.until("health_changed", state="ready")["connection"])
        except AssertionError:
            self.stop()
            raise
