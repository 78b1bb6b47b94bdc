"""The test of a new connection: what passes, and each way in which it does not."""

from collections.abc import Callable
from typing import Any

import pytest

from router.core.errors import Code
from router.core.model import Connection
from router.ports import OffWireError, VenueUnreachableError
from router.ports.accounts import ConnectionTestError
from router.secrets import Secret
from router.settings import AccountSettings, ConnectionSettings, ConnectionType, MarginDialect
from tests.unit.build import D
from tests.unit.venues.custody_platform import (
    ETH_WALLET,
    TOKEN,
    Platform,
    custody_payload,
    custody_settings,
    served,
)
from tests.unit.venues.support import payload, raw_server
from venues.proving import NO_ORDER, prove
from venues.transport.timing import Timing

PRIME = "/api/prime/trading/v1"
ACCOUNT = "60e740e7898f7d00064d43769a73dc48"
BELOW = f"{PRIME}/accounts/{ACCOUNT}"
CANCEL = f"{BELOW}/orders/{NO_ORDER}/cancel"
WALLETS = "/api/v2/wallets"
TRANSFERS = f"/api/v2/eth/wallet/{ETH_WALLET}/transfer"
TIMING = Timing(read_ms=2000, connect_ms=500)
UNAUTHORIZED = {"error": "Unauthorized", "errorName": "Error", "reqId": "unk-1"}
FORBIDDEN = {"error": "Forbidden, reqId=unk-2", "errorName": "backend:common:forbidden", "reqId": "unk-2"}
NOT_CANCELABLE = {
    "error": "backend:common:invalidArgument key=orderID",
    "errorName": "backend:common:invalidArgument",
    "reqId": "unk-3",
}
PROFILE = {
    "riskProfile": {
        "netOpenPosition": {"quantity": "1000000", "currency": "USD"},
        "marginUtilizationPercentage": "0.85",
    }
}


def trading(base_url: str, *, pts: bool = False, **changed: Any) -> ConnectionSettings:
    fields: dict[str, Any] = {
        "connection": Connection("bitgo", "Treasury", pts, "bitgo_prime", D(0)),
        "type": ConnectionType.EXCHANGE,
        "enabled": True,
        "account_id": ACCOUNT,
        "token": Secret(TOKEN),
        "base_url": base_url,
        "requests_per_second": 10,
        "settling_window_ms": 1000,
    }
    return ConnectionSettings(**fields | changed)


def pts(base_url: str, **changed: Any) -> ConnectionSettings:
    return trading(base_url, pts=True, **changed)


def exchange_host() -> Platform:
    """A trading account, Spot and margin, whose token may view and trade."""
    host = Platform()
    host.says(f"{PRIME}/user/current", {"id": "u", "firstName": "A", "lastName": "B", "email": "a@b"})
    host.says(f"{PRIME}/accounts", {"data": [{"id": "0" * 32, "name": "x"}, {"id": ACCOUNT, "name": "y"}]})
    host.says(f"{BELOW}/products", payload("products"))
    host.says(f"{BELOW}/balances", payload("balances"))
    host.says(f"{BELOW}/margin/riskprofile", PROFILE)
    host.says(CANCEL, NOT_CANCELABLE, 400, "PUT")
    host.says(WALLETS, custody_payload("error_unauthorized"), 401)
    return host


def custody_host() -> Platform:
    """A host that shows wallets and knows nothing of trading."""
    host = Platform()
    host.says(WALLETS, {"wallets": [custody_payload("wallet_eth")]})
    host.says(TRANSFERS, custody_payload("transfers"))
    host.says(f"{PRIME}/user/current", UNAUTHORIZED, 401)
    return host


async def failure(
    host: Platform, settings: Callable[..., AccountSettings], **changed: Any
) -> ConnectionTestError:
    """How the connection fails its test, which shows the token nowhere."""
    async with served(host) as base_url:
        with pytest.raises(ConnectionTestError) as caught:
            await prove(settings(base_url, **changed), timing=TIMING)
    assert TOKEN not in f"{caught.value} {caught.value.detail} {caught.value.venue_error!r}"
    return caught.value


async def test_a_spot_account_passes_and_nothing_is_sent_but_questions() -> None:
    host = exchange_host()
    async with served(host) as base_url:
        await prove(trading(base_url), timing=TIMING)
    assert host.lines() == [
        f"GET {PRIME}/user/current",
        f"GET {PRIME}/accounts",
        f"GET {BELOW}/products",
        f"GET {BELOW}/balances",
        f"PUT {CANCEL}",
    ]
    assert {asked.authorization for asked in host.asked} == {f"Bearer {TOKEN}"}
    assert all(asked.body == b"" for asked in host.asked)


async def test_a_pts_account_is_asked_for_its_margin_and_not_for_balances() -> None:
    host = exchange_host()
    async with served(host) as base_url:
        await prove(pts(base_url), timing=TIMING)
    assert f"GET {BELOW}/margin/riskprofile" in host.lines()
    assert f"GET {BELOW}/balances" not in host.lines()


async def test_the_other_dialect_will_do() -> None:
    host = exchange_host()
    host.says(f"{BELOW}/margin/riskprofile", {"error": "not found"}, 404)
    host.says(f"{BELOW}/margin/risk/profile", {"netOpenPosition": {}})
    async with served(host) as base_url:
        await prove(pts(base_url), timing=TIMING)
    host = exchange_host()
    host.says(f"{BELOW}/margin/risk/profile", {"netOpenPosition": {}})
    async with served(host) as base_url:
        await prove(pts(base_url, margin_dialect=MarginDialect.EXPRESS), timing=TIMING)
    assert f"GET {BELOW}/margin/riskprofile" not in host.lines()


async def test_a_token_that_is_refused() -> None:
    host = exchange_host()
    host.says(f"{PRIME}/user/current", UNAUTHORIZED, 401)
    error = await failure(host, trading)
    assert error.code is Code.CREDENTIALS_REFUSED
    assert error.venue_error is not None
    assert (error.venue_error.http_status, error.venue_error.request_id) == (401, "unk-1")


@pytest.mark.parametrize(("status", "body"), [(401, UNAUTHORIZED), (403, FORBIDDEN)])
async def test_a_custody_token_given_for_trading(status: int, body: Any) -> None:
    host = custody_host()
    host.says(f"{PRIME}/user/current", body, status)
    error = await failure(host, trading)
    assert error.code is Code.WRONG_ACCOUNT_TYPE
    assert "was one for custody" in error.detail


@pytest.mark.parametrize(
    "path", [f"{PRIME}/user/current", f"{PRIME}/accounts", f"{BELOW}/products", f"{BELOW}/balances"]
)
async def test_a_token_that_may_not_view(path: str) -> None:
    host = exchange_host()
    host.says(path, FORBIDDEN, 403)
    error = await failure(host, trading)
    assert error.code is Code.SCOPE_MISSING
    assert "trade_view" in error.detail


@pytest.mark.parametrize(("status", "body"), [(401, UNAUTHORIZED), (403, FORBIDDEN)])
@pytest.mark.parametrize("settings", [trading, pts])
async def test_a_token_that_may_view_and_not_trade(
    settings: Callable[..., AccountSettings], status: int, body: Any
) -> None:
    host = exchange_host()
    host.says(CANCEL, body, status, "PUT")
    error = await failure(host, settings)
    assert error.code is Code.SCOPE_MISSING
    assert "trade_trade" in error.detail


@pytest.mark.parametrize(
    ("status", "body"), [(200, b""), (400, NOT_CANCELABLE), (404, b""), (422, {}), (500, {})]
)
async def test_any_other_answer_to_the_cancel_comes_from_behind_the_scopes(status: int, body: Any) -> None:
    host = exchange_host()
    host.says(CANCEL, body, status, "PUT")
    async with served(host) as base_url:
        await prove(trading(base_url), timing=TIMING)


@pytest.mark.parametrize("status", [429, 502, 503])
async def test_a_gateway_that_answers_the_cancel_proves_nothing(status: int) -> None:
    host = exchange_host()
    host.says(CANCEL, b"<html>", status, "PUT")
    async with served(host) as base_url:
        with pytest.raises(VenueUnreachableError, match=f"answered {status}"):
            await prove(trading(base_url), timing=TIMING)


async def test_an_account_that_the_token_does_not_show() -> None:
    host = exchange_host()
    error = await failure(host, trading, account_id="f" * 32)
    assert error.code is Code.ACCOUNT_NOT_FOUND
    assert "account_id: expected one of the accounts that the token shows" in error.detail


@pytest.mark.parametrize(("status", "body"), [(403, FORBIDDEN), (400, NOT_CANCELABLE), (404, b"")])
async def test_an_account_without_margin_given_as_pts(status: int, body: Any) -> None:
    host = exchange_host()
    host.says(f"{BELOW}/margin/riskprofile", body, status)
    error = await failure(host, pts)
    assert error.code is Code.MARGIN_NOT_ENABLED
    assert error.venue_error is not None
    assert error.venue_error.http_status == status


async def test_the_same_account_passes_as_spot() -> None:
    host = exchange_host()
    host.says(f"{BELOW}/margin/riskprofile", FORBIDDEN, 403)
    async with served(host) as base_url:
        await prove(trading(base_url), timing=TIMING)


async def test_custody_passes_by_a_wallet_and_its_transfers() -> None:
    host = custody_host()
    async with served(host) as base_url:
        await prove(custody_settings(base_url, enterprise_id="5ad1"), timing=TIMING)
    assert host.lines() == [f"GET {WALLETS}", f"GET {TRANSFERS}"]
    assert dict(host.asked[0].query) == {"limit": "1", "skipReceiveAddress": "true", "enterprise": "5ad1"}


async def test_custody_without_a_wallet_yet_passes() -> None:
    host = custody_host()
    host.says(WALLETS, {"wallets": []})
    async with served(host) as base_url:
        await prove(custody_settings(base_url), timing=TIMING)


@pytest.mark.parametrize(("status", "name"), [(401, "Unauthorized"), (403, "Forbidden")])
async def test_a_trading_token_given_for_custody(status: int, name: str) -> None:
    host = exchange_host()
    host.says(WALLETS, custody_payload("error_unauthorized", name=name), status)
    error = await failure(host, custody_settings)
    assert error.code is Code.WRONG_ACCOUNT_TYPE
    assert "was one for trading" in error.detail
    assert error.venue_error is not None
    assert error.venue_error.name == name


async def test_a_custody_token_that_is_refused_everywhere() -> None:
    host = custody_host()
    host.says(WALLETS, custody_payload("error_unauthorized"), 401)
    assert (await failure(host, custody_settings)).code is Code.CREDENTIALS_REFUSED


@pytest.mark.parametrize("path", [WALLETS, TRANSFERS])
async def test_a_custody_token_that_may_not_view(path: str) -> None:
    host = custody_host()
    host.says(path, custody_payload("error_unauthorized", name="Forbidden"), 403)
    error = await failure(host, custody_settings)
    assert error.code is Code.SCOPE_MISSING
    assert "wallet_view_all" in error.detail


@pytest.mark.parametrize("status", [400, 404])
async def test_an_enterprise_that_the_token_does_not_show(status: int) -> None:
    host = custody_host()
    host.says(WALLETS, {"error": "invalid enterprise"}, status)
    error = await failure(host, custody_settings, enterprise_id="5ad1")
    assert error.code is Code.ACCOUNT_NOT_FOUND
    assert "enterprise_id" in error.detail


@pytest.mark.parametrize("settings", [trading, custody_settings])
async def test_a_body_that_repeats_the_token_is_masked(settings: Callable[..., AccountSettings]) -> None:
    said = {"error": f"no {TOKEN}", "name": TOKEN, "requestId": TOKEN, "errorName": TOKEN, "reqId": TOKEN}
    host = Platform()
    host.says(f"{PRIME}/user/current", said, 401)
    host.says(WALLETS, said, 401)
    error = await failure(host, settings)
    assert error.venue_error is not None
    assert error.venue_error.message == "no …"


@pytest.mark.parametrize("settings", [trading, custody_settings])
@pytest.mark.parametrize("status", [302, 429, 500, 503])
async def test_an_answer_that_says_nothing_of_us(
    settings: Callable[..., AccountSettings], status: int
) -> None:
    host = Platform()
    host.says(f"{PRIME}/user/current", b"<html>", status, Location="/elsewhere")
    host.says(WALLETS, b"<html>", status, Location="/elsewhere")
    async with served(host) as base_url:
        with pytest.raises(VenueUnreachableError, match=f"answered {status}"):
            await prove(settings(base_url), timing=TIMING)
    assert len(host.asked) == 1


@pytest.mark.parametrize("settings", [trading, custody_settings])
@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"x": ' + b"[" * 100_000])
async def test_a_success_that_cannot_be_read(settings: Callable[..., AccountSettings], body: bytes) -> None:
    host = Platform()
    host.says(f"{PRIME}/user/current", body)
    host.says(WALLETS, body)
    async with served(host) as base_url:
        with pytest.raises(OffWireError):
            await prove(settings(base_url), timing=TIMING)


@pytest.mark.parametrize("settings", [trading, custody_settings])
async def test_a_host_that_is_not_there(settings: Callable[..., AccountSettings]) -> None:
    with pytest.raises(VenueUnreachableError, match="no connection"):
        await prove(settings("http://127.0.0.1:1"), timing=TIMING)


@pytest.mark.parametrize("settings", [trading, custody_settings])
async def test_a_host_that_does_not_answer_in_time(settings: Callable[..., AccountSettings]) -> None:
    async def silent(reader: Any, _: Any) -> None:
        await reader.read()

    async with raw_server(silent) as port:
        with pytest.raises(VenueUnreachableError, match="expected all answers within 50 ms"):
            await prove(settings(f"http://127.0.0.1:{port}"), timing=TIMING, deadline_ms=50)
