"""A router in virtual time: answers as told, as slowly as told, and remembers what it was asked when."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from router.load.outcomes import Answer, Body, Priced, Trouble
from router.load.plan import Plan
from router.load.recording import Window
from router.load.report import Report
from router.load.reporting import make_report
from router.load.running import Run
from tests.virtual_loop import VirtualLoop

FILLED = Answer(200, Body(id="o", status="filled"))
PRICED = Answer(201, Body(id="r", best=Priced("100")))
UNPRICED = Answer(201, Body(id="r"))
SHED = Answer(503, Body(status=503, code="store_unavailable"), retry_after=True)


class LoopTime:
    """The running virtual loop's time."""

    def now_ns(self) -> int:
        return _loop().elapsed_ns

    async def until(self, at_ns: int) -> None:
        # A nanosecond more would be told as a whole one later: the loop rounds up.
        await asyncio.sleep(max(0, at_ns - self.now_ns()) / 1e9)


def _loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


@dataclass(frozen=True)
class Asked:
    at_s: float
    path: str
    body: dict[str, Any]


Answering = Callable[["Asked"], Awaitable[Answer | Trouble]]


@dataclass
class FakeRouter:
    """`answering` has the answer, after as long as it takes."""

    answering: Answering
    asked: list[Asked] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def post(self, path: str, body: bytes) -> Answer | Trouble:
        asked = Asked(round(_loop().elapsed_ns / 1e9, 6), path, msgspec.json.decode(body))
        self.asked.append(asked)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self.answering(asked)
        finally:
            self.under_way -= 1


def after(seconds: float, answer: Answer | Trouble = FILLED) -> Answering:
    """The same answer each time, after so long."""

    async def answering(_: Asked) -> Answer | Trouble:
        await asyncio.sleep(seconds)
        return answer

    return answering


async def ran(
    plan: Plan, router: FakeRouter, watch: Callable[[Window], None] = lambda _: None, run: Run | None = None
) -> Report:
    """Run a plan to its end; the report."""
    running = run or Run(plan, router, LoopTime(), "run")
    began = _loop().elapsed_ns
    await running.run(watch)
    return make_report(
        plan,
        running.recorder,
        run_id="run",
        started_at="2026-01-01T00:00:00Z",
        duration_s=(_loop().elapsed_ns - began) / 1e9,
        interrupted=running.stopped,
    )
