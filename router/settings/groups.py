"""Routing groups as people write them: `[[routing_groups]]`."""

import re
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from router.core.errors import shown
from router.core.groups import RoutingGroup
from router.settings_error import SettingsError

ASSET: Final = re.compile(r"[A-Z0-9.:]{1,24}\*?")


class RawGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Orders in products with one of these base assets are asked of these connections alone."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    assets: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=256)]
    connections: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=256)]


def routing_groups(raw: Sequence[RawGroup], source: str) -> tuple[RoutingGroup, ...]:
    """The groups of a settings file. Raises `SettingsError`.

    A connection need not be there yet: it may be one that people add.
    """
    names: list[str] = []
    for index, group in enumerate(raw):
        key = f"routing_groups[{index}]"
        if group.name in names:
            raise SettingsError(source, f"{key}.name", "a name of its own", shown(group.name))
        names.append(group.name)
        for at, asset in enumerate(group.assets):
            if ASSET.fullmatch(asset) is None:
                raise SettingsError(source, f"{key}.assets[{at}]", "an asset such as BTC", shown(asset))
    return tuple(
        RoutingGroup(group.name, frozenset(group.assets), frozenset(group.connections)) for group in raw
    )
