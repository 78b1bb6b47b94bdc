"""Routing groups: which assets go to which counterparties."""

from collections.abc import Iterable

import msgspec


class RoutingGroup(msgspec.Struct, frozen=True):
    """Products with one of these base assets are asked of these connections alone."""

    name: str
    assets: frozenset[str]
    connections: frozenset[str]


class RoutingGroups:
    """All groups. An asset that is in none goes to every connection; one in several, to all of theirs."""

    def __init__(self, groups: Iterable[RoutingGroup] = ()) -> None:
        connections: dict[str, tuple[str, ...]] = {}
        for group in groups:
            for asset in sorted(group.assets):
                connections[asset] = (*connections.get(asset, ()), *sorted(group.connections))
        self._connections = connections

    def allowed(self, base: str) -> tuple[str, ...] | None:
        """The connections that may be asked for this asset; None: all of them."""
        return self._connections.get(base)
