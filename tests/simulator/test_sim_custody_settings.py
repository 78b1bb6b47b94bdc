"""The custody part of the settings: what is refused, and that no token is repeated in saying so."""

from typing import Any

import pytest
from custody_harness import ETH, TOKEN, user, with_custody
from sim_harness import SPOT, TOKENS

from venues.simulator.settings import SettingsError, build


def changed(**fields: Any) -> dict[str, Any]:
    return with_custody(user(**fields))


def transfer(**fields: Any) -> list[dict[str, Any]]:
    given = {"type": "send", "value": "1", **fields}
    return [{"coin": "btc", "label": "x", "transfers": [given]}]


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (changed(colour=1), ("custody[0]", "unknown field `colour`")),
        (changed(token=TOKENS[SPOT]), ("custody[0].token", "no trading account")),
        (with_custody(user(), user(id="second")), ("custody", "unique tokens")),
        (with_custody(user(), user(token="t2")), ("custody", "unique ids")),
        (changed(requests_per_minute=0), ("custody[0].requests_per_minute", ">= 1", "'0'")),
        (changed(generated_until="2026-02-30T00:00:00Z"), ("custody[0].generated_until",)),
        (changed(generated_coins=[]), ("custody[0].generated_coins",)),
        (
            changed(wallets=[{"coin": "btc", "label": "x", "id": ETH}] * 2),
            ("custody[0].wallets", "unique ids"),
        ),
        (changed(wallets=[{"coin": "BTC", "label": "x"}]), ("custody[0].wallets[0].coin", "'BTC'")),
        (changed(wallets=[{"coin": "btc", "label": "x", "balance": "1.5"}]), ("balance", "'1.5'")),
        (changed(wallets=transfer(state="lost")), ("custody[0].wallets[0].transfers[0].state", "'lost'")),
        (changed(wallets=transfer(value="-1")), ("custody[0].wallets[0].transfers[0].value", "'-1'")),
        (
            changed(wallets=transfer(date="2026-13-01T00:00:00Z")),
            ("custody[0].wallets[0].transfers[0].date",),
        ),
        (changed(faults={"rest": [{"kind": "status"}]}), ("custody[0].faults", "expected status")),
        (changed(faults={"feed": {"kind": "stale"}}), ("custody[0].faults", "unknown field `feed`")),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(raw: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as refused:
        build(raw)
    for part in parts:
        assert part in str(refused.value)
    assert TOKEN not in str(refused.value)
    assert TOKENS[SPOT] not in str(refused.value)


def test_a_user_needs_no_more_than_an_id_and_a_token() -> None:
    found = build(with_custody({"id": "fund", "token": TOKEN})).custody[0]
    assert (found.requests_per_minute, found.wallets_generated, found.wallets) == (360, 0, [])
