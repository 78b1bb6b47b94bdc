"""Growth with connections, with the catalogue of products, and with books that are streamed."""

from typing import Final

from bench.driver import Driver
from bench.growth.curve import Curve, Series
from bench.growth.gauge import gauge, idle_share
from bench.growth.rig import rig
from bench.process import Measured
from bench.stores import Stores
from bench.stub import Stub
from bench.subject import BOOK_MS

CONNECTIONS: Final = (1, 2, 4, 8, 16, 32, 64)
PRODUCTS: Final = (1, 10, 100, 500, 2000)
FEEDS: Final = 16
BOOKS_PER_SECOND: Final = (10, 25, 50, 100)
TRADED_MAX: Final = 32
"""Products that orders go round: each has its book streamed, of which an account has 64 at most."""


async def connections(stores: Stores) -> list[Curve]:
    """An order against connections that take part, beside the floor, which has as many books to walk."""
    router: list[tuple[float, float]] = []
    floor: list[tuple[float, float]] = []
    memory: list[tuple[float, float]] = []
    for count in CONNECTIONS:
        async with rig(stores, f"connections_{count}", Stub(count)) as made:
            found = await gauge(made.router, made.driver)
            floor_process = Measured(
                "floor", ["bench.floors", "web", str(made.stub.port), str(count), "streamed"]
            )
            try:
                floor_driver = Driver(floor_process.wait(), "floor")
                floor.append((count, (await gauge(floor_process, floor_driver)).cpu_us))
                floor_driver.close()
            finally:
                floor_process.stop()
        router.append((count, found.cpu_us))
        memory.append((count, found.resident_kb / 1024))
    return [
        Curve(
            "connections",
            "An order against connections, prices streamed, 32 in flight",
            "connections",
            "CPU µs an order, idling taken off",
            "µs a connection",
            [Series("router", router), Series("floor F2", floor)],
        ),
        Curve(
            "connections-memory",
            "Memory against connections",
            "connections",
            "resident MB",
            "MB a connection",
            [Series("router", memory)],
        ),
    ]


async def products(stores: Stores) -> list[Curve]:
    """An order against the catalogue: orders go round up to 32 products whose books are streamed."""
    cpu: list[tuple[float, float]] = []
    memory: list[tuple[float, float]] = []
    for count in PRODUCTS:
        # Books come as often in all, however many there are.
        book_ms = BOOK_MS * min(count, TRADED_MAX) / 2
        async with rig(
            stores, f"products_{count}", Stub(4, products=count), book_ms=min(book_ms, 1000)
        ) as made:
            made.driver.products = sorted(made.stub.names)[: min(count, TRADED_MAX)]
            found = await gauge(made.router, made.driver)
        cpu.append((count, found.cpu_us))
        memory.append((count, found.resident_kb / 1024))
    return [
        Curve(
            "products",
            "An order against products of the catalogue, 4 connections, 32 in flight",
            "products",
            "CPU µs an order, idling taken off",
            "µs a product",
            [Series("router", cpu)],
        ),
        Curve(
            "products-memory",
            "Memory against products of the catalogue, 4 connections",
            "products",
            "resident MB",
            "MB a product",
            [Series("router", memory)],
        ),
    ]


async def books(stores: Stores) -> list[Curve]:
    """What books cost that nobody trades on: share of a core against how often 16 feeds bring one."""
    share: list[tuple[float, float]] = []
    for rate in BOOKS_PER_SECOND:
        async with rig(stores, f"books_{rate}", Stub(FEEDS), book_ms=1000 / rate) as made:
            await made.driver.closed_loop(100, 1)
            share.append((rate, 100 * await idle_share(made.router, 4.0)))
    return [
        Curve(
            "books",
            f"Books that nobody trades on, {FEEDS} feeds",
            "books a second from each feed",
            "% of a core",
            "% of a core for each book a second",
            [Series("router", share)],
        )
    ]
