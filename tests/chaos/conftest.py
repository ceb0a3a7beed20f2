"""One running system for the tests of a module."""

import shutil
from collections.abc import AsyncIterator

import pytest

from tests.local.running import LocalStack


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """The whole system, started as `make run` starts it."""
    folder = tmp_path_factory.mktemp("system")
    running = LocalStack.in_folder(folder, has_stubs=False)
    await running.start(within=90)
    try:
        yield running
    finally:
        await running.stop()
        shutil.rmtree(folder, ignore_errors=True)
