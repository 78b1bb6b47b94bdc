"""At twice the highest rate that is held: what is accepted is kept, what is too much is refused at once.

Orders come in an open loop. Every answer is kept by its order's client id, and held against the journal's
file after the router has stopped: an order that was answered as accepted is in it, once, and ended; one that
was refused with a 503 is not.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from bench.cores import DRIVER, pin
from bench.driver import Driver
from bench.growth.rig import rig
from bench.rate import Rate, Stage, highest, stage_of
from bench.stores import Stores
from bench.stub import Stub
from bench.tables import table

P99_TIMES_MAX: Final = 3.0
"""At twice the rate held, accepted orders keep p99 under this many times its value at half of it."""
_CONNECTIONS_MAX: Final = 1024
_STAGE_S: Final = 1.5
_HALF_S: Final = 5.0
_FIRST_S: Final = 2.0
"""At the beginning of too much a crowd is let in before anything is refused (`router.http.overload`)."""
_TWICE_S: Final = 8.0
_ACCEPTED: Final = frozenset({"200", "202"})
_OVER: Final = "503"


class Overload(msgspec.Struct, frozen=True):
    """What happened. Answers are counted by status; `lost`, `journaled` and `unended` should be 0.

    `first`: the first seconds at twice the rate; `twice`: the time after them.

    `lost`: accepted orders that the journal does not have. `journaled`: refused ones that it has. `unended`:
    accepted ones that have not ended there. `without_retry_after`: refusals that name no time to come back.
    `sent_twice`: orders that the counterparty got beyond those accepted.
    """

    held_per_second: float
    half: Stage
    first: Stage
    twice: Stage
    answers: dict[str, int]
    lost: int
    journaled: int
    unended: int
    sent_twice: int
    without_retry_after: int

    def verdicts(self) -> list[tuple[str, bool]]:
        """What must hold, and whether it did."""
        p99s = f"{self.half.p99_ms:.1f} and {self.twice.p99_ms:.1f} ms"
        times, silent = self.twice.p99_ms / self.half.p99_ms, self.without_retry_after
        refused = self.answers.get(_OVER, 0)
        others = sorted(set(self.answers) - _ACCEPTED - {_OVER})
        latency = (
            f"p99 of accepted orders: expected under {P99_TIMES_MAX:g} times that at half load, "
            f"was {times:.1f} times ({p99s})"
        )
        return [
            (f"accepted orders that are lost: expected 0, was {self.lost}", self.lost == 0),
            (f"accepted orders that have not ended: expected 0, was {self.unended}", self.unended == 0),
            (f"orders sent beyond those accepted: expected 0, was {self.sent_twice}", self.sent_twice <= 0),
            (f"refused orders in the journal: expected 0, was {self.journaled}", self.journaled == 0),
            (f"refusals without Retry-After: expected 0, was {silent}", silent == 0),
            (f"answers but 200, 202 and 503: expected none, was {others}", not others),
            (f"refused at twice the rate: expected some, was {refused}", refused > 0),
            (latency, times < P99_TIMES_MAX),
        ]


async def overload() -> Overload:
    """Find the rate, then go to half of it and to twice. Raises `RuntimeError` where no rate is held."""
    pin(os.getpid(), {DRIVER})
    with Stores(postgresql=False) as stores:
        path = stores.folder / "overload.db"
        answers: dict[str, bytes] = {}
        stub = Stub(4)
        async with rig(stores, "overload", stub, store=f"sqlite:///{path}") as made:
            rate = await _highest(made.driver)
            if rate.held is None:
                raise RuntimeError(f"expected a rate that is held, was none of {rate.stages} stages")
            held = rate.held.rate_per_second
            half = await _stage(made.driver, held / 2, _HALF_S)
            sent, made.driver.answered = stub.orders, lambda name, data: answers.update({name: data[:600]})
            first = await _stage(made.driver, 2 * held, _FIRST_S)
            twice = await _stage(made.driver, 2 * held, _TWICE_S)
            sent = stub.orders - sent
        return judged(held, (half, first, twice), answers, ended_of(path), sent)


def judged(
    held: float,
    stages: tuple[Stage, Stage, Stage],
    answers: Mapping[str, bytes],
    ended: Mapping[str, bool],
    sent: int,
) -> Overload:
    """Hold the answers, by client id, against the journal (`ended`, likewise) and what was sent out. Pure.

    `stages`: at half the rate, at the beginning of twice the rate, and after it.
    """
    half, first, twice = stages
    accepted = [name for name, data in answers.items() if _status(data) in _ACCEPTED]
    refused = [name for name, data in answers.items() if _status(data) == _OVER]
    counts: dict[str, int] = {}
    for data in answers.values():
        counts[_status(data)] = counts.get(_status(data), 0) + 1
    return Overload(
        held_per_second=held,
        half=half,
        first=first,
        twice=twice,
        answers=counts,
        lost=sum(name not in ended for name in accepted),
        journaled=sum(name in ended for name in refused),
        unended=sum(not ended.get(name, True) for name in accepted),
        sent_twice=sent - len(accepted),
        without_retry_after=sum(b"retry-after:" not in answers[name].lower() for name in refused),
    )


def ended_of(path: Path) -> dict[str, bool]:
    """Whether an order has ended, by client id, of every order in a journal's file."""
    with sqlite3.connect(path) as base:
        found = {
            name: ended == 1 for name, ended in base.execute("SELECT client_order_id, stage = 2 FROM orders")
        }
    base.close()
    return found


def overload_report(found: Overload) -> str:
    """As text, with the verdicts."""
    rows = [
        (
            name,
            f"{stage.rate_per_second:.0f}",
            f"{stage.p50_ms:.1f}",
            f"{stage.p99_ms:.1f}",
            f"{stage.driver_busy:.2f}",
        )
        for name, stage in (
            ("half", found.half),
            (f"twice, first {_FIRST_S:g} s", found.first),
            ("twice, then", found.twice),
        )
    ]
    head = table(
        (f"of {found.held_per_second:.0f} held", "orders /s", "p50 ms", "p99 ms", "driver busy"), rows
    )
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(found.answers.items()))
    verdicts = [f"{'ok  ' if passed else 'FAIL'} {text}" for text, passed in found.verdicts()]
    return "\n".join([head, f"answers at twice the rate: {answers}", *verdicts])


async def _highest(driver: Driver) -> Rate:
    await _stage(driver, 200, 1.0)
    began = time.perf_counter()
    await driver.closed_loop(1000, 32)
    guess = 800 / (time.perf_counter() - began)
    return await highest("router", guess, lambda rate: _stage(driver, rate, _STAGE_S))


async def _stage(driver: Driver, rate: float, seconds: float) -> Stage:
    wall, busy = time.perf_counter(), time.process_time()
    block = await driver.open_loop(rate, seconds, _CONNECTIONS_MAX)
    await asyncio.sleep(0.2)
    share = (time.process_time() - busy) / (time.perf_counter() - wall)
    return stage_of(rate, block.latencies_ns, block.wrong, share)


def _status(data: bytes) -> str:
    return data[9:12].decode(errors="replace") or "lost"
