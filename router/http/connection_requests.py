"""Reads requests about connections: every field that is wrong is named, and no value of a credential shown.

A token that was put into the wrong field, or under a wrong name, must not come back in an answer either: of
fields that are not known neither value nor, where it is no plain name, the name is repeated.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from router.core.errors import FieldError
from router.http.connection_bodies import TOKEN_PATTERN
from router.http.decode import Fields, decode_object
from router.secrets import Reference, Secret, joined
from router.service.connections import ConnectionChange, NewConnection
from router.settings import (
    CoinbaseFields,
    ConnectionType,
    Counterparty,
    CustodyFields,
    MarginDialect,
    TradingFields,
)
from router.settings.connections import (
    ACCOUNT_ID,
    BASE_URL,
    COIN,
    COINBASE_CREDENTIALS,
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
_PORTFOLIO: Final = frozenset(
    {"pts", "portfolio_id", "taker_fee_bps", "requests_per_second", "settling_window_ms"}
)
_CUSTODY: Final = frozenset({"enterprise_id", "requests_per_minute", "decimals"})
_ALL: Final = _COMMON | _TRADING | _PORTFOLIO | _CUSTODY
_FIXED: Final = frozenset(
    {"id", "type", "counterparty", "pts", "account_id", "portfolio_id", "enterprise_id"}
)
"""What a connection is; another one of these is another connection."""
_TOKEN: Final = re.compile(TOKEN_PATTERN)
_PLAIN_NAME: Final = re.compile(r"[a-z_]{1,32}")
_URL: Final = re.compile(r"[!-~]{1,2048}")
_PATH: Final = re.compile(r"[^\x00-\x1f\x7f]{1,1024}")
_CREDENTIALS: Final = 'an object with "token": a string, {"env": …} or {"file": …}'
_KEYS: Final = 'an object with "access_key", "passphrase" and "signing_key", each a string'

_MISTAKEN: Final = FieldError("token", 'the token under "credentials", beside nothing else', None)


def new_connection(raw: bytes) -> NewConnection:
    """A connection to be made. Raises `RouterError`."""
    values = decode_object(raw)
    in_custody = values.get("type") == ConnectionType.CUSTODY.value
    at_coinbase = not in_custody and values.get("counterparty") == Counterparty.COINBASE_PRIME.value
    own_names = _CUSTODY if in_custody else _PORTFOLIO if at_coinbase else _TRADING
    fields = _read(values, _COMMON | own_names, _ALL)
    token, reference = _keys(fields, required=True) if at_coinbase else _credentials(fields, required=True)
    kind = fields.choice("type", list(ConnectionType), required=False) or ConnectionType.EXCHANGE
    trading = [Counterparty.BITGO_PRIME, Counterparty.COINBASE_PRIME]
    expected = [Counterparty.BITGO] if in_custody else trading
    home = COINBASE_URL if at_coinbase else BASE_URL
    counterparty = fields.choice("counterparty", expected, required=True)
    common: dict[str, object] = {
        "id": fields.text("id", SLUG, "a slug of 1 to 32 of a-z, 0-9 and -", required=False) or "",
        "name": fields.text("name", NAME, "1 to 64 printable characters", required=True),
        "counterparty": counterparty,
        "type": kind,
        "enabled": _flag(fields, "enabled", default=True),
        "base_url": fields.text("base_url", _URL, f"a URL such as {home}", required=False) or home,
        "plain_http": _flag(fields, "plain_http", default=False),
    }
    own = _own_fields(fields, values, in_custody=in_custody)
    if in_custody:
        enterprise = fields.text(
            "enterprise_id", ENTERPRISE_ID, "1 to 64 of A-Z, a-z, 0-9, _ and -", required=False
        )
        fields.raise_if_any()
        return NewConnection(
            _make(CustodyFields, {**common, **own, "enterprise_id": enterprise}), token, reference
        )
    if at_coinbase:
        account_name = "portfolio_id"
        account = fields.text(account_name, PORTFOLIO_ID, "1 to 64 of A-Z, a-z, 0-9 and -", required=True)
    else:
        account_name = "account_id"
        account = fields.text(account_name, ACCOUNT_ID, "32 hexadecimal digits in lower case", required=True)
    if fields.get("taker_fee_bps") is None:
        fields.missing("taker_fee_bps", 'a decimal string such as "2.5": no wire states a fee')
    pts = _flag(fields, "pts", default=False)
    fields.raise_if_any()
    made = CoinbaseFields if at_coinbase else TradingFields
    return NewConnection(_make(made, {**common, **own, account_name: account, "pts": pts}), token, reference)


def connection_change(
    raw: bytes, kind: ConnectionType, counterparty: str = Counterparty.BITGO_PRIME
) -> ConnectionChange:
    """What of a connection of this type is to be another. Raises `RouterError`."""
    values = decode_object(raw)
    in_custody = kind is ConnectionType.CUSTODY
    at_coinbase = counterparty == Counterparty.COINBASE_PRIME.value
    known = (_COMMON | (_CUSTODY if in_custody else _PORTFOLIO if at_coinbase else _TRADING)) - _FIXED
    fields = _read(values, known, _ALL, changing=True)
    token, reference = _keys(fields, required=False) if at_coinbase else _credentials(fields, required=False)
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
    there = {name: value for name, value in found.items() if value is not None}
    if not in_custody and "margin_dialect" in values:
        there["margin_dialect"] = fields.choice("margin_dialect", list(MarginDialect), required=False)
    return there


def _make(
    kind: type[TradingFields | CoinbaseFields | CustodyFields], values: Mapping[str, object]
) -> TradingFields | CoinbaseFields | CustodyFields:
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


def _keys(fields: Fields, *, required: bool) -> tuple[Secret | None, None]:
    """The three credentials of a portfolio, as one; what is wrong is noted without its value."""
    value = fields.get("credentials")
    if value is None:
        if required:
            fields.errors.append(FieldError("credentials", _KEYS, None))
        return None, None
    if not isinstance(value, dict) or set(value) != set(COINBASE_CREDENTIALS):
        fields.errors.append(FieldError("credentials", _KEYS, "another value (not shown)"))
        return None, None
    parts = {
        name: Secret(text) for name, text in value.items() if isinstance(text, str) and _TOKEN.fullmatch(text)
    }
    for name in COINBASE_CREDENTIALS:
        if name not in parts:
            expected = "1 to 4096 printable ASCII characters without spaces"
            fields.errors.append(FieldError(f"credentials.{name}", expected, "another value (not shown)"))
    return (joined(parts), None) if len(parts) == len(COINBASE_CREDENTIALS) else (None, None)


def _credentials(fields: Fields, *, required: bool) -> tuple[Secret | None, Reference | None]:
    """The token, or where it is; what is wrong is noted without its value."""
    value = fields.get("credentials")
    if value is None:
        if required:
            fields.errors.append(FieldError("credentials", _CREDENTIALS, None))
        return None, None
    if not isinstance(value, dict) or set(value) != {"token"}:
        fields.errors.append(FieldError("credentials", _CREDENTIALS, "another value (not shown)"))
        return None, None
    token = value["token"]
    if isinstance(token, str):
        if _TOKEN.fullmatch(token) is None:
            expected = "1 to 4096 printable ASCII characters without spaces"
            fields.errors.append(FieldError("credentials.token", expected, "another text (not shown)"))
            return None, None
        return Secret(token), None
    if isinstance(token, dict) and len(token) == 1:
        (where, named), *_ = token.items()
        if where in ("env", "file") and isinstance(named, str) and _PATH.fullmatch(named):
            return None, Reference(env=named) if where == "env" else Reference(file=named)
    fields.errors.append(FieldError("credentials.token", _CREDENTIALS, "another value (not shown)"))
    return None, None
