"""Who takes part in the demonstration, and the settings that both processes run by.

Markets stand still and books are pinned, and their first levels deep enough for all that is traded there, so
that every run shows the same prices. Secrets are drawn anew for each run; the router gets them by variables
of its environment.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from router.cli.demo.accounts import Account, BitGo, Coinbase, Kraken, draw_secret, toml

PRODUCT: Final = "BTC-USD"
LONG_LIMIT_USD: Final = "200000"
"""What BitGo's PTS account may hold of bitcoin, in dollars: the second purchase goes beyond it."""

TREASURY: Final = BitGo(
    id="bitgo-treasury",
    name="BitGo Treasury",
    account_id="7ea50000000000000000000000000001",
    taker_fee_bps="5",
    bids=(("59997.00", "2"), ("59994.00", "4")),
    asks=(("60003.00", "2"), ("60006.00", "4")),
    funds='{ USD = "100000", BTC = "1" }',
    limit_usd=LONG_LIMIT_USD,
)
MARGIN: Final = BitGo(
    id="bitgo-margin",
    name="BitGo Margin",
    pts=True,
    account_id="3a5610000000000000000000000000f3",
    taker_fee_bps="8",
    bids=(("59996.00", "1"), ("59992.00", "4")),
    asks=(("60002.00", "1"), ("60004.00", "4")),
    funds='{ USDC = "50000" }',
    limit_usd=LONG_LIMIT_USD,
)
COINBASE: Final = Coinbase(
    id="coinbase-desk",
    name="Coinbase Desk",
    account_id="d35c0000-0000-4000-8000-000000000004",
    taker_fee_bps="4",
    funds='{ USD = "50000", BTC = "1" }',
    spread_bps="4",
)
COINBASE_CREDIT: Final = Coinbase(
    id="coinbase-credit",
    name="Coinbase Credit",
    pts=True,
    account_id="c4ed0000-0000-4000-8000-000000000005",
    taker_fee_bps="7",
    spread_bps="4",
    credit_usd="400000",
)
KRAKEN: Final = Kraken(
    id="kraken",
    name="Kraken",
    account_id="kraken-desk",
    taker_fee_bps="10",
    funds='{ USD = "40000", BTC = "1" }',
    spread_bps="2",
)
"""The one account through ccxt, which is an extra: where it is not installed, the others play without it."""

WITHOUT_CCXT: Final = (TREASURY, MARGIN, COINBASE, COINBASE_CREDIT)
EVERYONE: Final = (*WITHOUT_CCXT, KRAKEN)

ANSWER_DEADLINE_MS: Final = 800
"""How long the router lets a caller wait; short, so that a 202 is shown without a long pause."""
QUOTE_DEADLINE_MS: Final = 2000
"""How long a counterparty may take to quote: on a busy machine too, everybody is to be in every table."""


def cast() -> tuple[Account, ...]:
    """Who can take part here: the account through ccxt only where ccxt is installed."""
    return EVERYONE if importlib.util.find_spec("ccxt") else WITHOUT_CCXT


def draw_secrets(accounts: Sequence[Account]) -> dict[str, str]:
    """Every secret of these accounts, by the variable that the router reads it from."""
    return {variable: draw_secret() for account in accounts for variable in account.variables}


def write_simulator(path: Path, accounts: Sequence[Account], drawn: Mapping[str, str]) -> None:
    """Write the simulator's settings: one market that stands still, and these accounts."""
    head = f"""[server]
port = 0

[[products]]
name = "{PRODUCT}"
base_currency = "BTC"
quote_currency = "USD"
mid = "60000"
step_bps = "0"
tick_ms = 100
"""
    _write(path, head + "".join(account.simulated(drawn, PRODUCT) for account in accounts))


def write_router(path: Path, journal: Path, accounts: Sequence[Account], simulator_port: int) -> None:
    """Write the router's settings: any free port, a journal beside it, a connection an account."""
    head = f"""[server]
port = 0

[store]
url = {toml(f"sqlite://{journal}")}

[competition]
quote_deadline_ms = {QUOTE_DEADLINE_MS}

[execution]
answer_deadline_ms = {ANSWER_DEADLINE_MS}

[auth]
mode = "none"
"""
    url = f"http://127.0.0.1:{simulator_port}"
    _write(path, head + "".join(account.connected(url) for account in accounts))


def _write(path: Path, text: str) -> None:
    # The simulator's file holds secrets: nobody else is to read it, whatever the umask says.
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
