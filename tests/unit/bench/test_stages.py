"""Which stage of an order a stack belongs to."""

import pytest

from bench.breakdown.stages import OTHER, WRITER, by_function, by_stage, stage_of
from bench.results import Share


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (["router.core.money:mul", "router.core.pricing:all_in"], "rank"),
        (["router.core.ledger:Ledger.reserve", "router.service.deciding:Deciding.take"], "reserve"),
        (["router.core.ledger:Ledger.state"], "admit"),
        (["structlog._native:info", "router.observe.observer:Observer.routed"], "log"),
        (["json.encoder:encode", "router.http.views:order_view", "aiohttp.web_protocol:start"], "answer"),
        (["router.http.decode:decode", "aiohttp.web_protocol:start"], "parse"),
        (["aiohttp.client_reqrep:send", "venues.transport.session:exchange"], "send"),
        (["aiohttp._websocket.reader_py:feed"], "feed"),
        (["venues.transport.http1.wire:read", "asyncio.events:Handle._run"], "send"),
        (["router.httpx:decode"], OTHER),
        (["asyncio.events:Handle._run"], OTHER),
        ([], OTHER),
    ],
)
def test_the_innermost_frame_with_a_stage_decides(stack: list[str], expected: str) -> None:
    assert stage_of(stack).startswith(expected)


def test_samples_divide_the_time_of_the_loops_thread_and_the_writer_has_its_own() -> None:
    stacks = [(["router.core.pricing:a"], 3), (["asyncio.events:run"], 1)]

    shares, samples = by_stage(stacks, main_us=40, others_us=10)

    assert samples == 4
    assert [(share.stage[:4], share.us, share.share) for share in shares] == [
        ("rank", 30, 0.6),
        (OTHER[:4], 10, 0.2),
        (WRITER[:4], 10, 0.2),
    ]


def test_the_most_expensive_functions_by_themselves() -> None:
    stacks = [(["a:f", "b:g"], 3), (["a:f"], 2), (["b:g"], 4), (["c:h"], 1)]

    assert by_function(stacks, main_us=10, whole_us=20, most=2) == [
        Share("a:f", 5, 0.25),
        Share("b:g", 4, 0.2),
    ]


def test_no_samples_are_no_shares() -> None:
    shares, samples = by_stage([], main_us=10, others_us=0)

    assert samples == 0
    assert [share.us for share in shares] == [0]
