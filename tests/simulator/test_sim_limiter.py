"""The request limit: ten in a second by default, an account's own, and what the headers say."""

from sim_harness import PTS, SPOT, Client, raw_settings, running

from venues.simulator.limiter import Window


def test_a_window_lets_through_its_limit_in_any_one_second() -> None:
    window = Window(2)
    assert [
        (verdict.allowed, verdict.remaining)
        for verdict in (window.take(10.0), window.take(10.4), window.take(10.9))
    ] == [(True, 1), (True, 0), (False, 0)]
    # The first has left the window, the second has not: one place.
    assert window.take(11.0).allowed
    assert not window.take(11.3).allowed
    assert window.take(11.4).allowed


def test_a_refusal_says_when_the_window_frees() -> None:
    window = Window(1)
    window.take(5.0)
    headers = dict(window.take(5.25).headers())
    assert headers == {
        "X-Ratelimit-Limit": "1",
        "X-Ratelimit-Remaining": "0",
        "X-Ratelimit-Reset": "750",
        "Retry-After": "1",
    }


async def test_past_the_limit_an_account_draws_429_and_others_do_not() -> None:
    raw = raw_settings(requests_per_second=10)
    del raw["accounts"][0]["requests_per_second"]
    async with running(raw) as sim:
        replies = [await sim.get("balances") for _ in range(12)]
        assert [reply.status for reply in replies] == [200] * 10 + [429] * 2
        assert [str(left) for left in range(9, -1, -1)] == [
            reply.headers["X-Ratelimit-Remaining"] for reply in replies[:10]
        ]
        refused = replies[-1]
        assert refused.error_name == "backend:common:rateLimitExceeded"
        assert int(refused.headers["Retry-After"]) >= 1
        assert 0 < int(refused.headers["X-Ratelimit-Reset"]) <= 1000
        assert refused.headers["X-Ratelimit-Limit"] == "10"
        assert (await sim.get("balances", account=PTS)).status == 200
        counters = (await sim.control("GET", "state"))["counters"]
        assert counters["rate_limited"] == 2
        log = (await sim.account("GET", "requests"))["data"]
        assert [call["status"] for call in log] == [200] * 10 + [429] * 2


async def test_an_order_past_the_limit_is_not_processed() -> None:
    raw = raw_settings()
    raw["accounts"][0]["requests_per_second"] = 1
    async with running(raw) as sim:
        assert (await sim.place(clientOrderId="a")).status == 200
        assert (await sim.place(clientOrderId="b")).status == 429
        assert [order["client_order_id"] for order in await sim.ledger()] == ["a"]


async def test_every_answer_carries_the_headers(sim: Client) -> None:
    replies = [
        await sim.get("products"),
        await sim.place(quantity="0"),
        await sim.send("GET", f"/api/prime/trading/v1/accounts/{SPOT}/balances", token="wrong"),
        await sim.send("GET", "/api/prime/trading/v1/nowhere"),
        await sim.send("GET", "/api/prime/trading/v1/user/current", token="simulated-spot-token"),
        await sim.send("GET", "/api/prime/trading/v1/accounts", token="simulated-spot-token"),
    ]
    assert [reply.status for reply in replies] == [200, 400, 401, 404, 200, 200]
    for reply in replies:
        for name in ("X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"):
            assert reply.headers[name].isdigit()
