"""`connections add|edit`: an account of a counterparty, connected or changed."""

from typing import Annotated, Literal

from cyclopts import Parameter

from router.cli import answering
from router.cli.access import HERE, Access, Flag, UsageError
from router.cli.answers import ConnectionState, read
from router.cli.client import Client, Reply, UnansweredError
from router.cli.connections import ConnectionDetail, show_detail
from router.cli.credentials import Sources, check_way, read_credentials
from router.cli.exits import Exit
from router.secrets import Secret

TypeName = Literal["exchange", "custody"]
Dialect = Literal["platform", "express"]
Switch = Annotated[bool | None, Parameter(show_default=False)]
Decimals = Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)]
TokenFile = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
Pairs = Annotated[list[str] | None, Parameter(negative="", consume_multiple=False, allow_leading_hyphen=True)]
Risk = Literal["orders-cannot-be-found-again"]
COUNTERPARTIES = {"exchange": "bitgo_prime", "custody": "bitgo"}


def add(
    name: str,
    /,
    *,
    type: TypeName = "exchange",  # noqa: A002 - the name of the option is the contract's
    counterparty: Literal["bitgo_prime", "coinbase_prime", "ccxt", "bitgo"] | None = None,
    pts: Flag = False,
    account_id: str | None = None,
    portfolio_id: str | None = None,
    exchange: str | None = None,
    accept_risk: Risk | None = None,
    taker_fee_bps: str | None = None,
    id: str | None = None,  # noqa: A002 - as above
    base_url: str | None = None,
    venue_plain_http: Flag = False,
    requests_per_second: int | None = None,
    settling_window_ms: int | None = None,
    margin_dialect: Dialect | None = None,
    enterprise_id: str | None = None,
    requests_per_minute: int | None = None,
    decimals: Decimals = None,
    disabled: Flag = False,
    token_file: TokenFile = None,
    token_env: str | None = None,
    credential_file: Pairs = None,
    credential_env: Pairs = None,
    access: Access = HERE,
) -> int:
    """Connect an account: it is tested at the counterparty, kept, and trades without a restart.

    Credentials are asked for without echo, or read as the options say: a token at
    BitGo; access_key, passphrase and signing_key at Coinbase Prime; api_key, secret
    and, where the exchange wants one, password through ccxt. Spot, PTS and custody
    of one client are three connections.

    Parameters
    ----------
    name
        The account's name, as people know it.
    type
        What the account is for: trading, or looking at assets in custody.
    counterparty
        Whose account it is; the type's own if left out.
    pts
        A Post Trade Settlement (margin) account, trading on credit. Without it: Spot.
    account_id
        The Go Account's id; connections to BitGo Prime must have it.
    portfolio_id
        The portfolio's id; connections to Coinbase Prime must have it.
    exchange
        ccxt's name of the exchange, such as kraken; connections through ccxt must have it.
    accept_risk
        Trade on an exchange where an order whose answer was lost cannot be found; ccxt only.
    taker_fee_bps
        The counterparty's fee on the quote notional, in basis points; exchange connections must have it.
    id
        The connection's id; made of the name if left out.
    base_url
        Where the counterparty is, if not at its usual address.
    venue_plain_http
        Send the token to the counterparty over plain http: the way there is private.
    requests_per_second
        What the counterparty allows the account; exchange only.
    settling_window_ms
        How long after it was sent an order that is not found was never taken; exchange only.
    margin_dialect
        How the counterparty's margin reads are worded; found out if left out; PTS only.
    enterprise_id
        Whose wallets alone are meant; custody only.
    requests_per_minute
        What the counterparty allows the token; custody only.
    decimals
        A coin's decimals, such as xyz=12; may be repeated; custody only.
    disabled
        Do not use it yet.
    token_file
        Read the token from this file; - reads it from standard input.
    token_env
        Read the token from this variable.
    credential_file
        Read a credential from a file, such as secret=FILE; - reads a line of standard input; may be repeated.
    credential_env
        Read a credential from a variable, such as secret=VARIABLE; may be repeated.
    """

    def run() -> Exit:
        client = access.client()
        check_way(access)
        at = counterparty or COUNTERPARTIES[type]
        sources = Sources(token_file, token_env, credential_file, credential_env)
        credentials = read_credentials(at, sources, ask=True)
        body = _there(
            {
                "name": name,
                "type": type,
                "counterparty": at,
                "pts": pts or None,
                "account_id": account_id,
                "portfolio_id": portfolio_id,
                "exchange": exchange,
                "accept_risk": accept_risk,
                "taker_fee_bps": taker_fee_bps,
                "id": id,
                "base_url": base_url,
                "plain_http": venue_plain_http or None,
                "requests_per_second": requests_per_second,
                "settling_window_ms": settling_window_ms,
                "margin_dialect": margin_dialect,
                "enterprise_id": enterprise_id,
                "requests_per_minute": requests_per_minute,
                "decimals": _decimals(decimals),
                "enabled": False if disabled else None,
                "credentials": _revealed(credentials),
            }
        )
        try:
            reply = client.post("v1", "connections", body=body)
        except UnansweredError as error:
            answering.complain(f"{error}: whether it was made is not known: caas-router connections")
            return Exit.UNKNOWN
        return _ended(reply, json=access.json)

    return answering.guarded(run)


def edit(
    connection: str,
    /,
    *,
    name: str | None = None,
    enabled: Switch = None,
    taker_fee_bps: str | None = None,
    base_url: str | None = None,
    venue_plain_http: Switch = None,
    requests_per_second: int | None = None,
    settling_window_ms: int | None = None,
    margin_dialect: Dialect | None = None,
    requests_per_minute: int | None = None,
    decimals: Decimals = None,
    token: Flag = False,
    token_file: TokenFile = None,
    token_env: str | None = None,
    credential_file: Pairs = None,
    credential_env: Pairs = None,
    access: Access = HERE,
) -> int:
    """Change a connection; what is left out stays. One with another token or address is tested first.

    Parameters
    ----------
    connection
        The connection's id.
    name
        Another name.
    enabled
        Use it, or do not.
    taker_fee_bps
        Another fee, in basis points.
    base_url
        Another address of the counterparty; the token must be given again.
    venue_plain_http
        Whether the token may go to the counterparty over plain http.
    requests_per_second
        Another limit; exchange only. A lower one holds at once, a higher one from the router's next start.
    settling_window_ms
        Another settling window; exchange only.
    margin_dialect
        How the counterparty's margin reads are worded; PTS only.
    requests_per_minute
        Another limit; custody only. A lower one holds at once, a higher one from the router's next start.
    decimals
        A coin's decimals, such as xyz=12, in place of those that were set; may be repeated; custody only.
    token
        Ask for another token, or for the other credentials that the counterparty wants.
    token_file
        Read another token from this file; - reads it from standard input.
    token_env
        Read another token from this variable.
    credential_file
        Read another credential from a file, such as secret=FILE; the others are asked for; may be repeated.
    credential_env
        Read another credential from a variable, such as secret=VARIABLE; may be repeated.
    """

    def run() -> Exit:
        client = access.client()
        sources = Sources(token_file, token_env, credential_file, credential_env)
        credentials = None
        if token or sources.named:
            check_way(access)
            at = _counterparty(client, connection)
            if isinstance(at, Reply):
                return answering.refused(at, json=access.json)
            credentials = read_credentials(at, sources, ask=token)
        body = _there(
            {
                "name": name,
                "enabled": enabled,
                "taker_fee_bps": taker_fee_bps,
                "base_url": base_url,
                "plain_http": venue_plain_http,
                "requests_per_second": requests_per_second,
                "settling_window_ms": settling_window_ms,
                "margin_dialect": margin_dialect,
                "requests_per_minute": requests_per_minute,
                "decimals": _decimals(decimals),
                "credentials": _revealed(credentials),
            }
        )
        if not body:
            raise UsageError("expected something to change, such as --name or --token, was nothing")
        try:
            reply = client.patch("v1", "connections", connection, body=body)
        except UnansweredError as error:
            answering.complain(f"{error}: whether it was changed is not known; the same again is safe")
            return Exit.UNKNOWN
        return _ended(reply, json=access.json)

    return answering.guarded(run)


def _ended(reply: Reply, *, json: bool) -> Exit:
    return answering.reading(reply, ConnectionDetail, json=json, show=show_detail)


def _there(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _revealed(credentials: dict[str, Secret] | None) -> dict[str, object] | None:
    if credentials is None:
        return None
    return {name: credential.reveal() for name, credential in credentials.items()}


def _counterparty(client: Client, connection: str) -> str | Reply:
    """Whose connection it is, for its credentials are named by that; or the answer that says no."""
    reply = client.get("v1", "connections", connection)
    return reply if reply.is_problem else read(reply.body, ConnectionState).counterparty


def _decimals(pairs: list[str] | None) -> dict[str, int] | None:
    if pairs is None:
        return None
    found: dict[str, int] = {}
    for pair in pairs:
        coin, equals, number = pair.partition("=")
        if not coin or not equals or not (number.isascii() and number.isdigit()) or len(number) > 2:
            raise UsageError("--decimals: expected a coin and its decimals such as xyz=12, was another text")
        found[coin] = int(number)
    return found
