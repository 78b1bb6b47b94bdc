"""The test of a new portfolio: what passes, and each way in which it does not."""

from typing import Any

import pytest

from router.core.errors import Code
from router.ports import OffWireError, VenueUnreachableError
from router.ports.accounts import ConnectionTestError
from router.secrets import Secret, joined
from tests.unit.venues.coinbase_kit import (
    ACCESS_KEY,
    BELOW,
    PASSPHRASE,
    SIGNING_KEY,
    Prime,
    settings,
)
from tests.unit.venues.custody_platform import served
from venues.coinbase.proving import NO_ORDER
from venues.proving import prove
from venues.transport.timing import Timing

TIMING = Timing(read_ms=1000, connect_ms=300)
CANCEL = f"{BELOW}/orders/{NO_ORDER}/cancel"


def proving() -> Prime:
    prime = Prime()
    prime.says(CANCEL, {"message": "no such order"}, 404, "POST")
    return prime


async def proved(prime: Prime, *, pts: bool = False, **changed: Any) -> None:
    async with served(prime) as base_url:
        await prove(settings(base_url, pts=pts, **changed), timing=TIMING)


async def refused(prime: Prime, *, pts: bool = False, **changed: Any) -> ConnectionTestError:
    with pytest.raises(ConnectionTestError) as raised:
        await proved(prime, pts=pts, **changed)
    return raised.value


async def test_a_spot_portfolio_passes_and_its_credit_is_not_asked_for() -> None:
    prime = proving()
    await proved(prime)
    assert prime.lines() == [f"GET {BELOW}/balances", f"GET {BELOW}/products", f"POST {CANCEL}"]


async def test_one_on_credit_passes_with_its_line() -> None:
    prime = proving()
    await proved(prime, pts=True)
    assert prime.lines()[-1] == f"GET {BELOW}/credit"


@pytest.mark.parametrize("wrong", ["access_key", "passphrase", "signing_key"])
async def test_a_wrong_key_passphrase_or_signature_is_refused_credentials(wrong: str) -> None:
    parts = {"access_key": ACCESS_KEY, "passphrase": PASSPHRASE, "signing_key": SIGNING_KEY}
    parts[wrong] = "another-credential"
    token = joined({name: Secret(text) for name, text in parts.items()})
    error = await refused(proving(), token=token)
    assert error.code is Code.CREDENTIALS_REFUSED
    assert error.venue_error is not None
    assert not any(text in f"{error!s} {error.venue_error!r}" for text in parts.values())


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_portfolio_that_is_not_shown_is_not_found(status: int) -> None:
    prime = proving()
    prime.says(f"{BELOW}/balances", {"message": "unknown portfolio"}, status)
    error = await refused(prime)
    assert error.code is Code.ACCOUNT_NOT_FOUND
    assert "e8bbed13" in error.detail


@pytest.mark.parametrize("status", [401, 403])
async def test_credentials_that_may_not_trade_lack_a_scope(status: int) -> None:
    prime = proving()
    prime.says(CANCEL, {"message": "read only"}, status, "POST")
    assert (await refused(prime)).code is Code.SCOPE_MISSING


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"message": "no line"}),
        (403, {"message": "no line"}),
        (200, {}),
        (200, {"post_trade_credit": None}),
    ],
)
async def test_a_portfolio_without_a_credit_line_is_no_pts_account(status: int, body: Any) -> None:
    prime = proving()
    prime.says(f"{BELOW}/credit", body, status)
    assert (await refused(prime, pts=True)).code is Code.MARGIN_NOT_ENABLED
    await proved(prime)


async def test_a_line_that_is_not_enabled_is_none_but_a_frozen_one_is() -> None:
    prime = proving()
    prime.credit(enabled=False)
    assert (await refused(prime, pts=True)).code is Code.MARGIN_NOT_ENABLED
    prime.credit(frozen=True, available="0")
    await proved(prime, pts=True)


@pytest.mark.parametrize("path", [f"{BELOW}/balances", f"{BELOW}/products", f"{BELOW}/credit", CANCEL])
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {"message": "later"}, VenueUnreachableError),
        (429, {"message": "slow"}, VenueUnreachableError),
        (200, b"<html>", OffWireError),
    ],
)
async def test_an_answer_that_says_nothing_of_the_connection_proves_nothing(
    path: str, status: int, body: Any, kind: type[Exception]
) -> None:
    prime = proving()
    prime.says(path, body, status, "POST" if path == CANCEL else "GET")
    if path == CANCEL and status == 200:
        await proved(prime, pts=True)
        return
    with pytest.raises(kind):
        await proved(prime, pts=True)


async def test_nobody_there_proves_nothing() -> None:
    async with served(Prime()) as base_url:
        pass
    with pytest.raises(VenueUnreachableError):
        await prove(settings(base_url), timing=TIMING)
