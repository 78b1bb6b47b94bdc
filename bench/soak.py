"""The same load for minutes: latency must not grow, nor memory beyond what the journal's file maps.

An open loop at half the rate that the router holds. Each minute's p99 is set beside the first one's: what the
garbage collector, or anything that piles up, takes shows there.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Final

import msgspec

from bench.cores import DRIVER, pin
from bench.figures import percentile, slope
from bench.growth.rig import rig
from bench.stores import Stores
from bench.stub import Stub
from bench.tables import table, wrong_text

CONNECTIONS_MAX: Final = 256
_MINUTE_S: Final = 60.0


class Minute(msgspec.Struct, frozen=True):
    """One minute: latencies in milliseconds from when an order was due, memory at its end."""

    orders: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    resident_mb: float
    wrong: dict[str, int]


async def soak(minutes: int, rate: float, minute_s: float = _MINUTE_S) -> list[Minute]:
    """Load a router, prices streamed, SQLite FULL, at `rate` orders a second."""
    pin(os.getpid(), {DRIVER})
    found = []
    with Stores(postgresql=False) as stores:
        async with rig(stores, "soak", Stub(4)) as made:
            await made.driver.closed_loop(2000, 32)
            for _ in range(minutes):
                block = await made.driver.open_loop(rate, minute_s, CONNECTIONS_MAX)
                ordered = sorted(block.latencies_ns)
                p50, p99, p999 = (percentile(ordered, share) / 1e6 for share in (0.5, 0.99, 0.999))
                resident_mb = made.router.resident_kb() / 1024
                found.append(Minute(len(ordered), p50, p99, p999, resident_mb, block.wrong))
                await asyncio.sleep(0)
    return found


def soak_report(rate: float, found: Sequence[Minute]) -> str:
    """As a table, with the slopes."""
    rows = [
        (
            *(
                str(number),
                str(each.orders),
                f"{each.p50_ms:.2f}",
                f"{each.p99_ms:.2f}",
                f"{each.p999_ms:.2f}",
            ),
            f"{each.resident_mb:.0f}",
            wrong_text(each.wrong),
        )
        for number, each in enumerate(found, 1)
    ]
    p99 = slope([(number, each.p99_ms) for number, each in enumerate(found)])
    memory = slope([(number, each.resident_mb) for number, each in enumerate(found)])
    head = ("minute", "orders", "p50 ms", "p99 ms", "p99.9 ms", "resident MB", "no fill")
    return (
        f"{rate:.0f} orders a second\n{table(head, rows)}\n"
        f"slope: p99 {p99:+.3f} ms a minute, memory {memory:+.2f} MB a minute"
    )
