"""Fixtures: a stage whose processes are gone at the end, whatever a test did to them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.kill.stage import Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path, shutdown_deadline_ms=1500)
    await made.start()
    yield made
    await made.stop()
