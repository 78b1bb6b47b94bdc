"""The accounts of the demonstration and the settings that both processes run by.

The books are pinned, and their first levels deep enough for all that is traded there, so that every run
shows the same prices. Secrets are drawn anew for each run; the router
gets its tokens by variables of its environment.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PRODUCT: Final = "BTC-USD"
Levels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Account:
    """An account at the simulated counterparty, and the router's connection to it."""

    id: str
    name: str
    pts: bool
    account_id: str
    taker_fee_bps: str
    bids: Levels
    asks: Levels
    funds: str
    """Balances of a Spot account, collateral of a PTS account: a TOML table."""

    @property
    def variable(self) -> str:
        """The variable that the router reads the token from."""
        return "DEMO_TOKEN_" + self.id.upper().replace("-", "_")


TREASURY: Final = Account(
    id="bitgo-treasury",
    name="BitGo Treasury",
    pts=False,
    account_id="7ea50000000000000000000000000001",
    taker_fee_bps="5",
    bids=(("59997.00", "2"), ("59994.00", "4")),
    asks=(("60003.00", "2"), ("60006.00", "4")),
    funds='{ USD = "100000", BTC = "1" }',
)
PETTY_CASH: Final = Account(
    id="bitgo-petty-cash",
    name="BitGo Petty Cash",
    pts=False,
    account_id="9e770000000000000000000000000002",
    taker_fee_bps="5",
    bids=(("59998.00", "0.5"), ("59995.00", "2")),
    asks=(("60001.00", "0.5"), ("60004.00", "2")),
    funds='{ USD = "250" }',
)
MARGIN: Final = Account(
    id="bitgo-margin",
    name="BitGo Margin",
    pts=True,
    account_id="3a5610000000000000000000000000f3",
    taker_fee_bps="8",
    bids=(("59996.00", "1"), ("59992.00", "4")),
    asks=(("60002.00", "1"), ("60004.00", "4")),
    funds='{ USDC = "50000" }',
)
ACCOUNTS: Final = (TREASURY, PETTY_CASH, MARGIN)
LONG_LIMIT_USD: Final = "200000"
"""What the PTS account may hold of bitcoin, in dollars: the second purchase goes beyond it."""

ANSWER_DEADLINE_MS: Final = 800
"""How long the router lets a caller wait; short, so that a 202 is shown without a long pause."""


def draw_tokens() -> dict[str, str]:
    """A token for each account, by the variable that the router reads it from."""
    return {account.variable: secrets.token_hex(16) for account in ACCOUNTS}


def write_simulator(path: Path, tokens: dict[str, str]) -> None:
    """Write the simulator's settings: the accounts with their books, balances, limits."""
    parts = [
        f"""[server]
port = 0

[[products]]
name = "{PRODUCT}"
base_currency = "BTC"
quote_currency = "USD"
mid = "60000"
step_bps = "0"
tick_ms = 100
"""
    ]
    for account in ACCOUNTS:
        kind = "collateral" if account.pts else "balances"
        parts.append(f"""
[[accounts]]
id = "{account.account_id}"
name = "{account.name}"
token = "{tokens[account.variable]}"
funded = {_toml(not account.pts)}
margin = {_toml(account.pts)}
{kind} = {account.funds}
limits = {{ BTC = {{ long = "{LONG_LIMIT_USD}", short = "{LONG_LIMIT_USD}" }} }}

[[accounts.books]]
product = "{PRODUCT}"
bids = {_toml(account.bids)}
asks = {_toml(account.asks)}
""")
    _write(path, "".join(parts))


def write_router(path: Path, journal: Path, simulator_port: int) -> None:
    """Write the router's settings: any free port, a journal beside it, a connection an account."""
    parts = [
        f"""[server]
port = 0

[store]
url = {_toml(f"sqlite://{journal}")}

[execution]
answer_deadline_ms = {ANSWER_DEADLINE_MS}

[auth]
mode = "none"
"""
    ]
    parts += [
        f"""
[[connections]]
id = "{account.id}"
name = "{account.name}"
counterparty = "bitgo_prime"
pts = {_toml(account.pts)}
account_id = "{account.account_id}"
base_url = "http://127.0.0.1:{simulator_port}"
token = {{ env = "{account.variable}" }}
taker_fee_bps = "{account.taker_fee_bps}"
"""
        for account in ACCOUNTS
    ]
    _write(path, "".join(parts))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(member) for member in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _write(path: Path, text: str) -> None:
    # The simulator's file holds tokens: nobody else is to read it, whatever the umask says.
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
