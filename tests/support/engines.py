"""Engines for one package of tests alone: what other tests put on the bus never reaches it."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.engines import Stack, stack
from tests.support.memory_disk import data_folder


@pytest.fixture(scope="session", name="engines")
async def own_engines(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Import it into a conftest or a test module: there it takes the place of the shared `engines`."""
    with data_folder(tmp_path_factory, "own-engines") as folder:
        async with stack(folder) as running:
            yield running
