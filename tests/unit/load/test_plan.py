"""A plan that cannot be meant is refused before anything is sent, and names the key that is wrong."""

from pathlib import Path

import pytest

from router.load.arrivals import Arrivals
from router.load.mix import Kind
from router.load.plan import load
from router.settings_error import SettingsError
from tests.unit.load.plans import ACCEPT, ORDER, PLAN, RFQ, SOURCE, STAGE, TARGET, read

KEY = "load-key-itself"
LIMIT = "limit = { offset_bps = 5 }\n"


def refused(text: str, url: str | None = None) -> str:
    with pytest.raises(SettingsError) as raised:
        read(text, {"LOAD_KEY": KEY, "EMPTY": ""}, url)
    said = str(raised.value)
    assert KEY not in said
    return said


def target(url: str, hosts: str, more: str = "") -> str:
    return f"[target]\nurl = {url!r}\nhosts = {hosts}\n{more}" + STAGE + ORDER


def test_what_is_left_out_has_defaults() -> None:
    plan = read()
    assert plan.target.url == "http://127.0.0.1:8080"
    assert plan.target.key is None
    run = plan.run
    assert (run.arrivals, run.seed, run.in_flight_max) == (Arrivals.CONSTANT, 1, 2048)
    assert (run.wait_ms_max, run.timeout_ms, run.client_order_id_prefix) == (5000, 10_000, "load")
    assert run.precise
    (stage,) = plan.stages
    assert (stage.name, stage.rate, stage.ramp_to, stage.measured) == ("stage 1", 10, 10, True)
    (entry,) = plan.mix
    assert (entry.kind, entry.weight, entry.sides, entry.type) == (Kind.ORDER, 1, ("buy", "sell"), "market")
    assert (plan.requests, plan.duration_s) == (20, 2)


def test_the_key_is_read_from_where_it_is_and_shown_nowhere() -> None:
    plan = read(
        target("https://a.example", '["a.example"]', 'key = { env = "LOAD_KEY" }\n'), {"LOAD_KEY": KEY}
    )
    assert plan.target.key is not None
    assert plan.target.key.reveal() == KEY
    assert KEY not in repr(plan)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("http://127.0.0.1:8080", '["localhost", "127.0.0.1"]'),
        ("http://127.0.0.1:8080", '["127.0.0.1:8080"]'),
        ("http://[::1]:8080", '["[::1]"]'),
        ("https://Router.Staging.example/caas/", '["router.staging.example"]'),
        ("https://router.staging.example", '["ROUTER.staging.example:443"]'),
    ],
)
def test_a_host_that_the_plan_names_may_be_loaded(url: str, hosts: str) -> None:
    assert read(target(url, hosts)).target.url == url.lower().rstrip("/")


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("https://router.example", '["router.staging.example"]'),
        ("https://staging.example", '["router.staging.example"]'),
        ("https://router.staging.example.evil.example", '["router.staging.example"]'),
        ("http://127.0.0.2:8080", '["127.0.0.1", "localhost"]'),
        ("http://localhost:8080", '["127.0.0.1"]'),
        ("http://127.0.0.1:8081", '["127.0.0.1:8080"]'),
        ("https://router.staging.example", '["router.staging.example:80"]'),
    ],
)
def test_any_other_host_is_refused(url: str, hosts: str) -> None:
    said = refused(target(url, hosts))
    assert f"{SOURCE}: target.url: expected a host that target.hosts of {SOURCE} names" in said
    assert url.split("//")[1].partition(":")[0] in said


def test_an_address_of_the_command_line_must_be_named_in_the_file_too() -> None:
    assert read(PLAN, url="http://127.0.0.1:9").target.url == "http://127.0.0.1:9"
    said = refused(PLAN, "https://router.example")
    assert said.startswith(f"command line: --url: expected a host that target.hosts of {SOURCE} names")
    assert said.endswith('was "router.example:443"')


@pytest.mark.parametrize(
    "host", ["*", "*.example", "", "a.example/", "http://a.example", "a b", "a:0", "a:70000"]
)
def test_a_host_is_named_and_no_pattern(host: str) -> None:
    assert "plan.toml: target.hosts[1]: expected a host such as" in refused(
        target("https://a.example", f'["a.example", "{host}"]')
    )


def test_a_key_is_never_sent_readable_to_another_machine_unless_somebody_said_so() -> None:
    text = target("http://a.example", '["a.example"]')
    assert "target.url: expected https, or plain_http = true, off loopback" in refused(text)
    assert read(target("http://a.example", '["a.example"]', "plain_http = true\n")).target.url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STAGE + ORDER, "target: expected a value, was none"),
        (TARGET + STAGE, "mix: expected a value, was none"),
        (TARGET + ORDER, "stages: expected a value, was none"),
        (PLAN.replace('hosts = ["127.0.0.1"]', ""), "target.hosts: expected a value, was none"),
        (PLAN.replace('hosts = ["127.0.0.1"]', "hosts = []"), "target.hosts"),
        (PLAN.replace('url = "http://127.0.0.1:8080"', ""), "target.url: expected an address"),
        (PLAN.replace("http://", "ftp://"), "target.url: expected a URL"),
        (PLAN + "[run]\nsped = 1\n", "run.sped: expected a known key"),
        (PLAN + "[run]\nseed = -1\n", "run.seed: expected int >= 0, was -1"),
        (PLAN + "[run]\nin_flight_max = 0\n", "run.in_flight_max: expected int >= 1, was 0"),
        (PLAN + '[run]\nclient_order_id_prefix = "a b"\n', "run.client_order_id_prefix"),
        (PLAN + '[run]\narrivals = "bursts"\n', 'run.arrivals: expected "constant" or "poisson"'),
        (PLAN + "[expect]\np99_ms_max = 0\n", "expect.p99_ms_max: expected float > 0.0"),
        (PLAN.replace("rate = 10", "rate = -1"), "stages[0].rate: expected float >= 0.0, was -1"),
        (PLAN.replace("rate = 10", "rate = inf"), "stages[0].rate: expected float <= 50000"),
        (PLAN.replace("rate = 10", "rate = nan"), "stages[0].rate"),
        (
            PLAN.replace("duration_s = 2", "duration_s = 0"),
            "stages[0].duration_s: expected float > 0.0, was 0",
        ),
        (PLAN.replace("duration_s = 2", "duration_s = nan"), "stages[0].duration_s"),
        (PLAN.replace("rate = 10", "rate = 0"), "stages: expected 1 to 50000000 requests"),
        (
            PLAN.replace("rate = 10", "rate = 50000").replace("= 2", "= 86400"),
            "stages: expected 1 to 50000000 requests in all stages together, was 4320000000",
        ),
        (PLAN.replace('"order"', '"orders"'), 'mix[0].kind: expected "order" or "rfq" or "accept"'),
        (
            PLAN.replace("BTC-USD", "BTC/USD"),
            'mix[0].product: expected a product such as BTC-USD, was "BTC/USD"',
        ),
        (PLAN + 'quantity_currency = "EUR"\n', 'mix[0].quantity_currency: expected BTC or USD, was "EUR"'),
        (PLAN.replace('"0.5"', '"0"'), "mix[0].quantity: expected a decimal string greater than zero"),
        (
            PLAN.replace('"0.5"', '"1e3"'),
            'mix[0].quantity: expected a decimal string such as "0.5", was "1e3"',
        ),
        (PLAN.replace('"0.5"', "0.5"), "mix[0].quantity"),
        (
            PLAN.replace('"0.5"', '{ min = "2", max = "1", step = "1" }'),
            "mix[0].quantity.max: expected at least min, 2, was 1",
        ),
        (
            PLAN.replace('"0.5"', '{ min = "1", max = "2", step = "0.3" }'),
            "mix[0].quantity.max: expected min and a whole number of steps, such as 1.9, was 2",
        ),
        (PLAN + "sides = []\n", "mix[0].sides"),
        (PLAN + 'sides = ["hold"]\n', 'mix[0].sides[0]: expected "buy" or "sell", was "hold"'),
        (PLAN + "weight = 0\n", "mix[0].weight: expected int >= 1, was 0"),
        (PLAN + "limit = { offset_bps = 10000 }\n", "mix[0].limit.offset_bps"),
        (
            PLAN + "limit = { offset_bps = { min = 2, max = 1 } }\n",
            "mix[0].limit.offset_bps.max: expected at least min, 2, was 1",
        ),
        (
            PLAN + 'limit = { offset_bps = 1, price_step = "0" }\n',
            "mix[0].limit.price_step: expected a decimal",
        ),
        (
            PLAN + 'limit = { offset_bps = 1, reference_price = "-1" }\n',
            "mix[0].limit.reference_price: expected a decimal",
        ),
        (TARGET + STAGE + RFQ + LIMIT, "mix[0].limit: expected none, as rfq takes none"),
        (TARGET + STAGE + ACCEPT + 'type = "limit"\n', "mix[0].type: expected none, as accept takes none"),
        (PLAN + "accept_after_ms = 5\n", "mix[0].accept_after_ms: expected none, as order accepts nothing"),
        (PLAN + 'fields = { side = "buy" }\n', "mix[0].fields.side: expected it beside `fields`"),
        (PLAN + "fields = { variance = 0.5 }\n", "mix[0].fields.variance: expected a text, a whole number"),
        (PLAN + "fields = { connections = [0.5] }\n", "mix[0].fields.connections: expected a text"),
        (
            target("http://127.0.0.1", '["127.0.0.1"]', 'key = { env = "EMPTY" }\n'),
            "target.key: expected a value in",
        ),
        (target("http://127.0.0.1", '["127.0.0.1"]', f'key = "{KEY}"\n'), "another value (not shown)"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_key(text: str, said: str) -> None:
    assert f"{SOURCE}: " in refused(text)
    assert said in refused(text)


def test_a_file_that_is_not_there_or_no_toml_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="file: expected a file that can be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "no.toml").write_text("[target\n")
    with pytest.raises(SettingsError, match="file: expected TOML in UTF-8"):
        load(tmp_path / "no.toml")
