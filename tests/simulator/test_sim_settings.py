"""Settings that are wrong: the file, the key, what was expected, what was there."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sim_harness import SPOT, raw_settings

from venues.simulator.money import AmountError, ceil_to, exact, floor_to, parse_amount, to_wire
from venues.simulator.settings import SettingsError, build, load

TOML = f"""
seed = 7
[server]
port = 0
[[products]]
name = "TBTC-TUSD*"
base_currency = "TBTC"
quote_currency = "TUSD*"
mid = "100.00"
[[accounts]]
id = "{SPOT}"
name = "Treasury"
token = "simulated-spot-token"
[accounts.balances]
"TUSD*" = "1000"
[accounts.limits.TBTC]
long = "1"
short = "2"
[[accounts.books]]
product = "TBTC-TUSD*"
bids = [["99.90", "5"]]
asks = [["100.10", "5"]]
[accounts.faults]
rest = [{{ kind = "refuse", error_name = "backend:trade:marginLongNOP", count = 1 }}]
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sim.toml"
    path.write_text(TOML)
    found = load(path)
    assert found.accounts[0].balances == {"TUSD*": "1000"}
    assert found.accounts[0].faults.rest[0].error_name == "backend:trade:marginLongNOP"
    assert found.accounts[0].scopes == ["trade_view", "trade_trade"]


def changed(*path: Any, value: Any) -> Any:
    raw = raw_settings()
    at = raw
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return raw


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (changed("colour", value=1), ("unknown field `colour`",)),
        (changed("server", "colour", value=1), ("server", "unknown field `colour`")),
        (changed("accounts", 0, "token", value=None), ("accounts[0]", "missing required field `token`")),
        (changed("seed", value="7"), ("seed", "`int`", "'7'")),
        (changed("seed", value=-1), ("seed", ">= 0", "'-1'")),
        (changed("server", "port", value=65_536), ("server.port", "<= 65535", "'65536'")),
        (changed("products", 0, "mid", value=100.0), ("products[0].mid", "`str`", "'100.0'")),
        (changed("products", 0, "mid", value="1e2"), ("products[0].mid", "'1e2'")),
        (changed("products", 0, "mid", value="0"), ("products[0].mid", "'0'")),
        (changed("products", 0, "mid", value="1\n"), ("products[0].mid",)),
        (
            changed("products", 0, "base_min_size", value="2000"),
            ("base_min_size", "at most base_max_size", "'2000'"),
        ),
        (changed("products", 0, "bids", value=None), ("products[0]", "bids and asks together")),
        (changed("products", 0, "levels", value=0), ("products[0].levels", ">= 1", "'0'")),
        (changed("products", value=[]), ("products", "length >= 1")),
        (changed("products", 1, "name", value="BTC-USD"), ("products", "unique", "'BTC-USD'")),
        (changed("accounts", 1, "id", value=SPOT), ("accounts", "unique", SPOT)),
        (changed("accounts", 0, "scopes", value=["all"]), ("accounts[0].scopes[0]", "'all'")),
        (changed("accounts", 0, "balances", "USD", value="-1"), ("accounts[0].balances", "regex")),
        (
            changed("accounts", 0, "books", value=[{"product": "X-Y", "bids": [], "asks": []}]),
            ("accounts[0].books", "'X-Y'"),
        ),
        (
            changed("accounts", 0, "faults", value={"rest": [{"kind": "status"}]}),
            ("accounts[0].faults", "expected status"),
        ),
    ],
)
def test_wrong_settings_are_refused_by_their_key(raw: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as refused:
        build(raw)
    for part in parts:
        assert part in str(refused.value)


@pytest.mark.parametrize("text", ["seed = ", "seed = 7\nseed = 8", "\x00"])
def test_a_file_that_is_no_toml_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sim.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=str(path)):
        load(path)


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere.toml: expected a readable file"):
        load(tmp_path / "nowhere.toml")


_ROOT = Path(__file__).resolve().parents[2]
_SERVE = (
    "import pathlib, sys; from venues.simulator.main import serve; sys.exit(serve(pathlib.Path(sys.argv[1])))"
)


def _command(path: Any) -> Any:
    return [sys.executable, "-c", _SERVE, str(path)]


async def test_the_process_says_where_it_listens_and_ends_on_sigterm_with_0(tmp_path: Path) -> None:
    path = tmp_path / "sim.toml"
    path.write_text(TOML)
    process = await asyncio.create_subprocess_exec(
        *_command(path),
        stderr=asyncio.subprocess.PIPE,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )
    async with asyncio.timeout(20):
        event = json.loads(await process.stderr.readline())
        assert (event["event"], event["host"]) == ("listening", "127.0.0.1")
        reader, writer = await asyncio.open_connection(event["host"], event["port"])
        writer.write(b"GET /_simulator/state HTTP/1.0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.0 200")
        writer.close()
        await writer.wait_closed()
        process.send_signal(signal.SIGTERM)
        rest = await process.stderr.read()
        assert await process.wait() == 0
    assert [json.loads(line)["event"] for line in rest.splitlines()] == ["stopping", "stopped"]


def test_the_process_refuses_wrong_settings_with_2(tmp_path: Path) -> None:
    path = tmp_path / "sim.toml"
    path.write_text(TOML.replace("seed = 7", "seed = -7"))
    done = subprocess.run(_command(path), capture_output=True, text=True, check=False, timeout=20, cwd=_ROOT)
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "seed" in done.stderr


@pytest.mark.parametrize(
    "text",
    ["", ".5", "5.", "1e3", "+1", "-1", "1_000", " 1", "NaN", "Infinity", "1.2.3", "\u0663", "1\n", "9" * 25],
)
def test_what_is_no_plain_decimal_is_no_amount(text: str) -> None:
    with pytest.raises(AmountError):
        parse_amount(text)


def test_amounts_are_printed_plainly_and_rounded_by_increments() -> None:
    with exact():
        assert [to_wire(parse_amount(text)) for text in ("0.000", "1.50", "100", "0.00000001")] == [
            "0",
            "1.5",
            "100",
            "0.00000001",
        ]
        assert to_wire(parse_amount("9" * 24) * parse_amount("9" * 24)) == str((10**24 - 1) ** 2)
        assert floor_to(parse_amount("1.239"), parse_amount("0.01")) == parse_amount("1.23")
        assert ceil_to(parse_amount("1.231"), parse_amount("0.01")) == parse_amount("1.24")
        assert ceil_to(parse_amount("1.23"), parse_amount("0.01")) == parse_amount("1.23")
