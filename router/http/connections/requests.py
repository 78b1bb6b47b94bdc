"""Reads requests about connections: every field that is wrong is named, and no value of a credential shown.

A token that was put into the wrong field, or under a wrong name, must not come back in an answer either: of
fields that are not known neither value nor, where it is no plain name, the name is repeated.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from router.core.errors import FieldError
from router.http.credentials import read_credentials
from router.http.decode import Fields, decode_object
from router.service.connecting.connections import ConnectionChange, NewConnection
from router.settings import (
    AccountFields,
    CcxtFields,
    CoinbaseFields,
    ConnectionType,
    Counterparty,
    CustodyFields,
    MarginDialect,
    TradingFields,
)
from router.settings.ccxt import EXCHANGE, RISK
from router.settings.connections import (
    ACCOUNT_ID,
    BASE_URL,
    COIN,
    COINBASE_URL,
    DECIMALS_MAX,
    ENTERPRISE_ID,
    NAME,
    PORTFOLIO_ID,
    SLUG,
)

_COMMON: Final = frozenset(
    {"id", "name", "type", "counterparty", "credentials", "enabled", "base_url", "plain_http"}
)
_TRADING: Final = frozenset(
    {"pts", "account_id", "taker_fee_bps", "requests_per_second", "settling_window_ms", "margin_dialect"}
)
_QUOTING: Final = frozenset({"quote_notional_min", "quotes_per_minute"})
_PORTFOLIO: Final = _QUOTING | {
    "pts",
    "portfolio_id",
    "taker_fee_bps",
    "requests_per_second",
    "settling_window_ms",
}
_EXCHANGE: Final = frozenset(
    {"exchange", "taker_fee_bps", "requests_per_second", "settling_window_ms", "accept_risk"}
)
_CUSTODY: Final = frozenset({"enterprise_id", "requests_per_minute", "decimals"})
_ALL: Final = _COMMON | _TRADING | _PORTFOLIO | _EXCHANGE | _CUSTODY
_FIXED: Final = frozenset(
    {"id", "type", "counterparty", "pts", "account_id", "portfolio_id", "exchange", "enterprise_id"}
)
"""What a connection is; another one of these is another connection."""
_PLAIN_NAME: Final = re.compile(r"[a-z_]{1,32}")
_URL: Final = re.compile(r"[!-~]{1,2048}")
_TRADED: Final = [Counterparty.BITGO_PRIME, Counterparty.COINBASE_PRIME, Counterparty.CCXT]
_HOMES: Final[Mapping[str | None, str]] = {Counterparty.COINBASE_PRIME: COINBASE_URL, Counterparty.CCXT: ""}
"""Where a counterparty is; empty, each exchange is at its own address."""
_MISTAKEN: Final = FieldError("token", 'the token under "credentials", beside nothing else', None)


def new_connection(raw: bytes) -> NewConnection:
    """A connection to be made. Raises `RouterError`."""
    values = decode_object(raw)
    in_custody = values.get("type") == ConnectionType.CUSTODY.value
    said = values.get("counterparty")
    # Of one that trades nowhere, custody's included, what a connection to BitGo Prime has is expected.
    at = Counterparty.BITGO.value if in_custody else next((c.value for c in _TRADED if c == said), None)
    fields = _read(values, _COMMON | _own_names(at), _ALL)
    token, reference = read_credentials(fields, at, required=True)
    kind = fields.choice("type", list(ConnectionType), required=False) or ConnectionType.EXCHANGE
    home = _HOMES.get(at, BASE_URL)
    like = home or BASE_URL
    common: dict[str, object] = {
        "id": fields.text("id", SLUG, "a slug of 1 to 32 of a-z, 0-9 and -", required=False) or "",
        "name": fields.text("name", NAME, "1 to 64 printable characters", required=True),
        "counterparty": fields.choice(
            "counterparty", [Counterparty.BITGO] if in_custody else _TRADED, required=True
        ),
        "type": kind,
        "enabled": _flag(fields, "enabled", default=True),
        "base_url": fields.text("base_url", _URL, f"a URL such as {like}", required=False) or home,
        "plain_http": _flag(fields, "plain_http", default=False),
    }
    own = _own_fields(fields, values, in_custody=in_custody)
    made, named = _named(fields, at)
    if not in_custody and fields.get("taker_fee_bps") is None:
        fields.missing("taker_fee_bps", 'a decimal string such as "2.5": no wire states a fee')
    if made in (TradingFields, CoinbaseFields):
        named["pts"] = _flag(fields, "pts", default=False)
    fields.raise_if_any()
    return NewConnection(_make(made, {**common, **own, **named}), token, reference)


def _named(fields: Fields, at: str | None) -> tuple[type[AccountFields], dict[str, object]]:
    """The fields of a connection at a counterparty, and those that say which account it is."""
    if at == Counterparty.BITGO.value:
        expected = "1 to 64 of A-Z, a-z, 0-9, _ and -"
        return CustodyFields, {
            "enterprise_id": fields.text("enterprise_id", ENTERPRISE_ID, expected, required=False)
        }
    if at == Counterparty.COINBASE_PRIME.value:
        expected = "1 to 64 of A-Z, a-z, 0-9 and -"
        return CoinbaseFields, {
            "portfolio_id": fields.text("portfolio_id", PORTFOLIO_ID, expected, required=True)
        }
    if at == Counterparty.CCXT.value:
        expected = "ccxt's name of an exchange, such as kraken"
        return CcxtFields, {
            "exchange": fields.text("exchange", EXCHANGE, expected, required=True),
            "accept_risk": fields.text("accept_risk", RISK, "orders-cannot-be-found-again", required=False),
        }
    expected = "32 hexadecimal digits in lower case"
    return TradingFields, {"account_id": fields.text("account_id", ACCOUNT_ID, expected, required=True)}


def _own_names(at: str | None) -> frozenset[str]:
    """The names of the fields that a connection at a counterparty has, beside the common ones."""
    match at:
        case Counterparty.BITGO.value:
            return _CUSTODY
        case Counterparty.COINBASE_PRIME.value:
            return _PORTFOLIO
        case Counterparty.CCXT.value:
            return _EXCHANGE
    return _TRADING


def connection_change(
    raw: bytes, kind: ConnectionType, counterparty: str = Counterparty.BITGO_PRIME
) -> ConnectionChange:
    """What of a connection of this type is to be another. Raises `RouterError`."""
    values = decode_object(raw)
    in_custody = kind is ConnectionType.CUSTODY
    at = Counterparty.BITGO.value if in_custody else counterparty
    fields = _read(values, (_COMMON | _own_names(at)) - _FIXED, _ALL, changing=True)
    token, reference = read_credentials(fields, at, required=False)
    changed = _own_fields(fields, values, in_custody=in_custody)
    name = fields.text("name", NAME, "1 to 64 printable characters", required=False)
    base_url = fields.text("base_url", _URL, f"a URL such as {BASE_URL}", required=False)
    changed |= {} if name is None else {"name": name}
    changed |= {} if base_url is None else {"base_url": base_url}
    for flag in ("enabled", "plain_http"):
        if fields.get(flag) is not None:
            changed[flag] = _flag(fields, flag, default=False)
    if not changed and token is None and reference is None and not fields.errors:
        fields.errors.append(FieldError("body", "a field that is to be another", "none"))
    fields.raise_if_any()
    return ConnectionChange(changed, token, reference)


def _read(
    values: dict[str, object], known: Collection[str], elsewhere: Collection[str], *, changing: bool = False
) -> Fields:
    fields = Fields({name: value for name, value in values.items() if name in known}, frozenset(known))
    for name in values:
        if name in known:
            continue
        if name == "token":
            fields.errors.append(_MISTAKEN)
        elif changing and name in _FIXED:
            fields.errors.append(FieldError(name, "no change: another one is another connection", None))
        elif name in elsewhere:
            fields.errors.append(FieldError(name, "no such field in a connection of this type", None))
        else:
            shown = name if _PLAIN_NAME.fullmatch(name) else "(not shown)"
            fields.errors.append(FieldError(shown, "no field of this name", None))
    return fields


def _own_fields(fields: Fields, values: Mapping[str, object], *, in_custody: bool) -> dict[str, object]:
    """The fields of its type that can change, as far as they are there."""
    found: dict[str, object] = {}
    if in_custody:
        found["requests_per_minute"] = fields.whole("requests_per_minute", 1, 60_000)
        found["decimals"] = _decimals(fields)
    else:
        found["requests_per_second"] = fields.whole("requests_per_second", 1, 1000)
        found["settling_window_ms"] = fields.whole("settling_window_ms", 1, 3_600_000)
        if fields.get("taker_fee_bps") is not None:
            fields.amount("taker_fee_bps", positive=False, required=False)
            found["taker_fee_bps"] = fields.get("taker_fee_bps")
        # Of a counterparty that streams books these are no fields, and stand in no request.
        found["quotes_per_minute"] = fields.whole("quotes_per_minute", 1, 6000)
        if fields.get("quote_notional_min") is not None:
            fields.amount("quote_notional_min", positive=False, required=False)
            found["quote_notional_min"] = fields.get("quote_notional_min")
    there = {name: value for name, value in found.items() if value is not None}
    if not in_custody:
        # A rule is taken away by null.
        there |= {name: None for name in _QUOTING if name in values and values[name] is None}
    if not in_custody and "margin_dialect" in values:
        there["margin_dialect"] = fields.choice("margin_dialect", list(MarginDialect), required=False)
    return there


def _make(kind: type[AccountFields], values: Mapping[str, object]) -> AccountFields:
    # Every value was looked at: what is left to `account_settings` are rules between fields.
    return kind(**values)  # type: ignore[arg-type]  # the names and types are those of the fields


def _flag(fields: Fields, name: str, *, default: bool) -> bool:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        fields.refuse(name, "true or false", value)
        return default
    return value


def _decimals(fields: Fields) -> dict[str, int] | None:
    value = fields.get("decimals")
    if value is None:
        return None
    if not isinstance(value, dict):
        fields.refuse("decimals", "an object of coins and whole numbers", value)
        return None
    found: dict[str, int] = {}
    for coin, number in value.items():
        if COIN.fullmatch(coin) is None or type(number) is not int or not 0 <= number <= DECIMALS_MAX:
            fields.refuse("decimals", f"names of coins with whole numbers from 0 to {DECIMALS_MAX}", number)
            return None
        found[coin] = number
    return found
