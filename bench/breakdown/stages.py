"""Which stage of an order a stack belongs to: by the innermost frame whose module has one. Pure.

What serves any stage (amounts, the interpreter's own library, the loop) has none of its own: it counts for
who called it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bench.results import Share

OTHER: Final = "loop, tasks and the rest"
WRITER: Final = "journal: the writer's thread"

STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "parse: server, decode, validate": (
        "aiohttp.web",
        "aiohttp.http",
        "aiohttp.abc",
        "aiohttp.streams",
        "aiohttp.base_protocol",
        "router.http",
        "router.service.asking",
        "router.service.desk",
        "router.service.ids",
    ),
    "admit": ("router.core.admission", "router.core.ledger", "router.service.venues"),
    "rank: quotes, collar, order of prices, record": (
        "router.core.competition",
        "router.core.pricing",
        "router.core.selection",
        "router.core.record",
        "router.core.routing",
        "router.service.competing",
        "router.service.deciding",
        "router.service.quoting",
        "router.service.firm",
    ),
    "reserve": (
        "router.core.claiming",
        "router.core.ledger:Ledger.reserve",
        "router.core.ledger:Ledger.release",
    ),
    "journal: documents and hand-over": (
        "router.journal",
        "router.service.orders",
        "router.service.behind",
        "router.core.record_json",
    ),
    "send: encode, exchange, read the answer": (
        "aiohttp.client",
        "aiohttp.connector",
        "venues.transport",
        "venues.bitgo.client",
        "venues.bitgo.encode",
        "venues.bitgo.orders",
        "venues.bitgo.adapter",
        "venues.bitgo.reads",
    ),
    "feed: messages and books": (
        "venues.bitgo.feed",
        "venues.bitgo.book",
        "venues.bitgo.foreign",
        "venues.bitgo.explain",
        "aiohttp._websocket",
        "aiohttp.client_ws",
    ),
    "states: order, evidence, following": (
        "router.core.order",
        "router.core.execution",
        "router.core.attempt",
        "router.core.counting",
        "router.service.executing",
        "router.service.evidence",
        "router.service.following",
        "router.service.lifecycle",
        "router.service.resting",
        "router.service.doubts",
    ),
    "answer: view and encode": (
        "router.http.views",
        "router.http.records",
        "router.http.respond",
        "router.http.problems",
        "aiohttp.web_response",
        "aiohttp.http_writer",
    ),
    "log, count, publish": ("router.observe", "structlog", "prometheus_client"),
}

_BY_PREFIX: Final = {prefix: stage for stage, prefixes in STAGES.items() for prefix in prefixes}


def stage_of(stack: Sequence[str]) -> str:
    """The stage of a stack, whose frames are `module:function` from the inside out."""
    for frame in stack:
        stage = _stage_of_frame(frame)
        if stage is not None:
            return stage
    return OTHER


def _stage_of_frame(frame: str) -> str | None:
    """By the longest prefix of the frame's name that ends where a name does, or a part of one (`web_x`)."""
    best = max((prefix for prefix in _BY_PREFIX if _covers(prefix, frame)), key=len, default=None)
    return None if best is None else _BY_PREFIX[best]


def _covers(prefix: str, frame: str) -> bool:
    return frame.startswith(prefix) and (len(frame) == len(prefix) or frame[len(prefix)] in ".:_")


def by_stage(
    stacks: Iterable[tuple[Sequence[str], int]], main_us: float, others_us: float
) -> tuple[list[Share], int]:
    """Microseconds an order of each stage, greatest first, and how many samples there were.

    `main_us`: what the loop's thread takes an order, which the samples divide; `others_us`: what the other
    threads take, which are the journal's writer.
    """
    counts: Counter[str] = Counter()
    for stack, count in stacks:
        counts[stage_of(stack)] += count
    return _shares(counts, main_us, {WRITER: others_us}), counts.total()


def by_function(
    stacks: Iterable[tuple[Sequence[str], int]], main_us: float, whole_us: float, most: int
) -> list[Share]:
    """The functions in which, or in what they call that is not Python, most samples were."""
    counts: Counter[str] = Counter()
    for stack, count in stacks:
        if stack:
            counts[stack[0]] += count
    total = counts.total() or 1
    return [
        Share(name, main_us * count / total, main_us * count / total / whole_us if whole_us else 0.0)
        for name, count in counts.most_common(most)
    ]


def _shares(counts: Counter[str], main_us: float, besides: Mapping[str, float]) -> list[Share]:
    total = counts.total() or 1
    found = {stage: main_us * count / total for stage, count in counts.items()} | dict(besides)
    whole = sum(found.values()) or 1.0
    return [Share(stage, us, us / whole) for stage, us in sorted(found.items(), key=lambda each: -each[1])]
