"""The engines of services' tests, as a fixture; what starts them is loaded when a test asks for it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from deploy.local.engines import Stack


def engines_of(*services: str, name: str = "engines") -> Any:
    """Returns a fixture for a conftest: engines of its tests alone, the services' databases migrated."""

    @pytest.fixture(scope="session", name=name)
    async def engines(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator["Stack"]:
        from tests.support.migrated_engines import migrated_engines

        async with migrated_engines(tmp_path_factory, pytestconfig, *services) as running:
            yield running

    return engines
