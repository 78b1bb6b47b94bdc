"""The accounts that take part: how the simulator is told of each, and how the router.

A counterparty is a class here. Its secrets are variables of the router's environment, drawn anew for each
run; the simulator reads them from its own settings, which nobody else may read.
"""

import base64
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

Levels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Account(ABC):
    """An account at a simulated counterparty, and the router's connection to it.

    `account_id`: what the counterparty knows it by. `funds`: its balances, of a PTS account at BitGo its
    collateral, as a TOML table. `bids`, `asks`: the pinned book of one that streams; empty elsewhere.
    """

    id: str
    name: str
    account_id: str
    taker_fee_bps: str
    pts: bool = False
    funds: str = "{}"
    bids: Levels = ()
    asks: Levels = ()

    @property
    @abstractmethod
    def control(self) -> tuple[str, ...]:
        """Where the simulator's control endpoint has it."""

    @property
    def log(self) -> tuple[str, ...]:
        """Where the control endpoint lists the requests that came."""
        return self.control

    @property
    @abstractmethod
    def variables(self) -> tuple[str, ...]:
        """The variables that the router reads its secrets from."""

    @abstractmethod
    def simulated(self, drawn: Mapping[str, str], product: str) -> str:
        """Its tables in the simulator's settings."""

    @abstractmethod
    def connected(self, url: str) -> str:
        """Its table in the router's settings, the counterparty at `url`."""

    def _variable(self, what: str) -> str:
        return f"DEMO_{what}_" + self.id.upper().replace("-", "_")

    def _connection(self, url: str, counterparty: str, **more: str) -> str:
        lines = {
            "id": toml(self.id),
            "name": toml(self.name),
            "counterparty": toml(counterparty),
            "base_url": toml(url),
            "taker_fee_bps": toml(self.taker_fee_bps),
            **more,
        }
        return "\n[[connections]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())


@dataclass(frozen=True, kw_only=True)
class BitGo(Account):
    """A Go Account at BitGo Prime. Its book is streamed: a price there is indicative."""

    limit_usd: str
    """What a PTS account may hold or owe of bitcoin, in dollars."""

    @property
    def control(self) -> tuple[str, ...]:
        """Under the accounts."""
        return ("accounts", self.account_id)

    @property
    def variables(self) -> tuple[str, ...]:
        """A bearer token."""
        return (self._variable("TOKEN"),)

    def simulated(self, drawn: Mapping[str, str], product: str) -> str:
        """An account with a book of its own, pinned."""
        kind = "collateral" if self.pts else "balances"
        return f"""
[[accounts]]
id = {toml(self.account_id)}
name = {toml(self.name)}
token = {toml(drawn[self.variables[0]])}
funded = {toml(not self.pts)}
margin = {toml(self.pts)}
{kind} = {self.funds}
limits = {{ BTC = {{ long = {toml(self.limit_usd)}, short = {toml(self.limit_usd)} }} }}

[[accounts.books]]
product = {toml(product)}
bids = {toml(self.bids)}
asks = {toml(self.asks)}
"""

    def connected(self, url: str) -> str:
        """A connection with a token."""
        return self._connection(
            url,
            "bitgo_prime",
            pts=toml(self.pts),
            account_id=toml(self.account_id),
            token=_reference(self.variables[0]),
        )


@dataclass(frozen=True, kw_only=True)
class Coinbase(Account):
    """A portfolio at Coinbase Prime. It is asked, and holds its price for a while: the price is firm.

    `spread_bps` around the one market; `credit_usd`: the line of a portfolio on post-trade credit.
    """

    spread_bps: str
    credit_usd: str = "0"

    @property
    def control(self) -> tuple[str, ...]:
        """Under the portfolios."""
        return ("coinbase", self.account_id)

    @property
    def variables(self) -> tuple[str, ...]:
        """Access key, passphrase and signing key."""
        return (self._variable("KEY"), self._variable("PASSPHRASE"), self._variable("SIGNING"))

    def simulated(self, drawn: Mapping[str, str], product: str) -> str:  # noqa: ARG002 - quotes in all of them
        """A portfolio, with credit where it is PTS."""
        key, passphrase, signing = (toml(drawn[name]) for name in self.variables)
        credit = f"credit = {{ limit = {toml(self.credit_usd)} }}\n" if self.pts else ""
        return f"""
[[coinbase]]
portfolio_id = {toml(self.account_id)}
name = {toml(self.name)}
access_key = {key}
passphrase = {passphrase}
signing_key = {signing}
balances = {self.funds}
spread_bps = {toml(self.spread_bps)}
fee_bps = {toml(self.taker_fee_bps)}
{credit}"""

    def connected(self, url: str) -> str:
        """A connection with three secrets."""
        key, passphrase, signing = (_reference(name) for name in self.variables)
        return self._connection(
            url,
            "coinbase_prime",
            pts=toml(self.pts),
            portfolio_id=toml(self.account_id),
            access_key=key,
            passphrase=passphrase,
            signing_key=signing,
        )


@dataclass(frozen=True, kw_only=True)
class Kraken(Account):
    """An account at Kraken, which the router reaches through ccxt. `spread_bps`: of the exchange's book."""

    spread_bps: str

    @property
    def control(self) -> tuple[str, ...]:
        """Under the exchange's accounts."""
        return ("kraken", "accounts", self.account_id)

    @property
    def log(self) -> tuple[str, ...]:
        """The exchange logs all accounts together."""
        return ("kraken",)

    @property
    def variables(self) -> tuple[str, ...]:
        """API key and secret."""
        return (self._variable("KEY"), self._variable("SECRET"))

    def simulated(self, drawn: Mapping[str, str], product: str) -> str:  # noqa: ARG002 - it lists all of them
        """The exchange, and the account there."""
        key, secret = (toml(drawn[name]) for name in self.variables)
        return f"""
[kraken]
spread_bps = {toml(self.spread_bps)}

[[kraken.accounts]]
id = {toml(self.account_id)}
api_key = {key}
secret = {secret}
balances = {self.funds}
fee_bps = {toml(self.taker_fee_bps)}
"""

    def connected(self, url: str) -> str:
        """A connection through ccxt."""
        key, secret = (_reference(name) for name in self.variables)
        return self._connection(url, "ccxt", exchange=toml("kraken"), api_key=key, secret=secret)


def draw_secret() -> str:
    """A secret nobody has seen; base64, since Kraken's must be."""
    return base64.b64encode(secrets.token_bytes(24)).decode()


def toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(member) for member in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _reference(variable: str) -> str:
    return f"{{ env = {toml(variable)} }}"
