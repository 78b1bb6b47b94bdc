"""The cases of `make bench`: in each, floors and routers run in turn over the same kind of counterparty."""

from importlib.util import find_spec
from typing import Final

import msgspec

from bench.stores import Stores
from bench.subject import Plan

LOADS: Final = (1, 32)
"""Orders in flight: one at a time, and 32."""
FLOOR_TITLES: Final = {
    "bare": "bare protocol both ways",
    "web": "aiohttp.web in, bare protocol out",
    "aiohttp": "aiohttp both ways, tuned",
    "ccxt": "aiohttp.web in, ccxt out (asks)",
}

STORE_TITLES: Final = {
    "sqlite": "SQLite FULL",
    "memory": "SQLite FULL in memory",
    "postgresql": "PostgreSQL",
}
ALL: Final = frozenset(FLOOR_TITLES) | frozenset(STORE_TITLES)


class Case(msgspec.Struct, frozen=True):
    """One case: `budgeted` ones have the rounds that the budgets want."""

    name: str
    title: str
    way: str
    connections: int
    floors: tuple[str, ...]
    stores: tuple[str, ...]
    budgeted: bool = False

    def floor(self) -> str:
        """The name of the floor that the routers are held against: F1 where prices are asked for, else F2."""
        return self.subject("web")

    def subject(self, kind: str) -> str:
        """The name of the subject of this kind (a floor, or a store) in this case."""
        return f"{self.name}-{kind}"

    def plans(self, stores: Stores, kinds: frozenset[str] = ALL) -> list[Plan]:
        """The subjects of these kinds, as far as there are stores for them and the extra for ccxt."""
        floors = [
            Plan(self.subject(kind), FLOOR_TITLES[kind], self.way, self.connections, floor=kind)
            for kind in self.floors
            if kind in kinds and (kind != "ccxt" or find_spec("ccxt") is not None)
        ]
        routers = [
            Plan(
                self.subject(kind),
                f"router, {STORE_TITLES[kind]}",
                self.way,
                self.connections,
                store=url,
            )
            for kind in self.stores
            if kind in kinds and (url := stores.url(kind, self.subject(kind))) is not None
        ]
        return floors + routers


_FLOORS: Final = ("bare", "aiohttp", "ccxt", "web")
"""In the order of their turns: a router has its turn right after the floor that it is held against."""
CASES: Final = (
    Case(
        "streamed",
        "streamed, 4 connections",
        "streamed",
        4,
        _FLOORS,
        ("sqlite", "memory", "postgresql"),
        budgeted=True,
    ),
    Case(
        "asked",
        "asked, 4 connections",
        "asked",
        4,
        _FLOORS,
        ("sqlite", "memory", "postgresql"),
        budgeted=True,
    ),
    Case("mixed", "mixed, 4 connections", "mixed", 4, ("web",), ("sqlite",)),
    Case("streamed-1", "streamed, 1 connection", "streamed", 1, ("web",), ("sqlite",)),
    Case("streamed-16", "streamed, 16 connections", "streamed", 16, ("web",), ("sqlite",)),
    Case("asked-1", "asked, 1 connection", "asked", 1, ("web",), ("sqlite",)),
    Case("asked-16", "asked, 16 connections", "asked", 16, ("web",), ("sqlite",)),
)
