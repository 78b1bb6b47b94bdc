"""The simulator's settings: typed, bounded, read from TOML, refused as a whole if one key is wrong."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from .clock import RFC3339, parse_time
from .coinbase.settings import AddressSettings, CoinbaseSettings
from .coinbase.settings import contradictions as coinbase_contradictions
from .custody.settings import CustodySettings
from .custody.settings import contradictions as custody_contradictions
from .fault_model import FaultSet
from .kraken.settings import KrakenSettings
from .kraken.settings import contradictions as kraken_contradictions
from .money import AMOUNT_PATTERN

Amount = Annotated[str, Meta(pattern=rf"\A{AMOUNT_PATTERN}\Z")]
SignedAmount = Annotated[str, Meta(pattern=rf"\A-?{AMOUNT_PATTERN}\Z")]
Symbol = Annotated[str, Meta(pattern=r"\A[A-Z0-9.:]{1,24}\*?\Z")]
ProductName = Annotated[str, Meta(pattern=r"\A[A-Z0-9.:]{1,24}\*?-[A-Z0-9.:]{1,24}\*?\Z")]
Slug = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Rate = Annotated[int, Meta(ge=1, le=1_000_000)]
Millis = Annotated[int, Meta(ge=1, le=3_600_000)]
# A price of zero would divide an order in quote currency by nothing.
Price = Annotated[str, Meta(pattern=rf"\A(?=.*[1-9]){AMOUNT_PATTERN}\Z")]
Levels = list[tuple[Price, Amount]]
Side = Literal["buy", "sell"]
Scope = Literal["trade_view", "trade_trade"]
MarginDialect = Literal["platform", "express", "both"]
StepMillis = Annotated[int, Meta(ge=0, le=3_600_000)]
Moment = Annotated[str, Meta(pattern=RFC3339)]
Days = Annotated[int, Meta(ge=1, le=36_500)]
Rows = Annotated[int, Meta(ge=0, le=100_000_000)]


def _all_scopes() -> list[Scope]:
    return ["trade_view", "trade_trade"]


def _collateral_currencies() -> list[Symbol]:
    # "Accepted collateral assets: USD, USDT, USDC, BTC."
    return ["USD", "USDT", "USDC", "BTC"]


class SettingsError(ValueError):
    """The settings cannot be used; the message names file, key, expectation and what was there."""


class ServerSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """Where to listen, and what holds for all accounts."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    requests_per_second: Rate = 10
    # How long a minute of an order's duration lasts: tests make it short.
    minute_ms: Annotated[int, Meta(ge=1, le=60_000)] = 60_000
    # The most rows of orders or trades in one answer; a larger limit is refused.
    page_max: Annotated[int, Meta(ge=1, le=10_000)] = 500


class ProductSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """A product as GET products shows it, and the market that is made in it."""

    name: ProductName
    base_currency: Symbol
    quote_currency: Symbol
    mid: Price
    base_increment: Amount = "0.00000001"
    base_min_size: Amount = "0.0001"
    base_max_size: Amount = "1000"
    quote_increment: Amount = "0.01"
    quote_min_size: Amount = "1"
    quote_max_size: Amount = "100000000"
    quote_display_precision: Annotated[int, Meta(ge=0, le=12)] = 2
    trade_disabled: bool = False
    disabled_sides: list[Side] = []
    algo_disabled: bool = False
    margin_supported: bool = True
    spread_bps: Amount = "10"
    levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    level_size: Amount = "2"
    step_bps: Amount = "2"
    tick_ms: Millis = 100
    bids: Levels | None = None
    asks: Levels | None = None


class BookSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """A book that is pinned for one account: it does not walk."""

    product: ProductName
    bids: Levels
    asks: Levels


class LimitSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """Net open position limits of one asset, in US dollars."""

    long: Amount
    short: Amount


class RiskSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """What GET margin/risksettings answers; the percentages are ratios."""

    total_short_position_limit: Amount = "1000000"
    margin_call: Amount = "0.80"
    liquidation: Amount = "0.95"
    margin_requirement: Amount = "0.10"
    minimum_transferred_collateral: Amount = "1000"


class AccountSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """A trading account: who may use it, what it owns, how it quotes and how it fails."""

    id: Slug
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    token: Annotated[str, Meta(pattern=r"\A[\x21-\x7e]{1,512}\Z")]
    scopes: list[Scope] = field(default_factory=_all_scopes)
    funded: bool = True
    margin: bool = False
    trading_disabled: bool = False
    kyc_approved: bool = True
    price_offset_bps: SignedAmount = "0"
    spread_bps: Amount | None = None
    level_size: Amount | None = None
    requests_per_second: Rate | None = None
    order_answer: Literal["final", "pending"] = "final"
    balances: dict[Symbol, Amount] = {}
    collateral: dict[Symbol, Amount] = {}
    limits: dict[Symbol, LimitSettings] = {}
    risk: RiskSettings = RiskSettings()
    margin_dialect: MarginDialect = "platform"
    utilization_as_number: bool = False
    position_value_currency: Symbol = "USD"
    position_value_usd: Price = "1"
    collateral_currencies: list[Symbol] = field(default_factory=_collateral_currencies)
    close_step_ms: StepMillis = 50
    liquidation_step_ms: StepMillis = 1_000
    trades_generated: Rows = 0
    trades_generated_until: Moment = "2026-01-01T00:00:00Z"
    trades_generated_days: Days = 365
    books: list[BookSettings] = []
    faults: FaultSet = FaultSet()


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """All of a settings file."""

    products: Annotated[list[ProductSettings], Meta(min_length=1, max_length=1_000)]
    accounts: Annotated[list[AccountSettings], Meta(min_length=1, max_length=1_000)]
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    server: ServerSettings = ServerSettings()
    custody: Annotated[list[CustodySettings], Meta(max_length=1_000)] = []
    coinbase: Annotated[list[CoinbaseSettings], Meta(max_length=1_000)] = []
    coinbase_address: AddressSettings = AddressSettings()
    kraken: KrakenSettings = KrakenSettings()


def load(path: Path) -> Settings:
    """Read and check a settings file; `SettingsError` says what is wrong with it."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: expected a readable file: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: expected TOML in UTF-8: {error}") from error
    try:
        return build(raw)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def build(raw: dict[str, object]) -> Settings:
    """Check settings that were read already; `SettingsError` names the key, the expectation and the value."""
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error), raw)) from error
    for wrong in _contradictions(settings):
        raise SettingsError(wrong)
    return settings


_SECRETS = frozenset({"token", "access_key", "passphrase", "signing_key"})
_PLACE = re.compile(r"(?P<expected>.*?)(?: - at `\$(?P<path>[^`]*)`)?", re.DOTALL)


def _explain(message: str, raw: dict[str, object]) -> str:
    """Add to msgspec's message the key without its `$.` and the value that stood there."""
    match = _PLACE.fullmatch(message)
    if match is None:
        return message
    where = (match["path"] or "").removeprefix(".")
    found: object = raw
    for step in re.findall(r"\[(\d+)\]|([^.\[\]]+)", where):
        if step[0] and isinstance(found, list):
            found = found[int(step[0])]
        elif isinstance(found, dict) and step[1] in found:
            found = found[step[1]]
        else:
            return f"{where}: {match['expected']}"
    if where.rpartition(".")[2] in _SECRETS:
        return f"{where}: {match['expected']}, was a value that is not shown"
    if isinstance(found, dict):
        found = "the keys " + ", ".join(sorted(found))
    return f"{where or 'the file'}: {match['expected']}, was {str(found)[:200]!r}"


_ABOVE_ZERO = ("base_increment", "quote_increment", "level_size", "base_max_size", "quote_max_size")


def _contradictions(settings: Settings) -> list[str]:
    """Find what each key allows by itself but the file as a whole does not."""
    wrong: list[str] = []
    names = [product.name for product in settings.products]
    ids = [account.id for account in settings.accounts]
    wrong += [f"products: expected unique names, was {name!r} twice" for name in _repeated(names)]
    wrong += [f"accounts: expected unique ids, was {one!r} twice" for one in _repeated(ids)]
    for place, product in enumerate(settings.products):
        key = f"products[{place}]"
        for name in _ABOVE_ZERO:
            if Decimal(getattr(product, name)) == 0:
                wrong.append(f"{key}.{name}: expected an amount above zero, was '0'")
        for low, high in (("base_min_size", "base_max_size"), ("quote_min_size", "quote_max_size")):
            if Decimal(getattr(product, low)) > Decimal(getattr(product, high)):
                wrong.append(f"{key}.{low}: expected at most {high}, was {getattr(product, low)!r}")
        if (product.bids is None) != (product.asks is None):
            wrong.append(f"{key}: expected bids and asks together or neither, was one of them")
    for place, account in enumerate(settings.accounts):
        wrong += [
            f"accounts[{place}].books: expected the name of a product, was {book.product!r}"
            for book in account.books
            if book.product not in names
        ]
        wrong += [f"accounts[{place}].faults: {problem}" for problem in account.faults.problems()]
        wrong += _not_a_moment(f"accounts[{place}].trades_generated_until", account.trades_generated_until)
    wrong += custody_contradictions(settings.custody, {account.token for account in settings.accounts})
    wrong += coinbase_contradictions(settings.coinbase, names)
    wrong += kraken_contradictions(settings.kraken)
    return wrong


def _not_a_moment(key: str, text: str) -> list[str]:
    try:
        parse_time(text)
    except ValueError as error:
        return [f"{key}: {error}"]
    return []


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
