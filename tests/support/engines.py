"""Engines for one package of tests alone: what other tests put on the bus never reaches it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.engines import Stack, stack
from tests.support.memory_disk import data_folder


@asynccontextmanager
async def passing_engines(tmp_path_factory: pytest.TempPathFactory, name: str) -> AsyncIterator[Stack]:
    """Engines whose data goes when they end. Temporal is killed then, as its orderly stop takes more than a second."""
    with data_folder(tmp_path_factory, name) as folder:
        async with stack(folder) as running:
            yield running
            await running.kill("temporal")


@pytest.fixture(scope="session", name="engines")
async def own_engines(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Import it into a conftest or a test module: there it takes the place of the shared `engines`."""
    async with passing_engines(tmp_path_factory, "own-engines") as running:
        yield running
