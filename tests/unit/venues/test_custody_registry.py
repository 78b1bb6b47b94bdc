"""What connections in custody share: the budget of one user, told by its token."""

from typing import Any

from router.core.model import Connection
from router.ports import ConnectionState
from router.secrets import Secret
from router.settings import CompetitionSettings, CustodySettings
from tests.unit.build import D
from tests.unit.venues.custody_platform import custody_settings
from tests.unit.venues.support import WallClock, draws
from venues.registry import Registry


def settings(**changed: Any) -> CustodySettings:
    return custody_settings(**{"base_url": "https://h"} | changed)


def registry() -> Registry:
    return Registry(CompetitionSettings(), WallClock(), draws())


async def test_one_is_built_and_does_nothing_yet() -> None:
    found = registry().build_custody(settings())
    assert found.connection.id == "vault"
    assert found.health().state is ConnectionState.CONNECTING
    assert found.health().budget_left == 6


async def test_connections_with_one_token_share_the_lower_limit() -> None:
    builder = registry()
    one = builder.build_custody(settings(enterprise_id="a"))
    two = builder.build_custody(settings(enterprise_id="b", requests_per_minute=120))
    assert (one.health().budget_left, two.health().budget_left) == (2, 2)


async def test_a_raised_limit_holds_at_once_and_one_that_ended_no_more() -> None:
    builder = registry()
    builder.build_custody(settings(requests_per_minute=120))
    raised = builder.build_custody(settings(requests_per_minute=360))
    assert raised.health().budget_left == 6
    another = {"connection": Connection("vault-2", "Vault 2", False, "bitgo", D(0))}
    slow = builder.build_custody(settings(requests_per_minute=120, **another))
    assert raised.health().budget_left == 2
    builder.retire_custody(slow)
    assert raised.health().budget_left == 6


async def test_another_token_or_host_has_a_budget_of_its_own() -> None:
    builder = registry()
    builder.build_custody(settings(requests_per_minute=60))
    assert builder.build_custody(settings(token=Secret("other"))).health().budget_left == 6
    assert builder.build_custody(settings(base_url="https://g")).health().budget_left == 6
