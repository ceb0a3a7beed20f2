"""A system for the tests that kill its processes; others would wait while it recovers."""

from collections.abc import AsyncIterator

import pytest

from tests.local.running import LocalStack
from tests.support.whole_system import whole_system


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator[LocalStack]:
    """One for all of them, in place of the system that other tests share."""
    async with whole_system(tmp_path_factory, pytestconfig) as running:
        yield running
