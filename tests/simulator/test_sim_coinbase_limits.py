"""The limit of a portfolio, which refills, and that of an address, which has a penalty."""

from typing import Any

from sim_harness import running
from test_sim_coinbase_kit import CB_PTS, KEYS, Prime, message, portfolio, prime, pts, spot, with_coinbase

from venues.simulator.coinbase.limits import Addresses, Bucket
from venues.simulator.coinbase.settings import AddressSettings, CoinbaseSettings


def test_a_bucket_holds_a_burst_and_refills_at_its_rate() -> None:
    bucket = Bucket(25, 50)
    assert [bucket.take(100.0) for _ in range(51)] == [True] * 50 + [False]
    assert not bucket.take(100.03)
    assert bucket.take(100.05)
    assert not bucket.take(100.06)
    assert [bucket.take(102.1) for _ in range(51)] == [True] * 50 + [False]
    # What it refills stops at the burst.
    assert [bucket.take(500.0) for _ in range(51)] == [True] * 50 + [False]


def test_a_second_of_a_full_bucket_lets_the_burst_and_the_rate_through() -> None:
    bucket = Bucket(25, 50)
    assert sum(bucket.take(step / 1024) for step in range(1025)) == 75


def test_an_address_past_its_limit_waits_half_a_minute() -> None:
    addresses = Addresses(100, 30.0)
    assert all(addresses.take("a", 10.0 + step / 1000) for step in range(100))
    assert addresses.take("b", 10.1)
    assert not addresses.take("a", 10.2)
    assert not addresses.take("a", 40.19)
    assert addresses.take("a", 40.2)
    # Less than that for as long as one likes.
    assert all(addresses.take("c", 50 + step / 64) for step in range(1_000))


def test_an_address_is_forgiven() -> None:
    addresses = Addresses(1, 30.0)
    assert [addresses.take("a", 1.0) for _ in range(2)] == [True, False]
    addresses.forgive()
    assert addresses.take("a", 1.0)


def test_the_limits_are_the_published_ones_unless_set() -> None:
    plain = CoinbaseSettings(portfolio_id="x", name="x", access_key="x", passphrase="x", signing_key="x")
    address = AddressSettings()
    assert (plain.requests_per_second, plain.burst) == (25, 50)
    assert (address.requests_per_second, address.penalty_ms) == (100, 30_000)


async def test_a_portfolio_past_its_limit_is_refused_and_the_others_are_not() -> None:
    async with prime(spot(requests_per_second=1, burst=3), pts()) as api:
        statuses = [(await api.call("GET", "balances")).status for _ in range(4)]
        refused = await api.rfq()
        assert (await api.of(CB_PTS).call("GET", "balances")).status == 200
        await api.control("PUT", "settings", {"requests_per_second": 1_000, "burst": 1_000})
        assert (await api.call("GET", "balances")).status == 200
        assert (await api.control("GET", "quotes"))["data"] == []
    assert statuses == [200, 200, 200, 429]
    assert (refused.status, message(refused)) == (429, "Too many requests for this portfolio.")
    assert "Retry-After" not in refused.headers


async def test_a_request_that_is_not_let_in_takes_nothing_of_the_portfolios_limit() -> None:
    async with prime(spot(requests_per_second=1, burst=1)) as api:
        for _ in range(3):
            path = f"/v1/portfolios/{api.identity}/balances"
            assert (await api.send("GET", path, **{"X-CB-ACCESS-SIGNATURE": "x"})).status == 401
        assert (await api.call("GET", "balances")).status == 200


def _strict(*portfolios: dict[str, Any]) -> dict[str, Any]:
    return {**with_coinbase(*portfolios), "coinbase_address": {"requests_per_second": 3}}


async def test_an_address_past_its_limit_is_refused_in_every_portfolio_until_forgiven() -> None:
    async with running(_strict(spot(), pts())) as client:
        api = Prime(client)
        statuses = [(await one.call("GET", "balances")).status for one in (api, api.of(CB_PTS)) * 2]
        # Before anything is known about the caller.
        unsigned = await api.send(
            "GET", f"/v1/portfolios/{api.identity}/balances", **{"X-CB-ACCESS-KEY": "x"}
        )
        await client.control("POST", "coinbase/addresses/forgive")
        assert (await api.call("GET", "balances")).status == 200
    assert statuses == [200, 200, 200, 429]
    assert (unsigned.status, message(unsigned)) == (429, "Too many requests from this address.")


async def test_the_limits_of_the_trading_accounts_are_their_own() -> None:
    async with running(_strict(portfolio())) as client:
        api = Prime(client)
        for _ in range(5):
            assert (await client.get("balances")).status == 200
        assert (await api.call("GET", "balances")).status == 200
        assert KEYS[api.identity][0] not in str(await client.control("GET", "state"))
